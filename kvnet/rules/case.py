"""What a rule reads: one defaulted machine, the cluster, and the joins that many rules need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import field, frozen

from kvnet.errors import FieldPath, Problem
from kvnet.spec import Interface, Machine, Network
from kvnet.spec.cluster import ClusterConfig

__all__ = ["Case", "Nic", "Rule"]


@frozen
class Nic:
    """An interface, its path, and the network of its name (``None`` where there is none)."""

    at: FieldPath
    interface: Interface
    network: Network | None

    @property
    def on_pod_network(self) -> bool:
        return self.network is not None and self.network.pod is not None


@frozen
class Case:
    """One machine to judge. Of several networks or interfaces of one name, the last is joined."""

    machine: Machine
    cluster: ClusterConfig
    root: FieldPath = field(init=False)
    interfaces_at: FieldPath = field(init=False)
    networks_at: FieldPath = field(init=False)
    networks: tuple[tuple[FieldPath, Network], ...] = field(init=False)
    nics: tuple[Nic, ...] = field(init=False)

    @root.default
    def _root(self) -> FieldPath:
        return self.machine.root

    @interfaces_at.default
    def _interfaces_at(self) -> FieldPath:
        return self.root / "domain" / "devices" / "interfaces"

    @networks_at.default
    def _networks_at(self) -> FieldPath:
        return self.root / "networks"

    @networks.default
    def _networks(self) -> tuple[tuple[FieldPath, Network], ...]:
        return tuple((self.networks_at[n], network) for n, network in enumerate(self.machine.networks))

    @nics.default
    def _nics(self) -> tuple[Nic, ...]:
        by_name = {network.name: network for network in self.machine.networks}
        return tuple(
            Nic(self.interfaces_at[n], interface, by_name.get(interface.name))
            for n, interface in enumerate(self.machine.interfaces)
        )


Rule = Callable[[Case], Iterator[Problem]]
