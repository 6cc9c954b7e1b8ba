"""What is known of the pod's side: Multus' network-status, and the addresses that the pod got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from kvnet.compiler.naming import is_ordinal, ordinal_link_names, pod_link_names
from kvnet.errors import FieldPath
from kvnet.facts import PodNetwork
from kvnet.manifest.binder import bind_or_reject
from kvnet.spec import Machine
from kvnet.spec.wire import Lenient, named

__all__ = ["PodIps", "link_names", "pod_addresses", "pod_networks"]

_STATUS_AT = FieldPath(("networkStatus",))
_STATUS_HINT = "give the value of the annotation k8s.v1.cni.cncf.io/network-status, read from JSON"
_IPS_AT = FieldPath(("podIPs",))
_IPS_HINT = "give podIP and podIPs by network, such as `default: {podIP: 10.244.0.5, podIPs: [10.244.0.5]}`"


@frozen(kw_only=True)
class PodIps(Lenient):
    """The pod's addresses on one network: all of them in ``ips``, and the main one in ``ip``."""

    ip: str = named("podIP", default="")
    ips: tuple[str, ...] = named("podIPs", default=())


@frozen(kw_only=True)
class _Entry(Lenient):
    name: str | None = None
    interface: str | None = None
    default: bool = False


def pod_networks(status: Any, at: FieldPath = _STATUS_AT) -> tuple[PodNetwork, ...]:
    """The entries of a pod's network-status, as far as KubeVirt looks at them; ``None`` is a pod that has none.

    Raises Rejected with every problem.
    """
    if status is None:
        return ()
    entries = bind_or_reject(tuple[_Entry, ...], status, at, code="KN802", hint=_STATUS_HINT)
    return tuple(PodNetwork(name=each.name, interface=each.interface, default=each.default) for each in entries)


def pod_addresses(cache: Any, at: FieldPath = _IPS_AT) -> dict[str, PodIps]:
    """The pod's addresses by network, from plain data; ``None`` is that none are known.

    Raises Rejected with every problem.
    """
    if cache is None:
        return {}
    return dict(bind_or_reject(Mapping[str, PodIps], cache, at, code="KN803", hint=_IPS_HINT))


def link_names(vmi: Machine, networks: Iterable[PodNetwork]) -> dict[str, str]:
    """The pod link of each network by the scheme that the pod was made with: ordinal, if any of its links is so."""
    ordinal = is_ordinal(network.interface for network in networks)
    return ordinal_link_names(vmi) if ordinal else pod_link_names(vmi)
