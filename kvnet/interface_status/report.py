"""Make ``status.interfaces`` as KubeVirt's two components do: virt-handler on the node, virt-controller in the cluster.

virt-handler looks at the domain and the guest agent, virt-controller at the pod that Multus set up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from attrs import evolve

from kvnet.compiler.pod import PRIMARY_LINK, USER_ALIAS, VF_ALIAS, link_names_in_use
from kvnet.device import Device, Interface
from kvnet.domain.read import read_domain
from kvnet.facts import PodNetwork
from kvnet.interface_status.sources import (
    AgentNic,
    InfoSource,
    PodIps,
    agent_nics,
    pod_addresses,
    pod_networks,
    primary_link,
    sources_of,
    status_interfaces,
    with_source,
)
from kvnet.spec import InterfaceStatus, Machine, Masquerade, Status, default_network, secondary_networks
from kvnet.spec.machine import checked_machine

__all__ = ["status", "virt_controller_status", "virt_handler_status"]

_GUEST_ONLY_LIMIT = 10
_DOMAIN_AND_AGENT = f"{InfoSource.DOMAIN}, {InfoSource.GUEST_AGENT}"


def status(
    machine: Machine,
    domain_xml: str | bytes | None,
    guest_agent: Any = None,
    multus: Any = None,
    *,
    pod_ips: Any = None,
) -> tuple[InterfaceStatus, ...]:
    """Report ``status.interfaces`` of a machine from its last status and what is known of it now.

    Without ``multus`` this is virt-handler's pass. With it virt-controller's pass follows, and then virt-handler's
    again, which is where the two components come to rest in turn; the order of entries is virt-handler's. Reporting a
    status again with nothing new changes nothing.

    Args:
        machine: the machine with the status that was last reported.
        domain_xml: the live domain; ``None`` where there is none, and then the last status stays.
        guest_agent: what QEMU's ``guest-network-get-interfaces`` returns, as plain data; ``None`` without an agent.
        multus: the pod's network-status, as plain data; ``None`` where it is not known.
        pod_ips: the pod's own addresses, ``{network: {podIP: …, podIPs: […]}}``; ``None`` where they are not known.

    Raises XmlError for a domain that cannot be read, Rejected for plain data of another shape, and TypeError for what
    is not a machine.
    """
    checked_machine(machine)
    agent, networks, addresses = agent_nics(guest_agent), pod_networks(multus), pod_addresses(pod_ips)
    devices = None if domain_xml is None else read_domain(domain_xml, lossless=True)

    def handled(of: Machine) -> tuple[InterfaceStatus, ...]:
        return status_interfaces(of) if devices is None else virt_handler_status(of, devices, agent, addresses)

    if multus is not None:
        seen = _with_status(machine, handled(machine))
        machine = _with_status(machine, virt_controller_status(seen, networks))
    return handled(machine)


def _with_status(machine: Machine, interfaces: tuple[InterfaceStatus, ...]) -> Machine:
    return evolve(machine, status=evolve(machine.status or Status(), interfaces=interfaces))


def virt_controller_status(machine: Machine, networks: Sequence[PodNetwork]) -> tuple[InterfaceStatus, ...]:
    """Report the last status with the pod's links: NICs that Multus attached are added, and list it as a source.

    The order is: the primary network, the secondary ones, those of resource claims, then entries without a network,
    which come from the guest alone. Source: KubeVirt's ``pkg/network/controllers/vmi.go``.
    """
    entries = {entry.name: entry for entry in reversed(status_interfaces(machine))}
    names = {network.name for network in machine.networks}
    return (
        *_primary(machine, entries, networks),
        *_secondary(machine, entries, networks),
        *(entries[each.name] for each in machine.networks if each.resource_claim and each.name in entries),
        *(entry for entry in status_interfaces(machine) if entry.name not in names),
    )


def _primary(
    machine: Machine, entries: Mapping[str | None, InterfaceStatus], networks: Sequence[PodNetwork]
) -> Iterator[InterfaceStatus]:
    network = default_network(machine.networks)
    if network is not None:
        link = primary_link(networks) or PRIMARY_LINK
        entry = entries.get(network.name) or InterfaceStatus(name=network.name)
        yield evolve(entry, pod_interface_name=link)


def _secondary(
    machine: Machine, entries: Mapping[str | None, InterfaceStatus], networks: Sequence[PodNetwork]
) -> Iterator[InterfaceStatus]:
    links = {each.interface for each in networks}
    names = link_names_in_use(machine, links)
    for network in secondary_networks(machine.networks):
        link, entry = names[network.name], entries.get(network.name)
        if link in links:
            found = with_source(entry or InterfaceStatus(name=network.name), InfoSource.MULTUS)
            yield evolve(found, pod_interface_name=link)
        elif entry is not None:
            others = ", ".join(source for source in sources_of(entry) if source != InfoSource.MULTUS)
            yield evolve(entry, info_source=others or None, pod_interface_name=link)


def virt_handler_status(
    machine: Machine,
    devices: Iterable[Device],
    agent: Iterable[AgentNic] = (),
    pod_ips: Mapping[str, PodIps] | None = None,
) -> tuple[InterfaceStatus, ...]:
    """Report the status of all NICs anew from the devices of the live domain.

    ``agent`` are the guest's links, and ``pod_ips`` the pod's addresses by network. Of the last status there stay the
    source ``multus-status``, the names of pod links, and the entry of the pod network. NICs that only the manifest has
    are left out. KubeVirt appends NICs that only Multus knows in random order; here their order is that of the last
    status. Source: KubeVirt's ``pkg/network/setup/netstat.go``.
    """
    entries = [_with_pod_ips(machine, entry, pod_ips or {}) for entry in _domain_entries(machine, devices)]
    entries = _with_agent(machine, entries, agent)
    entries = _pod_network_first(machine, entries)
    entries = _with_multus(machine, entries)
    links = {entry.name: entry.pod_interface_name for entry in reversed(status_interfaces(machine)) if entry.name}
    return tuple(evolve(entry, pod_interface_name=links.get(entry.name or "")) for entry in entries)


def _domain_entries(machine: Machine, devices: Iterable[Device]) -> list[InterfaceStatus]:
    """NICs first, then virtual functions; the domain has no MAC address of these, so it is the manifest's text."""
    macs = {nic.name: nic.mac_address for nic in machine.interfaces}
    nics, functions = [], []
    for device in devices:
        alias = None if device.alias is None else device.alias.removeprefix(USER_ALIAS)
        if isinstance(device, Interface):
            mac = device.mac.spelling if device.mac else None
            queues = device.driver.queues if device.driver else None
            count = 1 if queues is None else int(queues)
            nics.append(InterfaceStatus(name=alias, mac=mac, queue_count=count, link_state=device.link or "up"))
        elif alias is not None and alias.startswith(VF_ALIAS):
            name = alias.removeprefix(VF_ALIAS)
            functions.append(InterfaceStatus(name=name, mac=macs.get(name) or None))
    return [with_source(entry, InfoSource.DOMAIN) for entry in (*nics, *functions)]


