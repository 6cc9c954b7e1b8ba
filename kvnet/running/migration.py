"""Live migration, as far as NICs decide on it: whether it can be, and whether it must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.facts import PodNetwork
from kvnet.running.pod_status import pod_networks
from kvnet.running.reported import InfoSource, condition, has_source, reported
from kvnet.spec import (
    Binding,
    Bridge,
    InterfaceStatus,
    Machine,
    Masquerade,
    Network,
    PasstBinding,
    Plugin,
    Sriov,
    secondary_networks,
)
from kvnet.spec.cluster import BindingPlugin

__all__ = ["MigrationRequired", "is_migratable", "live_migratable", "migration_required"]

_BRIDGE_MOVES = "kubevirt.io/allow-pod-bridge-network-live-migration"
_REMEDY = (
    "use masquerade: {}, passtBinding: {} or a plugin that is registered with `migration`; or let a bridge "
    f"move, which changes the guest's address, by the annotation {_BRIDGE_MOVES}"
)
_PATIENCE = timedelta(seconds=15)
"""How long Multus' controller of dynamic networks may take before a migration is to help."""


class MigrationRequired(StrEnum):
    """The status of KubeVirt's condition MigrationRequired: ``UNKNOWN`` is no need, and ``FALSE`` is not yet."""

    UNKNOWN = "Unknown"
    TRUE = "True"
    FALSE = "False"


def is_migratable(vmi: Machine) -> bool:
    """Whether the machine's status says that it can migrate live."""
    told = condition(vmi, "LiveMigratable")
    return told is not None and told.status == "True"


def live_migratable(vmi: Machine, binding_plugins: Mapping[str, BindingPlugin] | None = None) -> Problem | None:
    """Why a machine's NICs keep it from migrating live, or ``None`` where they do not.

    The pod network alone decides: Multus' default network and secondary networks never matter. Its NIC moves with
    masquerade, with passt, with a plugin that the cluster has registered with ``migration``, and with a bridge where
    the machine has the annotation kubevirt.io/allow-pod-bridge-network-live-migration, whatever its value. Follows
    KubeVirt 1.9, whose reason for the answer is InterfaceNotLiveMigratable.
    """
    n = next((n for n, network in enumerate(vmi.networks) if network.pod), None)
    if n is None or not vmi.interfaces:
        return None
    name = vmi.networks[n].name
    place = next((place for place, nic in enumerate(vmi.interfaces) if nic.name == name), None)
    if place is None:
        told = f"the pod network '{name}' has no interface, so the machine cannot migrate live"
        return _warning(vmi, (vmi.root / "networks")[n], "KN821", told, f"add an interface named '{name}'")
    if any(_moves(binding, vmi, binding_plugins or {}) for binding in vmi.interfaces[place].bindings):
        return None
    told = f"the binding of '{name}' to the pod network keeps the machine from migrating live"
    return _warning(vmi, (vmi.root / "domain" / "devices" / "interfaces")[place], "KN822", told, _REMEDY)


def _warning(vmi: Machine, at: FieldPath, code: str, told: str, hint: str) -> Problem:
    problem = Problem(at, code, told, hint=hint, severity=Severity.WARNING)
    return problem.placed(vmi.origin.place(at)) if vmi.origin else problem


def _moves(binding: Binding, vmi: Machine, plugins: Mapping[str, BindingPlugin]) -> bool:
    match binding:
        case Masquerade() | PasstBinding():
            return True
        case Bridge():
            return _BRIDGE_MOVES in vmi.annotations
        case Plugin(name=name):
            return name in plugins and plugins[name].migration is not None
        case _:
            return False


def migration_required(vmi: Machine, network_status: Any, now: datetime) -> MigrationRequired:
    """Whether changes of a running machine's networks wait for a live migration.

    ``network_status`` is that of the pod, as plain data, and ``now`` a time with its zone. The secondary networks are
    looked at in order, and the first that says something decides: a virtual function to plug, or another
    NetworkAttachmentDefinition, needs a migration at once; another NIC to plug or to unplug only once Multus had
    its 15 seconds, counted from when the condition MigrationRequired became ``False``. Follows KubeVirt 1.9,
    whose controller keeps a condition that is ``True`` until there is no need, and asks nothing during a migration.

    Raises Rejected for a network-status of another shape, and for a time in the condition that is none.
    """
    networks = pod_networks(network_status)
    entries = {entry.name: entry for entry in reversed(reported(vmi))}
    for network in secondary_networks(vmi.networks):
        need = _need(vmi, network, entries.get(network.name), networks)
        if need is MigrationRequired.FALSE:
            return MigrationRequired.TRUE if _waited(vmi, now) else need
        if need is MigrationRequired.TRUE:
            return need
    return MigrationRequired.UNKNOWN


def _need(
    vmi: Machine, network: Network, entry: InterfaceStatus | None, networks: Sequence[PodNetwork]
) -> MigrationRequired:
    nic = next((nic for nic in vmi.interfaces if nic.name == network.name), None)
    if nic is None:
        return MigrationRequired.UNKNOWN
    if entry is None:
        if nic.is_absent:
            return MigrationRequired.UNKNOWN
        is_vf = any(isinstance(each, Sriov) for each in nic.bindings)
        return MigrationRequired.TRUE if is_vf else MigrationRequired.FALSE
    if nic.is_absent and has_source(entry, InfoSource.MULTUS) and not has_source(entry, InfoSource.DOMAIN):
        return MigrationRequired.FALSE
    attached = next((each for each in networks if each.interface == entry.pod_interface_name), None)
    if not entry.pod_interface_name or attached is None or _is_of(attached, network, vmi):
        return MigrationRequired.UNKNOWN
    return MigrationRequired.TRUE


def _is_of(attached: PodNetwork, network: Network, vmi: Machine) -> bool:
    """Whether the pod's link was made by the NetworkAttachmentDefinition that the network names now."""
    name = network.multus.network_name if network.multus else ""
    return attached.name == name or ("/" not in name and attached.name == f"{vmi.namespace or 'default'}/{name}")


def _waited(vmi: Machine, now: datetime) -> bool:
    pending = condition(vmi, "MigrationRequired")
    if pending is None or pending.status != "False":
        return False
    since = pending.last_transition_time
    return since is None or now - _time(since, vmi) > _PATIENCE


def _time(text: str, vmi: Machine) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        conditions = vmi.status.conditions if vmi.status else ()
        n = next(n for n, each in enumerate(conditions) if each.type == "MigrationRequired")
        at = FieldPath(("status", "conditions"))[n] / "lastTransitionTime"
        hint = "write a time such as 2026-01-01T00:00:00Z"
        raise Rejected([Problem(at, "KN804", f"{text!r} is no time with a zone", hint=hint)])
    return time
