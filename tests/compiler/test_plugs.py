"""What a NIC is plugged into where the facts say it, and what of a NAD goes there with it."""

from __future__ import annotations

from typing import Any

import pytest
from compiler.compiling import codes, interface_of, only
from compiler.nads import host_target
from machines import multus, nic, pod

from kvnet.device import Backend, DirectSource, EthernetSource, UserSource

Json = dict[str, Any]
MAC = "52:54:00:00:00:0a"
TAP = "<interface type='ethernet'>{}</interface>"
INSIDE: dict[str, tuple[str, Json]] = {
    "a name": ("<target dev='tap7'/>", {"target": "tap7"}),
    "a tap that is there already": ("<target dev='tap7' managed='no'/>", {"target": "tap7", "target_managed": False}),
    "a script": ("<script path='/up'/>", {"script": "/up"}),
    "a script at the end": ("<downscript path='/down'/>", {"downscript": "/down"}),
    "a tap of another device": ("<backend tap='/dev/net/tun'/>", {"backend": Backend(tap="/dev/net/tun")}),
    "nothing": ("", {}),
}


@pytest.mark.parametrize(("inside", "fields"), INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("network", [pod(), multus()], ids=["pod", "multus"])
def test_a_nic_has_all_of_the_tap_that_the_facts_describe(network: Json, inside: str, fields: Json) -> None:
    binding = "masquerade" if "pod" in network else "bridge"
    facts = {"networks": {"a": {"interface": TAP.format(inside)}}}
    made = only(nic(binding=binding, macAddress=MAC), network, target=host_target({"type": "bridge"}), facts=facts)
    device = interface_of(made)
    assert device.source == EthernetSource()
    assert {name: getattr(device, name) for name in fields} == fields
    assert made.problems == ()


def test_a_user_network_of_the_facts_has_its_backend() -> None:
    facts = {"networks": {"a": {"interface": "<interface type='user'><backend type='passt'/></interface>"}}}
    device = interface_of(only(nic(binding="masquerade"), pod(), target={"profile": "host"}, facts=facts))
    assert (device.source, device.backend) == (UserSource(), Backend(type="passt"))


PLUGS: dict[str, tuple[Json, bool]] = {
    "a tap": ({"interface": TAP.format("")}, True),
    "a bridge": ({"bridge": "br7"}, True),
    "a bridge of Open vSwitch": ({"ovsBridge": "br7"}, True),
    "a network of libvirt": ({"libvirtNetwork": "lab"}, True),
    "a macvtap": ({"direct": "eth7"}, False),
}


@pytest.mark.parametrize(("plug", "takes"), PLUGS.values(), ids=PLUGS)
def test_the_mtu_of_a_nad_goes_where_libvirt_can_set_it(plug: Json, takes: bool) -> None:
    target = host_target({"type": "bridge", "bridge": "br1", "mtu": 1400})
    made = only(nic(macAddress=MAC), multus(), target=target, facts={"networks": {"a": plug}})
    assert interface_of(made).mtu == (1400 if takes else None)
    assert ("KN346" in codes(made)) != takes


LOCATING: dict[str, Json] = {
    "the bridge": {"type": "bridge", "bridge": "br1"},
    "the link": {"type": "macvlan", "master": "eth1", "mode": "bridge"},
    "the device": {"type": "host-device", "device": "eth1"},
    "the resource": {"type": "ovn-k8s-cni-overlay", "topology": "localnet", "netAttachDefName": "default/lan"},
}


@pytest.mark.parametrize("plugin", LOCATING.values(), ids=LOCATING)
def test_what_tells_where_a_network_is_is_not_lost_where_the_facts_say_better(plugin: Json) -> None:
    made = only(nic(macAddress=MAC), multus(), target=host_target(plugin), facts={"networks": {"a": {"bridge": "br7"}}})
    assert "KN346" not in codes(made)
    assert made.problems == ()


def test_a_link_of_the_facts_is_a_macvtap_of_that_link() -> None:
    made = only(nic(), multus(), target=host_target({"type": "bridge"}), facts={"networks": {"a": {"direct": "eth7"}}})
    assert interface_of(made).source == DirectSource(dev="eth7", mode="bridge")


@pytest.mark.parametrize(
    ("plugin", "fact"),
    [({"type": "ovs"}, "ovsBridge"), ({"type": "ovn-k8s-cni-overlay", "topology": "layer2"}, "bridge")],
)
def test_a_plugin_that_names_no_bridge_is_told_what_to_write(plugin: Json, fact: str) -> None:
    (problem,) = only(nic(), multus(), target=host_target(plugin)).problems
    assert fact in problem.hint


@pytest.mark.parametrize("binding", [{"masquerade": {}}, {"passtBinding": {}}, {"binding": {"name": "x"}}])
def test_ports_that_a_plain_host_does_not_forward_are_told(binding: Json) -> None:
    interface = {"name": "a", **binding, "ports": [{"port": 80}]}
    told = only(interface, pod(), target={"profile": "host"}, facts={"libvirtNetworks": ["default"]})
    assert any("'ports'" in each.message for each in (*told.notes, *told.problems)) != ("passtBinding" in binding)


def test_what_an_ipam_says_is_told_once_and_without_its_type() -> None:
    ipam = {"type": "host-local", "subnet": "10.1.1.0/24"}
    made = only(nic(), multus(), target=host_target({"type": "bridge", "bridge": "br1", "ipam": ipam}))
    assert any("(host-local, " in each.message for each in made.notes)
    other = {"type": "own", "odd": 1}
    made = only(nic(), multus(), target=host_target({"type": "bridge", "bridge": "br1", "ipam": other}))
    assert any("(own, odd)" in each.message for each in made.notes)
