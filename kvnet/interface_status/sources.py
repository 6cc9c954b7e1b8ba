"""Read what ``status.interfaces`` is made from: the guest agent's report, the pod's networks, and the last status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from attrs import evolve, frozen

from kvnet.errors import FieldPath
from kvnet.facts import PodNetwork
from kvnet.interface_status._shape import demand_shape
from kvnet.spec import Condition, InterfaceStatus, Machine

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
_AGENT_SHAPE = [
    {
        "name": str,
        "hardware-address": str,
        "ip-addresses": [{"ip-address": str, "ip-address-type": str}],
    }
]
_AGENT_HINT = "give what the agent's command guest-network-get-interfaces returns"
_LOOPBACK = "lo"

_NETWORKS_AT = FieldPath(("networkStatus",))
_NETWORKS_SHAPE = [{"name": str, "interface": str, "default": bool}]
_NETWORKS_HINT = "give the value of the annotation k8s.v1.cni.cncf.io/network-status, read from JSON"

_IPS_AT = FieldPath(("podIPs",))
_IPS_SHAPE = {str: {"podIP": str, "podIPs": [str]}}
_IPS_HINT = "give podIP and podIPs by network, such as `default: {podIP: 10.244.0.5, podIPs: [10.244.0.5]}`"


@frozen(kw_only=True)
class AgentNic:
    """A link of the guest: ``name`` and ``mac`` as text, ``ips`` without prefix, and ``ip``, the main one of them."""

    name: str = ""
    mac: str = ""
    ip: str = ""
    ips: tuple[str, ...] = ()


@frozen(kw_only=True)
class PodIps:
    """The pod's addresses ``ips`` on one network, and the main one, ``ip``."""

    ip: str = ""
    ips: tuple[str, ...] = ()


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
    demand_shape(report, _AGENT_SHAPE, at, "KN801", _AGENT_HINT)
    return tuple(_agent_nic(link) for link in report if link.get("name") != _LOOPBACK)


def _agent_nic(link: Mapping[str, Any]) -> AgentNic:
    addresses = link.get("ip-addresses") or ()
    ips = tuple(each.get("ip-address") or "" for each in addresses)
    ipv4 = (ip for ip, each in zip(ips, addresses, strict=True) if each.get("ip-address-type") == "ipv4")
    return AgentNic(
        name=link.get("name") or "",
        mac=link.get("hardware-address") or "",
        ip=next(ipv4, next(iter(ips), "")),
        ips=ips,
    )


def pod_networks(status: Any, at: FieldPath = _NETWORKS_AT) -> tuple[PodNetwork, ...]:
    """Read the entries of a pod's network-status that KubeVirt uses; ``None`` means that the pod has none.

    ``status`` is plain data, read from the annotation's JSON. Raises Rejected with every problem.
    """
    if status is None:
        return ()
    demand_shape(status, _NETWORKS_SHAPE, at, "KN802", _NETWORKS_HINT)
    return tuple(
        PodNetwork(name=entry.get("name"), interface=entry.get("interface"), default=bool(entry.get("default")))
        for entry in status
    )


def pod_addresses(addresses: Any, at: FieldPath = _IPS_AT) -> dict[str, PodIps]:
    """Read the pod's addresses by network from plain data; ``None`` means that none are known.

    Raises Rejected with every problem.
    """
    if addresses is None:
        return {}
    demand_shape(addresses, _IPS_SHAPE, at, "KN803", _IPS_HINT)
    return {
        network: PodIps(ip=known.get("podIP") or "", ips=tuple(known.get("podIPs") or ()))
        for network, known in addresses.items()
    }


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
