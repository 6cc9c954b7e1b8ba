"""`kvnet up` on a plain host, as guests see it: leases, traffic out and in, isolation, and the MTU of the user guide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from attrs import frozen
from guest.image import Image
from guest.machine import BOOT_SECONDS
from guest.plain_host import Peer, PlainHost, Upped, missing, plain_host
from machines import multus, nic, pod, vmi

pytestmark = [pytest.mark.guest, pytest.mark.slow]

POD_MTU, ROUTED_MTU, LAN_MTU = 1400, 1350, 1300
PEER, PEER_6 = "10.99.0.250", "fd10:99::250"
BEHIND = "192.0.2.1"
SEARCHED: Final = "web.prod.svc.cluster.local"


def network(name: str, *subnets: str, **members: Any) -> dict[str, Any]:
    """The configuration of a bridge, which gives addresses of subnets."""
    ipam = {"ipam": {"type": "host-local", "ranges": [[{"subnet": each}] for each in subnets]}} if subnets else {}
    routes = members.pop("routes", None)
    if routes:
        ipam["ipam"]["routes"] = routes
    return {"cniVersion": "0.4.0", "name": name, "type": "bridge", "bridge": f"kvt{name}", **members, **ipam}


def nad(name: str, *subnets: str, **members: Any) -> dict[str, Any]:
    config = {**network(members.pop("bridge", name), *subnets, **members), "name": name}
    kind = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
    return {**kind, "metadata": {"name": name}, "spec": {"config": json.dumps(config)}}


NADS = (
    nad("routed", "10.98.0.0/24", mtu=ROUTED_MTU, routes=[{"dst": "192.0.2.0/24", "gw": "10.98.0.250"}]),
    nad("lan", mtu=LAN_MTU),
    nad("ten", bridge="vlan", vlan=10),
    nad("twenty", bridge="vlan", vlan=20),
    nad("guarded", macspoofchk=True),
    nad("open"),
)
SECONDARY = ("routed", "lan", "ten", "twenty", "guarded", "open")


def machine(name: str, *nics: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A machine whose first NIC is on the pod network, and whose others are on NADs of their names."""
    networks = [pod(nics[0]["name"], **spec.pop("pod", {}))]
    networks += [multus(each["name"], networkName=each["name"]) for each in nics[1:]]
    made = vmi(list(nics), networks, domain={"memory": {"guest": "128Mi"}}, spec={"architecture": "amd64", **spec})
    return {**made, "metadata": {"name": name, "namespace": "prod"}}


FIRST = machine(
    "first",
    nic("red", "masquerade", ports=[{"port": 80}, {"port": 53, "protocol": "UDP"}]),
    *(nic(each, model="virtio") for each in ("routed", "lan", "ten", "guarded", "open")),
    hostname="front",
    dnsConfig={"searches": [SEARCHED]},
    pod={"vmNetworkCIDR": "10.11.12.0/24"},
)
SECOND = machine(
    "second",
    nic("red", "masquerade", model="e1000"),
    nic("routed", model="e1000"),
    nic("lan", model="e1000"),
    nic("twenty", model="e1000"),
    nic("open", state="down"),
)
THIRD = machine("third", nic("six", "masquerade"))


@frozen
class Together:
    """Three machines on one host, and a peer on its bridges."""

    host: PlainHost
    peer: Peer
    first: Upped
    second: Upped
    third: Upped


@pytest.fixture(scope="module")
def up(image: Image) -> Iterator[Together]:
    if missing():
        pytest.skip(f"missing here: {', '.join(missing())}")
    with plain_host(image) as host:
        both = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
        pods = network("pod", "10.99.0.0/24", "fd10:99::/64", isGateway=True, mtu=POD_MTU, routes=both)
        six = network("six", "fd10:96::/64", isGateway=True, routes=both[1:])
        asked = [(FIRST, host.write("pod.json", pods)), (SECOND, host.write("pod.json", pods))]
        asked += [(THIRD, host.write("six.json", six))]
        before = host.seen()
        machines = [host.up(host.write(f"{each['metadata']['name']}.yaml", *NADS, each), file) for each, file in asked]
        peer = host.peer(
            {
                "kvtpod": (f"{PEER}/24", f"{PEER_6}/64"),
                "kvtrouted": ("10.98.0.250/24",),
                "kvtguarded": ("10.97.0.250/24",),
                "kvtopen": ("10.96.0.250/24",),
                "kvtsix": ("fd10:96::250/64",),
                "lo": (f"{BEHIND}/32",),
            }
        )
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.ask("nics", seconds=BOOT_SECONDS), machines))
        yield Together(host, peer, *machines)
        host.kvnet("down", "--root", host.root)
        after = host.seen()
        assert {**after, "namespaces": ()} == {**before, "namespaces": (), "links": after["links"]}


def test_a_masqueraded_guest_is_told_everything_by_dhcp(up: Together) -> None:
    lease = up.first.lease("red")
    assert (lease["ip"], lease["mask"], lease["router"]) == ("10.11.12.2", "24", "10.11.12.1")
    assert (lease["mtu"], lease["hostname"]) == (str(POD_MTU), "front")
    assert SEARCHED in lease["search"].split()
    assert up.second.lease("red")["ip"] == "10.0.2.2"
