"""Advice: what is admitted but may not behave as expected. Each finding is a warning."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet._spelling import near_word, sure_word
from kvnet.errors import Problem
from kvnet.rules.context import Nic, Rule, RuleContext, warning
from kvnet.rules.occasions import AUTOATTACH, CIDRS, MEMORY, MULTIQUEUE, ODD_KEYS, REPLICAS
from kvnet.spec import REFERRING, Bridge, Masquerade, PasstBinding, Plugin, Sriov
from kvnet.spec.cluster import Gate
from kvnet.spec.guest_network import GUEST_CIDR_FIELDS, GUEST_CIDRS, guest_network_of
from kvnet.spec.keys import odd_keys
from kvnet.spec.nic import MASQUERADE_MAC
from kvnet.values import MacAddress, quantity_ceil, quantity_text

__all__ = ["IN_THE_POD", "RULES"]

_ACPI_INDEXES = range(1, 16384)
_LAUNCHER_PORTS = (22222, 49152, 49153)
_MIGRATABLE_BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"
_MASQUERADE_MAC = MacAddress.parse(MASQUERADE_MAC)
_IGNORED_BY_SRIOV = {
    "model": "model",
    "acpi_index": "acpiIndex",
    "dhcp_options": "dhcpOptions",
    "ports": "ports",
}
_LEAST_MEMORY = 2**20
"""Bytes that even the firmware of a PC needs, which begins below 1 MiB."""


def ports_are_forwarded(context: RuleContext) -> Iterator[Problem]:
    """The binding bridge forwards no ports."""
    for nic in context.nics:
        interface = nic.interface
        if interface.is_absent or not isinstance(interface.binding, Bridge):
            continue
        # on the pod network, and where the cluster has no ranges, KubeVirt refuses them
        has_ranges = interface.port_ranges and not nic.on_pod_network
        ranges = ("portRanges",) if has_ranges and context.target.cluster.allows(Gate.PORT_RANGES) else ()
        for member in (*(("ports",) if interface.ports else ()), *ranges):
            yield warning(
                nic.at / member,
                "KN901",
                f"'{interface.name}' does not forward ports: its binding ignores them",
                "drop them, or use `masquerade: {}` on the pod network",
            )


def ports_of_the_launcher(context: RuleContext) -> Iterator[Problem]:
    """Live migration and virt-launcher use some TCP ports of the pod themselves."""
    for nic in context.bound_by(Masquerade):
        for n, port in enumerate(nic.interface.ports or ()):
            if port.port in _LAUNCHER_PORTS and port.protocol in (None, "", "TCP"):
                yield warning(
                    (nic.at / "ports")[n] / "port",
                    "KN902",
                    f"port {port.port} of the pod is used by KubeVirt itself",
                    "let the guest listen on another port",
                )


def multiqueue_has_effect(context: RuleContext) -> Iterator[Problem]:
    """Multiqueue works only for virtio NICs."""
    if not context.machine.spec.domain.devices.network_interface_multiqueue:
        return
    served = False
    for nic in context.nics:
        if not nic.has_binding(Sriov) and not nic.interface.is_absent:
            served = True
            if nic.interface.is_virtio:
                return
    if served:
        at = context.root / "domain" / "devices" / "networkInterfaceMultiqueue"
        yield warning(at, "KN903", "no NIC is virtio, so multiqueue has no effect", "use the model virtio")


def sriov_settings(context: RuleContext) -> Iterator[Problem]:
    """A passed-through function brings its own model."""
    for nic in context.bound_by(Sriov):
        for field, member in _IGNORED_BY_SRIOV.items():
            if getattr(nic.interface, field):
                yield warning(nic.at / member, "KN905", f"{member} has no effect on an SR-IOV NIC", "leave it out")


def mac_of_a_function(context: RuleContext) -> Iterator[Problem]:
    """A passed-through function brings its own MAC address, which the CNI plugin may set."""
    for nic in context.bound_by(Sriov):
        if nic.interface.mac_address and not _sets_mac(context, nic):
            yield warning(
                nic.at / "macAddress",
                "KN904",
                "the MAC of an SR-IOV NIC is not part of KubeVirt's XML",
                "the CNI plugin has to set it on the virtual function",
            )


def _sets_mac(context: RuleContext, nic: Nic) -> bool:
    """Whether the CNI plugin of a virtual function is known to give it the requested address."""
    return any(on.nic.number == nic.number and on.chain.first.type == "sriov" for on in context.on_nads)


def bridge_on_pod_network_stays(context: RuleContext) -> Iterator[Problem]:
    """A machine that bridges the pod network cannot be live-migrated."""
    if _MIGRATABLE_BRIDGE in context.machine.annotations:
        return
    if context.has_default_nic and context.bound_by(Bridge):
        yield warning(
            context.root,
            "KN906",
            "no interface is listed, and the cluster's default NIC bridges the pod network: "
            "such a machine cannot be live-migrated",
            "list an interface with `masquerade: {}`, or set autoattachPodInterface: false",
        )
        return
    for nic in context.bound_by(Bridge):
        if nic.on_pod_network:
            yield warning(
                nic.at / "bridge",
                "KN906",
                "a machine that bridges the pod network cannot be live-migrated",
                "use `masquerade: {}` unless the guest needs the pod's own address",
            )


def acpi_index(context: RuleContext) -> Iterator[Problem]:
    """ACPI indexes are 1 to 16383 and unique; otherwise the guest names the NIC in another way."""
    seen: dict[int, str] = {}
    for nic in context.nics:
        index = nic.interface.acpi_index
        if not index or nic.interface.is_absent:
            continue
        at = nic.at / "acpiIndex"
        if index not in _ACPI_INDEXES:
            message = f"ACPI index {index} is outside 1 to {_ACPI_INDEXES[-1]}"
            yield warning(at, "KN907", message, "the guest would not name its NIC by it")
        elif index in seen:
            message = f"ACPI index {index} is also that of '{seen[index]}'"
            yield warning(at, "KN907", message, "give each NIC its own")
        seen[index] = nic.interface.name


def macs_of_nics(context: RuleContext) -> Iterator[Problem]:
    """Two NICs with one MAC confuse bridges and guests, and libvirt cannot start one with the address of zeros.

    KubeVirt refuses the address of masquerade's bridge only as it writes it itself.
    """
    seen: dict[bytes, str] = {}
    for nic, mac in context.macs:
        if mac is None or nic.interface.is_absent:
            continue
        if mac.is_zero:
            message = f"{mac} is no address that a NIC can have"
            yield warning(nic.at / "macAddress", "KN929", message, "write an address, or leave it out")
        elif mac == _MASQUERADE_MAC and nic.has_binding(Masquerade) and nic.interface.mac_address != MASQUERADE_MAC:
            message = f"{mac} belongs to the bridge that masquerade makes in the pod, however it is written"
            yield warning(nic.at / "macAddress", "KN934", message, "choose another address, or none")
        elif mac.octets in seen:
            message = f"{mac} is also the address of '{seen[mac.octets]}'"
            yield warning(nic.at / "macAddress", "KN908", message, "give each NIC its own")
        seen[mac.octets] = nic.interface.name


def replicas_have_own_macs(context: RuleContext) -> Iterator[Problem]:
    """The machines of a pool or replica set are made of one template, fixed MAC addresses included."""
    replicas = context.machine.replicas
    if replicas < 2:
        return
    for nic, mac in context.macs:
        if mac is None or mac.is_zero or not _is_seen_by_others(nic):
            continue
        message = f"all {replicas} machines of this {context.machine.kind} would have the MAC address {mac}"
        yield warning(nic.at / "macAddress", "KN714", message, "leave it out, so that each machine gets its own")


def _is_seen_by_others(nic: Nic) -> bool:
    """Whether other machines see the address of a NIC: on the pod network, other bindings than bridge hide it."""
    network = nic.network
    return network is not None and (network.multus is not None or (network.pod is not None and nic.has_binding(Bridge)))


def plugin_is_registered(context: RuleContext) -> Iterator[Problem]:
    """A binding plugin is registered in the KubeVirt object, or in the facts; without both, nothing is known."""
    cluster, facts = context.target.cluster.binding_plugins, context.target.facts.binding_plugins
    if cluster is None and facts is None:
        return
    registered = sorted({*(cluster or ()), *(facts or ())})
    folded = {each.lower(): each for each in registered}
    for nic in context.nics:
        binding = nic.interface.binding
        if not isinstance(binding, Plugin) or binding.name in registered:
            continue
        close = near_word(binding.name.lower(), folded)
        hint = f"did you mean '{folded[close]}'?" if close else "register it in the KubeVirt object"
        message = f"the cluster registers no binding plugin '{binding.name}'"
        instead = sure_word(binding.name, registered)
        yield warning(nic.at / "binding" / "name", "KN928", message, hint, instead=instead)


def known_keys(context: RuleContext) -> Iterator[Problem]:
    """A key that KubeVirt does not know has no effect: the API server refuses or drops it."""
    for at, key, meant in odd_keys(context.machine):
        yield warning(at, "KN016", f"KubeVirt has no field '{key}' here", meant.hint, instead=meant.instead)


def link_state_has_effect(context: RuleContext) -> Iterator[Problem]:
    """KubeVirt does not set the link state of passt NICs."""
    for nic in context.nics:
        if nic.interface.state == "down" and isinstance(nic.interface.binding, PasstBinding):
            message = "KubeVirt ignores the link state of a passt NIC"
            yield warning(nic.at / "state", "KN909", message, "leave it out")


def guest_network(context: RuleContext) -> Iterator[Problem]:
    """The CIDR of masquerade has room for a gateway and a guest; KubeVirt checks that only when the pod starts."""
    masqueraded = {nic.name for nic in context.bound_by(Masquerade)}
    for at, network in context.networks:
        if network.pod is None or network.name not in masqueraded:
            continue
        for version, member in GUEST_CIDR_FIELDS.items():
            try:
                guest_network_of(network.pod, version)
            except ValueError as reason:
                message = f"{reason}, so a pod with IPv{version} will not start"
                yield warning(at / "pod" / member, "KN910", message, f"write a network such as {GUEST_CIDRS[version]}")


def autoattach_has_effect(context: RuleContext) -> Iterator[Problem]:
    """autoattachPodInterface has an effect only on machines without NICs."""
    if context.machine.spec.domain.devices.autoattach_pod_interface is False and context.nics:
        at = context.root / "domain" / "devices" / "autoattachPodInterface"
        message = "autoattachPodInterface has no effect where interfaces are listed"
        yield warning(at, "KN911", message, "drop it, or drop the interfaces")


def references_in_place(context: RuleContext) -> Iterator[Problem]:
    """The spec of a VMI refers to no instancetype or preference; in a template, it is a key at another level."""
    if context.machine.kind in REFERRING:
        return
    for word in ("instancetype", "preference"):
        if word in context.machine.spec.rest:
            message = f"KubeVirt drops '{word}' here, so it has no effect"
            yield warning(context.root / word, "KN932", message, "write a VirtualMachine, whose spec has it")


def memory_has_a_unit(context: RuleContext) -> Iterator[Problem]:
    """Memory is in bytes where it has no unit, and ``m`` is a thousandth."""
    memory = context.machine.spec.domain.memory
    if memory is None or memory.guest is None:
        return
    try:
        size = quantity_ceil(quantity_text(memory.guest))
    except ValueError:
        return
    if 0 < size < _LEAST_MEMORY:
        at = context.root / "domain" / "memory" / "guest"
        counted = "1 byte" if size == 1 else f"{size} bytes"
        message = f"the guest has {counted} of memory, with which nothing boots"
        hint = "write it with a unit, such as 512Mi or 2Gi: a number alone is in bytes, and m is a thousandth"
        yield warning(at, "KN933", message, hint)


RULES = (
    Rule(ports_are_forwarded, "ports", "port_ranges"),
    Rule(ports_of_the_launcher, "ports"),
    Rule(multiqueue_has_effect, MULTIQUEUE),
    Rule(mac_of_a_function, Sriov),
    Rule(sriov_settings, Sriov),
    Rule(bridge_on_pod_network_stays, Bridge),
    Rule(acpi_index, "acpi_index"),
    Rule(macs_of_nics, "mac_address"),
    Rule(replicas_have_own_macs, REPLICAS),
    Rule(plugin_is_registered, Plugin),
    Rule(known_keys, ODD_KEYS),
    Rule(link_state_has_effect, PasstBinding),
    Rule(guest_network, CIDRS),
    Rule(autoattach_has_effect, AUTOATTACH),
    Rule(references_in_place, "instancetype", "preference"),
    Rule(memory_has_a_unit, MEMORY),
)

_JUDGES_OF_THE_POD = (ports_of_the_launcher, mac_of_a_function, bridge_on_pod_network_stays, link_state_has_effect)
IN_THE_POD = tuple([rule for rule in RULES if rule.judge in _JUDGES_OF_THE_POD])
"""Those of the rules that are on what KubeVirt does, and not on a plain host, which has no pod and its own XML."""
