"""The picture of a machine: its NICs as they would be compiled, the links of its pod or host, and its networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kvnet.checks import check
from kvnet.compiler.pod import PodNetworks, bridge_name
from kvnet.defaults import with_default_nic
from kvnet.errors import FieldPath, KvnetError, Problem, Severity
from kvnet.instancetypes import expand
from kvnet.manifest.cni import chain_or_reject
from kvnet.pictures.devices import guest_box, host_boxes
from kvnet.pictures.picture import Box, Picture, Row
from kvnet.pipeline import render
from kvnet.rules.context import RuleContext
from kvnet.rules.guest_network import has_dhcp
from kvnet.spec import Bridge, Machine, Masquerade, Multus, Nad, Network, Pod, Sriov
from kvnet.spec.guest_network import guest_network_of
from kvnet.spec.nic import Nic, nics_of
from kvnet.target import Profile, Target, checked_target, nad_of

__all__ = ["picture"]


def picture(machine: Machine, target: Target | None = None) -> Picture:
    """Draw the NICs of a machine, each with what ``check`` tells of it.

    For KubeVirt, the boxes between a NIC and its network are the tap, the bridge and the link in the pod, by the names
    that KubeVirt gives them (``pkg/network/namescheme``); for a plain host, those of the device that is compiled.

    >>> import kvnet
    >>> spec = "{domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}, networks: [{name: a, pod: {}}]}"
    >>> [[box.name for box in row.boxes] for row in picture(kvnet.loads(spec)).rows]
    [['a', 'tap0', 'k6t-eth0', 'eth0', 'of the pod']]

    Raises TypeError for arguments of another kind.
    """
    target = checked_target(machine, target)
    problems = [each for each in check(machine, target) if each.severity is not Severity.NOTE]
    compiled = {nic.name: nic.device for nic in render(machine, target, whole=False).compiled.nics}
    whole = with_default_nic(expand(machine, target).machine, target.cluster)
    pod, context = PodNetworks(whole, target.facts), RuleContext(whole, target)
    rows: list[Row] = []
    told: set[Problem] = set()
    for nic in nics_of(whole):
        own = tuple(_of_nic(nic, problems))
        told.update(own)
        state = nic.interface.state if nic.interface.state in ("absent", "down") else ""
        device = compiled.get(nic.name)
        if target.profile is Profile.KUBEVIRT:
            between = _pod_boxes(nic, pod, context)
        else:
            between = () if device is None else host_boxes(device)
        boxes = (guest_box(nic.name, device, state), *between, *_network_boxes(nic.network, whole, target, between))
        rows.append(Row(boxes=boxes, problems=own))
    title = f"{machine.kind or 'Machine'} {machine.name or ''}".strip()
    others = tuple([each for each in problems if each not in told])
    return Picture(title=f"{title}, profile {target.profile}", rows=tuple(rows), problems=others)


def _of_nic(nic: Nic, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems at a NIC and at its network."""
    places = [nic.at.parts]
    if nic.network is not None:
        networks = FieldPath((*nic.machine.root.parts, "networks"))
        places.append(networks[nic.machine.networks.index(nic.network)].parts)
    for problem in problems:
        if any(problem.at.parts[: len(place)] == place for place in places):
            yield problem


def _pod_boxes(nic: Nic, pod: PodNetworks, context: RuleContext) -> tuple[Box, ...]:
    """The tap, the bridge and the link of a NIC in the pod; a virtual function where one is passed through."""
    if nic.network is None:
        return ()
    if isinstance(nic.binding, Sriov):
        address = pod.pci_address(nic.network)
        return (Box(column=1, kind="virtual function", name=str(address or "of the device plugin")),)
    attached = pod.attachment(nic.network)
    if attached.link is None:
        return ()
    name = attached.link.name or "unknown"
    facts = [f"MTU {attached.link.mtu}"] if attached.link.mtu else []
    facts += [str(attached.link.mac)] if attached.link.mac else []
    boxes = [Box(column=3, kind="pod link", name=name, facts=tuple(facts))]
    if isinstance(nic.binding, Bridge | Masquerade):
        boxes.insert(0, Box(column=2, kind="pod bridge", name=bridge_name(name), facts=tuple(_services(nic, context))))
        boxes.insert(0, Box(column=1, kind="tap", name=attached.target or "unknown"))
    elif nic.binding is not None:
        boxes.insert(0, Box(column=1, kind="binding", name=_binding_name(nic)))
    return tuple(boxes)


def _services(nic: Nic, context: RuleContext) -> Iterator[str]:
    """What KubeVirt does on the bridge of a NIC: NAT and DHCP. IPv6 is told where its network is given."""
    if isinstance(nic.binding, Masquerade):
        given = nic.network.pod if nic.network is not None else None
        for version in (4, 6) if given is not None and given.vm_ipv6_network_cidr else (4,):
            try:
                guest = guest_network_of(given, version).guest
            except ValueError:
                continue  # of that, KN910 tells
            yield f"NAT for {guest.network}"
            yield f"DHCP gives {guest.ip}"
        return
    on = next((each for each in context.on_nads if each.nic.number == nic.number), None)
    served = has_dhcp(context, nic, on)
    if nic.on_pod_network if served is None else served:
        yield "DHCP gives the link's address"


def _binding_name(nic: Nic) -> str:
    name = getattr(nic.binding, "name", "")
    return name or "passt"


def _network_boxes(network: Network | None, machine: Machine, target: Target, before: Iterable[Box]) -> tuple[Box, ...]:
    """The network that a NIC is joined to, unless a box before it is that network already."""
    source = network.sources[0] if network is not None and network.sources else None
    match source:
        case Pod():
            is_drawn = any(box.column == 4 for box in before) or target.profile is Profile.HOST
            return () if is_drawn else (Box(column=4, kind="network", name="of the pod"),)
        case Multus():
            nad = nad_of(machine, target, source)
            facts = ("not among the documents",) if nad is None else tuple(_cni_facts(nad))
            return (Box(column=4, kind="NAD", name=source.network_name, facts=facts),)
        case None:
            return (Box(column=4, kind="network", name="none"),)
    return (Box(column=4, kind="resource claim", name=f"{source.claim_name}/{source.request_name}"),)


def _cni_facts(nad: Nad) -> Iterator[str]:
    """The plugins of a NAD, and what the first one is attached to."""
    if not nad.config:
        yield "no CNI configuration"
        return
    try:
        chain = chain_or_reject(nad.config, FieldPath())
    except KvnetError:
        yield "a CNI configuration that is refused"
        return
    yield "CNI " + ", ".join(plugin.type for plugin in chain.plugins)
    for field, word in (("bridge", "bridge"), ("master", "on"), ("vlan", "VLAN"), ("mtu", "MTU")):
        value = getattr(chain.first, field, None)
        if value:
            yield f"{word} {value}"
