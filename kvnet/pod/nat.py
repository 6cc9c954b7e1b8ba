"""Plan the NAT between a pod and the guest behind masquerade (KubeVirt's ``netpod/masquerade/masquerade.go``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from attrs import frozen

from kvnet.compiler.kubevirt import ISTIO_PORTS, behind_istio
from kvnet.compiler.pod import bridge_name
from kvnet.errors import FieldPath, Problem
from kvnet.pod._basis import (
    GuestNetwork,
    checked_found,
    guest_network,
    link_names,
    missing_link,
    name_flaw,
    networks_of,
    nics_in,
    whole,
)
from kvnet.pod.found import FoundLink, Phase, PodFound
from kvnet.pod.nft import (
    Action,
    AddChain,
    AddRule,
    AddTable,
    Family,
    Hook,
    LinkName,
    Match,
    Operation,
    PortSpan,
    Ruleset,
    Verdict,
)
from kvnet.spec import Machine, Masquerade, Port, PortRange
from kvnet.spec.cluster import Gate
from kvnet.spec.nic import Nic
from kvnet.target import Target, checked_target

__all__ = ["PodNat", "pod_nat"]

Address = IPv4Address | IPv6Address
PREINBOUND: Final = "KUBEVIRT_PREINBOUND"
POSTINBOUND: Final = "KUBEVIRT_POSTINBOUND"
_CHAINS: Final[Mapping[str, Hook | None]] = {
    "prerouting": Hook("prerouting", -100),
    "input": Hook("input", 100),
    "output": Hook("output", -100),
    "postrouting": Hook("postrouting", 100),
    PREINBOUND: None,
    POSTINBOUND: None,
}
_VERSIONS: Final[Mapping[int, Family]] = {4: Family.IPV4, 6: Family.IPV6}
_LOOPBACK: Final[Mapping[Family, Address]] = {Family.IPV4: IPv4Address("127.0.0.1"), Family.IPV6: IPv6Address("::1")}
_ENVOY: Final = IPv4Address("127.0.0.6")
"""The address from which Istio's sidecar reaches what it serves."""
_MIGRATION_PORTS: Final = (PortSpan(49152), PortSpan(49153))
"""Where QEMU of another node connects to, unless it goes by a Unix socket."""
_ISTIO_SPANS: Final = tuple(map(PortSpan, ISTIO_PORTS))
_SSH: Final = PortSpan(22)
"""The one port that Istio's sidecar does not serve."""
_PROTOCOLS: Final = ("tcp", "udp")


@frozen(kw_only=True, slots=False)
class PodNat(Ruleset):
    """The NAT of a pod: a ruleset, empty where no NIC has masquerade or the pod has no address.

    - ``operations``: KubeVirt's, in its order
    - ``problems``: why there are none
    """

    problems: tuple[Problem, ...] = ()


def pod_nat(
    machine: Machine,
    target: Target | None = None,
    found: PodFound | None = None,
    *,
    phase: Phase | str = Phase.STARTUP,
) -> PodNat:
    """Plan the NAT of a machine's pod: that of its first NIC with masquerade, IPv4 before IPv6.

    A family is there where the pod's link has an address of it. Only numbers, addresses and checked names of links
    get into the ruleset. What is wrong is in ``problems`` of the result.

    Args:
        machine: the machine, with the status that was last reported where it has one.
        target: the cluster's configuration, for the feature gate of port ranges; the stock one without it.
        found: what the pod has now; a pod without links where it is left out.
        phase: whether the machine starts, runs, or arrives by a migration.

    Raises TypeError for arguments of another kind, and ValueError for a phase that does not exist.

    >>> import kvnet
    >>> spec = "{domain: {devices: {interfaces: [{name: red, masquerade: {}}]}}, networks: [{name: red, pod: {}}]}"
    >>> pod = kvnet.loads_found("links: [{name: eth0, ipv4: [10.244.0.5/24]}]")
    >>> print(*kvnet.pod_nat(kvnet.loads(spec), None, pod).commands[-2], sep=" ")
    nft add rule ip nat KUBEVIRT_POSTINBOUND ip saddr { 127.0.0.1 } counter snat to 10.0.2.1
    """
    target, found, phase = checked_target(machine, target), checked_found(found), Phase(phase)
    machine, refusals = whole(machine, target)
    if refusals:
        return PodNat(problems=refusals)
    networks = networks_of(machine, phase)
    masqueraded = (each for each in nics_in(machine, networks) if isinstance(each.binding, Masquerade))
    nic = next(masqueraded, None)
    return PodNat() if nic is None else _nat(nic, link_names(machine, networks, found).get(nic.name, ""), target, found)


