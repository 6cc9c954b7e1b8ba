"""Strategies for text, and for the value types."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet.values import MacAddress, PciAddress

__all__ = ["hostile_texts", "labels", "mac_addresses", "pci_addresses", "unicast_macs", "xml_texts"]

_MARKUP = "<>&'\"/!-[]?="
_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789"


def xml_texts(*, max_size: int = 20) -> SearchStrategy[str]:
    """Any text that XML 1.0 can carry, markup characters often among it."""
    carried = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
    return st.text(st.sampled_from(_MARKUP) | st.sampled_from("\t\n\r") | carried, max_size=max_size)


def hostile_texts() -> SearchStrategy[str]:
    """Texts that break out of markup which is pasted together, and texts that no XML can carry."""
    known = st.sampled_from(
        [
            "'/><hostdev/><x y='",
            '"/><evil/>',
            "</interface><interface type='user'/>",
            "]]>",
            "<!--",
            "--><evil/>",
            "&lt;",
            "&#0;",
            "&xxe;",
            "\0",
            "\ud800",
            "\ufffe",
            "a\nb",
        ]
    )
    return known | st.text(max_size=12)


def labels(*, max_size: int = 12) -> SearchStrategy[str]:
    """DNS labels (RFC 1123): lower case, digits, and dashes inside."""
    edge = st.sampled_from(_LABEL)
    inner = st.text(st.sampled_from(_LABEL + "-"), max_size=max_size - 2)
    return edge | st.builds("{}{}{}".format, edge, inner, edge)


def mac_addresses() -> SearchStrategy[MacAddress]:
    """Any MAC address, in the spellings with colons: lower, upper and mixed case."""
    octets = st.binary(min_size=6, max_size=6)
    spell = st.sampled_from([str.lower, str.upper, str.capitalize])
    return st.builds(lambda octets, case: MacAddress(octets, spelling=case(octets.hex(":"))), octets, spell)


def unicast_macs() -> SearchStrategy[MacAddress]:
    """MAC addresses that libvirt takes for a NIC: unicast, and not from the range of the host's taps."""
    return mac_addresses().map(_unicast)


def _unicast(mac: MacAddress) -> MacAddress:
    first = mac.octets[0] & 0xFE
    octets = bytes([0x52 if first == 0xFE else first]) + mac.octets[1:]
    return MacAddress(octets, spelling=octets.hex(":"))


def pci_addresses(*, buses: int = 0xFF, slots: int = 0x1F) -> SearchStrategy[PciAddress]:
    """PCI addresses of domain 0, up to the given bus and slot."""
    return st.builds(
        "0000:{:02x}:{:02x}.{:x}".format,
        st.integers(0, buses),
        st.integers(0, slots),
        st.integers(0, 7),
    ).map(PciAddress.parse)
