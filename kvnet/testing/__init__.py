"""Hypothesis strategies for kvnet's values, for the tests of those who build on it. Needs ``kvnet[testing]``."""

from kvnet.testing.devices import devices, domains, elements
from kvnet.testing.specs import (
    admitted_machines,
    cluster_configs,
    cni_configs,
    host_facts,
    instancetypes,
    interface_statuses,
    interfaces,
    machines,
    nads,
    networks,
    preferences,
    targets,
    values_of,
)
from kvnet.testing.values import mac_addresses, pci_addresses, unicast_macs, xml_texts

__all__ = [
    "admitted_machines",
    "cluster_configs",
    "cni_configs",
    "devices",
    "domains",
    "elements",
    "host_facts",
    "instancetypes",
    "interface_statuses",
    "interfaces",
    "mac_addresses",
    "machines",
    "nads",
    "networks",
    "pci_addresses",
    "preferences",
    "targets",
    "unicast_macs",
    "values_of",
    "xml_texts",
]
