"""Strategies for the value types."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet.values import MacAddress, PciAddress

__all__ = ["mac_addresses", "pci_addresses", "unicast_macs"]


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
