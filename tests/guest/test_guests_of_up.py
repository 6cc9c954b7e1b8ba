"""`kvnet up` on a plain host, as guests see it: leases, traffic out and in, isolation, and the guide's MTU table."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from attrs import field, frozen
from components import needs_cni, needs_program
from guest.image import Image
from guest.machine import BOOT_SECONDS
from guest.plain_host import Peer, PlainHost, Upped, plain_host
from guest.up_machines import (
    BEHIND,
    CLUSTER,
    LAN_MTU,
    MASQUERADED,
    NADS,
    PLUGGED,
    POD_MTU,
    POD_NETWORKS,
    ROUTED_MTU,
    SEARCHED,
    VLANS,
    machines,
)

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    needs_cni(),
    *map(needs_program, ("nft", "dnsmasq", "nsenter")),
]

DEFAULT_MTU: Final = 1500
GREETING: Final = "this is the guest\n"
IPV4 = [name for name, each in MASQUERADED.items() if each.has_ipv4]
IPV6 = [name for name, each in MASQUERADED.items() if each.has_ipv6]
FAMILIES = [*((name, 4) for name in IPV4), *((name, 6) for name in IPV6)]
LISTED = [(name, family) for name, family in FAMILIES if MASQUERADED[name].closed]
UNLISTED = [each for each in FAMILIES if each not in LISTED]


@frozen
class Together:
    """The machines on one host by their names, and a peer on its bridges."""

    host: PlainHost
    peer: Peer
    has_vlans: bool
    machines: Mapping[str, Upped]
    ready: set[tuple[str, int]] = field(factory=set)

    def peer_of(self, name: str, family: int) -> str:
        """The peer's address on the pod network of a machine."""
        addresses = PLUGGED[f"kvt{MASQUERADED[name].families}"]
        return next(each.partition("/")[0] for each in addresses if (":" in each) is (family == 6))

    def pod_ip(self, name: str, family: int) -> str:
        """The address of the pod on its own network."""
        addresses: list[str] = self.machines[name].told["podIPs"]
        return next(each for each in addresses if (":" in each) is (family == 6))

    def facts(self, name: str) -> dict[str, Any]:
        """The host facts of a machine, as `kvnet ps` tells them."""
        told = json.loads(self.host.kvnet("ps", "-o", "json", "--root", self.host.root).stdout)
        return next(each["facts"] for each in told if each["name"] == f"prod/{name}")

    def network_data(self, name: str) -> dict[str, Any]:
        """What `kvnet cloud-init` prints for a machine: the settings of each link, by its MAC address."""
        file = self.host.folder / f"{MASQUERADED[name].families}.yaml"
        given = ("-f", file, "--name", name, "--facts", self.host.write("facts.json", self.facts(name)))
        data = yaml.safe_load(self.host.kvnet("cloud-init", "-q", *given).stdout)
        return {each["match"]["macaddress"]: each for each in data["ethernets"].values()}

    def gets_ready(self, name: str, family: int) -> Upped:
        """The machine, whose guest has an address of a family: by DHCP, or by the network data that kvnet prints."""
        machine = self.machines[name]
        if (name, family) in self.ready:
            return machine
        self.ready.add((name, family))
        if family == 4:
            assert machine.lease("red")["ip"] == MASQUERADED[name].address
            return machine
        data, link = self.network_data(name)[machine.mac("red")], machine.link("red")
        for setting in ("accept_dad=0", "disable_ipv6=0"):
            machine.run(f"sysctl -w net.ipv6.conf.{link}.{setting}")
        machine.guest.up(link)
        for address in (each for each in data["addresses"] if ":" in each):
            machine.run(f"ip -6 address replace {address} dev {link}")
        for route in (each for each in data["routes"] if ":" in each["via"]):
            machine.run(f"ip -6 route replace default via {route['via']} dev {link}")
        return machine


