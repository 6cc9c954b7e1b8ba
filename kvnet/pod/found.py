"""What was found in a pod's network namespace, and what KubeVirt keeps about it, as values and read from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, Any, Final, NoReturn, TypeVar

from attrs import evolve, frozen

from kvnet.errors import FactsError, KvnetError, Problem
from kvnet.manifest import binder
from kvnet.manifest._problems import Flaw, Misfit
from kvnet.manifest.document import Source, documents, given_text
from kvnet.spec.wire import BriefRepr, Parsed, UInt32, mapping, named
from kvnet.values import MacAddress

__all__ = [
    "BridgeLease",
    "FoundLink",
    "FoundRoute",
    "LeaseRoute",
    "Phase",
    "PodFound",
    "Preparation",
    "is_global",
    "load_found",
    "loads_found",
]

T = TypeVar("T")
_BROADCAST: Final = IPv4Address("255.255.255.255")
_HINT: Final = "see the page on the network of a pod"
_ONE: Final = "write one mapping such as `links: [{name: eth0, ipv4: [10.244.0.10/24]}]`"


def _address(text: Any) -> IPv4Address | IPv6Address:
    return ip_address(_text(text))


def _network(text: Any) -> IPv4Network | IPv6Network:
    return ip_network(_text(text), strict=False)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


Address = Annotated[IPv4Address | IPv6Address, Parsed(_address, "an IP address such as 10.244.0.1")]
"""An address of either family."""
Destination = Annotated[IPv4Network | IPv6Network, Parsed(_network, "a network such as 10.244.0.0/24")]
"""A network of either family; host bits count for nothing."""


class Phase(StrEnum):
    """Which networks of a machine are set up: at its start, while it runs, or on the target of its migration."""

    STARTUP = "startup"
    LIVE_UPDATE = "liveUpdate"
    MIGRATION_TARGET = "migrationTarget"

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"the phase is one of {', '.join(cls)}, not {value!r}")


class Preparation(StrEnum):
    """How far the set-up of one network came; one that is not told is pending."""

    PENDING = "pending"
    STARTED = "started"
    FINISHED = "finished"


@frozen(kw_only=True, slots=False, repr=False)
class FoundLink(BriefRepr):
    """One link of the pod.

    - ``name``, ``index``, ``kind``: of the kernel; ``kind`` such as ``veth``, ``bridge`` or ``dummy``
    - ``mac``: its address
    - ``mtu``: in bytes
    - ``controller``: the name of the bridge that it is a port of
    - ``ipv4``, ``ipv6``: its addresses with their prefixes, in the kernel's order
    - ``ipv4_enabled``, ``ipv6_enabled``: whether the family is enabled; None where it is not known
    """

    name: str
    index: UInt32 | None = None
    kind: str | None = None
    mac: MacAddress | None = None
    mtu: UInt32 | None = None
    controller: str | None = None
    ipv4: tuple[IPv4Interface, ...] = ()
    ipv6: tuple[IPv6Interface, ...] = ()
    ipv4_enabled: bool | None = None
    ipv6_enabled: bool | None = None

    @property
    def global_ipv4(self) -> IPv4Interface | None:
        """The first IPv4 address that counts beyond the link; None without one."""
        return next((each for each in self.ipv4 if is_global(each.ip)), None)

    @property
    def global_ipv6(self) -> IPv6Interface | None:
        """The first IPv6 address that counts beyond the link; None without one."""
        return next((each for each in self.ipv6 if is_global(each.ip)), None)


def is_global(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address counts beyond its link, as Go's ``IsGlobalUnicast`` has it: private ones do.

    >>> is_global(IPv4Address("10.0.2.2")), is_global(IPv4Address("169.254.1.2")), is_global(IPv6Address("fe80::1"))
    (True, False, False)
    """
    local = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not local and address != _BROADCAST


@frozen(kw_only=True, slots=False, repr=False)
class FoundRoute(BriefRepr):
    """One route of the pod.

    - ``destination``: its network; the default route is ``0.0.0.0/0`` or ``::/0``
    - ``link``: the name of the link that it leaves by
    - ``gateway``: the next hop, None for a network that is on the link
    """

    destination: Destination
    link: str
    gateway: Address | None = None


@frozen(kw_only=True, slots=False, repr=False)
class LeaseRoute(BriefRepr):
    """A route that DHCP tells the guest; ``destination`` is None for the default route."""

    destination: IPv4Network | None = None
    gateway: IPv4Address | None = None


