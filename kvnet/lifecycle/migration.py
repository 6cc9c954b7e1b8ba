"""Tell whether a machine's NICs allow a live migration, and whether a change of its networks requires one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from kvnet._arguments import checked
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.facts import PodNetwork
from kvnet.interface_status.sources import InfoSource, pod_networks, sources_of, status_interfaces
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
from kvnet.spec.machine import checked_machine
from kvnet.spec.nic import interfaces_at

__all__ = ["MigrationRequired", "is_migratable", "live_migratable", "migration_required"]

_BRIDGE_ALLOWED = "kubevirt.io/allow-pod-bridge-network-live-migration"
_REMEDY = (
    "use masquerade: {}, passtBinding: {} or a plugin that is registered with `migration`; or allow a bridge to "
    f"migrate, which changes the guest's address, with the annotation {_BRIDGE_ALLOWED}"
)
_MULTUS_TIME = timedelta(seconds=15)
"""How long Multus' dynamic networks controller may take to plug a NIC before KubeVirt migrates the machine."""


class MigrationRequired(StrEnum):
    """The status of KubeVirt's condition MigrationRequired: ``FALSE`` is not yet, ``UNKNOWN`` not at all."""

    UNKNOWN = "Unknown"
    TRUE = "True"
    FALSE = "False"


def is_migratable(machine: Machine) -> bool:
    """Whether the machine's status says that it can migrate live (condition LiveMigratable)."""
    conditions = machine.status.conditions if machine.status else ()
    return next((each.status for each in conditions if each.type == "LiveMigratable"), None) == "True"


def live_migratable(machine: Machine, binding_plugins: Mapping[str, BindingPlugin] | None = None) -> Problem | None:
    """Tell why a machine's NICs prevent its live migration, or ``None`` where they do not.

    Only the pod network decides: Multus' default network and secondary networks never matter. Its NIC can migrate with
    masquerade, with passt, with a plugin that the cluster has registered with ``migration``, and with a bridge where
    the machine has the annotation kubevirt.io/allow-pod-bridge-network-live-migration, whatever its value.

    Args:
        machine: the machine.
        binding_plugins: the cluster's binding plugins by name; none without them.

    Returns a warning; KubeVirt's reason for it is InterfaceNotLiveMigratable. Source: KubeVirt's
    ``pkg/network/vmispec/interface.go``. Raises TypeError for arguments of another kind.
    """
    checked_machine(machine)
    plugins = _checked_plugins(binding_plugins)
    n = next((n for n, network in enumerate(machine.networks) if network.pod), None)
    if n is None or not machine.interfaces:
        return None
    name = machine.networks[n].name
    number = next((number for number, nic in enumerate(machine.interfaces) if nic.name == name), None)
    if number is None:
        message = f"the pod network '{name}' has no interface, so the machine cannot migrate live"
        return _warning(machine, (machine.root / "networks")[n], "KN821", message, f"add an interface named '{name}'")
    if any(_can_migrate(binding, machine, plugins) for binding in machine.interfaces[number].bindings):
        return None
    message = f"the binding of '{name}' to the pod network prevents a live migration of the machine"
    return _warning(machine, interfaces_at(machine)[number], "KN822", message, _REMEDY)


def _checked_plugins(plugins: Mapping[str, BindingPlugin] | None) -> Mapping[str, BindingPlugin]:
    if plugins is None:
        return {}
    wanted, hint = "a mapping of names to BindingPlugin", "take binding_plugins of a ClusterConfig"
    for each in checked(plugins, Mapping, wanted, hint).values():
        checked(each, BindingPlugin, wanted, hint)
    return plugins


def _warning(machine: Machine, at: FieldPath, code: str, message: str, hint: str) -> Problem:
    problem = Problem(at, code, message, hint=hint, severity=Severity.WARNING)
    return problem.placed(machine.origin.place(at)) if machine.origin else problem


def _can_migrate(binding: Binding, machine: Machine, plugins: Mapping[str, BindingPlugin]) -> bool:
    match binding:
        case Masquerade() | PasstBinding():
            return True
        case Bridge():
            return _BRIDGE_ALLOWED in machine.annotations
        case Plugin(name=name):
            return name in plugins and plugins[name].migration is not None
        case _:
            return False


def migration_required(machine: Machine, network_status: Any, now: datetime) -> MigrationRequired:
    """Tell whether changes of a running machine's networks require a live migration.

    The first secondary network, in order, that needs something decides. A virtual function to plug, or another
    NetworkAttachmentDefinition, needs a migration at once. Another NIC to plug or to unplug needs one only after Multus
    had 15 seconds, counted from when the condition MigrationRequired became ``False``. KubeVirt's controller keeps a
    condition that is ``True`` until there is no need, and does not ask during a migration.

    Args:
        machine: the running machine, with its status.
        network_status: the pod's network-status, as plain data; ``None`` where the pod has none.
        now: the time, with its zone.

    Raises Rejected for a network-status of another shape, and for a time in the condition that cannot be read.
    Source: KubeVirt's ``pkg/network/migration/evaluator.go``.
    """
    networks = pod_networks(network_status)
    entries = {entry.name: entry for entry in reversed(status_interfaces(machine))}
    for network in secondary_networks(machine.networks):
        need = _need(machine, network, entries.get(network.name), networks)
        if need is MigrationRequired.FALSE:
            return MigrationRequired.TRUE if _has_waited(machine, now) else need
        if need is MigrationRequired.TRUE:
            return need
    return MigrationRequired.UNKNOWN


def _need(
    machine: Machine, network: Network, entry: InterfaceStatus | None, networks: Sequence[PodNetwork]
) -> MigrationRequired:
    nic = next((nic for nic in machine.interfaces if nic.name == network.name), None)
    if nic is None:
        return MigrationRequired.UNKNOWN
    if entry is None:
        if nic.is_absent:
            return MigrationRequired.UNKNOWN
        is_vf = any(isinstance(each, Sriov) for each in nic.bindings)
        return MigrationRequired.TRUE if is_vf else MigrationRequired.FALSE
    sources = sources_of(entry)
    if nic.is_absent and InfoSource.MULTUS in sources and InfoSource.DOMAIN not in sources:
        return MigrationRequired.FALSE
    attached = next((each for each in networks if each.interface == entry.pod_interface_name), None)
    if not entry.pod_interface_name or attached is None or _is_attached_by(attached, network, machine):
        return MigrationRequired.UNKNOWN
    return MigrationRequired.TRUE


def _is_attached_by(attached: PodNetwork, network: Network, machine: Machine) -> bool:
    """Whether the pod's link comes from the NetworkAttachmentDefinition that the network names now."""
    name = network.multus.network_name if network.multus else ""
    return attached.name == name or ("/" not in name and attached.name == f"{machine.namespace or 'default'}/{name}")


def _has_waited(machine: Machine, now: datetime) -> bool:
    """Whether Multus had its time, counted from when the condition MigrationRequired became ``False``."""
    conditions = machine.status.conditions if machine.status else ()
    n = next((n for n, each in enumerate(conditions) if each.type == "MigrationRequired"), None)
    if n is None or conditions[n].status != "False":
        return False
    text = conditions[n].last_transition_time
    if text is None:
        return True
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None:
        at = FieldPath(("status", "conditions"))[n] / "lastTransitionTime"
        hint = "write a time such as 2026-01-01T00:00:00Z"
        raise Rejected([Problem(at, "KN804", f"{text!r} is not a time with a zone", hint=hint)])
    return now - since > _MULTUS_TIME
