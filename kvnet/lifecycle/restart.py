"""Tell which changes of a manifest a running machine takes over at once, and which only when it restarts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, fields, frozen

from kvnet.compiler.pod import is_ordinal
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.interface_status.sources import status_interfaces
from kvnet.lifecycle.migration import is_migratable
from kvnet.manifest.binder import plain
from kvnet.spec import BINDINGS, SOURCES, Bridge, Devices, Interface, Machine, Network, Sriov, secondary_networks
from kvnet.spec.machine import checked_machine
from kvnet.spec.nic import interfaces_at, nics_of
from kvnet.spec.wire import json_name

__all__ = ["Synced", "network_changes", "not_plugged", "restart_required", "synced"]

_RESTART = "restart the machine: this does not change while it runs"
_REMOVE = "restart the machine; or keep the NIC with `state: absent` until it is unplugged, where its binding allows it"
_MIGRATE = "restart the machine: a live migration would do too, but it cannot migrate"
_FUNCTION = "migrate the machine, or restart it"
_NO_BRIDGE = "restart the machine, or attach the NIC to a NAD with `bridge: {}`"
_SHOWN = 60
_DEVICES = {"network_interface_multiqueue": False, "use_virtio_transitional": False, "autoattach_pod_interface": True}
"""Fields that concern all NICs, and their values where they are absent."""

_MEMBERS = frozenset({*BINDINGS, *SOURCES})
_POINTERS = frozenset({"bootOrder", "claimName", "requestName"})

_Difference = tuple[FieldPath, Any, Any]
"""A field, and its values in the running machine and in the manifest; ``None`` where it is absent."""


def restart_required(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """Tell what of a machine's manifest takes effect only after a restart.

    No restart is needed for another order, for a new NIC, for a change of ``state``, nor for another
    NetworkAttachmentDefinition where the machine can migrate live.

    Args:
        template: the VM's manifest now, with its default NIC, and written out as ``kvnet.expand`` does.
        running: the running machine, a VirtualMachineInstance.

    Returns a warning at the manifest's field for each change, none where no restart is needed. Source: KubeVirt's
    ``pkg/network/vmliveupdate/restart.go`` and ``pkg/virt-controller/watch/vm/vm.go``. Raises TypeError for what is not
    a machine.
    """
    checked_machine(template)
    checked_machine(running)
    problems = (*network_changes(template, running), *_device_changes(template, running))
    origin = template.origin
    return problems if origin is None else tuple(problem.placed(origin.place(problem.at)) for problem in problems)


def network_changes(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """The changes of NICs and networks that need a restart; arguments as for ``restart_required``.

    Source: KubeVirt's ``pkg/network/vmliveupdate/restart.go``.
    """
    return (*_interface_changes(template, running), *_network_changes(template, running))


def _device_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    """The changes of fields for all NICs that need a restart; an absent field equals its default.

    Source: KubeVirt's ``pkg/virt-controller/watch/vm/vm.go``.
    """
    for name, default in _DEVICES.items():
        was, now = (getattr(machine.spec.domain.devices, name) for machine in (running, template))
        if (default if was is None else was) != (default if now is None else now):
            at = template.root / "domain" / "devices" / json_name(getattr(fields(Devices), name))
            yield _change("KN816", (at, was, now), _RESTART)


def _interface_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    at = interfaces_at(template)
    for name, n, differences in _compared(running.interfaces, template.interfaces, at, ignored="state"):
        if n is None:
            message = f"the running machine has the NIC '{name}', and the manifest does not"
            yield _warning(at, "KN811", message, _REMOVE)
        for each in differences:
            yield _change("KN812", each, _RESTART)


def _network_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    at = template.root / "networks"
    ignored = "networkName" if is_migratable(running) else ""
    for name, n, differences in _compared(running.networks, template.networks, at, ignored=ignored):
        if n is None:
            message = f"the running machine has the network '{name}', and the manifest does not"
            yield _warning(at, "KN813", message, _REMOVE)
        for each in differences:
            yield _change("KN814", each, _MIGRATE if each[0].parts[-1] == "networkName" else _RESTART)
    added = next((n for n, network in enumerate(template.networks) if network.pod), None)
    if added is not None and not any(network.pod for network in running.networks):
        yield _warning(at[added], "KN815", "the running machine is not on the pod network", _RESTART)


def _compared(
    running: Iterable[Any], wanted: Iterable[Any], at: FieldPath, *, ignored: str
) -> Iterator[tuple[str, int | None, Iterable[_Difference]]]:
    """The name of each running NIC or network, its position in the manifest, and the differences between the two."""
    numbered = {each.name: (n, plain(each)) for n, each in enumerate(wanted)}
    for each in running:
        n, now = numbered.get(each.name, (None, {}))
        yield each.name, n, () if n is None else _differences(plain(each), now, at[n], ignored)


def _differences(was: Mapping[str, Any], now: Mapping[str, Any], at: FieldPath, ignored: str) -> Iterator[_Difference]:
    """Each field, other than the ignored one, in which the plain data of two objects of one class differ.

    Values are compared as Go compares them: an absent text, number or boolean equals its zero value, except where
    KubeVirt's API has a pointer; an absent list differs from an empty one. Bindings and sources have no order.
    """
    old, new = (" and ".join(key for key in each if key in _MEMBERS) or None for each in (was, now))
    if old != new:
        yield at, old, new
    for key in dict.fromkeys((*was, *now)):
        old, new = was.get(key), now.get(key)
        if key in _MEMBERS and old is not None and new is not None:
            yield from _differences(old, new, at / key, ignored)
        elif key not in _MEMBERS and key != ignored and _normalized(old, key) != _normalized(new, key):
            yield at / key, old, new


def _normalized(value: Any, key: str = "") -> Any:
    """A value with Go's zero values as ``None``, and without members of that value."""
    if isinstance(value, list):
        return [_normalized(each) for each in value]
    if isinstance(value, Mapping):
        members = {name: _normalized(each, name) for name, each in value.items()}
        return {name: each for name, each in members.items() if each is not None}
    return None if value in ("", 0) and key not in _POINTERS else value


def _change(code: str, difference: _Difference, hint: str) -> Problem:
    at, was, now = difference
    return _warning(at, code, f"the running machine has {_shown(was)} here, and the manifest has {_shown(now)}", hint)


def _warning(at: FieldPath, code: str, message: str, hint: str) -> Problem:
    return Problem(at, code, message, hint=hint, severity=Severity.WARNING)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


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
            problems.append(Problem(nic.at, "KN817", message, hint=_FUNCTION, severity=Severity.WARNING))
        elif not nic.has_binding(Bridge) or (nic.network is not None and not nic.network.is_secondary):
            message = f"KubeVirt plugs no NIC such as '{nic.name}' into a running machine: it is no bridge on a NAD"
            problems.append(Problem(nic.at, "KN817", message, hint=_NO_BRIDGE, severity=Severity.WARNING))
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
