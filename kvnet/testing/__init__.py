"""Hypothesis strategies for kvnet's values, for the tests of those who build on it. Needs ``kvnet[testing]``."""

from kvnet.testing.devices import devices, elements
from kvnet.testing.specs import admitted_machines, interfaces, machines, networks
from kvnet.testing.texts import xml_texts
from kvnet.testing.values import mac_addresses, pci_addresses, unicast_macs

__all__ = [
    "admitted_machines",
    "devices",
    "elements",
    "interfaces",
    "mac_addresses",
    "machines",
    "networks",
    "pci_addresses",
    "unicast_macs",
    "xml_texts",
]
