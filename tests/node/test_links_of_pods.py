"""Links are made in a pod as they are planned, and taken away so that the pod's NIC is as its plugin made it."""

from __future__ import annotations

import errno
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from components import needs_package
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.compiler.pod import hashed_name
from kvnet.node import NodeError, links
from kvnet.pod import AddressFamily, BridgeLink, DesiredLink, DummyLink, PodLinks, RenamedLink, TapLink

pytestmark = needs_package("pyroute2", "node")

MAC, LAN = "0a:58:0a:f4:00:05", hashed_name("lan")
Link = dict[str, Any]


class Kernel:
    """The links of a pod, by index, as a kernel would have them."""

    def __init__(self) -> None:
        self.links: dict[int, Link] = {
            1: {"ifname": "lo"},
            7: {"ifname": "eth0", "kind": "veth", "address": MAC, "state": "up"},
            8: {"ifname": LAN, "kind": "veth", "address": "0a:58:0a:f4:00:06", "state": "up"},
        }
        self.addresses: dict[int, dict[str, Link]] = {7: {"10.244.0.5/24": {}}, 8: {}}
        self.ports: dict[int, Link] = {}
        self.values: dict[str, str] = {}
        self.has_dummies = True

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def link(self, action: str, index: int = 0, **given: Any) -> None:
        if action == "add":
            self._refuse(given)
            assert self.index(given["ifname"]) is None
            self.links[max(self.links) + 1] = {"state": "down", **given}
        elif action == "del":
            del self.links[index]
            self.addresses.pop(index, None)
        else:
            assert action == "set"
            assert "ifname" not in given or self.links[index]["state"] == "down", (
                "the kernel renames no link that is up"
            )
            self.links[index] |= given

    def _refuse(self, given: Link) -> None:
        from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415 - an extra

        if given["kind"] == "dummy" and not self.has_dummies:
            raise NetlinkError(errno.EOPNOTSUPP)
        if given.get("mtu") == 1:
            raise NetlinkError(errno.EINVAL, "no such MTU")

    def index(self, name: str) -> int | None:
        return next((index for index, link in self.links.items() if link["ifname"] == name), None)

    def link_lookup(self, ifname: str) -> list[int]:
        index = self.index(ifname)
        return [] if index is None else [index]

    def get_links(self, index: int) -> list[Link]:
        return [self.links[index]]

    def flush_addr(self, index: int) -> None:
        self.addresses[index] = {}

    def addr(self, action: str, index: int, address: str, prefixlen: int, **flags: int) -> None:
        assert action == "replace"
        self.addresses.setdefault(index, {})[f"{address}/{prefixlen}"] = flags

    def brport(self, action: str, index: int, **given: int) -> None:
        assert action == "set"
        self.ports[index] = given

    def of(self, name: str) -> Link:
        index = self.index(name)
        assert index is not None, name
        return self.links[index]

    def addresses_of(self, name: str) -> list[str]:
        return [*self.addresses.get(self.index(name) or 0, {})]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr("pyroute2.IPRoute", lambda: made)
    monkeypatch.setattr(links, "entered", nullcontext)
    monkeypatch.setattr(links, "_set", made.values.__setitem__)

    def make_tap(link: TapLink) -> None:
        made.links[max(made.links) + 1] = {"ifname": link.name, "kind": "tun", "state": "down", "owner": link.owner}

    monkeypatch.setattr(links, "_make_tap", make_tap)
    return made


FOUND = kvnet.load_found(
    {
        "links": [
            {"name": "eth0", "index": 7, "mac": MAC, "mtu": 1450, "ipv4": ["10.244.0.5/24"], "ipv6": ["fd10::5/64"]},
            {"name": LAN, "index": 8, "mac": "0a:58:0a:f4:00:06", "mtu": 9000},
        ],
        "routes": [{"destination": "0.0.0.0/0", "link": "eth0", "gateway": "10.244.0.1"}],
        "hostIP": "10.244.0.1",
    }
)


def plan(*bindings: str) -> PodLinks:
    names = ("a", "lan")[: len(bindings)]
    networks = [pod("a"), multus("lan")][: len(bindings)]
    machine = kvnet.load(vmi([nic(name, each) for name, each in zip(names, bindings, strict=True)], networks))
    planned = kvnet.pod_links(machine, None, FOUND)
    assert planned.problems == ()
    return planned


def made(kernel: Kernel, *bindings: str) -> PodLinks:
    planned = plan(*bindings)
    links.make_links("kvnet-0", planned.links)
    return planned


def test_behind_masquerade_the_bridge_has_the_gateways_addresses_and_the_tap_is_its_port(kernel: Kernel) -> None:
    made(kernel, "masquerade")
    bridge = kernel.of("k6t-eth0")
    assert (bridge["kind"], bridge["state"], bridge["address"], bridge["mtu"]) == (
        *("bridge", "up"),
        *("02:00:00:00:00:00", 1450),
    )
    assert kernel.addresses[kernel.index("k6t-eth0") or 0] == {"10.0.2.1/24": {}, "fd10:0:2::1/120": {"flags": 2}}
    assert kernel.values["net/ipv6/conf/k6t-eth0/disable_ipv6"] == "0"
    tap = kernel.of("tap0")
    assert (tap["master"], tap["state"], tap["mtu"]) == (kernel.index("k6t-eth0"), "up", 1450)
    assert kernel.links[7] == {"ifname": "eth0", "kind": "veth", "address": MAC, "state": "up"}


