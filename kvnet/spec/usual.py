"""Names and addresses of NICs that no rule minds, and that say no more than which NIC is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from kvnet.spec.machine import Machine
from kvnet.spec.network import Multus

__all__ = ["are_usual", "has_usual_names"]

_NAME: Final = "[A-Za-z0-9_-]{1,63}"
_MAC: Final = "(?!fe|00)[0-9a-f][02468ace](?::[0-9a-f]{2}){5}"
_ROOT_PORT: Final = r"0000:(?!00|f)[0-9a-f]{2}:00\.0"
_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_match = re.compile(rf"(?:{_NAME}\n)++\n(?:{_MAC}\n)*+\n(?:{_ROOT_PORT}\n)*+\n(?:(?:{_LABEL}/)?{_LABEL}\n)*+").fullmatch
"""Matches the names of NICs, their MAC addresses, their PCI addresses and their NADs, each on a line."""


def are_usual(names: Sequence[str], macs: Sequence[str], addresses: Sequence[str], nads: Sequence[str]) -> bool:
    """Whether the names of NICs, their MAC addresses, guest PCI addresses and NADs are all usual ones.

    MAC addresses are unicast and spelled as libvirt does, PCI addresses are those of root ports, and no two names or
    addresses are alike. One NIC has a name at least.

    >>> are_usual(["red"], ["02:00:00:00:00:01"], [], ["prod/red"]), are_usual(["red", "red"], [], [], [])
    (True, False)
    """
    lines = [*names, "", *macs, "", *addresses, "", *nads, ""]
    text = "\n".join(lines)
    if text.count("\n") != len(lines) - 1 or not _match(text):
        return False
    return len({*names, *macs, *addresses}) == len(names) + len(macs) + len(addresses)


def has_usual_names(machine: Machine) -> bool:
    """Whether the names and addresses of a machine's NICs are usual, and its networks have the same names in order."""
    interfaces, networks = machine.interfaces, machine.networks
    names = [each.name for each in interfaces]
    if [each.name for each in networks] != names:
        return False
    macs = [each.mac_address for each in interfaces if each.mac_address]
    addresses = [each.pci_address for each in interfaces if each.pci_address]
    nads = [each.network_name for network in networks for each in network.sources if type(each) is Multus]
    return are_usual(names, macs, addresses, nads)
