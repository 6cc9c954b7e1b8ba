"""The pod's side of a machine's network as pure plans: annotations, links, NAT, DHCP and cloud-init network data."""

from kvnet.pod.assumed import assumed_found, assumption
from kvnet.pod.desired import AddressFamily, BridgeLink, DesiredLink, DummyLink, RenamedLink, Sysctl, TapLink
from kvnet.pod.found import BridgeLease, FoundLink, FoundRoute, LeaseRoute, Phase, PodFound, Preparation
from kvnet.pod.link_sets import owner_of
from kvnet.pod.links import PodLinks, networks_of, pod_links
from kvnet.pod.nat import PodNat, pod_nat
from kvnet.pod.nft import Ruleset
from kvnet.pod.reading import load_found, loads_found

__all__ = [
    "AddressFamily",
    "BridgeLease",
    "BridgeLink",
    "DesiredLink",
    "DummyLink",
    "FoundLink",
    "FoundRoute",
    "LeaseRoute",
    "Phase",
    "PodFound",
    "PodLinks",
    "PodNat",
    "Preparation",
    "RenamedLink",
    "Ruleset",
    "Sysctl",
    "TapLink",
    "assumed_found",
    "assumption",
    "load_found",
    "loads_found",
    "networks_of",
    "owner_of",
    "pod_links",
    "pod_nat",
]