def test_on_a_bridge_the_nic_becomes_a_port_and_a_dummy_has_its_name_and_addresses(kernel: Kernel) -> None:
    made(kernel, "bridge")
    bridge = kernel.index("k6t-eth0")
    assert kernel.links[7] == {
        "ifname": "eth0-nic",
        "kind": "veth",
        "address": kernel.of("k6t-eth0").get("address"),
        "state": "up",
        "master": bridge,
    }
    assert kernel.addresses[7] == {}
    assert kernel.ports == {7: {"learning": 0}}
    assert kernel.values["net/ipv6/conf/eth0-nic/disable_ipv6"] == "1"
    dummy = kernel.of("eth0")
    assert (dummy["kind"], dummy["address"], dummy["state"]) == ("dummy", MAC, "down")
    assert kernel.addresses_of("eth0") == ["10.244.0.5/24", "fd10::5/64"]


def test_where_the_kernel_has_no_dummies_a_bridge_without_ports_takes_its_place(kernel: Kernel) -> None:
    kernel.has_dummies = False
    made(kernel, "bridge")
    assert (kernel.of("eth0")["kind"], kernel.of("eth0")["address"]) == ("bridge", MAC)
    assert kernel.addresses_of("eth0") == ["10.244.0.5/24", "fd10::5/64"]


@pytest.mark.parametrize("bindings", [("masquerade",), ("bridge",), ("masquerade", "bridge"), ("bridge", "bridge")])
def test_links_that_are_made_again_stay_as_they_are(bindings: tuple[str, ...], kernel: Kernel) -> None:
    planned = made(kernel, *bindings)
    before = [{index: dict(link) for index, link in kernel.links.items()}, repr(kernel.addresses)]
    links.make_links("kvnet-0", planned.links)
    assert [kernel.links, repr(kernel.addresses)] == before


@pytest.mark.parametrize("bindings", [("masquerade",), ("bridge",), ("masquerade", "bridge"), ("bridge", "bridge")])
@pytest.mark.parametrize("times", [1, 2])
def test_links_that_are_taken_away_leave_the_nics_as_their_plugins_made_them(
    bindings: tuple[str, ...], times: int, kernel: Kernel
) -> None:
    planned = made(kernel, *bindings)
    for _ in range(times):
        links.remove_links("kvnet-0", planned.links)
    names = {index: link["ifname"] for index, link in kernel.links.items()}
    assert names == {1: "lo", 7: "eth0", 8: LAN}
    assert (kernel.links[7]["address"], kernel.links[7]["state"]) == (MAC, "up")
    assert "10.244.0.5/24" in kernel.addresses[7]
    assert (kernel.links[8]["address"], kernel.links[8]["state"]) == ("0a:58:0a:f4:00:06", "up")


def test_links_that_were_made_in_part_are_taken_away(kernel: Kernel) -> None:
    planned = plan("bridge")
    for count in range(len(planned.links)):
        links.make_links("kvnet-0", planned.links[:count])
        links.remove_links("kvnet-0", planned.links)
        assert {link["ifname"] for link in kernel.links.values()} == {"lo", "eth0", LAN}, count
        assert kernel.links[7]["state"] == "up"


ABSENT: dict[str, DesiredLink] = {
    "a bridge": BridgeLink(network="a", name="old", is_absent=True),
    "a dummy": DummyLink(network="a", name="old", is_absent=True),
    "a tap": TapLink(network="a", name="old", controller="k6t-eth0", is_absent=True),
}


@pytest.mark.parametrize("link", ABSENT.values(), ids=ABSENT)
def test_a_link_that_is_absent_in_the_plan_is_removed(link: DesiredLink, kernel: Kernel) -> None:
    kernel.links[20] = {"ifname": "old", "state": "up"}
    for _ in range(2):
        links.make_links("kvnet-0", [link])
        assert kernel.index("old") is None


def test_a_nic_that_is_renamed_already_or_is_not_known_stays(kernel: Kernel) -> None:
    kernel.links[9] = {"ifname": "eth0-nic", "state": "up"}
    for index in (7, None):
        links.make_links("p", [RenamedLink(network="a", name="eth0-nic", index=index, controller="k6t-eth0")])
    assert kernel.links[7]["ifname"] == "eth0"


def test_what_the_kernel_refuses_is_told_with_the_pod(kernel: Kernel) -> None:
    with pytest.raises(NodeError, match=r"KN884 the kernel refuses a change of the links in kvnet-0: .*no such MTU"):
        links.make_links("kvnet-0", [BridgeLink(network="a", name="k6t-eth0", mtu=1)])
    with pytest.raises(NodeError, match=r"KN884 .*there is no link 'k6t-eth0'"):
        links.make_links("kvnet-0", [TapLink(network="a", name="tap0", controller="k6t-eth0")])


def test_ipv6_is_left_as_it_is_where_the_plan_does_not_say(kernel: Kernel) -> None:
    links.make_links("p", [BridgeLink(network="a", name="br", ipv6=AddressFamily())])
    assert kernel.values == {}
    links.make_links("p", [BridgeLink(network="a", name="br", ipv6=AddressFamily(enabled=False))])
    assert kernel.values == {"net/ipv6/conf/br/disable_ipv6": "1"}


def test_the_loopback_link_is_switched_on_and_ports_are_isolated(kernel: Kernel) -> None:
    links.loopback_up("kvnet-0")
    assert kernel.links[1]["state"] == "up"
    links.isolate(["eth0", "gone"])
    assert kernel.ports == {7: {"isolated": 1}}


def test_values_of_the_kernel_are_set_where_there_are_such(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("0")
    links._set(f"../..{tmp_path}/value", "1")
    links._set(f"../..{tmp_path}/other", "1")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("value", "1")]
