"""What a rule reads: one defaulted machine, the cluster, and the joins that many rules need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from attrs import field, frozen

from kvnet.errors import FieldPath, Problem
from kvnet.rules.occasions import Occasion, occasions
from kvnet.spec import Interface, Machine, Network
from kvnet.spec.cluster import ClusterConfig
from kvnet.values import MacAddress, PciAddress

__all__ = ["Case", "Nic", "Rule", "Rules"]

_MOST_CHOICES = 4096


@frozen(slots=False)
class Nic:
    """An interface, its number from 0, and the network of its name (``None`` where there is none).

    ``bound`` are the classes of its bindings.
    """

    number: int
    interface: Interface
    network: Network | None
    machine: Machine
    bound: tuple[type, ...]

    @property
    def at(self) -> FieldPath:
        return _interfaces_at(self.machine)[self.number]

    @property
    def on_pod_network(self) -> bool:
        return self.network is not None and self.network.pod is not None


@frozen(slots=False)
class Case:
    """One machine to judge. Of several networks or interfaces of one name, the last is joined.

    ``macs`` and ``guest_addresses`` are those that NICs ask for, with ``None`` for what is none; ``placed`` are the
    NICs that will be where they ask to be.
    """

    machine: Machine
    cluster: ClusterConfig
    architecture: str = "amd64"
    nics: tuple[Nic, ...] = field(init=False)
    macs: tuple[tuple[Nic, MacAddress | None], ...] = field(init=False)
    guest_addresses: tuple[tuple[Nic, PciAddress | None], ...] = field(init=False)
    placed: tuple[tuple[Nic, PciAddress], ...] = field(init=False)

    @nics.default
    def _nics(self) -> tuple[Nic, ...]:
        machine = self.machine
        by_name = {network.name: network for network in machine.networks}
        return tuple(
            [
                Nic(n, each, by_name.get(each.name), machine, tuple([type(binding) for binding in each.bindings]))
                for n, each in enumerate(machine.interfaces)
            ]
        )

    @macs.default
    def _macs(self) -> tuple[tuple[Nic, MacAddress | None], ...]:
        return tuple([(nic, _mac(text)) for nic in self.nics if (text := nic.interface.mac_address)])

    @guest_addresses.default
    def _guest_addresses(self) -> tuple[tuple[Nic, PciAddress | None], ...]:
        return tuple([(nic, _pci(text)) for nic in self.nics if (text := nic.interface.pci_address)])

    @placed.default
    def _placed(self) -> tuple[tuple[Nic, PciAddress], ...]:
        return tuple(
            [
                (nic, address)
                for nic, address in self.guest_addresses
                if address is not None and nic.interface.state != "absent"
            ]
        )

    @property
    def root(self) -> FieldPath:
        return self.machine.root

    @property
    def interfaces_at(self) -> FieldPath:
        return _interfaces_at(self.machine)

    @property
    def networks_at(self) -> FieldPath:
        return self.root / "networks"

    @property
    def networks(self) -> tuple[tuple[FieldPath, Network], ...]:
        at = self.networks_at
        return tuple([(at[n], network) for n, network in enumerate(self.machine.networks)])


def _interfaces_at(machine: Machine) -> FieldPath:
    return machine.root / "domain" / "devices" / "interfaces"


def _mac(text: str) -> MacAddress | None:
    try:
        return MacAddress.parse(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _pci(text: str) -> PciAddress | None:
    """The machines of a fleet ask for the same few places."""
    try:
        return PciAddress.parse(text)
    except ValueError:
        return None


Judge = Callable[[Case], Iterator[Problem]]


@frozen(init=False)
class Rule:
    """One thing to look at, and the occasions for it: where a machine gives none of them, it has nothing to say.

    A rule without occasions is always asked.
    """

    judge: Judge
    occasions: frozenset[Occasion]

    def __init__(self, judge: Judge, *occasions: Occasion) -> None:
        self.__attrs_init__(judge, frozenset(occasions))


@frozen(eq=False)
class Rules:
    """Rules in the order in which they are asked. Fleets give few sets of occasions, so the choice is remembered."""

    rules: tuple[Rule, ...]
    _chosen: dict[frozenset[Occasion], tuple[Judge, ...]] = field(factory=dict, init=False, repr=False)

    def findings(self, case: Case) -> list[Problem]:
        """What they have to say of a case."""
        given = occasions(case.machine)
        judges = self._chosen.get(given)
        if judges is None:
            judges = tuple([each.judge for each in self.rules if not each.occasions or each.occasions & given])
            if len(self._chosen) < _MOST_CHOICES:
                self._chosen[given] = judges
        found: list[Problem] = []
        for judge in judges:
            found += judge(case)
        return found
