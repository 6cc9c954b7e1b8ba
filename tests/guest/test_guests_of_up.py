"""`kvnet up` on a plain host, as guests see it: leases, traffic out and in, isolation, and the guide's MTU table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
DEFAULT_MTU = 1500
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


PLUGGED = {
    "kvtpod": (f"{PEER}/24", f"{PEER_6}/64"),
    "kvtsix": ("fd10:96::250/64",),
    "kvtrouted": ("10.98.0.250/24",),
    "kvtguarded": ("10.97.0.250/24",),
    "kvtopen": ("10.96.0.250/24",),
    "lo": (f"{BEHIND}/32",),
}
"""Where the peer of the tests is plugged in, and its addresses there."""
VLANS = ("ten", "twenty")
"""The NICs that need a kernel whose bridges know VLANs."""


def machine(name: str, *nics: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A machine whose first NIC is on the pod network, and whose others are on NADs of their names."""
    networks = [pod(nics[0]["name"], **spec.pop("pod", {}))]
    networks += [multus(each["name"], networkName=each["name"]) for each in nics[1:]]
    made = vmi(list(nics), networks, domain={"memory": {"guest": "128Mi"}}, spec={"architecture": "amd64", **spec})
    return {**made, "metadata": {"name": name, "namespace": "prod"}}


def machines(*, with_vlans: bool) -> tuple[dict[str, Any], ...]:
    """Three machines: with virtio on all networks, with e1000, and with IPv6 alone."""
    first = ["routed", "lan", "guarded", "open", *VLANS[:with_vlans]]
    second = ["routed", "lan", *VLANS[1 : 1 + with_vlans]]
    return (
        machine(
            "first",
            nic("red", "masquerade", ports=[{"port": 80}, {"port": 53, "protocol": "UDP"}]),
            *(nic(each) for each in first),
            hostname="front",
            dnsConfig={"searches": [SEARCHED]},
            pod={"vmNetworkCIDR": "10.11.12.0/24"},
        ),
        machine(
            "second",
            nic("red", "masquerade", model="e1000"),
            *(nic(each, model="e1000") for each in second),
            nic("open", state="down"),
        ),
        machine("third", nic("six", "masquerade")),
    )


@frozen
class Together:
    """Three machines on one host, and a peer on its bridges."""

    host: PlainHost
    peer: Peer
    has_vlans: bool
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
        has_vlans = host.has_vlans()
        files = [host.write("pod.json", pods)] * 2 + [host.write("six.json", six)]
        asked = list(zip(machines(with_vlans=has_vlans), files, strict=True))
        before = host.seen()
        running = [host.up(host.write(f"{each['metadata']['name']}.yaml", *NADS, each), file) for each, file in asked]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.ask("nics", seconds=BOOT_SECONDS), running))
        with host.peer(PLUGGED) as peer:
            yield Together(host, peer, has_vlans, *running)
        host.kvnet("down", "--root", host.root)
        assert host.seen() == before, "nothing is left"


def test_a_masqueraded_guest_is_told_everything_by_dhcp(up: Together) -> None:
    lease = up.first.lease("red")
    assert (lease["ip"], lease["mask"], lease["router"]) == ("10.11.12.2", "24", "10.11.12.1")
    assert (lease["mtu"], lease["hostname"]) == (str(POD_MTU), "front")
    assert SEARCHED in lease["search"].split()
    assert up.second.lease("red")["ip"] == "10.0.2.2"


def test_a_machine_that_is_up_is_told_with_the_addresses_that_its_guest_has_taken(up: Together) -> None:
    taken = {up.first.lease(name)["ip"] for name in ("red", "routed")}
    given = ("-q", "--pod-network", up.host.folder / "pod.json", "--root", up.host.root, "--timeout", "10")
    told = json.loads(up.host.kvnet("up", "-f", up.host.folder / "first.yaml", *given, "-o", "json").stdout)
    assert {each["ip"] for each in told["guestIPs"]} == taken
    assert told["console"] == up.first.told["console"], "it was not started again"