@pytest.fixture(scope="module")
def up(image: Image) -> Iterator[Together]:
    with plain_host(image) as host:
        has_vlans = host.has_vlans()
        before = host.seen()
        cluster = host.write("cluster.yaml", CLUSTER)
        running = dict[str, Upped]()
        for families, config in POD_NETWORKS.items():
            made = machines(families, with_vlans=has_vlans)
            file = host.write(f"{families}.yaml", *NADS, *made)
            upped = host.up_all(file, host.write(f"{families}.json", config), "--cluster", cluster)
            running |= {each["metadata"]["name"]: one for each, one in zip(made, upped, strict=True)}
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.ask("nics", seconds=BOOT_SECONDS), running.values()))
        with host.peer(PLUGGED) as peer:
            yield Together(host, peer, has_vlans, running)
        host.kvnet("down", "--root", host.root)
        assert host.seen() == before, "nothing is left"
        assert not any(Path("/run/netns", each.told["networkNamespace"]).exists() for each in running.values())


@pytest.mark.parametrize("name", IPV4)
def test_a_masqueraded_guest_is_told_everything_by_dhcp(up: Together, name: str) -> None:
    lease = up.machines[name].lease("red")
    address = MASQUERADED[name].address
    assert (lease["ip"], lease["mask"], lease["router"]) == (address, "24", f"{address[:-1]}1")
    assert (lease["mtu"], lease["hostname"]) == (str(POD_MTU), f"front-{name}")
    assert SEARCHED in lease["search"].split()


def test_a_machine_that_is_up_is_told_with_the_addresses_that_its_guest_has_taken(up: Together) -> None:
    machine = up.machines["dual-virtio"]
    taken = {machine.lease(name)["ip"] for name in ("red", "routed")}
    folder, root = up.host.folder, up.host.root
    given = ("--name", "dual-virtio", "--pod-network", folder / "dual.json", "--cluster", folder / "cluster.yaml")
    again = up.host.kvnet(
        "up", "-q", "-f", folder / "dual.yaml", *given, "--root", root, "--timeout", "10", "-o", "json"
    )
    told = json.loads(again.stdout)
    assert taken <= {each["ip"] for each in told["guestIPs"]}
    assert told["console"] == machine.told["console"], "it was not started again"


def test_the_ports_that_are_told_are_those_that_are_listed(up: Together) -> None:
    told = {
        name: {(each["protocol"], each["ports"]) for each in machine.told["ports"]}
        for name, machine in up.machines.items()
    }
    listed = {("tcp", "80"), ("udp", "53")}
    assert told == {
        "dual-virtio": {("tcp", "8000-8010"), ("udp", "8005-8006")},
        "dual-e1000": {(None, None)},
        "ipv4-virtio": listed,
        "ipv4-e1000": listed,
        "ipv6-virtio": {(None, None)},
        "ipv6-e1000": listed,
    }


@pytest.mark.parametrize(("name", "family"), FAMILIES)
def test_traffic_of_a_masqueraded_guest_leaves_under_the_address_of_its_pod(
    up: Together, name: str, family: int
) -> None:
    machine, peer = up.gets_ready(name, family), up.peer_of(name, family)
    with up.peer.hears(7000, "::" if family == 6 else "0.0.0.0"):
        assert machine.reaches(peer)
        assert machine.ask("talk", peer, "7000") == (up.pod_ip(name, family),)


@pytest.mark.parametrize(("name", "family"), LISTED)
def test_traffic_comes_in_on_the_ports_that_are_listed_and_on_no_other(up: Together, name: str, family: int) -> None:
    machine, address = up.gets_ready(name, family), up.pod_ip(name, family)
    (tcp, udp), closed = MASQUERADED[name].opened, MASQUERADED[name].closed
    assert closed is not None
    for port in (tcp, closed[0]):
        machine.ask("serve", str(port))
    assert up.peer.talk(address, tcp) == GREETING
    assert up.peer.talk(address, closed[0], attempts=1) == ""
    assert _datagrams(up, machine, address, closed[1]) == 0
    assert _datagrams(up, machine, address, udp) > 0


