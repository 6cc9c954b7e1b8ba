"""Generated functions of other packages; see ``kvnet.xml.generate``."""

from kvnet.xml.generate import function

__all__ = ["function"]
