"""What a change of a VM's manifest does to its running machine at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from kvnet.compiler.naming import is_ordinal
from kvnet.running.migration import is_migratable
from kvnet.running.reported import reported
from kvnet.spec import Bridge, Interface, Machine, Network, Sriov, secondary_networks

__all__ = ["Synced", "synced"]

_HOTPLUGGED = (Bridge, Sriov)


@attrs.frozen
class Synced:
    """A VM and its running machine after the VM controller looked at their NICs."""

    vm: Machine
    vmi: Machine | None


def synced(vm: Machine, vmi: Machine | None) -> Synced:
    """A VM's manifest and its running machine, with each taking over from the other what it can.

    The running machine takes new NICs with a bridge or a virtual function, the ``state`` of NICs, where ``absent`` is
    kept for good and cannot be had while pod links are, or may be, named by ordinal; and, where it can migrate live,
    other NetworkAttachmentDefinitions. NICs that are absent and out of its status go, and so they do from
    the manifest. A machine that is being deleted is left alone. Follows KubeVirt 1.9, the network part of its VM
    controller.
    """
    if vmi is None:
        return Synced(_without(vm, {nic.name for nic in vm.interfaces if nic.is_absent}), None)
    if _is_deleted(vmi):
        return Synced(vm, vmi)
    after = _updated(vm, vmi)
    kept = {nic.name for nic in after.interfaces} | {entry.name for entry in reported(vmi)}
    gone = {nic.name for nic in vm.interfaces if nic.is_absent and nic.name not in kept}
    return Synced(_without(vm, gone), after)


def _is_deleted(vmi: Machine) -> bool:
    return bool((vmi.around.get("metadata") or {}).get("deletionTimestamp"))


def _updated(vm: Machine, vmi: Machine) -> Machine:
    states = {nic.name: nic.state for nic in vm.interfaces}
    ordinal = _may_be_ordinal(vmi)
    kept = [_restated(nic, states.get(nic.name, nic.state), ordinal) for nic in vmi.interfaces]
    there = {nic.name for nic in vmi.interfaces}
    new = [nic for nic in vm.interfaces if nic.name not in there and _is_hotplugged(nic)]
    plugged = {nic.name for nic in new}
    networks = (*vmi.networks, *(network for network in vm.networks if network.name in plugged))
    if is_migratable(vmi):
        networks = tuple(_renamed(networks, vm))
    seen = {entry.name for entry in reported(vmi)}
    gone = {nic.name for nic in (*kept, *new) if nic.is_absent and nic.name not in seen}
    return _without(vmi.with_nics((*kept, *new), networks), gone)


def _restated(nic: Interface, wanted: str | None, ordinal: bool) -> Interface:
    if nic.is_absent or (wanted == "absent" and ordinal):
        return nic
    return attrs.evolve(nic, state=wanted)


def _is_hotplugged(nic: Interface) -> bool:
    return not nic.is_absent and any(isinstance(each, _HOTPLUGGED) for each in nic.bindings)


def _may_be_ordinal(vmi: Machine) -> bool:
    """Whether pod links are named by ordinal, as far as the first that is reported tells; where none is, they may."""
    links = {entry.name: entry.pod_interface_name for entry in reversed(reported(vmi))}
    secondary = secondary_networks(vmi.networks)
    known = (link for network in secondary if (link := links.get(network.name)))
    link = next(known, None)
    return bool(secondary) and (link is None or is_ordinal([link]))


def _renamed(networks: Iterable[Network], vm: Machine) -> Iterator[Network]:
    """The networks, with the NetworkAttachmentDefinitions that the manifest names for them now."""
    wanted = {network.name: network.multus.network_name for network in vm.networks if network.multus}
    for network in networks:
        if network.multus and network.name in wanted:
            multus = attrs.evolve(network.multus, network_name=wanted[network.name])
            sources = tuple(multus if each is network.multus else each for each in network.sources)
            yield attrs.evolve(network, sources=sources)
        else:
            yield network


def _without(machine: Machine, gone: set[str]) -> Machine:
    """A machine without some of its NICs; then its networks are those of the NICs left, in their order."""
    interfaces = tuple(nic for nic in machine.interfaces if nic.name not in gone)
    networks = {network.name: network for network in machine.networks}
    matched = tuple(networks[nic.name] for nic in interfaces if nic.name in networks)
    return machine.with_nics(interfaces, matched)
