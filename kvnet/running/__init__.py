"""Machines that run: their NICs' status, what a change of their manifest comes to, and what carries it out."""

from kvnet.running.applied import applied
from kvnet.running.controller import controller_status
from kvnet.running.domain_plan import Call, DomainPlan, DomainTexts, plan_domain
from kvnet.running.gating import Gating
from kvnet.running.handler import handler_status
from kvnet.running.kubevirt import networks_to_set_up
from kvnet.running.migration import MigrationRequired, is_migratable, live_migratable, migration_required
from kvnet.running.plan import plan_changes, plan_next_start, plan_virtual_functions
from kvnet.running.ports import (
    RootPorts,
    extra_controllers,
    extra_ports,
    free_ports,
    has_hotplug_ports,
    hotplug_off,
    placeholder_nics,
    placeholders,
    with_hotplug_ports,
)
from kvnet.running.restart import device_changes, network_changes, restart_required
from kvnet.running.stable import stable_mac
from kvnet.running.status import status
from kvnet.running.step import Action, Plan, Step
from kvnet.running.sync import Synced, synced

__all__ = [
    "Action",
    "Call",
    "DomainPlan",
    "DomainTexts",
    "Gating",
    "MigrationRequired",
    "Plan",
    "RootPorts",
    "Step",
    "Synced",
    "applied",
    "controller_status",
    "device_changes",
    "extra_controllers",
    "extra_ports",
    "free_ports",
    "handler_status",
    "has_hotplug_ports",
    "hotplug_off",
    "is_migratable",
    "live_migratable",
    "migration_required",
    "network_changes",
    "networks_to_set_up",
    "placeholder_nics",
    "placeholders",
    "plan_changes",
    "plan_domain",
    "plan_next_start",
    "plan_virtual_functions",
    "restart_required",
    "stable_mac",
    "status",
    "synced",
    "with_hotplug_ports",
]