@pytest.mark.parametrize(("name", "family"), UNLISTED)
def test_traffic_comes_in_on_every_port_where_none_is_listed(up: Together, name: str, family: int) -> None:
    machine, address = up.gets_ready(name, family), up.pod_ip(name, family)
    tcp, udp = MASQUERADED[name].opened
    machine.ask("serve", str(tcp))
    assert up.peer.talk(address, tcp) == GREETING
    assert _datagrams(up, machine, address, udp) > 0


def _datagrams(up: Together, machine: Upped, address: str, port: int) -> int:
    """How many of a few datagrams come in."""
    (before,) = machine.ask("datagrams")
    up.peer.send(address, port)
    return int(machine.ask("datagrams")[0]) - int(before)


def test_a_bridged_guest_takes_over_the_address_the_mac_and_the_routes_of_its_pod(up: Together) -> None:
    machine = up.machines["dual-virtio"]
    lease = machine.lease("routed")
    stands_for = up.facts("dual-virtio")["links"]["routed"]
    left = _in_pod(up, machine, "ip", "-j", "address", "show", stands_for["name"])
    addresses = [(each["local"], each["prefixlen"]) for each in left["addr_info"] if each["family"] == "inet"]
    assert left["address"] == machine.mac("routed"), "it stands for what has moved"
    assert addresses == [(lease["ip"], int(lease["mask"]))]
    assert lease["ip"].startswith("10.98.0.")
    assert lease["ip"] in machine.told["podIPs"]
    assert "192.0.2.0/24" in lease["staticroutes"]
    assert lease["serverid"] == "169.254.75.11"
    assert machine.reaches(BEHIND)


def _in_pod(up: Together, machine: Upped, *command: str) -> dict[str, Any]:
    """The one thing that a command in a machine's pod lists."""
    (listed,) = json.loads(up.host.kvnet("exec", "--root", up.host.root, machine.told["name"], "--", *command).stdout)
    return dict(listed)


def test_a_bridged_guest_is_told_its_dhcp_options(up: Together) -> None:
    lease = up.machines["dual-virtio"].lease("routed")
    told = {name: lease.get(name) for name in ("tftp", "bootfile", "ntpsrv", "opt240")}
    value = b"{a}".hex()
    assert told == {"tftp": "tftp.example", "bootfile": "pxe, linux;0", "ntpsrv": "10.98.0.7", "opt240": value}


def test_nobody_serves_a_bridged_guest_whose_pod_has_no_address(up: Together) -> None:
    assert up.machines["dual-virtio"].lease("lan") == {}


def _addressed(machine: Upped, network: str, address: str) -> str:
    """The guest's link on a network, up and with one IPv4 address."""
    link = machine.link(network)
    machine.guest.up(link)
    machine.run(f"ip -4 address flush dev {link}")
    machine.run(f"ip address replace {address} dev {link}")
    return link


def test_guests_meet_on_a_network_that_joins_them_and_nowhere_else(up: Together) -> None:
    left, right = up.machines["dual-virtio"], up.machines["dual-e1000"]
    _addressed(left, "lan", "10.95.0.1/24")
    _addressed(right, "lan", "10.95.0.2/24")
    assert left.reaches("10.95.0.2")
    assert right.reaches("10.95.0.1")
    right.guest.down(right.link("lan"))
    _addressed(right, "other", "10.95.0.2/24")
    assert not left.reaches("10.95.0.2")


def test_guests_on_other_vlans_of_a_bridge_do_not_meet(up: Together) -> None:
    if not up.has_vlans:
        pytest.skip("bridges of this kernel know no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)")
    left, right = up.machines["dual-virtio"], up.machines["dual-e1000"]
    for n, (machine, vlan) in enumerate(zip((left, right), VLANS, strict=True), start=1):
        _addressed(machine, vlan, f"10.94.0.{n}/24")
    assert not left.reaches("10.94.0.2")


def test_a_link_that_is_down_at_the_start_has_no_carrier_in_the_guest(up: Together) -> None:
    machine = up.machines["dual-e1000"]
    machine.guest.up()
    assert [machine.nic(each).carrier for each in ("open", "lan")] == [False, True]


