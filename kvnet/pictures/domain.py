"""The picture of a libvirt domain, as its XML tells it."""

from __future__ import annotations

from kvnet.compiler.naming import USER_ALIAS, VF_ALIAS
from kvnet.device import Device
from kvnet.domain.read import about, domain_element, effective, parse_document, read_domain
from kvnet.pictures.devices import guest_box, host_boxes
from kvnet.pictures.picture import Picture, Row

__all__ = ["picture_of_domain"]


def picture_of_domain(domain_xml: str | bytes, *, file: str = "<domain>") -> Picture:
    """Draw the NICs of a domain, as libvirt would run them.

    ``domain_xml`` is what ``read_domain`` takes, and ``file`` names it in problems. Raises XmlError where the document
    cannot be read.
    """
    devices = read_domain(domain_xml, lossless=True, file=file)
    described = about(domain_element(parse_document(domain_xml, file), file))
    rows = [
        Row(boxes=(guest_box(_name(device, n), device), *host_boxes(device)))
        for n, device in enumerate(effective(devices, described))
    ]
    return Picture(title=f"Domain {described.name or ''}".strip(), rows=tuple(rows))


def _name(device: Device, n: int) -> str:
    """The name of a NIC in the user's alias, else its number."""
    alias = (device.alias or "").removeprefix(USER_ALIAS).removeprefix(VF_ALIAS)
    return alias or f"NIC {n}"