def _nat(nic: Nic, name: str, target: Target, found: PodFound) -> PodNat:
    """The NAT of a NIC, whose link in the pod has a name."""
    link = found.link(name)
    if link is None:
        return PodNat(problems=(missing_link(nic, name),))
    has_ranges = target.cluster.in_effect.allows(Gate.PORT_RANGES)
    networks = {
        version: guest_network(nic, version)
        for version, address in ((4, link.global_ipv4), (6, link.global_ipv6))
        if address is not None
    }
    problems = [each for each in networks.values() if isinstance(each, Problem)]
    flaw = name_flaw(nic, name)
    problems += [] if flaw is None else [flaw]
    problems += _port_flaws(nic, with_ranges=has_ranges)
    if problems:
        return PodNat(problems=tuple(problems))
    forwards = _forwards(nic, with_ranges=has_ranges)
    made = (
        _Table.of(nic, link, _VERSIONS[version], network, forwards)
        for version, network in networks.items()
        if isinstance(network, GuestNetwork)
    )
    return PodNat(operations=tuple(operation for table in made for operation in table.operations()))


@frozen(kw_only=True)
class _Forward:
    """A port or a range of ports that is forwarded to the guest.

    ``inbound`` is what the rule for the pod's own traffic in matches; nothing where Istio's sidecar answers instead.
    """

    protocol: str
    ports: PortSpan
    inbound: Match | None


@frozen(kw_only=True)
class _Table:
    """The NAT of one family: what its rules are made of."""

    family: Family
    link: LinkName
    bridge: LinkName
    guest: Address
    gateway: Address
    sources: tuple[Address, ...]
    destinations: tuple[Address, ...]
    forwards: tuple[_Forward, ...]
    keeps_migration: bool
    is_behind_istio: bool

    @classmethod
    def of(
        cls, nic: Nic, link: FoundLink, family: Family, network: GuestNetwork, forwards: tuple[_Forward, ...]
    ) -> _Table:
        loopback, status = _LOOPBACK[family], nic.machine.status
        istio = behind_istio(nic.machine)
        is_served = istio and family is Family.IPV4
        return cls(
            family=family,
            link=LinkName(link.name),
            bridge=LinkName(bridge_name(link.name)),
            guest=network.guest.ip,
            gateway=network.gateway.ip,
            sources=(loopback, _ENVOY) if is_served else (loopback,),
            destinations=(loopback, link.ipv4[0].ip) if is_served else (loopback,),
            forwards=forwards,
            keeps_migration=status is None or status.rest.get("migrationTransport") != "Unix",
            is_behind_istio=istio,
        )

    def operations(self) -> Iterator[Operation]:
        yield AddTable(family=self.family)
        for name, hook in _CHAINS.items():
            yield AddChain(family=self.family, name=name, hook=hook)
        yield self._rule("postrouting", self._source(self.guest), to=Verdict(Action.MASQUERADE))
        yield self._rule("prerouting", Match("iifname", self.link), to=Verdict(Action.JUMP, PREINBOUND))
        yield self._rule("postrouting", Match("oifname", self.bridge), to=Verdict(Action.JUMP, POSTINBOUND))
        if self.keeps_migration:
            yield from self._exempt(_MIGRATION_PORTS)
        for forward in self.forwards:
            yield from self._forwarded(forward)
        if not self.forwards:
            yield from self._all_forwarded()

    def _forwarded(self, forward: _Forward) -> Iterator[AddRule]:
        ports = Match(f"{forward.protocol} dport", forward.ports)
        if forward.inbound is not None:
            yield self._rule(PREINBOUND, forward.inbound, to=self._to_guest)
        yield self._rule(POSTINBOUND, ports, self._source(self.sources), to=self._to_gateway)
        yield self._rule("output", self._destination, ports, to=self._to_guest)

    def _all_forwarded(self) -> Iterator[AddRule]:
        """Without a list of ports all are forwarded, behind Istio only what its sidecar leaves."""
        if self.is_behind_istio:
            yield from self._exempt(_ISTIO_SPANS)
            yield self._rule(PREINBOUND, _BY_SSH, to=self._to_guest)
        else:
            yield self._rule(PREINBOUND, to=self._to_guest)
        yield self._rule(POSTINBOUND, self._source(self.sources), to=self._to_gateway)
        yield self._rule("output", self._destination, to=self._to_guest)

    def _exempt(self, ports: tuple[PortSpan, ...]) -> Iterator[AddRule]:
        """The rules that leave the pod's own traffic to some ports alone."""
        for chain in ("output", POSTINBOUND):
            yield self._rule(
                chain, Match("tcp dport", ports), self._source(_LOOPBACK[self.family]), to=Verdict(Action.RETURN)
            )

    def _rule(self, chain: str, *matches: Match, to: Verdict) -> AddRule:
        return AddRule(family=self.family, chain=chain, matches=matches, verdict=to)

    def _source(self, addresses: Address | tuple[Address, ...]) -> Match:
        return Match(f"{self.family} saddr", addresses)

    @property
    def _destination(self) -> Match:
        return Match(f"{self.family} daddr", self.destinations)

    @property
    def _to_guest(self) -> Verdict:
        return Verdict(Action.DNAT, self.guest)

    @property
    def _to_gateway(self) -> Verdict:
        return Verdict(Action.SNAT, self.gateway)


