"""What the host must provide before a NIC works."""

from __future__ import annotations

from typing import Any

import pytest
from compiler.compiling import compiled, only
from compiler.nads import host_target
from machines import multus, nic, pod

from kvnet import Requirement

HOST = {"profile": "host"}


def needs(kind: Any, name: str, **members: Any) -> Requirement:
    return Requirement(kind=kind, name=name, nic="a", **members)


def attached(cni: dict[str, Any]) -> tuple[Requirement, ...]:
    return only(nic(), multus(), target=host_target(cni)).requirements


QUEUES: dict[str, tuple[dict[str, Any], bool]] = {
    "without multiqueue": ({"cpu": {"cores": 4}}, False),
    "of one queue": ({"devices": {"networkInterfaceMultiqueue": True}}, False),
    "of two queues": ({"devices": {"networkInterfaceMultiqueue": True}, "cpu": {"cores": 2}}, True),
    "of a confidential guest": ({"launchSecurity": {"sev": {}}, "cpu": {"cores": 2}}, False),
}


@pytest.mark.parametrize(("domain", "multi_queue"), QUEUES.values(), ids=QUEUES)
def test_a_tap_is_made_for_several_queues_where_there_are_more_than_one(
    domain: dict[str, Any], multi_queue: bool
) -> None:
    devices = domain.get("devices")
    rest = {key: value for key, value in domain.items() if key != "devices"}
    made = only(nic(), pod(), devices=devices, domain=rest)
    assert made.requirements == (needs("tap", "tap0", multi_queue=multi_queue),)


def test_a_tap_has_the_mtu_of_its_link() -> None:
    made = only(nic(), pod(), facts={"links": {"a": {"name": "eth0", "mtu": 1400}}})
    assert made.requirements == (needs("tap", "tap0", mtu=1400, multi_queue=False),)


def test_a_nic_without_target_requires_nothing() -> None:
    assert only(nic(), pod(), facts={"links": {}}).requirements == ()


def test_a_nic_without_device_requires_nothing() -> None:
    assert only(nic(binding="sriov"), multus()).requirements == ()


VLAN_RELEASE = needs("libvirt", "11.0.0")
REQUIRED: dict[str, tuple[dict[str, Any], tuple[Requirement, ...]]] = {
    "a bridge": ({"type": "bridge", "bridge": "br1", "mtu": 1400}, (needs("bridge", "br1", mtu=1400),)),
    "a release that does VLANs on a Linux bridge": (
        {"type": "bridge", "bridge": "br1", "vlan": 7},
        (needs("bridge", "br1"), VLAN_RELEASE),
    ),
    "no such release for VLANs of Open vSwitch": (
        {"type": "ovs", "bridge": "br1", "vlan": 7},
        (needs("bridge", "br1"),),
    ),
    "a filter": (
        {"type": "bridge", "bridge": "br1", "macspoofchk": True},
        (needs("bridge", "br1"), needs("filter", "no-mac-spoofing")),
    ),
    "a link, with the MTU that macvtap has from it": (
        {"type": "macvlan", "master": "eth1", "mtu": 1400},
        (needs("link", "eth1", mtu=1400),),
    ),
}


@pytest.mark.parametrize(("cni", "required"), REQUIRED.values(), ids=REQUIRED)
def test_a_network_of_a_definition_requires(cni: dict[str, Any], required: tuple[Requirement, ...]) -> None:
    assert attached(cni) == required


def test_a_pod_network_requires_libvirts_own_or_nothing() -> None:
    assert only(nic(), pod(), target=HOST).requirements == (needs("network", "default"),)
    assert only(nic(), pod(), target=HOST, facts={"libvirtNetworks": []}).requirements == ()


def test_passt_requires_a_release_of_libvirt() -> None:
    passt = nic(binding="passtBinding")
    assert only(passt, pod(), target=HOST).requirements == (needs("libvirt", "9.0.0"),)
    assert only(passt, pod()).requirements == (needs("libvirt", "11.1.0"),)


@pytest.mark.parametrize("profile", ["kubevirt", "host"])
@pytest.mark.parametrize("mac", [{}, {"macAddress": "52:54:00:00:00:0a"}], ids=["hostdev", "interface"])
def test_a_virtual_function_is_required_by_its_address(profile: str, mac: dict[str, str]) -> None:
    facts = {"pciAddresses": {"a": "0001:0A:1f.7"}}
    target = host_target({"type": "sriov"}) if profile == "host" else {}
    made = only(nic(binding="sriov", **mac), multus(), facts=facts, target=target)
    assert made.requirements == (needs("vf", "0001:0a:1f.7"),)


def test_a_machine_requires_what_its_nics_require_in_order() -> None:
    made = compiled([nic("a", "masquerade"), nic("b")], [pod("a"), multus("b")])
    assert [(each.kind, each.nic) for each in made.requirements] == [("tap", "a"), ("tap", "b")]