def test_traffic_of_a_masqueraded_guest_leaves_under_the_address_of_its_pod(up: Together) -> None:
    for machine in (up.first, up.second):
        with up.peer.hears(7000):
            assert machine.reaches(PEER)
            assert machine.ask("talk", PEER, "7000") == (machine.told["podIPs"][0],)


def test_traffic_comes_in_on_the_ports_that_are_listed_and_on_no_other(up: Together) -> None:
    for port in (80, 81):
        up.first.ask("serve", str(port))
    address = up.first.told["podIPs"][0]
    assert up.peer.talk(address, 80) == "this is the guest\n"
    assert up.peer.talk(address, 81, attempts=1) == ""
    (before,) = up.first.ask("datagrams")
    up.peer.send(address, 54)
    assert up.first.ask("datagrams") == (before,)
    up.peer.send(address, 53)
    assert int(up.first.ask("datagrams")[0]) > int(before)


def test_traffic_comes_in_on_every_port_where_none_is_listed(up: Together) -> None:
    address = up.second.told["podIPs"][0]
    up.second.ask("serve", "8443")
    assert up.peer.talk(address, 8443) == "this is the guest\n"
    (before,) = up.second.ask("datagrams")
    up.peer.send(address, 5353)
    assert int(up.second.ask("datagrams")[0]) > int(before)


def test_a_bridged_guest_takes_over_the_address_the_mac_and_the_routes_of_its_pod(up: Together) -> None:
    lease = up.first.lease("routed")
    assert lease["ip"].startswith("10.98.0.")
    assert lease["ip"] in up.first.told["podIPs"]
    assert "192.0.2.0/24" in lease["staticroutes"]
    assert lease["serverid"] == "169.254.75.11"
    assert up.first.reaches(BEHIND)


def test_guests_meet_on_a_network_that_joins_them(up: Together) -> None:
    names = [each.nic("lan").name for each in (up.first, up.second)]
    for n, (machine, name) in enumerate(zip((up.first, up.second), names, strict=True), start=1):
        machine.guest.up(name)
        machine.run(f"ip address replace 10.95.0.{n}/24 dev {name}")
    assert up.first.reaches("10.95.0.2")
    assert up.second.reaches("10.95.0.1")


def test_guests_on_other_vlans_of_a_bridge_do_not_meet(up: Together) -> None:
    if not up.has_vlans:
        pytest.skip("bridges of this kernel know no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)")
    for n, (machine, vlan) in enumerate(zip((up.first, up.second), VLANS, strict=True), start=1):
        name = machine.nic(vlan).name
        machine.guest.up(name)
        machine.run(f"ip address replace 10.94.0.{n}/24 dev {name}")
    assert not up.first.reaches("10.94.0.2")


def test_a_link_that_is_down_at_the_start_has_no_carrier_in_the_guest(up: Together) -> None:
    up.second.guest.up()
    nics = [up.second.nic("open"), up.second.nic("lan")]
    assert [each.carrier for each in nics] == [False, True]


def test_the_spoof_check_drops_what_has_a_foreign_mac(up: Together) -> None:
    reached = {}
    for n, network in enumerate(("guarded", "open")):
        name = up.first.nic(network).name
        own = str(up.first.nic(network).mac)
        peer = f"10.9{7 - n}.0.250"
        up.first.run(f"ip address replace 10.9{7 - n}.0.1/24 dev {name}")
        for mac in (own, f"02:00:00:00:0f:0{n}"):
            up.first.run(f"ip link set {name} down")
            up.first.run(f"ip link set {name} address {mac}")
            up.first.run(f"ip link set {name} up")
            reached[network, mac == own] = up.first.reaches(peer)
        up.first.run(f"ip link set {name} down")
        up.first.run(f"ip link set {name} address {own}")
    assert reached == {
        ("guarded", True): True,
        ("guarded", False): False,
        ("open", True): True,
        ("open", False): True,
    }