_BY_SSH: Final = Match("tcp dport", (_SSH,))


def _forwards(nic: Nic, *, with_ranges: bool) -> tuple[_Forward, ...]:
    """What a NIC forwards: its ports, then its ranges where the cluster has them."""
    istio, interface = behind_istio(nic.machine), nic.interface
    spans = [(_protocol(each), PortSpan(each.port), True) for each in interface.ports or ()]
    if with_ranges:
        spans += [(_protocol(each), PortSpan(each.start, each.end), False) for each in interface.port_ranges or ()]
    return tuple(
        _Forward(protocol=protocol, ports=ports, inbound=_inbound(protocol, ports, istio=istio, as_set=is_single))
        for protocol, ports, is_single in spans
    )


def _inbound(protocol: str, ports: PortSpan, *, istio: bool, as_set: bool) -> Match | None:
    """What the rule for traffic into the pod matches; Istio's sidecar leaves only SSH, which is TCP whatever is asked.

    KubeVirt writes a single port as a set, and a range as it is.
    """
    if not istio:
        return Match(f"{protocol} dport", (ports,) if as_set else ports)
    return _BY_SSH if ports.first <= _SSH.first <= (ports.last or ports.first) else None


def _protocol(entry: Port | PortRange) -> str:
    return (entry.protocol or "tcp").lower()


def _port_flaws(nic: Nic, *, with_ranges: bool) -> Iterator[Problem]:
    """What KubeVirt's admission refuses, for machines that were not admitted."""
    for n, port in enumerate(nic.interface.ports or ()):
        at = (nic.at / "ports")[n]
        yield from _flaws_of(port, at, {"port": port.port}, ("KN135",), "KN136")
    for n, span in enumerate(nic.interface.port_ranges or () if with_ranges else ()):
        at = (nic.at / "portRanges")[n]
        flaws = [*_flaws_of(span, at, {"start": span.start, "end": span.end}, ("KN142", "KN143"), "KN141")]
        yield from flaws
        if not flaws and span.start > span.end:
            message = f"the range starts at {span.start}, after its end {span.end}"
            yield Problem(at / "start", "KN144", message, hint="swap the two")


def _flaws_of(
    entry: Port | PortRange, at: FieldPath, numbers: Mapping[str, Any], codes: Sequence[str], protocol_code: str
) -> Iterator[Problem]:
    if _protocol(entry) not in _PROTOCOLS:
        message = f"'{entry.protocol}' cannot be forwarded"
        yield Problem(at / "protocol", protocol_code, message, hint="write TCP or UDP, in upper case")
    for (member, number), code in zip(numbers.items(), codes, strict=True):
        try:
            PortSpan(number)
        except (TypeError, ValueError) as reason:
            yield Problem(at / member, code, str(reason), hint="write 1 to 65535")
