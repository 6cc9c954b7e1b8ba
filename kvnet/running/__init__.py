"""Machines that run: what can be changed, and what is there, told from texts alone."""

from kvnet.running.applied import applied
from kvnet.running.gating import Gating
from kvnet.running.kubevirt import networks_to_set_up
from kvnet.running.plan import plan_changes, plan_virtual_functions
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
from kvnet.running.step import Action, Plan, Step

__all__ = [
    "Action",
    "Gating",
    "Plan",
    "RootPorts",
    "Step",
    "applied",
    "extra_controllers",
    "extra_ports",
    "free_ports",
    "has_hotplug_ports",
    "hotplug_off",
    "networks_to_set_up",
    "placeholder_nics",
    "placeholders",
    "plan_changes",
    "plan_virtual_functions",
    "with_hotplug_ports",
]
