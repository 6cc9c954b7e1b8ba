"""The NICs of a live domain: what they say, and their very text."""

from __future__ import annotations

from attrs import evolve, frozen

from kvnet.device import Device, Hostdev, Interface
from kvnet.domain.scan import NICS, Span, encoded, placed, scan
from kvnet.errors import FieldPath
from kvnet.xml import read_tree

__all__ = ["USER_ALIAS", "VF_ALIAS", "LiveNic", "live_nics"]

USER_ALIAS = "ua-"
"""What libvirt wants the aliases to begin with that it does not give itself."""

VF_ALIAS = "sriov-"
"""What follows in the aliases of KubeVirt's virtual functions, before the NIC's name."""


@frozen(kw_only=True)
class LiveNic:
    """One ``<interface>`` or PCI ``<hostdev>`` of a domain, and where it stands."""

    at: FieldPath
    span: Span
    text: str
    device: Device

    @property
    def alias(self) -> str:
        """Its alias, empty where it has none."""
        return self.device.alias or ""


def live_nics(domain_xml: str) -> tuple[LiveNic, ...]:
    """Every interface and every PCI hostdev of a domain, in order, read without loss. Raises XmlError."""
    document = encoded(domain_xml, FieldPath())
    found: list[LiveNic] = []
    counts = dict.fromkeys(NICS, 0)
    for span, element in placed(document, scan(document)):
        if span.tag not in NICS:
            continue
        at = FieldPath((span.tag,))[counts[span.tag]]
        counts[span.tag] += 1
        if span.tag == "hostdev" and element.get("type") != "pci":
            continue
        text = document[span.start : span.end].decode()
        device = read_tree(element, Interface, Hostdev, text=text, lossless=True)
        found.append(LiveNic(at=at, span=span, text=text, device=evolve(device, verbatim=text)))
    return tuple(found)