def _with_pod_ips(machine: Machine, entry: InterfaceStatus, pod_ips: Mapping[str, PodIps]) -> InterfaceStatus:
    if entry.name is None or all(entry.name != nic.name for nic in machine.interfaces):
        return entry
    known = pod_ips.get(entry.name, PodIps())
    return evolve(entry, ip_address=known.ip or None, ip_addresses=known.ips)


def _with_agent(
    machine: Machine, entries: Sequence[InterfaceStatus], agent: Iterable[AgentNic]
) -> list[InterfaceStatus]:
    """Merge each of the agent's links into the first entry with the same text of the MAC, or append it."""
    masquerade = {nic.name for nic in machine.interfaces if any(isinstance(each, Masquerade) for each in nic.bindings)}
    merged, room = list(entries), _GUEST_ONLY_LIMIT
    for link in agent:
        n = next((n for n, entry in enumerate(merged) if (entry.mac or "") == link.mac), None)
        if n is not None:
            merged[n] = _merged(merged[n], link, behind_nat=merged[n].name in masquerade)
        elif room:
            room -= 1
            entry = InterfaceStatus(mac=link.mac or None, interface_name=link.name or None)
            entry = evolve(entry, ip_address=link.ip or None, ip_addresses=link.ips)
            merged.append(with_source(entry, InfoSource.GUEST_AGENT))
    return merged


def _merged(entry: InterfaceStatus, link: AgentNic, *, behind_nat: bool) -> InterfaceStatus:
    """For each IP version: the pod's addresses where both pod and guest have some, else the guest's."""
    guest = tuple(filter(_is_routable, link.ips)) if behind_nat else link.ips
    ips: tuple[str, ...] = ()
    for version in (4, 6):
        of_pod, of_guest = _of_version(version, entry.ip_addresses), _of_version(version, guest)
        ips += of_pod if of_pod and of_guest else of_guest
    return evolve(
        entry,
        interface_name=link.name or None,
        ip_address=next(iter(ips), None),
        ip_addresses=ips,
        info_source=_DOMAIN_AND_AGENT if link.name else entry.info_source,
    )


def _pod_network_first(machine: Machine, entries: list[InterfaceStatus]) -> list[InterfaceStatus]:
    """Move the entry of the pod network to the front, and keep it once it was reported; not Multus' default network."""
    name = next((network.name for network in machine.networks if network.pod), None)
    if name is None:
        return entries
    own = next((entry for entry in entries if entry.name == name), None)
    if own is None and any(entry.name == name for entry in status_interfaces(machine)):
        own = InterfaceStatus(name=name)
    return entries if own is None else [own, *(entry for entry in entries if entry is not own)]


def _with_multus(machine: Machine, entries: list[InterfaceStatus]) -> list[InterfaceStatus]:
    """Keep the source ``multus-status`` of the last status, and the NICs of the manifest that have it."""
    last = status_interfaces(machine)
    attached = [entry.name for entry in last if entry.name and InfoSource.MULTUS in sources_of(entry)]
    present = {entry.name for entry in entries}
    wanted = {nic.name for nic in machine.interfaces}
    known = [with_source(entry, InfoSource.MULTUS) if entry.name in attached else entry for entry in entries]
    missing = [name for name in dict.fromkeys(attached) if name not in present and name in wanted]
    return known + [with_source(InterfaceStatus(name=name), InfoSource.MULTUS) for name in missing]


def _of_version(version: int, addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses of IP version 4 or 6, in order; text that is not an address is left out."""
    return tuple(text for text in addresses if (ip := _address(text)) is not None and ip.version == version)


def _is_routable(text: str) -> bool:
    """Whether text is an address that is valid beyond its link (RFC 3927, RFC 4291)."""
    ip = _address(text)
    return ip is not None and not ip.is_link_local


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address as Go's ``net.ParseIP`` does: no zone, and an IPv4 address mapped into IPv6 is IPv4."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        return None if ip.scope_id is not None else ip.ipv4_mapped or ip
    return ip