def test_ipv6_alone_works_with_the_network_data_that_kvnet_prints(up: Together) -> None:
    for machine, file, peer in ((up.third, "third.yaml", "fd10:96::250"), (up.first, "first.yaml", PEER_6)):
        name = _configured(up, machine, file)
        assert machine.reaches(peer), machine.run(f"ip -6 address show dev {name}")
        with up.peer.hears(7006, "::"):
            (pod,) = (each for each in machine.told["podIPs"] if ":" in each)
            assert machine.ask("talk", peer, "7006") == (pod,)
    up.third.ask("serve", "8080")
    assert up.peer.talk(up.third.told["podIPs"][0], 8080) == "this is the guest\n"


def _configured(up: Together, machine: Upped, file: str) -> str:
    """The guest's NIC that was given the address and the route of the network data."""
    told = json.loads(up.host.kvnet("ps", "-o", "json", "--root", up.host.root).stdout)
    facts = next(each["facts"] for each in told if each["name"] == machine.told["name"])
    given = ("-f", up.host.folder / file, "--facts", up.host.write("facts.json", facts))
    data = yaml.safe_load(up.host.kvnet("cloud-init", "-q", *given).stdout)
    (link,) = [
        each for each in data["ethernets"].values() if any(":" in address for address in each.get("addresses", ()))
    ]
    name = next(each.name for each in machine.guest.nics() if str(each.mac) == link["match"]["macaddress"])
    for setting in ("accept_dad=0", "disable_ipv6=0"):
        machine.run(f"sysctl -w net.ipv6.conf.{name}.{setting}")
    machine.guest.up(name)
    for address in link["addresses"]:
        machine.run(f"ip -6 address replace {address} dev {name}")
    for route in link["routes"]:
        if ":" in route["via"]:
            machine.run(f"ip -6 route replace default via {route['via']} dev {name}")
    return name


@frozen(kw_only=True)
class Cell:
    """What arrives of an MTU: that of the device before DHCP, what DHCP tells, and that of the NIC in the end."""

    wanted: int
    device: int
    dhcp: str
    result: int

    @property
    def way(self) -> str:
        ways = {"libvirt": self.device == self.wanted, "DHCP": self.dhcp == str(self.wanted)}
        return " and ".join(way for way, is_it in ways.items() if is_it) or "not at all"


def test_the_mtu_arrives_as_the_user_guide_has_it(up: Together, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {"red": POD_MTU, "routed": ROUTED_MTU, "lan": LAN_MTU}
    cells = {
        (model, network): _cell(machine, network, mtu)
        for model, machine in (("virtio", up.first), ("e1000", up.second))
        for network, mtu in wanted.items()
    }
    with capsys.disabled():
        print(_table(cells))
    assert {where: cell.way for where, cell in cells.items()} == {
        ("virtio", "red"): "libvirt and DHCP",
        ("virtio", "routed"): "libvirt and DHCP",
        ("virtio", "lan"): "libvirt",
        ("e1000", "red"): "DHCP",
        ("e1000", "routed"): "DHCP",
        ("e1000", "lan"): "not at all",
    }
    assert [cell.result == cell.wanted for cell in cells.values()] == [True, True, True, True, True, False]


def _cell(machine: Upped, network: str, wanted: int) -> Cell:
    name = machine.nic(network).name
    machine.run(f"ip link set {name} down")
    machine.run(f"ip link set {name} mtu {DEFAULT_MTU}")  # more than a virtio device may have is refused
    (device,) = machine.run(f"cat /sys/class/net/{name}/mtu")
    lease = machine.lease(network) if network != "lan" else {}
    return Cell(wanted=wanted, device=int(device), dhcp=lease.get("mtu", ""), result=machine.nic(network).mtu)


def _table(cells: dict[tuple[str, str], Cell]) -> str:
    headings = {"red": "masquerade", "routed": "bridge with an address", "lan": "bridge without"}
    rows = [["MTU in the guest", *headings.values()]]
    for model in ("virtio", "e1000"):
        told = [f"{each.result} of {each.wanted}, {each.way}" for each in (cells[model, name] for name in headings)]
        rows.append([model, *told])
    return "\n" + "\n".join("  ".join(f"{cell:<30}" for cell in row).rstrip() for row in rows)
