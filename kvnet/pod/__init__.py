"""The pod's side of a machine's network as pure plans: annotations, links, NAT, DHCP and cloud-init network data."""

from kvnet.pod.annotations import (
    DeviceNetwork,
    NetworkSelection,
    PodAnnotations,
    migration_target_annotations,
    pod_annotations,
    updated_annotations,
)

__all__ = [
    "DeviceNetwork",
    "NetworkSelection",
    "PodAnnotations",
    "migration_target_annotations",
    "pod_annotations",
    "updated_annotations",
]
