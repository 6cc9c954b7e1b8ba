"""The NICs of a machine: each interface joined with the network of its name, and the models that KubeVirt admits."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from kvnet.errors import FieldPath
from kvnet.spec.interface import Binding, Interface
from kvnet.spec.machine import Machine
from kvnet.spec.network import Network

__all__ = ["CONVENTIONAL_MODELS", "MODELS", "Nic", "interfaces_at", "nics_of"]

MODELS: Final = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
"""KubeVirt's models (``pkg/network/admitter``), as ``interfaces[].model`` spells them.

``newer=`` of the model in ``kvnet/device/devices.py`` has the release of libvirt that came with each younger one.
"""

CONVENTIONAL_MODELS: Final = (None, "e1000", "rtl8139", "virtio-transitional")
"""libvirt's models that take a slot of a PCI bridge on q35, with no model meaning rtl8139; all others take a root port.

Measured with libvirt 9.0, which puts ne2k_pci and pcnet on root ports too.
"""


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
