"""Generated functions of other packages; see ``kvnet.xml.codegen``."""

from kvnet.xml.codegen import function

__all__ = ["function"]
