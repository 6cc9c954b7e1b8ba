"""XML elements as classes: declared once, then read, written, compared and edited. Knows nothing of network devices."""

from kvnet.xml.element import evolve, evolver
from kvnet.xml.parser import parse
from kvnet.xml.serialize import read, read_tree, to_element, write
from kvnet.xml.types import escape

__all__ = ["escape", "evolve", "evolver", "parse", "read", "read_tree", "to_element", "write"]
