"""The NICs of a machine: each interface joined with the network of its name, and what is usual for a NIC.

Usual are the models that KubeVirt admits, and names and addresses that no rule minds.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from attrs import frozen

from kvnet.errors import FieldPath
from kvnet.spec.interface import Binding, Interface
from kvnet.spec.machine import Machine
from kvnet.spec.network import Network

__all__ = [
    "CONVENTIONAL_MODELS",
    "MASQUERADE_MAC",
    "MODELS",
    "USUAL_MAC",
    "USUAL_ROOT_PORT",
    "Nic",
    "are_usual",
    "interfaces_at",
    "nics_of",
]

MODELS: Final = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
"""KubeVirt's models (``pkg/network/admitter``), as ``interfaces[].model`` spells them.

``newer=`` of the model in ``kvnet/device/devices.py`` has the release of libvirt that came with each younger one.
"""

CONVENTIONAL_MODELS: Final = (None, "e1000", "rtl8139", "virtio-transitional")
"""libvirt's models that take a slot of a PCI bridge on q35, with no model meaning rtl8139; all others take a root port.

Measured with libvirt 9.0, which puts ne2k_pci and pcnet on root ports too.
"""

MASQUERADE_MAC: Final = "02:00:00:00:00:00"
"""The MAC address of the bridge that masquerade makes in a pod, as KubeVirt refuses it for a NIC."""
USUAL_MAC: Final = f"(?!fe|00|{MASQUERADE_MAC})[0-9a-f][02468ace]" + ":[0-9a-f][0-9a-f]" * 5
"""Matches a unicast MAC address that libvirt and KubeVirt take."""
USUAL_ROOT_PORT: Final = r"0000:(?!00|f)[0-9a-f][0-9a-f]:00\.0"
"""Matches the PCI address of a root port, which has one slot."""
# every machine is matched: without groups that repeat, and without steps back, it takes two thirds of the time
_NAME: Final = "[A-Za-z0-9_-]{1,63}+"
_LABEL: Final = "(?!-)[a-z0-9-]{1,63}+(?<!-)"
_match = re.compile(
    rf"(?:{_NAME}\n)++\n(?:{USUAL_MAC}\n)*+\n(?:{USUAL_ROOT_PORT}\n)*+\n(?:{_LABEL}(?:/{_LABEL})?\n)*+"
).fullmatch
"""Matches the names of NICs, their MAC addresses, their PCI addresses and their NADs, each on a line."""


@frozen(slots=False)
class Nic:
    """An interface of a machine, and its network.

    ``number`` counts the machine's interfaces from 0, and ``network`` is ``None`` where none has the interface's name.
    """

    number: int
    interface: Interface
    network: Network | None
    machine: Machine

    @property
    def name(self) -> str:
        return self.interface.name

    @property
    def binding(self) -> Binding | None:
        return self.interface.binding

    def has_binding(self, cls: type[Binding]) -> bool:
        """Whether a binding of a class is among those given, of which an admitted NIC has one."""
        return cls in map(type, self.interface.bindings)

    @property
    def at(self) -> FieldPath:
        """The path of the interface inside the machine's object."""
        return interfaces_at(self.machine)[self.number]

    @property
    def on_pod_network(self) -> bool:
        return self.network is not None and self.network.pod is not None


def interfaces_at(machine: Machine) -> FieldPath:
    """The path of a machine's list of interfaces."""
    return machine.root / "domain" / "devices" / "interfaces"


def nics_of(machine: Machine) -> tuple[Nic, ...]:
    """Every NIC of a machine, in order; of several networks of one name, the last counts."""
    by_name = {network.name: network for network in machine.networks}
    return tuple([Nic(n, each, by_name.get(each.name), machine) for n, each in enumerate(machine.interfaces)])


def are_usual(names: Collection[str], macs: Collection[str], addresses: Collection[str], nads: Collection[str]) -> bool:
    """Whether the names of NICs, their MAC addresses, guest PCI addresses and NADs are all usual ones.

    MAC addresses are unicast, spelled as libvirt does and none that KubeVirt refuses, PCI addresses are those of root
    ports, and no two names or addresses are alike. One NIC has a name at least.

    >>> are_usual(["red"], ["02:00:00:00:00:01"], [], ["prod/red"]), are_usual(["red", "red"], [], [], [])
    (True, False)
    """
    lines = [*names, "", *macs, "", *addresses, "", *nads, ""]
    text = "\n".join(lines)
    if text.count("\n") != len(lines) - 1 or not _match(text):
        return False
    return len({*names, *macs, *addresses}) == len(names) + len(macs) + len(addresses)
