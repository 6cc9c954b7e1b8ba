"""The pod's side of a machine's network as pure plans: annotations, links, NAT, DHCP and cloud-init network data."""

from kvnet.pod._basis import networks_of
from kvnet.pod.annotations import (
    DeviceNetwork,
    NetworkSelection,
    PodAnnotations,
    migration_target_annotations,
    pod_annotations,
    updated_annotations,
)
from kvnet.pod.assumed import assumed_found, assumption, found_after
from kvnet.pod.dhcp import DhcpAnswer, DhcpServer, PodDhcp, answer, answer_v6, pod_dhcp
from kvnet.pod.dhcp_options import ResolvConf, read_resolv_conf
from kvnet.pod.dnsmasq import dnsmasq
from kvnet.pod.found import (
    BridgeLease,
    FoundLink,
    FoundRoute,
    LeaseRoute,
    Phase,
    PodFound,
    Preparation,
    load_found,
    loads_found,
)
from kvnet.pod.link_sets import (
    AddressFamily,
    BridgeLink,
    DesiredLink,
    DummyLink,
    RenamedLink,
    Sysctl,
    TapLink,
    owner_of,
)
from kvnet.pod.links import PodLinks, pod_links
from kvnet.pod.nat import PodNat, pod_nat
from kvnet.pod.network_data import NetworkData, NetworkDataLink, check_network_data, network_data
from kvnet.pod.nft import Ruleset

__all__ = [
    "AddressFamily",
    "BridgeLease",
    "BridgeLink",
    "DesiredLink",
    "DeviceNetwork",
    "DhcpAnswer",
    "DhcpServer",
    "DummyLink",
    "FoundLink",
    "FoundRoute",
    "LeaseRoute",
    "NetworkData",
    "NetworkDataLink",
    "NetworkSelection",
    "Phase",
    "PodAnnotations",
    "PodDhcp",
    "PodFound",
    "PodLinks",
    "PodNat",
    "Preparation",
    "RenamedLink",
    "ResolvConf",
    "Ruleset",
    "Sysctl",
    "TapLink",
    "answer",
    "answer_v6",
    "assumed_found",
    "assumption",
    "check_network_data",
    "dnsmasq",
    "found_after",
    "load_found",
    "loads_found",
    "migration_target_annotations",
    "network_data",
    "networks_of",
    "owner_of",
    "pod_annotations",
    "pod_dhcp",
    "pod_links",
    "pod_nat",
    "read_resolv_conf",
    "updated_annotations",
]