def test_the_spoof_check_drops_what_has_a_foreign_mac(up: Together) -> None:
    machine, reached = up.machines["dual-virtio"], {}
    for n, network in enumerate(("guarded", "open")):
        link, own = _addressed(machine, network, f"10.9{7 - n}.0.1/24"), machine.mac(network)
        for mac in (own, f"02:00:00:00:0f:0{n}"):
            _with_mac(machine, link, mac)
            reached[network, mac == own] = machine.reaches(f"10.9{7 - n}.0.250")
        _with_mac(machine, link, own)
    assert reached == {
        ("guarded", True): True,
        ("guarded", False): False,
        ("open", True): True,
        ("open", False): True,
    }


def _with_mac(machine: Upped, link: str, mac: str) -> None:
    for change in ("down", f"address {mac}", "up"):
        machine.run(f"ip link set {link} {change}")


def test_macvlan_does_not_work_under_the_bridge_binding(up: Together) -> None:
    """The peer is on the link below, and hears the guest; what it answers is not for the MAC address of the macvlan."""
    machine = up.machines["dual-virtio"]
    _addressed(machine, "moved", "10.92.0.1/24")
    assert machine.nic("moved").carrier
    assert not machine.reaches("10.92.0.250")
    assert machine.mac("moved") in _run_in(up.peer.name, "ip", "neighbour", "show", "10.92.0.1")
    file, cluster = up.host.folder / "dual.yaml", up.host.folder / "cluster.yaml"
    told = up.host.kvnet("check", "-f", file, "--name", "dual-virtio", "--cluster", cluster, check=False)
    assert "KN912" in told.stdout + told.stderr


def _run_in(namespace: str, *command: str) -> str:
    return subprocess.run(
        ["ip", "netns", "exec", namespace, *command], capture_output=True, text=True, check=True
    ).stdout


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


ON_MTU = {"virtio": "dual-virtio", "e1000": "dual-e1000"}
"""The machine of each model that has a NIC on each network of the guide's table."""


def test_the_mtu_arrives_as_the_user_guide_has_it(up: Together, record_property: Callable[[str, object], None]) -> None:
    wanted = {"red": POD_MTU, "routed": ROUTED_MTU, "lan": LAN_MTU}
    cells = {
        (model, network): _cell(up.machines[name], network, mtu)
        for model, name in ON_MTU.items()
        for network, mtu in wanted.items()
    }
    record_property("table", _table(cells))
    assert {where: cell.way for where, cell in cells.items()} == {
        ("virtio", "red"): "libvirt and DHCP",
        ("virtio", "routed"): "libvirt and DHCP",
        ("virtio", "lan"): "libvirt",
        ("e1000", "red"): "DHCP",
        ("e1000", "routed"): "DHCP",
        ("e1000", "lan"): "not at all",
    }
    assert [cell.result == cell.wanted for cell in cells.values()] == [True, True, True, True, True, False]


def test_the_mtu_that_arrives_by_no_way_is_in_the_network_data(up: Together) -> None:
    mac = up.machines["dual-e1000"].mac("lan")
    assert up.network_data("dual-e1000")[mac]["mtu"] == LAN_MTU


def _cell(machine: Upped, network: str, wanted: int) -> Cell:
    name = machine.link(network)
    machine.run(f"ip link set {name} down")
    machine.run(f"ip link set {name} mtu {DEFAULT_MTU}")  # more than a virtio device may have is refused
    (device,) = machine.run(f"cat /sys/class/net/{name}/mtu")
    lease = machine.lease(network) if network != "lan" else {}
    return Cell(wanted=wanted, device=int(device), dhcp=lease.get("mtu", ""), result=machine.nic(network).mtu)


def _table(cells: Mapping[tuple[str, str], Cell]) -> str:
    headings = {"red": "masquerade", "routed": "bridge with an address", "lan": "bridge without"}
    rows = [["MTU in the guest", *headings.values()]]
    for model in ON_MTU:
        told = [f"{each.result} of {each.wanted}, {each.way}" for each in (cells[model, name] for name in headings)]
        rows.append([model, *told])
    return "\n".join("  ".join(f"{cell:<30}" for cell in row).rstrip() for row in rows)
