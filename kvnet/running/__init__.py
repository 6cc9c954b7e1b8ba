"""Machines that run: what can be changed, and what is there, told from texts alone."""

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

__all__ = [
    "RootPorts",
    "extra_controllers",
    "extra_ports",
    "free_ports",
    "has_hotplug_ports",
    "hotplug_off",
    "placeholder_nics",
    "placeholders",
    "with_hotplug_ports",
]
