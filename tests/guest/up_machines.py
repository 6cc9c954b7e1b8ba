"""The machines of the tests of `kvnet up`: masquerade on each family and model, and all kinds of secondary networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen
from machines import multus, nic, pod, vmi

__all__ = [
    "BEHIND",
    "CLUSTER",
    "LAN_MTU",
    "MASQUERADED",
    "NADS",
    "PLUGGED",
    "POD_MTU",
    "POD_NETWORKS",
    "ROUTED_MTU",
    "SEARCHED",
    "VLANS",
    "Masqueraded",
    "machines",
]

POD_MTU, ROUTED_MTU, LAN_MTU = 1400, 1350, 1300
BEHIND: Final = "192.0.2.1"
"""An address of the peer that is reached by a route which DHCP tells."""
SEARCHED: Final = "web.prod.svc.cluster.local"
VLANS: Final = ("ten", "twenty")
"""The NICs that need a kernel whose bridges know VLANs."""
CLUSTER: Final = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "KubeVirt",
    "metadata": {"name": "kubevirt", "namespace": "kubevirt"},
    "spec": {"configuration": {"developerConfiguration": {"featureGates": ["PortRangesSpec"]}}},
}


@frozen(kw_only=True)
class Masqueraded:
    """A machine whose first NIC is behind masquerade.

    - ``model``: of all its NICs
    - ``families``: of its pod network, a key of ``POD_NETWORKS``
    - ``listed``: the members of the NIC that list ports; none where all lead to the guest
    - ``opened``, ``closed``: the TCP and the UDP port that lead to the guest, and those that do not
    - ``network``: the members of the network
    - ``address``: of the guest, by IPv4
    """

    model: str
    families: str
    listed: Mapping[str, Any] = field(factory=dict, hash=False)
    opened: tuple[int, int]
    closed: tuple[int, int] | None = None
    network: Mapping[str, Any] = field(factory=dict, hash=False)
    address: str = "10.0.2.2"

    @property
    def has_ipv4(self) -> bool:
        return self.families != "ipv6"

    @property
    def has_ipv6(self) -> bool:
        return self.families != "ipv4"


_LISTED: Final = {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}
_RANGES: Final = {
    "portRanges": [
        {"protocol": "TCP", "start": 8000, "end": 8010},
        {"protocol": "UDP", "start": 8005, "end": 8006},
    ]
}
MASQUERADED: Final = {
    "dual-virtio": Masqueraded(
        model="virtio",
        families="dual",
        listed=_RANGES,
        opened=(8010, 8005),
        closed=(8011, 8004),
        network={"vmNetworkCIDR": "10.11.12.0/24", "vmIPv6NetworkCIDR": "fd11:12::/112"},
        address="10.11.12.2",
    ),
    "dual-e1000": Masqueraded(model="e1000", families="dual", opened=(8443, 5353)),
    "ipv4-virtio": Masqueraded(model="virtio", families="ipv4", listed=_LISTED, opened=(80, 53), closed=(53, 80)),
    "ipv4-e1000": Masqueraded(model="e1000", families="ipv4", listed=_LISTED, opened=(80, 53), closed=(81, 54)),
    "ipv6-virtio": Masqueraded(model="virtio", families="ipv6", opened=(8443, 5353)),
    "ipv6-e1000": Masqueraded(model="e1000", families="ipv6", listed=_LISTED, opened=(80, 53), closed=(81, 54)),
}


def _network(name: str, *subnets: str, **members: Any) -> dict[str, Any]:
    """The configuration of a bridge, which gives addresses of subnets."""
    routes = members.pop("routes", None)
    ipam: dict[str, Any] = {"type": "host-local", "ranges": [[{"subnet": each}] for each in subnets]}
    if routes:
        ipam["routes"] = routes
    given = {"ipam": ipam} if subnets else {}
    return {"cniVersion": "0.4.0", "name": name, "type": "bridge", "bridge": f"kvt{name}", **members, **given}


def _pod_network(name: str, *subnets: str) -> dict[str, Any]:
    routes = [{"dst": "::/0" if ":" in each else "0.0.0.0/0"} for each in subnets]
    return _network(name, *subnets, isGateway=True, mtu=POD_MTU, routes=routes)


POD_NETWORKS: Final = {
    "dual": _pod_network("dual", "10.99.0.0/24", "fd10:99::/64"),
    "ipv4": _pod_network("ipv4", "10.93.0.0/24"),
    "ipv6": _pod_network("ipv6", "fd10:96::/64"),
}
"""The pod network of each set of families."""


def _nad(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    kind = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
    return {**kind, "metadata": {"name": name}, "spec": {"config": json.dumps({**config, "name": name})}}


NADS: Final = (
    _nad(
        "routed",
        _network("routed", "10.98.0.0/24", mtu=ROUTED_MTU, routes=[{"dst": "192.0.2.0/24", "gw": "10.98.0.250"}]),
    ),
    _nad("lan", _network("lan", mtu=LAN_MTU)),
    _nad("other", _network("other")),
    _nad("ten", _network("vlan", vlan=10)),
    _nad("twenty", _network("vlan", vlan=20)),
    _nad("guarded", _network("guarded", macspoofchk=True)),
    _nad("open", _network("open")),
    _nad("moved", {"cniVersion": "0.4.0", "type": "macvlan", "master": "kvtopen", "mode": "bridge"}),
)
PLUGGED: Final = {
    "kvtdual": ("10.99.0.250/24", "fd10:99::250/64"),
    "kvtipv4": ("10.93.0.250/24",),
    "kvtipv6": ("fd10:96::250/64",),
    "kvtrouted": ("10.98.0.250/24",),
    "kvtguarded": ("10.97.0.250/24",),
    "kvtopen": ("10.96.0.250/24", "10.92.0.250/24"),
    "lo": (f"{BEHIND}/32",),
}
"""Where the peer of the tests is plugged in, and its addresses there."""
_OPTIONS: Final = {
    "tftpServerName": "tftp.example",
    "bootFileName": "pxe, linux;0",
    "ntpServers": ["10.98.0.7"],
    "privateOptions": [{"option": 240, "value": "{a}"}],
}


def machines(families: str, *, with_vlans: bool) -> tuple[dict[str, Any], ...]:
    """The machines on the pod network of those families; the first two are on secondary networks, too."""
    more: Mapping[str, list[dict[str, Any]]] = {
        "dual-virtio": [
            nic("routed", dhcpOptions=_OPTIONS),
            *map(nic, ("lan", "guarded", "open", "moved", *VLANS[:with_vlans])),
        ],
        "dual-e1000": [
            *(nic(each, model="e1000") for each in ("routed", "lan", "other", *VLANS[1 : 1 + with_vlans])),
            nic("open", state="down"),
        ],
    }
    return tuple(
        _machine(name, each, more.get(name, [])) for name, each in MASQUERADED.items() if each.families == families
    )


def _machine(name: str, asked: Masqueraded, more: list[dict[str, Any]]) -> dict[str, Any]:
    first = nic("red", "masquerade", model=asked.model, **asked.listed)
    networks = [pod("red", **asked.network), *(multus(each["name"], networkName=each["name"]) for each in more)]
    spec = {"architecture": "amd64", "hostname": f"front-{name}", "dnsConfig": {"searches": [SEARCHED]}}
    made = vmi([first, *more], networks, domain={"memory": {"guest": "128Mi"}}, spec=spec)
    return {**made, "metadata": {"name": name, "namespace": "prod"}}
