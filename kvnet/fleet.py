"""What several machines use and only one may: MAC addresses, virtual functions, taps, and names of domains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import asdict, evolve, frozen

from kvnet._arguments import checked_items
from kvnet.checks import told_of
from kvnet.compiler import Compiled, CompiledNic, compile
from kvnet.defaults import with_default_nic
from kvnet.device import Hostdev, HostdevSource, Interface, NetworkSource
from kvnet.domain.build import domain_name
from kvnet.errors import FieldPath, Problem
from kvnet.instancetypes import expand
from kvnet.rules.check import checked_groups
from kvnet.spec import Bridge, Machine, Multus, Network, Pod, ResourceClaim
from kvnet.spec import Interface as InterfaceSpec
from kvnet.spec.nic import interfaces_at
from kvnet.target import Profile, Target, checked_target
from kvnet.values import MacAddress

__all__ = ["Duplicate", "Uses", "check_all", "duplicates", "uses_of"]

_KINDS = {
    "mac": ("KN710", "uses MAC address {what} in network '{where}', as {first} does", "give each machine its own"),
    "vf": ("KN711", "uses virtual function {what}{host}, as {first} does", "give each machine its own"),
    "tap": ("KN712", "uses tap {what}{host}, as {first} does", "give each machine its own"),
    "domain": ("KN713", "would be the domain '{what}'{host}, as {first} would", "give each machine a name of its own"),
}
"""By the kind of a use: the code, the rest of the message, and the hint."""
_MACHINES = ("a sequence of Machine", "take manifest.machines of kvnet.load_all")
_Pairs = tuple[tuple[str, str], ...]


def check_all(
    machines: Iterable[Machine], target: Target | None = None, *, groups: Iterable[str] = ()
) -> tuple[Problem, ...]:
    """Judge machines one by one, and what they share.

    For each machine this is what ``check`` finds, without problems that follow from another one of the same NIC; then
    come the addresses, virtual functions, taps and domain names that two of them use and only one may. Each problem
    has its place where the machine was read from text. Without a target, the cluster is KubeVirt's stock configuration.
    ``groups`` are those of ``check``.

    >>> import kvnet
    >>> nic = "{name: lan, bridge: {}, macAddress: '02:00:00:00:00:01'}"
    >>> spec = "{domain: {devices: {interfaces: [%s]}}, networks: [{name: lan, multus: {networkName: lan}}]}" % nic
    >>> [problem.code for problem in kvnet.check_all([kvnet.loads(spec), kvnet.loads(spec)])]
    ['KN710']

    Raises TypeError for arguments of another kind, and ValueError for a group that does not exist.
    """
    machines, chosen = checked_items(machines, *_MACHINES), checked_groups(groups)
    found = [problem for machine in machines for problem in told_of(machine, target, groups=chosen)]
    return (*found, *duplicates(machines, target))


def duplicates(machines: Iterable[Machine], target: Target | None = None) -> tuple[Problem, ...]:
    """What several machines use and only one may, as problems of each machine after the first.

    Objects of one kind, namespace and name are one machine, as often as they are given. So are a VirtualMachine and the
    VirtualMachineInstance of its name, which KubeVirt makes of it.
    """
    machines = tuple(machines)
    if len(machines) < 2:
        return ()
    found: list[Problem] = []
    first: dict[tuple[str, str, str], Machine] = {}
    for machine in machines:
        target = checked_target(machine, target)
        for use in _uses(machine, target):
            other = first.setdefault(use, machine)
            if other is machine or _is_same(other, machine):
                continue
            problem = Duplicate(*use, _label(other), _label(machine), 0).problem
            at = _path(machine, use)
            place = machine.origin.place(at) if machine.origin is not None else None
            found.append(evolve(problem, at=at, place=place))
    return tuple(found)


def _uses(machine: Machine, target: Target) -> Uses:
    whole = with_default_nic(expand(machine, target).machine, target.cluster)
    return uses_of(whole, compile(whole, target), target)


def _is_same(one: Machine, other: Machine) -> bool:
    kinds = {one.kind, other.kind}
    is_one_kind = len(kinds) == 1 or kinds == {"VirtualMachine", "VirtualMachineInstance"}
    return one.name is not None and is_one_kind and _label(one) == _label(other)


def _label(machine: Machine) -> str:
    return f"{machine.namespace or 'default'}/{machine.name}"


def _path(machine: Machine, use: tuple[str, str, str]) -> FieldPath:
    """The field of a machine that asks for a use, or its spec where none alone does."""
    kind, _, what = use
    if kind == "domain":
        return FieldPath(("metadata", "name"))
    for n, interface in enumerate(machine.interfaces if kind == "mac" else ()):
        if _own_mac(interface) == what:
            return interfaces_at(machine)[n] / "macAddress"
    return machine.root


@frozen(slots=False)
class Uses:
    """What one machine uses and no other may: ``macs`` with their networks; ``vfs``, ``taps``, ``domains`` with hosts.

    Each entry is a pair, the network or host first. The host is an empty string where it is not known.

    >>> list(Uses(macs=(("default/lan", "52:54:00:00:00:01"),)))
    [('mac', 'default/lan', '52:54:00:00:00:01')]
    """

    macs: _Pairs = ()
    vfs: _Pairs = ()
    taps: _Pairs = ()
    domains: _Pairs = ()

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """Each use as its kind (a key of ``_KINDS``), its network or host, and what is used there."""
        for kind, used in (
            ("mac", self.macs),
            ("vf", self.vfs),
            ("tap", self.taps),
            ("domain", self.domains),
        ):
            for where, what in used:
                yield kind, where, what

    def as_dict(self) -> dict[str, _Pairs]:
        """The uses as a line of the output has them; what is empty is left out."""
        return asdict(self, recurse=False, filter=lambda _, pairs: bool(pairs))

    @classmethod
    def of_line(cls, line: Mapping[str, Any]) -> Uses:
        """The uses in a line of the output."""
        uses = line.get("uses") or {}
        return cls(*(tuple([(where, what) for where, what in uses.get(key, ())]) for key in _MEMBERS))


_MEMBERS = ("macs", "vfs", "taps", "domains")


def uses_of(machine: Machine, compiled: Compiled, target: Target) -> Uses:
    """What the NICs of a compiled machine use; ``machine`` is the one that was compiled, with its defaults."""
    host = _host_of(machine)
    interfaces = {interface.name: interface for interface in machine.interfaces}
    networks = {network.name: network for network in machine.networks}
    macs, vfs, taps = [], [], []
    for nic in compiled.nics:
        mac = _mac(nic, interfaces[nic.name])
        if mac and nic.name in networks:
            network = _network(machine, interfaces[nic.name], networks[nic.name], nic, target.profile)
            macs += [(network, mac)] if network else []
        if nic.device is None:
            continue
        if isinstance(nic.device, Hostdev) or isinstance(nic.device.source, HostdevSource):
            vfs += [(host, each.name) for each in nic.requirements if each.kind == "vf"]
        elif _has_tap_of_host(nic, target):
            taps.append((host, str(nic.device.target)))
    is_domain = target.profile is Profile.HOST and machine.name is not None
    domains = ((host, domain_name(machine, target.profile)),) if is_domain else ()
    return Uses(tuple(macs), tuple(vfs), tuple(taps), domains)


def _host_of(machine: Machine) -> str:
    """The node in ``status.nodeName`` of a VMI, or an empty string."""
    node = machine.status.rest.get("nodeName") if machine.status else None
    return node if isinstance(node, str) else ""


def _mac(nic: CompiledNic, interface: InterfaceSpec) -> str | None:
    """The MAC address of the device; of a virtual function the one in the spec, which CNI sets."""
    if isinstance(nic.device, Interface) and nic.device.mac is not None:
        return None if nic.device.mac.is_zero else str(nic.device.mac)
    return _own_mac(interface)


def _own_mac(interface: InterfaceSpec) -> str | None:
    """The MAC address that an interface asks for, where it is one that a NIC can have."""
    try:
        mac = MacAddress.parse(interface.mac_address) if interface.mac_address else None
    except ValueError:
        return None
    return None if mac is None or mac.is_zero else str(mac)


def _network(
    machine: Machine, interface: InterfaceSpec, network: Network, nic: CompiledNic, profile: Profile
) -> str | None:
    """The network in which a NIC's MAC address must be unique, or nothing where no other NIC can see it."""
    namespace = machine.namespace or "default"
    match network.sources[0] if network.sources else None:
        case Multus(network_name=name):
            return name if "/" in name else f"{namespace}/{name}"
        case ResourceClaim() as claim:
            # a claim made of a template belongs to this machine alone
            claims = machine.spec.resource_claims
            named = (each.rest.get("resourceClaimName") for each in claims if each.name == claim.claim_name)
            name = next(named, None) or f"{machine.name} {claim.claim_name}"
            return f"claim {namespace}/{name}/{claim.request_name}"
        case Pod() if profile is Profile.HOST:
            attached = nic.device.source if nic.device else None
            host = _host_of(machine)
            libvirt_network = attached.network if isinstance(attached, NetworkSource) else None
            return libvirt_network and f"libvirt {libvirt_network}{' on ' if host else ''}{host}"
        case Pod():
            # other bindings hide the guest's address behind that of the pod
            return "pod" if isinstance(interface.binding, Bridge) else None
        case None:
            return None


def _has_tap_of_host(nic: CompiledNic, target: Target) -> bool:
    """Whether a tap is outside the pod's network namespace: in the host profile, or where the facts name it."""
    if not isinstance(nic.device, Interface) or nic.device.target is None:
        return False
    link = (target.facts.links or {}).get(nic.name)
    return target.profile is Profile.HOST or (link is not None and isinstance(link.tap, str))


@frozen
class Duplicate:
    """Something that two machines use and only one may.

    ``kind`` is ``mac``, ``vf``, ``tap`` or ``domain``; ``where`` is its network or host, ``what`` the address or name.
    ``first`` and ``again`` are the two machines as ``NAMESPACE/NAME``; ``index`` is that of the second in the input.
    """

    kind: str
    where: str
    what: str
    first: str
    again: str
    index: int

    @property
    def problem(self) -> Problem:
        """The duplicate as a problem of the second machine."""
        code, message, hint = _KINDS[self.kind]
        host = f" of host '{self.where}'" if self.where else ""
        told = message.format(what=self.what, where=self.where, host=host, first=self.first)
        return Problem(FieldPath(), code, f"{self.again} {told}", hint=hint)
