"""XML elements as classes: declared once, then read, written, compared and edited. Knows nothing of network devices.

What takes lxml is imported from its own module: ``parser``, ``reading``, ``compare``, ``edit``.
"""

from kvnet.xml.element import evolve, evolver
from kvnet.xml.types import escape
from kvnet.xml.writing import to_element, write

__all__ = ["escape", "evolve", "evolver", "to_element", "write"]
