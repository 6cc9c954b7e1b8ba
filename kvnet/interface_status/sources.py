"""Read what ``status.interfaces`` is made from: the guest agent's report, the pod's networks, and the last status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from attrs import evolve, frozen

from kvnet.errors import FieldPath
from kvnet.facts import PodNetwork
from kvnet.manifest.binder import bind_or_reject
from kvnet.spec import InterfaceStatus, Machine
from kvnet.spec.wire import Lenient, named

__all__ = [
    "AgentNic",
    "InfoSource",
    "PodIps",
    "agent_nics",
    "pod_addresses",
    "pod_networks",
    "primary_link",
    "sources_of",
    "status_interfaces",
    "with_source",
]

_NETWORKS_HINT = "give the value of the annotation k8s.v1.cni.cncf.io/network-status, read from JSON"
_IPS_HINT = "give podIP and podIPs by network, such as `default: {podIP: 10.244.0.5, podIPs: [10.244.0.5]}`"


@frozen(kw_only=True)
class _AgentAddress(Lenient):
    ip: str = named("ip-address", default="")
    kind: str = named("ip-address-type", default="")


@frozen(kw_only=True)
class AgentNic(Lenient):
    """A link of the guest: ``name`` and ``mac`` as text, and its ``addresses``."""

    name: str = ""
    mac: str = named("hardware-address", default="")
    addresses: tuple[_AgentAddress, ...] = named("ip-addresses", default=())

    @property
    def ips(self) -> tuple[str, ...]:
        """Its addresses as text, without prefix."""
        return tuple(each.ip for each in self.addresses)

    @property
    def ip(self) -> str:
        """The main address: the first IPv4 address, else the first one; empty where there is none."""
        return next((each.ip for each in self.addresses if each.kind == "ipv4"), next(iter(self.ips), ""))


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


def agent_nics(report: Any) -> tuple[AgentNic, ...]:
    """Read the links in a guest agent's report, in order, without the loopback; ``None`` means that there is no agent.

    ``report`` is the list that ``guest-network-get-interfaces`` returns, or the whole answer with the list under
    ``return``. Raises Rejected with every problem. Source: KubeVirt's
    ``pkg/virt-launcher/virtwrap/agent-poller/agent_poller.go``.
    """
    if report is None:
        return ()
    at, hint = FieldPath(("guestAgent",)), "give what the agent's command guest-network-get-interfaces returns"
    if isinstance(report, Mapping) and "return" in report:
        report, at = report["return"], at / "return"
    links: tuple[AgentNic, ...] = bind_or_reject(tuple[AgentNic, ...], report, at, code="KN801", hint=hint)
    return tuple(link for link in links if link.name != "lo")


def pod_networks(status: Any) -> tuple[PodNetwork, ...]:
    """Read the entries of a pod's network-status that KubeVirt uses; ``None`` means that the pod has none.

    ``status`` is plain data, read from the annotation's JSON. Raises Rejected with every problem.
    """
    at, hint = FieldPath(("networkStatus",)), _NETWORKS_HINT
    entries = bind_or_reject(tuple[_NetworkStatus, ...], () if status is None else status, at, code="KN802", hint=hint)
    return tuple(PodNetwork(name=each.name, interface=each.interface, default=each.default) for each in entries)


def primary_link(networks: Iterable[PodNetwork]) -> str | None:
    """The pod's primary link, as its network-status names it."""
    return next((each.interface for each in networks if each.default and each.interface), None)


def pod_addresses(addresses: Any) -> dict[str, PodIps]:
    """Read the pod's addresses by network from plain data; ``None`` means that none are known.

    Raises Rejected with every problem.
    """
    at, given = FieldPath(("podIPs",)), {} if addresses is None else addresses
    return dict(bind_or_reject(Mapping[str, PodIps], given, at, code="KN803", hint=_IPS_HINT))


def status_interfaces(machine: Machine) -> tuple[InterfaceStatus, ...]:
    """The entries of ``status.interfaces`` that were last reported; none where the machine has no status."""
    return machine.status.interfaces if machine.status else ()


def sources_of(entry: InterfaceStatus) -> list[str]:
    """The sources that ``infoSource``, a list in text, names."""
    return entry.info_source.split(", ") if entry.info_source else []


def with_source(entry: InterfaceStatus, source: InfoSource) -> InterfaceStatus:
    """The entry with a source added at the end, unless it is listed already."""
    sources = sources_of(entry)
    return entry if source in sources else evolve(entry, info_source=", ".join([*sources, source]))