@frozen(kw_only=True, slots=False, repr=False)
class BridgeLease(BriefRepr):
    """What KubeVirt keeps of a pod NIC before a bridge binding takes its address away, for the guest's lease.

    - ``ipam_disabled``: the pod NIC had no address, so nobody serves the guest
    - ``address``: of the guest, with its prefix
    - ``mac``: of the guest's NIC
    - ``gateway``: of the guest's default route
    - ``routes``: that the guest is told
    """

    ipam_disabled: bool = False
    address: IPv4Interface | None = None
    mac: MacAddress | None = None
    gateway: IPv4Address | None = None
    routes: tuple[LeaseRoute, ...] = ()


@frozen(kw_only=True, slots=False, repr=False)
class PodFound(BriefRepr):
    """What was found in a pod, and what was kept of earlier set-ups.

    - ``links``: in the kernel's order
    - ``routes``: in the kernel's order
    - ``preparations``: by the name of the network, how far its set-up came
    - ``leases``: by the name of the pod's link, what is kept for the bridge binding's DHCP
    - ``host_ip``: the address of the node's own agent, whose family leads in dual stack
    - ``hostname``: of the pod
    - ``resolv_conf``: the text of the pod's ``/etc/resolv.conf``
    - ``launcher_pid``: the process whose namespace holds the taps
    """

    links: tuple[FoundLink, ...] = ()
    routes: tuple[FoundRoute, ...] = ()
    preparations: Mapping[str, Preparation] = mapping()
    leases: Mapping[str, BridgeLease] = mapping()
    host_ip: Address | None = named("hostIP", default=None)
    hostname: str | None = None
    resolv_conf: str = ""
    launcher_pid: UInt32 = named("launcherPID", default=0)

    def link(self, name: str) -> FoundLink | None:
        """The link of that name, None if there is none."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> Mapping[str, FoundLink]:
        """The links by their names, the first of each."""
        return {each.name: each for each in reversed(self.links)}


def load_found(source: Source) -> PodFound:
    """Read what was found in a pod from a path, an open file or a mapping: the fields of PodFound in camel case.

    Raises FactsError with every problem and its place.

    >>> load_found({"links": [{"name": "eth0", "mtu": 1450, "ipv4": ["10.244.0.10/24"]}]})
    PodFound(links=(FoundLink(name='eth0', mtu=1450, ipv4=(IPv4Interface('10.244.0.10/24'),)),))
    """
    try:
        read = documents(source)
    except KvnetError as error:
        raise FactsError(error.problems) from None
    if not read:
        return PodFound()
    if len(read) > 1:
        flaw = Flaw(code="KN020", message="a pod is described by one document", hint=_ONE)
        raise FactsError(read[1].problems(Misfit(flaw)))
    try:
        return binder.bind(PodFound, read[0].data)
    except Misfit as misfit:
        raise FactsError(map(_of_facts, read[0].problems(misfit))) from None


def loads_found(text: str | bytes, *, name: str = "<text>") -> PodFound:
    """Read what was found in a pod from YAML or JSON text; problems call it ``name``. Otherwise as ``load_found``."""
    try:
        return load_found(given_text(text, name))
    except KvnetError as error:
        raise FactsError(error.problems) from None


def _of_facts(problem: Problem) -> Problem:
    """A problem of plain data with the code that it has in facts."""
    return evolve(problem, code="KN022", hint=problem.hint or _HINT)


def _register(kind: type[T], read: Callable[[str], T], wanted: str) -> None:
    """Have addresses of a kind read from text."""

    def bound(value: Any) -> T:
        if not isinstance(value, str):
            raise Misfit(Flaw(value=value, wanted=wanted))
        try:
            made = read(value)
        except ValueError:
            raise Misfit(Flaw(value=value, message=f"'{value}' is not {wanted}")) from None
        if getattr(made, "scope_id", None) is not None:
            raise Misfit(Flaw(value=value, message=f"'{value}' has a zone", hint=f"write {wanted}"))
        return made

    binder.register(kind, bound, str)


_register(IPv4Address, IPv4Address, "an IPv4 address such as 10.244.0.1")
_register(IPv6Address, IPv6Address, "an IPv6 address such as fd10:244::1")
_register(IPv4Interface, IPv4Interface, "an IPv4 address with its prefix, such as 10.244.0.10/24")
_register(IPv6Interface, IPv6Interface, "an IPv6 address with its prefix, such as fd10:244::10/64")
_register(IPv4Network, IPv4Network, "an IPv4 network such as 10.244.0.0/24")
_register(IPv6Network, IPv6Network, "an IPv6 network such as fd10:244::/64")
