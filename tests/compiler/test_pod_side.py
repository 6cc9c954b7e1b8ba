"""Which link of the pod a NIC is plugged into, and what its MAC address and MTU are."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from compiler.compiling import codes, compiled, interface_of, only
from hypothesis import given
from hypothesis import strategies as st
from machines import claim, multus, nic, pod, vmi

import kvnet
from kvnet.compiler import found_links, ordinal_link_names, pod_link_names
from kvnet.facts import PodLink
from kvnet.values import MacAddress

MAC, OTHER = "52:54:00:00:00:0a", "52:54:00:00:00:0b"
NIC = "spec.domain.devices.interfaces[0]"
HASH = sha256(b"a").hexdigest()[:11]

TARGETS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the pod network has tap0": (pod(), {"name": "eth0"}, "tap0"),
    "the pod network has tap0 whatever its link is": (pod(), {"name": "ovn-udn1"}, "tap0"),
    "a multus default has tap0": (multus(default=True), {"name": "eth0"}, "tap0"),
    "a secondary network has the tap of its link": (multus(), {"name": "pod123"}, "tap123"),
    "a secondary network of an old pod has a numbered tap": (multus(), {"name": "net1"}, "tap1"),
    "a tap of another name is used by that name": (pod(), {"name": "eth0", "tap": "vnet7"}, "vnet7"),
    "a tap of another name is used on a secondary network": (multus(), {"name": "pod123", "tap": "vnet7"}, "vnet7"),
    "the pod's link itself is used where there is no tap": (pod(), {"name": "eth0", "tap": False}, "eth0"),
    "a secondary link itself is used where there is no tap": (multus(), {"name": "pod123", "tap": False}, "pod123"),
    "a network of a claim has tap0, as the primary one has": (claim(), {"name": "pod123", "tap": True}, "tap0"),
    "a network of a claim without tap0 has its link": (claim(), {"name": "pod123", "tap": False}, "pod123"),
}


@pytest.mark.parametrize(("network", "link", "target"), TARGETS.values(), ids=TARGETS)
def test_a_nic_is_plugged_into_its_tap_or_into_the_link_itself(
    network: dict[str, Any], link: dict[str, Any], target: str
) -> None:
    made = only(nic(), network, facts={"links": {"a": link}})
    assert interface_of(made).target == target
    assert not interface_of(made).target_managed
    assert "KN310" not in codes(made)


def test_a_link_without_tap_takes_the_tap_of_its_name_that_is_there_for_another_network() -> None:
    links = {"a": {"name": "eth0", "tap": False}, "b": {"name": "eth0", "tap": True}}
    made = compiled([nic("a"), nic("b")], [pod("a"), multus("b", default=True)], facts={"links": links})
    assert [interface_of(each).target for each in made.nics] == ["tap0", "tap0"]
    del links["b"]
    made = compiled([nic("a"), nic("b")], [pod("a"), multus("b", default=True)], facts={"links": links})
    assert [interface_of(each).target for each in made.nics] == ["eth0", None]


def test_a_secondary_tap_does_not_stand_in_for_the_primary_one() -> None:
    links = {"a": {"name": "eth0", "tap": False}, "b": {"name": "pod0", "tap": True}}
    made = compiled([nic("a"), nic("b")], [pod("a"), multus("b")], facts={"links": links})
    assert [interface_of(each).target for each in made.nics] == ["tap0", "tap0"]
    links["b"]["tap"] = False
    made = compiled([nic("a"), nic("b")], [pod("a"), multus("b")], facts={"links": links})
    assert [interface_of(each).target for each in made.nics] == ["eth0", "pod0"]


def test_a_nic_whose_link_is_not_in_the_pod_has_no_target_and_that_is_told() -> None:
    made = only(nic(macAddress=MAC), pod(), facts={"links": {"other": {"name": "eth0"}}})
    assert (interface_of(made).target, interface_of(made).target_managed) == (None, None)
    assert codes(made) == ["KN311"]


SCHEMES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the pod network has tap0": (pod(), {}, "tap0"),
    "a multus default has tap0": (multus(default=True), {}, "tap0"),
    "a secondary network has a hash of its name": (multus(), {}, f"tap{HASH}"),
    "a status with an ordinal name turns to numbers": (
        *(multus(), {"interfaces": [{"name": "a", "podInterfaceName": "net1"}]}),
        "tap1",
    ),
    "a status with a name that only begins like a number does not": (
        *(multus(), {"interfaces": [{"name": "a", "podInterfaceName": "net1x"}]}),
        f"tap{HASH}",
    ),
}


@pytest.mark.parametrize(("network", "status", "target"), SCHEMES.values(), ids=SCHEMES)
def test_without_facts_the_tap_is_named_by_kubevirts_scheme_and_that_is_told(
    network: dict[str, Any], status: dict[str, Any], target: str
) -> None:
    made = only(nic(macAddress=MAC), network, status=status)
    assert interface_of(made).target == target
    assert (interface_of(made).target_managed, interface_of(made).mtu) == (False, None)
    assert codes(made) == ["KN310"]


def test_without_facts_a_network_of_a_claim_has_no_link() -> None:
    made = only(nic(macAddress=MAC), claim())
    assert interface_of(made).target is None
    assert codes(made) == ["KN311"]


def test_a_nic_without_mac_address_is_told_where_none_is_known() -> None:
    made = only(nic(), pod())
    assert codes(made) == ["KN310", "KN312"]
    assert [each.field for each in made.notes] == [NIC, f"{NIC}.macAddress"]
    assert codes(only(nic(), pod(), facts={"links": {"a": {"name": "eth0"}}})) == []


def test_network_status_gives_mac_and_mtu_and_tells_the_scheme_of_names() -> None:
    entries = [{"name": "n", "interface": "net1", "mac": MAC, "mtu": 1400}]
    made = only(nic(), multus(), facts={"networkStatus": entries})
    device = interface_of(made)
    assert (str(device.mac), device.mtu, device.target) == (MAC, 1400, "tap1")
    assert codes(made) == []
    default = only(nic(), pod(), facts={"networkStatus": [{"name": "n", "interface": "eth0", "mac": MAC}]})
    assert (str(interface_of(default).mac), interface_of(default).target) == (MAC, "tap0")


LINK = {"name": "eth0", "mac": OTHER, "mtu": 1400}
MACS: dict[str, tuple[str | None, dict[str, Any] | None, str | None]] = {
    "the spec's": (MAC, {"name": "eth0"}, MAC),
    "the link's": (None, LINK, OTHER),
    "the spec's before the link's": (MAC, LINK, MAC),
    "an empty one counts for nothing": ("", LINK, OTHER),
    "the spec's in libvirt's spelling beside a link": ("52-54-00-00-00-0A", LINK, MAC),
    "the spec's in its own spelling without a link": ("52-54-00-00-00-0A", None, "52-54-00-00-00-0A"),
    "none": (None, {"name": "eth0"}, None),
}


@pytest.mark.parametrize(("asked", "link", "spelling"), MACS.values(), ids=MACS)
def test_the_mac_address_is(asked: str | None, link: dict[str, Any] | None, spelling: str | None) -> None:
    members = {} if asked is None else {"macAddress": asked}
    mac = interface_of(only(nic(**members), pod(), facts={"links": {"a": link} if link else {}})).mac
    assert (mac and mac.spelling) == spelling


def test_the_mtu_is_that_of_the_link() -> None:
    assert interface_of(only(nic(), pod(), facts={"links": {"a": LINK}})).mtu == 1400


@given(st.lists(st.text("abc-0", min_size=1), unique=True, max_size=4))
def test_secondary_networks_have_hashed_names_or_numbers_in_their_order(names: list[str]) -> None:
    networks = [pod("the-default"), *(multus(name) for name in names)]
    machine = kvnet.load(vmi([nic(each["name"]) for each in networks], networks))
    hashed = {name: "pod" + sha256(name.encode()).hexdigest()[:11] for name in names}
    assert pod_link_names(machine) == {**hashed, "the-default": "eth0"}
    numbered = {name: f"net{n}" for n, name in enumerate(names, 1)}
    assert ordinal_link_names(machine) == {**numbered, "the-default": "eth0"}


def test_the_primary_link_is_the_one_that_the_status_reports() -> None:
    status = {"interfaces": [{"name": "b", "podInterfaceName": "x"}, {"name": "a", "podInterfaceName": "ovn-udn1"}]}
    machine = kvnet.load(vmi([nic("a")], [pod("a")], status=status))
    assert pod_link_names(machine) == {"a": "ovn-udn1"}


FOUND: dict[str, tuple[list[str], str | None, bool]] = {
    "the hashed link and its tap": ([f"pod{HASH}", f"tap{HASH}"], f"pod{HASH}", True),
    "the hashed link alone": ([f"pod{HASH}"], f"pod{HASH}", False),
    "the numbered link and its tap": (["net1", "tap1"], "net1", True),
    "the hashed link before the numbered one": (["net1", "tap1", f"pod{HASH}"], f"pod{HASH}", False),
    "nothing": (["eth0", "tap0"], None, False),
}


@pytest.mark.parametrize(("present", "name", "tap"), FOUND.values(), ids=FOUND)
def test_among_the_links_that_are_there_a_secondary_network_finds(
    present: list[str], name: str | None, tap: bool
) -> None:
    links = found_links(
        kvnet.load(vmi([nic()], [multus()])), {each: PodLink(mac=MacAddress.parse(MAC)) for each in present}
    )
    assert links == ({} if name is None else {"a": PodLink(name=name, mac=MacAddress.parse(MAC), tap=tap)})


def test_among_the_links_that_are_there_the_pod_network_finds_tap0() -> None:
    machine = kvnet.load(vmi([nic()], [pod()]))
    present = {name: PodLink() for name in ("eth0", "tap0")}
    assert found_links(machine, present) == {"a": PodLink(name="eth0", tap=True)}
