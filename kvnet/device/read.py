"""The XML of one network device becomes a value."""

from __future__ import annotations

from kvnet.device.hostdev import Hostdev
from kvnet.device.interface import Interface
from kvnet.xml import read

__all__ = ["read_device"]


def read_device(text: str | bytes, *, lossless: bool = False, file: str = "<xml>") -> Interface | Hostdev:
    """The ``<interface>`` or the ``<hostdev type='pci'>`` that ``text`` is.

    Strictly, all that libvirt's grammar does not have is refused: XmlError has line, column, path and code of
    each problem. With ``lossless``, what kvnet does not model, or libvirt would not take, is left out of the
    value, but ``write`` gives it back where it stood: unknown attributes and elements, comments, the order of
    children, the spelling of numbers. A source that cannot be read is an ``RawElement``.
    """
    device: Interface | Hostdev = read(text, Interface, Hostdev, lossless=lossless, file=file)
    return device
