"""Declaration → plan → generated code. This package knows elements and attributes, and nothing of NICs."""

from kvnet.xml.reader import read
from kvnet.xml.writer import escape, write

__all__ = ["escape", "read", "write"]
