"""What of a NIC's network reaches the guest, as facts and NADs tell: its MTU, DHCP, and IPv6 behind masquerade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvnet._lazy import lazy
from kvnet.facts import PodNetwork
from kvnet.rules.context import Nic, OnNad, RuleContext
from kvnet.rules.nad_advice import gives_ipv4
from kvnet.spec import Bridge
from kvnet.spec.guest_network import GuestNetwork, guest_network_of
from kvnet.target import nad_name
from kvnet.values import ip_of

if TYPE_CHECKING:
    from kvnet.cni import meta
    from kvnet.cni.chain import Chain
else:
    meta = lazy("kvnet.cni.meta")

__all__ = ["USUAL_MTU", "has_dhcp", "ipv6_network", "known_mtu", "pod_has"]

USUAL_MTU = 1500
"""The MTU that a guest assumes, in bytes."""


def has_dhcp(context: RuleContext, nic: Nic, on: OnNad | None) -> bool | None:
    """Whether KubeVirt's DHCPv4 server serves a NIC with bridge or masquerade; ``None`` where that is not known.

    It has something to tell where the pod's link has an IPv4 address. ``on`` is the NIC on its NAD.
    """
    found = _in_pod(context, nic)
    if found is not None and found.ips:
        return _has_address(found, 4)
    return gives_ipv4(on.chain) if on is not None and nic.has_binding(Bridge) else None


def pod_has(context: RuleContext, version: int) -> bool | None:
    """Whether the pod has an address of an IP version on its primary network; ``None`` where no fact tells."""
    primary = [each for each in context.target.facts.pod_networks or () if each.default and each.ips]
    return any(_has_address(each, version) for each in primary) if primary else None


def _has_address(found: PodNetwork, version: int) -> bool:
    addresses = [ip_of(each) for each in found.ips]
    return any(each is not None and each.version == version and not each.is_link_local for each in addresses)


def known_mtu(context: RuleContext, nic: Nic, on: OnNad | None) -> int | None:
    """The MTU of a NIC's network in bytes, as the facts or its CNI plugins say. ``on`` is the NIC on its NAD."""
    link = (context.target.facts.links or {}).get(nic.name)
    found = _in_pod(context, nic)
    return (link.mtu if link else None) or (found.mtu if found else None) or (_mtu_of(on.chain) if on else None)


def _mtu_of(chain: Chain) -> int | None:
    tuned = [each.mtu for each in chain.plugins if isinstance(each, meta.TuningPlugin) and each.mtu]
    return tuned[-1] if tuned else getattr(chain.first, "mtu", None) or None


def _in_pod(context: RuleContext, nic: Nic) -> PodNetwork | None:
    """What Multus gave the pod for a NIC's network, where it is the only one of its NAD."""
    given, network = context.target.facts.pod_networks or (), nic.network
    if network is None:
        return None
    if network.is_default:
        return next((each for each in given if each.default), None)
    name = "/".join(nad_name(context.machine, network.multus)) if network.multus is not None else ""
    found = [each for each in given if each.name == name and not each.default]
    return found[0] if len(found) == 1 else None


def ipv6_network(nic: Nic) -> GuestNetwork | None:
    """The guest's and the gateway's address in the IPv6 network behind a NIC; nothing where that is none."""
    pod = nic.network.pod if nic.network is not None else None
    try:
        return guest_network_of(pod, 6) if pod is not None else None
    except ValueError:
        return None  # of that, KN910 tells
