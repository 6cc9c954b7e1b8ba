"""Change the NICs of a running machine: plan the steps, fix their addresses, and keep root ports free for them."""

from kvnet.hotplug.live_domain import LiveDomain, LiveNic
from kvnet.hotplug.persistent import (
    Call,
    DomainPlan,
    DomainState,
    Redefinition,
    mac_from_uuid,
    plan_domain,
    redefine,
    with_fixed_addresses,
)
from kvnet.hotplug.plan import plan_changes, plan_next_start, plan_virtual_functions
from kvnet.hotplug.policy import HotplugPolicy, networks_to_set_up
from kvnet.hotplug.ports import (
    PciSlot,
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
from kvnet.hotplug.steps import Action, Plan, Step, preview

__all__ = [
    "Action",
    "Call",
    "DomainPlan",
    "DomainState",
    "HotplugPolicy",
    "LiveDomain",
    "LiveNic",
    "PciSlot",
    "Plan",
    "Redefinition",
    "RootPorts",
    "Step",
    "extra_controllers",
    "extra_ports",
    "free_ports",
    "has_hotplug_ports",
    "hotplug_off",
    "mac_from_uuid",
    "networks_to_set_up",
    "placeholder_nics",
    "placeholders",
    "plan_changes",
    "plan_domain",
    "plan_next_start",
    "plan_virtual_functions",
    "preview",
    "redefine",
    "with_fixed_addresses",
    "with_hotplug_ports",
]
