"""Read what ``status.interfaces`` is made from: the guest agent's report, the pod's networks, and the last status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from attrs import evolve, frozen

from kvnet.errors import FieldPath
from kvnet.facts import PodNetwork
from kvnet.manifest.binder import bind_or_reject
from kvnet.spec import Condition, InterfaceStatus, Machine
from kvnet.spec.wire import Lenient, named

__all__ = [
    "AgentNic",
    "InfoSource",
    "PodIps",
    "agent_nics",
    "condition",
    "pod_addresses",
    "pod_networks",
    "sources_of",
    "status_interfaces",
    "with_source",
    "with_sources",
]

_AGENT_AT = FieldPath(("guestAgent",))
_AGENT_HINT = "give what the agent's command guest-network-get-interfaces returns"
_LOOPBACK = "lo"

_NETWORKS_AT = FieldPath(("networkStatus",))
_NETWORKS_HINT = "give the value of the annotation k8s.v1.cni.cncf.io/network-status, read from JSON"

_IPS_AT = FieldPath(("podIPs",))
_IPS_HINT = "give podIP and podIPs by network, such as `default: {podIP: 10.244.0.5, podIPs: [10.244.0.5]}`"


@frozen(kw_only=True)
class _AgentAddress(Lenient):
    ip: str = named("ip-address", default="")
    kind: str = named("ip-address-type", default="")


@frozen(kw_only=True)
class _AgentLink(Lenient):
    name: str = ""
    mac: str = named("hardware-address", default="")
    addresses: tuple[_AgentAddress, ...] = named("ip-addresses", default=())


@frozen(kw_only=True)
class AgentNic:
    """A link of the guest: ``name`` and ``mac`` as text, ``ips`` without prefix, and ``ip``, the main one of them."""

    name: str = ""
    mac: str = ""
    ip: str = ""
    ips: tuple[str, ...] = ()


@frozen(kw_only=True)
class PodIps(Lenient):
    """The pod's addresses ``ips`` on one network, and the main one, ``ip``."""

    ip: str = named("podIP", default="")
    ips: tuple[str, ...] = named("podIPs", default=())


@frozen(kw_only=True)
class _NetworkStatus(Lenient):
    name: str | None = None
    interface: str | None = None
    default: bool = False


class InfoSource(StrEnum):
    """Where KubeVirt knows a NIC from: the values that ``infoSource`` lists."""

    DOMAIN = "domain"
    GUEST_AGENT = "guest-agent"
    MULTUS = "multus-status"


def agent_nics(report: Any, at: FieldPath = _AGENT_AT) -> tuple[AgentNic, ...]:
    """Read the links in a guest agent's report, in order, without the loopback; ``None`` means that there is no agent.

    ``report`` is the list that ``guest-network-get-interfaces`` returns, or the whole answer with the list under
    ``return``. The main address is the first IPv4 address, else the first one. Raises Rejected with every problem.
    Source: KubeVirt's ``pkg/virt-launcher/virtwrap/agent-poller/agent_poller.go``.
    """
    if report is None:
        return ()
    if isinstance(report, Mapping) and "return" in report:
        report, at = report["return"], at / "return"
    links = bind_or_reject(tuple[_AgentLink, ...], report, at, code="KN801", hint=_AGENT_HINT)
    return tuple(_agent_nic(link) for link in links if link.name != _LOOPBACK)


def _agent_nic(link: _AgentLink) -> AgentNic:
    ips = tuple(each.ip for each in link.addresses)
    ipv4 = (each.ip for each in link.addresses if each.kind == "ipv4")
    return AgentNic(name=link.name, mac=link.mac, ip=next(ipv4, next(iter(ips), "")), ips=ips)


def pod_networks(status: Any, at: FieldPath = _NETWORKS_AT) -> tuple[PodNetwork, ...]:
    """Read the entries of a pod's network-status that KubeVirt uses; ``None`` means that the pod has none.

    ``status`` is plain data, read from the annotation's JSON. Raises Rejected with every problem.
    """
    if status is None:
        return ()
    entries = bind_or_reject(tuple[_NetworkStatus, ...], status, at, code="KN802", hint=_NETWORKS_HINT)
    return tuple(PodNetwork(name=each.name, interface=each.interface, default=each.default) for each in entries)


def pod_addresses(addresses: Any, at: FieldPath = _IPS_AT) -> dict[str, PodIps]:
    """Read the pod's addresses by network from plain data; ``None`` means that none are known.

    Raises Rejected with every problem.
    """
    if addresses is None:
        return {}
    return dict(bind_or_reject(Mapping[str, PodIps], addresses, at, code="KN803", hint=_IPS_HINT))


def status_interfaces(machine: Machine) -> tuple[InterfaceStatus, ...]:
    """The entries of ``status.interfaces`` that were last reported; none where the machine has no status."""
    return machine.status.interfaces if machine.status else ()


def condition(machine: Machine, kind: str) -> Condition | None:
    """The first condition of a type in the machine's status."""
    conditions = machine.status.conditions if machine.status else ()
    return next((each for each in conditions if each.type == kind), None)


def sources_of(entry: InterfaceStatus) -> list[str]:
    """The sources that ``infoSource``, a list in text, names."""
    return entry.info_source.split(", ") if entry.info_source else []


def with_source(entry: InterfaceStatus, source: InfoSource) -> InterfaceStatus:
    """The entry with a source added at the end, unless it is listed already."""
    sources = sources_of(entry)
    return entry if source in sources else with_sources(entry, [*sources, source])


def with_sources(entry: InterfaceStatus, sources: Iterable[str]) -> InterfaceStatus:
    """The entry with other sources."""
    return evolve(entry, info_source=", ".join(sources) or None)
