"""Rules and what they read: a machine with its default NIC, its target, and the parsed addresses of its NICs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from attrs import field, frozen

from kvnet._lazy import lazy
from kvnet.errors import Cause, FieldPath, Problem, Rejected, Severity
from kvnet.rules.occasions import Occasion, occasions
from kvnet.spec import Bridge, Machine, Masquerade, Nad, Network, Plugin
from kvnet.spec.nic import Nic, interfaces_at, nics_of
from kvnet.target import Target, nad_of
from kvnet.values import MacAddress, PciAddress

if TYPE_CHECKING:
    from kvnet.cni.chain import Chain
    from kvnet.manifest import cni
else:
    # the classes of CNI plugins take 17 ms to import, which only those who have NADs pay for
    cni = lazy("kvnet.manifest.cni")

__all__ = ["Nic", "OnNad", "Rule", "RuleContext", "Rules", "note", "refusal", "warning"]

_MOST_CHOICES = 4096
_TAPPED = (Bridge, Masquerade)


@frozen
class OnNad:
    """A NIC on the network of a NAD.

    - ``at``: the path of the ``networkName`` that names the NAD
    - ``chain``: the plugins of the NAD's CNI configuration
    """

    nic: Nic
    at: FieldPath
    nad: Nad
    chain: Chain


@frozen(slots=False)
class RuleContext:
    """What rules read: a machine with its default NIC, and its target with the configuration that is in effect.

    ``has_default_nic`` says that the machine lists no NIC, and has the one that the cluster gives it by default.
    ``by_binding`` holds the NICs by the class of each binding that was given. ``macs`` and ``guest_addresses`` hold
    the addresses that NICs ask for, ``None`` where the text is not an address; ``placed`` are the NICs that ask for a
    valid PCI address and are not absent.
    """

    machine: Machine
    target: Target
    has_default_nic: bool = False
    nics: tuple[Nic, ...] = field(init=False)
    by_binding: Mapping[type, list[Nic]] = field(init=False)
    macs: Sequence[tuple[Nic, MacAddress | None]] = field(init=False)
    guest_addresses: Sequence[tuple[Nic, PciAddress | None]] = field(init=False)
    placed: Sequence[tuple[Nic, PciAddress]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        nics = nics_of(self.machine)
        by_binding: dict[type, list[Nic]] = {}
        macs: list[tuple[Nic, MacAddress | None]] = []
        guest_addresses: list[tuple[Nic, PciAddress | None]] = []
        placed: list[tuple[Nic, PciAddress]] = []
        for nic in nics:
            interface = nic.interface
            for each in interface.bindings:
                by_binding.setdefault(each.__class__, []).append(nic)
            if text := interface.mac_address:
                macs.append((nic, _mac(text)))
            if text := interface.pci_address:
                address = _pci(text)
                guest_addresses.append((nic, address))
                if address is not None and interface.state != "absent":
                    placed.append((nic, address))
        # a pass for each field would take 1.4 µs more, 1 % of JSON to XML
        self.__dict__.update(
            nics=nics, by_binding=by_binding, macs=macs, guest_addresses=guest_addresses, placed=placed
        )

    def bound_by(self, binding: type) -> Sequence[Nic]:
        """The NICs to which a binding of a class was given."""
        return self.by_binding.get(binding, ())

    @cached_property
    def on_nads(self) -> tuple[OnNad, ...]:
        """The NICs, without absent ones, whose NADs the target has with a CNI configuration that can be read."""
        paths = {network.name: at / "multus" / "networkName" for at, network in self.networks}
        found = []
        for nic in self.nics:
            multus = nic.network.multus if nic.network is not None and not nic.interface.is_absent else None
            nad = nad_of(self.machine, self.target, multus) if multus is not None else None
            chain = _chain(nad.config) if nad is not None and nad.config else None
            if nad is not None and chain is not None:
                found.append(OnNad(nic, paths[nic.name], nad, chain))
        return tuple(found)

    def has_tap(self, nic: Nic) -> bool:
        """Whether KubeVirt plugs a NIC into a tap: bridge, masquerade, or a plugin that is known to have one."""
        binding = nic.binding
        if isinstance(binding, Plugin):
            known = self.target.facts.binding_plugins or self.target.cluster.binding_plugins or {}
            return binding.name in known and known[binding.name].attaches_tap
        return isinstance(binding, _TAPPED)

    @property
    def root(self) -> FieldPath:
        return self.machine.root

    @property
    def interfaces_at(self) -> FieldPath:
        return interfaces_at(self.machine)

    @property
    def networks_at(self) -> FieldPath:
        return self.root / "networks"

    @property
    def networks(self) -> tuple[tuple[FieldPath, Network], ...]:
        at = self.networks_at
        return tuple([(at[n], network) for n, network in enumerate(self.machine.networks)])


def _chain(config: str) -> Chain | None:
    """The chain of a configuration; only a NAD that was made in Python has one that cannot be read."""
    try:
        return cni.chain_or_reject(config, FieldPath())
    except Rejected:
        return None


def _mac(text: str) -> MacAddress | None:
    try:
        return MacAddress.parse(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _pci(text: str) -> PciAddress | None:
    """The machines of a fleet ask for the same few addresses."""
    try:
        return PciAddress.parse(text)
    except ValueError:
        return None


def refusal(
    at: FieldPath,
    code: str,
    message: str,
    hint: str,
    *,
    cause: Cause = Cause.INVALID,
    reported_at: FieldPath | None = None,
    instead: str = "",
) -> Problem:
    """A problem for which KubeVirt's admission refuses the machine."""
    return Problem(at, code, message, hint=hint, cause=cause, reported_at=reported_at, instead=instead)


def warning(at: FieldPath, code: str, message: str, hint: str, *, instead: str = "") -> Problem:
    """A problem of a machine that is admitted, and may not behave as expected."""
    return Problem(at, code, message, hint=hint, severity=Severity.WARNING, instead=instead)


def note(at: FieldPath, code: str, message: str, hint: str) -> Problem:
    """What is good to know of a machine, and no fault of it."""
    return Problem(at, code, message, hint=hint, severity=Severity.NOTE)


Judge = Callable[[RuleContext], Iterator[Problem]]


@frozen(init=False)
class Rule:
    """A check, and the occasions on which it can find anything. A rule without occasions is always asked.

    ``judge`` yields the problems of a context.
    """

    judge: Judge
    occasions: frozenset[Occasion]

    def __init__(self, judge: Judge, *occasions: Occasion) -> None:
        self.__attrs_init__(judge, frozenset(occasions))


@frozen(eq=False)
class Rules:
    """Rules in order. The choice for a set of occasions is cached: the machines of a fleet give few such sets."""

    rules: tuple[Rule, ...]
    _chosen: dict[frozenset[Occasion], tuple[Judge, ...]] = field(factory=dict, init=False, repr=False)

    def findings(self, context: RuleContext) -> list[Problem]:
        """The problems that the rules find, in order."""
        given = occasions(context.machine, context.target)
        judges = self._chosen.get(given)
        if judges is None:
            judges = tuple([each.judge for each in self.rules if not each.occasions or each.occasions & given])
            if len(self._chosen) < _MOST_CHOICES:
                self._chosen[given] = judges
        found: list[Problem] = []
        for judge in judges:
            found += judge(context)
        return found
