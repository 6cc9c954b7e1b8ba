"""Read the two elements that describe a NIC."""

from __future__ import annotations

from kvnet.device.devices import Device, Hostdev, Interface
from kvnet.xml.reading import read

__all__ = ["read_device"]


def read_device(text: str | bytes, *, lossless: bool = False, file: str = "<xml>") -> Device:
    """Read one ``<interface>`` or ``<hostdev type='pci'>``.

    Strict reading refuses all that libvirt's grammar does not have; XmlError has line, column, path and code of each
    problem, and ``file`` in its place. With ``lossless``, what kvnet does not model or libvirt would refuse is left out
    of the device, but ``write`` gives it back where it was: unknown attributes and elements, comments, the order of
    children, the spelling of numbers. A source that cannot be read is a ``RawElement``.

    Raises XmlError for text that is not such a device, TypeError for what is not text.

    >>> read_device("<interface type='bridge'><source bridge='br0'/><mtu size='1500'/></interface>")
    Interface(source=BridgeSource(bridge='br0'), mtu=1500)
    """
    device: Device = read(text, Interface, Hostdev, lossless=lossless, file=file)
    return device
