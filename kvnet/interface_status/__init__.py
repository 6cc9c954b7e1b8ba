"""Report ``status.interfaces`` of a running machine as KubeVirt does, from its domain, its guest and its pod."""

from kvnet.interface_status.report import status, virt_controller_status, virt_handler_status
from kvnet.interface_status.sources import (
    AgentNic,
    InfoSource,
    PodIps,
    agent_nics,
    pod_addresses,
    pod_networks,
    status_interfaces,
)

__all__ = [
    "AgentNic",
    "InfoSource",
    "PodIps",
    "agent_nics",
    "pod_addresses",
    "pod_networks",
    "status",
    "status_interfaces",
    "virt_controller_status",
    "virt_handler_status",
]
