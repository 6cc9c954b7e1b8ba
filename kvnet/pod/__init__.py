"""The pod's side of a machine's network as pure plans: annotations, links, NAT, DHCP and cloud-init network data."""

from kvnet.pod.annotations import (
    DeviceNetwork,
    NetworkSelection,
    PodAnnotations,
    migration_target_annotations,
    pod_annotations,
    updated_annotations,
)
from kvnet.pod.dhcp import DhcpServer, PodDhcp, pod_dhcp
from kvnet.pod.dhcp_answers import DhcpAnswer, answer, answer_v6

__all__ = [
    "DeviceNetwork",
    "DhcpAnswer",
    "DhcpServer",
    "NetworkSelection",
    "PodAnnotations",
    "PodDhcp",
    "answer",
    "answer_v6",
    "migration_target_annotations",
    "pod_annotations",
    "pod_dhcp",
    "updated_annotations",
]
