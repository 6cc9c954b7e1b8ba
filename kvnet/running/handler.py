"""The status of NICs as virt-handler makes it, from the live domain and the guest's agent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from kvnet.device import Device, Hostdev, Interface
from kvnet.running.addresses import is_routable, of_family
from kvnet.running.agent import AgentNic
from kvnet.running.pod_status import PodIps
from kvnet.running.reported import InfoSource, has_source, reported, with_source
from kvnet.running.standing import USER_ALIAS, VF_ALIAS
from kvnet.spec import InterfaceStatus, Machine, Masquerade

__all__ = ["handler_status"]

_GUEST_ONLY_LIMIT = 10
_MERGED = f"{InfoSource.DOMAIN}, {InfoSource.GUEST_AGENT}"


def handler_status(
    vmi: Machine, devices: Iterable[Device], agent: Iterable[AgentNic] = (), pod_ips: Mapping[str, PodIps] | None = None
) -> tuple[InterfaceStatus, ...]:
    """The status of all NICs, made anew from the devices of the live domain.

    ``pod_ips`` are the pod's addresses by network. Of the machine's last status there stay what Multus had attached,
    the pod links, and that the pod network was there. NICs that are in the manifest alone are left out. KubeVirt adds
    NICs that only Multus knows in no fixed order; here it is that of the last status. Follows KubeVirt 1.9, netstat.
    """
    entries = [_with_pod_ips(vmi, entry, pod_ips or {}) for entry in _live_entries(vmi, devices)]
    entries = _with_agent(vmi, entries, agent)
    entries = _pod_network_first(vmi, entries)
    entries = _with_multus(vmi, entries)
    links = {entry.name: entry.pod_interface_name for entry in reversed(reported(vmi)) if entry.name}
    return tuple(attrs.evolve(entry, pod_interface_name=links.get(entry.name or "")) for entry in entries)


def _live_entries(vmi: Machine, devices: Iterable[Device]) -> list[InterfaceStatus]:
    listed = tuple(devices)
    nics = [_nic_entry(each) for each in listed if isinstance(each, Interface)]
    return [*nics, *_vf_entries(vmi, (each for each in listed if isinstance(each, Hostdev)))]


def _nic_entry(nic: Interface) -> InterfaceStatus:
    queues = nic.driver.queues if nic.driver else None
    entry = InterfaceStatus(
        name=nic.alias and nic.alias.removeprefix(USER_ALIAS),
        mac=nic.mac.spelling if nic.mac else None,
        queue_count=1 if queues is None else int(queues),
        link_state=nic.link or "up",
    )
    return with_source(entry, InfoSource.DOMAIN)


def _vf_entries(vmi: Machine, hostdevs: Iterable[Hostdev]) -> Iterator[InterfaceStatus]:
    """Virtual functions have no MAC in the domain: theirs is what the manifest says, as it says it."""
    macs = {nic.name: nic.mac_address for nic in vmi.interfaces}
    for hostdev in hostdevs:
        alias = (hostdev.alias or "").removeprefix(USER_ALIAS)
        if alias.startswith(VF_ALIAS):
            name = alias.removeprefix(VF_ALIAS)
            yield with_source(InterfaceStatus(name=name, mac=macs.get(name) or None), InfoSource.DOMAIN)


def _with_pod_ips(vmi: Machine, entry: InterfaceStatus, pod_ips: Mapping[str, PodIps]) -> InterfaceStatus:
    if entry.name is None or all(entry.name != nic.name for nic in vmi.interfaces):
        return entry
    known = pod_ips.get(entry.name, PodIps())
    return attrs.evolve(entry, ip_address=known.ip or None, ip_addresses=known.ips)


def _with_agent(vmi: Machine, entries: Sequence[InterfaceStatus], agent: Iterable[AgentNic]) -> list[InterfaceStatus]:
    """Each of the agent's links goes to the first entry of its very MAC, be it one that came from the agent too."""
    masqueraded = {nic.name for nic in vmi.interfaces if any(isinstance(each, Masquerade) for each in nic.bindings)}
    merged, room = list(entries), _GUEST_ONLY_LIMIT
    for link in agent:
        n = next((n for n, entry in enumerate(merged) if (entry.mac or "") == link.mac), None)
        if n is not None:
            merged[n] = _merged(merged[n], link, behind_nat=merged[n].name in masqueraded)
        elif room:
            room -= 1
            merged.append(_guest_only(link))
    return merged


def _merged(entry: InterfaceStatus, link: AgentNic, *, behind_nat: bool) -> InterfaceStatus:
    """By family, the pod's addresses where both sides have some, and else those that the guest has, maybe none."""
    found = tuple(filter(is_routable, link.ips)) if behind_nat else link.ips
    ips: tuple[str, ...] = ()
    for version in (4, 6):
        known, told = of_family(version, entry.ip_addresses), of_family(version, found)
        ips += known if known and told else told
    return attrs.evolve(
        entry,
        interface_name=link.name or None,
        ip_address=next(iter(ips), None),
        ip_addresses=ips,
        info_source=_MERGED if link.name else entry.info_source,
    )


def _guest_only(link: AgentNic) -> InterfaceStatus:
    entry = InterfaceStatus(
        mac=link.mac or None,
        interface_name=link.name or None,
        ip_address=link.ip or None,
        ip_addresses=link.ips,
    )
    return with_source(entry, InfoSource.GUEST_AGENT)


def _pod_network_first(vmi: Machine, entries: list[InterfaceStatus]) -> list[InterfaceStatus]:
    """The entry of the pod network, which Multus' default network is not, goes first; once there, it stays."""
    name = next((network.name for network in vmi.networks if network.pod), None)
    if name is None:
        return entries
    n = next((n for n, entry in enumerate(entries) if entry.name == name), None)
    if n is not None:
        return [entries[n], *entries[:n], *entries[n + 1 :]]
    was_there = any(entry.name == name for entry in reported(vmi))
    return [InterfaceStatus(name=name), *entries] if was_there else entries


def _with_multus(vmi: Machine, entries: list[InterfaceStatus]) -> list[InterfaceStatus]:
    attached = [entry.name for entry in reported(vmi) if entry.name and has_source(entry, InfoSource.MULTUS)]
    there = {entry.name for entry in entries}
    asked = {nic.name for nic in vmi.interfaces}
    known = [with_source(entry, InfoSource.MULTUS) if entry.name in attached else entry for entry in entries]
    missing = [name for name in dict.fromkeys(attached) if name not in there and name in asked]
    return known + [with_source(InterfaceStatus(name=name), InfoSource.MULTUS) for name in missing]
