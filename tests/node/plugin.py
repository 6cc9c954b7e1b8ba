"""A CNI plugin that writes down how it is called, and answers as the environment of its file says.

It is installed as a file of a name of its own, beside ``calls.jsonl``, ``refuses`` and ``answers``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Write the call down, and answer."""
    me = Path(sys.argv[0])
    asked = json.load(sys.stdin)
    variables = {key: value for key, value in os.environ.items() if key.startswith("CNI_")}
    with (me.parent / "calls.jsonl").open("a") as file:
        file.write(json.dumps({"plugin": me.name, "asked": asked, **variables}) + "\n")
    if (me.parent / "refuses").exists():
        print(json.dumps({"cniVersion": "0.4.0", "code": 11, "msg": "try again later", "details": "no room"}))
        sys.exit(1)
    if (me.parent / "answers").exists():
        print((me.parent / "answers").read_text())
    elif os.environ["CNI_COMMAND"] == "ADD":
        print(json.dumps({"cniVersion": asked.get("cniVersion", "0.1.0"), "by": me.name}))


if __name__ == "__main__":
    main()
