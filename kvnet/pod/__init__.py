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
from kvnet.pod.dnsmasq import dnsmasq
from kvnet.pod.found import BridgeLease, FoundLink, FoundRoute, LeaseRoute, PodFound
from kvnet.pod.network_data import NetworkData, NetworkDataLink, network_data
from kvnet.pod.network_data_check import check_network_data
from kvnet.pod.resolv_conf import ResolvConf, read_resolv_conf

__all__ = [
    "BridgeLease",
    "DeviceNetwork",
    "DhcpAnswer",
    "DhcpServer",
    "FoundLink",
    "FoundRoute",
    "LeaseRoute",
    "NetworkData",
    "NetworkDataLink",
    "NetworkSelection",
    "PodAnnotations",
    "PodDhcp",
    "PodFound",
    "ResolvConf",
    "answer",
    "answer_v6",
    "check_network_data",
    "dnsmasq",
    "migration_target_annotations",
    "network_data",
    "pod_annotations",
    "pod_dhcp",
    "read_resolv_conf",
    "updated_annotations",
]
