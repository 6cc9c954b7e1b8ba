"""Declaration → plan → generated code. This package knows elements and attributes, and nothing of NICs."""

from kvnet.xml.escape import escape
from kvnet.xml.initializer import filling
from kvnet.xml.parse import parse
from kvnet.xml.reading import read, read_tree
from kvnet.xml.writing import to_element, write

__all__ = ["escape", "filling", "parse", "read", "read_tree", "to_element", "write"]
