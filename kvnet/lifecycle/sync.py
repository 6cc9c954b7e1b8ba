"""Tell what a running machine takes over at once when its VM's manifest changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve, frozen

from kvnet.compiler.naming import is_ordinal
from kvnet.errors import Problem, Severity
from kvnet.interface_status.sources import status_interfaces
from kvnet.lifecycle.migration import is_migratable
from kvnet.spec import Bridge, Interface, Machine, Network, Sriov, secondary_networks
from kvnet.spec.machine import checked_machine
from kvnet.spec.nic import nics_of

__all__ = ["Synced", "not_plugged", "synced"]

_MIGRATE = "migrate the machine, or restart it"
_RESTART = "restart the machine, or attach the NIC to a NAD with `bridge: {}`"


@frozen
class Synced:
    """The VM's manifest (``template``) and the ``running`` machine, after KubeVirt's VM controller synced the NICs."""

    template: Machine
    running: Machine | None


def synced(template: Machine, running: Machine | None) -> Synced:
    """Sync the NICs of a VM's manifest and of its running machine as far as no restart is needed.

    The running machine takes over new NICs with a bridge or a virtual function; the ``state`` of NICs, where ``absent``
    is never taken back, and is not taken over while pod links have, or may have, ordinal names; and other
    NetworkAttachmentDefinitions where it can migrate live. NICs that are absent and not in its status are removed from
    it, and from the manifest too. A machine that is being deleted stays as it is.

    ``template`` is the VM's manifest, and ``running`` its VirtualMachineInstance, ``None`` where it does not run.
    Source: KubeVirt's ``pkg/network/controllers/vm.go``.
    """
    checked_machine(template)
    if running is None:
        return Synced(_without(template, {nic.name for nic in template.interfaces if nic.is_absent}), None)
    checked_machine(running)
    if (running.around.get("metadata") or {}).get("deletionTimestamp"):
        return Synced(template, running)
    after = _updated(template, running)
    kept = {nic.name for nic in after.interfaces} | {entry.name for entry in status_interfaces(running)}
    removed = {nic.name for nic in template.interfaces if nic.is_absent and nic.name not in kept}
    return Synced(_without(template, removed), after)


def not_plugged(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """A warning (KN817) for each new NIC of a VM's manifest that KubeVirt does not plug into its running machine.

    It plugs in bridges of secondary networks. A virtual function comes by a migration. Of the pod network,
    ``restart_required`` tells. Arguments are those of ``synced``. Source: KubeVirt's ``pkg/network/controllers/vm.go``.
    """
    present = {nic.name for nic in running.interfaces}
    problems = []
    for nic in nics_of(template):
        is_new = nic.name not in present and not nic.interface.is_absent
        if not is_new or nic.on_pod_network:
            continue
        if nic.has_binding(Sriov):
            message = f"KubeVirt adds the SR-IOV NIC '{nic.name}' to a running machine by migrating it"
            problems.append(Problem(nic.at, "KN817", message, hint=_MIGRATE, severity=Severity.WARNING))
        elif not nic.has_binding(Bridge) or (nic.network is not None and not nic.network.is_secondary):
            message = f"KubeVirt plugs no NIC such as '{nic.name}' into a running machine: it is no bridge on a NAD"
            problems.append(Problem(nic.at, "KN817", message, hint=_RESTART, severity=Severity.WARNING))
    origin = template.origin
    return tuple(each if origin is None else each.placed(origin.place(each.at)) for each in problems)


def _updated(template: Machine, running: Machine) -> Machine:
    states = {nic.name: nic.state for nic in template.interfaces}
    ordinal = may_have_ordinal_links(running)
    kept = [_with_state(nic, states.get(nic.name, nic.state), ordinal) for nic in running.interfaces]
    present = {nic.name for nic in running.interfaces}
    candidates = (nic for nic in template.interfaces if nic.name not in present and not nic.is_absent)
    new = [nic for nic in candidates if any(isinstance(each, Bridge | Sriov) for each in nic.bindings)]
    plugged = {nic.name for nic in new}
    networks = (*running.networks, *(network for network in template.networks if network.name in plugged))
    if is_migratable(running):
        networks = tuple(_with_nads_of(template, networks))
    reported = {entry.name for entry in status_interfaces(running)}
    removed = {nic.name for nic in (*kept, *new) if nic.is_absent and nic.name not in reported}
    return _without(running.with_nics((*kept, *new), networks), removed)


def _with_state(nic: Interface, state: str | None, ordinal: bool) -> Interface:
    return nic if nic.is_absent or (state == "absent" and ordinal) else evolve(nic, state=state)


def may_have_ordinal_links(running: Machine) -> bool:
    """Whether pod links have ordinal names: the first reported link tells, and where none is reported, they may."""
    links = {entry.name: entry.pod_interface_name for entry in reversed(status_interfaces(running))}
    secondary = secondary_networks(running.networks)
    known = (link for network in secondary if (link := links.get(network.name)))
    link = next(known, None)
    return bool(secondary) and (link is None or is_ordinal([link]))


def _with_nads_of(template: Machine, networks: Iterable[Network]) -> Iterator[Network]:
    """The networks, with the NetworkAttachmentDefinitions that the manifest names for them now."""
    wanted = {network.name: network.multus.network_name for network in template.networks if network.multus}
    for network in networks:
        if network.multus and network.name in wanted:
            multus = evolve(network.multus, network_name=wanted[network.name])
            sources = tuple(multus if each is network.multus else each for each in network.sources)
            yield evolve(network, sources=sources)
        else:
            yield network


def _without(machine: Machine, removed: set[str]) -> Machine:
    """A machine without some of its NICs; its networks become those of the NICs that stay, in their order."""
    interfaces = tuple(nic for nic in machine.interfaces if nic.name not in removed)
    networks = {network.name: network for network in machine.networks}
    matched = tuple(networks[nic.name] for nic in interfaces if nic.name in networks)
    return machine.with_nics(interfaces, matched)
