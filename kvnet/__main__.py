"""``python -m kvnet``."""

import sys

from kvnet.cli import main

if __name__ == "__main__":
    sys.exit(main())
