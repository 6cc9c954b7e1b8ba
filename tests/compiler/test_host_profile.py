"""What a network becomes on a plain libvirt host."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest
from compiler.compiling import codes, compiled, interface_of, only
from compiler.nads import host_target
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod

import kvnet
from kvnet.device import (
    Backend,
    Bandwidth,
    BridgeSource,
    DirectSource,
    Inbound,
    NetworkSource,
    Outbound,
    Port,
    PortForward,
    PortSpan,
    UserSource,
    VirtualPort,
)
from kvnet.spec import Nad

MAC = "52:54:00:00:00:0a"
NIC = "spec.domain.devices.interfaces[0]"
HOST = {"profile": "host"}
OWN_NETWORK = {"libvirtNetworks": ["default"]}


def attached(cni: dict[str, Any], **members: Any) -> kvnet.CompiledNic:
    """A NIC of a network whose definition holds one CNI plugin."""
    return only(nic(macAddress=MAC, **members), multus(), target=host_target(cni))


SOURCES: dict[str, tuple[dict[str, Any], Any]] = {
    "a bridge": ({"type": "bridge", "bridge": "br1"}, BridgeSource(bridge="br1")),
    "a bridge without a name is CNI's own": ({"type": "bridge"}, BridgeSource(bridge="cni0")),
    "cnv-bridge is a bridge": ({"type": "cnv-bridge", "bridge": "br1"}, BridgeSource(bridge="br1")),
    "ovs is a bridge": ({"type": "ovs", "bridge": "br1"}, BridgeSource(bridge="br1")),
    "macvlan is macvtap in bridge mode": ({"type": "macvlan", "master": "eth1"}, DirectSource(dev="eth1")),
    "an empty mode is bridge mode": ({"type": "macvlan", "master": "eth1", "mode": ""}, DirectSource(dev="eth1")),
    **{
        f"macvlan mode {mode}": (
            {"type": "macvlan", "master": "eth1", "mode": mode},
            DirectSource(dev="eth1", mode=libvirts),
        )
        for mode, libvirts in (("private", "private"), ("vepa", "vepa"), ("passthru", "passthrough"))
    },
}


@pytest.mark.parametrize(("cni", "source"), SOURCES.values(), ids=SOURCES)
def test_a_definition_becomes_a_source(cni: dict[str, Any], source: Any) -> None:
    made = attached(cni)
    expected = DirectSource(dev="eth1", mode="bridge") if source == DirectSource(dev="eth1") else source
    assert interface_of(made).source == expected
    assert interface_of(made).alias == "ua-a"
    assert codes(made) == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "ipvlan, whose links share a MAC address": ({"type": "ipvlan", "master": "eth1"}, "KN342"),
    "ptp, which routes": ({"type": "ptp"}, "KN342"),
    "an overlay of OVN-Kubernetes": ({"type": "ovn-k8s-cni-overlay", "topology": "layer2"}, "KN342"),
    "an overlay of Kube-OVN": ({"type": "kube-ovn"}, "KN342"),
    "a plugin that nobody knows": ({"type": "calico"}, "KN342"),
    "a virtual function without its binding": ({"type": "sriov"}, "KN342"),
    "a plugin that makes no link": ({"type": "tuning"}, "KN342"),
    "a plugin without a type": ({"bridge": "br1"}, "KN008"),
    "a localnet on a bridge that nobody names": ({"type": "ovn-k8s-cni-overlay", "topology": "localnet"}, "KN343"),
    "macvtap without the name of its resource": ({"type": "macvtap"}, "KN343"),
    "host-device without a device": ({"type": "host-device", "hwaddr": MAC}, "KN343"),
    "vlan without a master": ({"type": "vlan", "vlanId": 7}, "KN343"),
    "a VLAN whose link has a long name": ({"type": "vlan", "master": "enp101s0f0np0", "vlanId": 100}, "KN343"),
    "ovs without a bridge": ({"type": "ovs"}, "KN343"),
    "macvlan without a master": ({"type": "macvlan"}, "KN343"),
    "macvlan with an unknown mode": ({"type": "macvlan", "master": "eth1", "mode": "source"}, "KN344"),
}


@pytest.mark.parametrize(("cni", "code"), REFUSED.values(), ids=REFUSED)
def test_a_definition_that_no_device_follows_from_is_refused(cni: dict[str, Any], code: str) -> None:
    made = attached(cni)
    assert (made.device, codes(made)) == (None, [code])
    assert made.problems[0].field == "spec.domain.devices.interfaces[0]"


@pytest.mark.parametrize(("written", "meant"), [("brige", "bridge"), ("macvlam", "macvlan"), ("Bridge", "bridge")])
def test_a_plugin_that_is_misspelt_is_told_with_the_one_that_is_meant(written: str, meant: str) -> None:
    (problem,) = attached({"type": written}).problems
    assert problem.hint == f"did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("key", "value"), [("pciBusID", "0000:3d:00.1"), ("hwaddr", MAC), ("kernelpath", "/sys/devices/pci0/net/eth5")]
)
def test_what_host_device_finds_its_device_by_is_named(key: str, value: str) -> None:
    (problem,) = attached({"type": "host-device", key: value}).problems
    assert f"finds its device by {key}" in problem.message
    assert "networks: {default/nad: {direct: " in problem.hint


def test_an_unknown_plugin_and_what_replaces_it_are_named() -> None:
    (problem,) = attached({"type": "calico"}).problems
    assert "'calico' of 'nad'" in problem.message
    assert "bridge, cnv-bridge" in problem.hint
    assert "networks: {default/nad: " in problem.hint


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "a VLAN beyond 4094": ({"vlan": 4095}, "vlan: 4095 is not between 0 and 4094"),
    "a VLAN below 0": ({"vlan": -1}, "vlan: -1 is not between 0 and 4094"),
    "a VLAN in quotes": ({"vlan": "7"}, 'vlan: "7" is text, not a whole number'),
    "an MTU below 0": ({"mtu": -1}, "mtu: -1 is a number, not an MTU from 68 to 65535"),
    "an MTU below 68": ({"mtu": 67}, "mtu: 67 is a number, not an MTU from 68 to 65535"),
    "an MTU over 65535": ({"mtu": 65536}, "mtu: 65536 is a number, not an MTU from 68 to 65535"),
    "an MTU in quotes": ({"mtu": "1400"}, 'mtu: "1400" is text, not an MTU'),
    "a bridge that is a number": ({"bridge": 5}, "bridge: 5 is a number, not text"),
    "a bridge of 16 bytes": ({"bridge": "b" * 16}, "bridge: 'bbbbbbbbbbbbbbbb' has 16 bytes"),
    "a bridge that is a path": ({"bridge": "a/b"}, "bridge: 'a/b' is not the name of a link"),
    "a flag in quotes": ({"macspoofchk": "true"}, 'macspoofchk: "true" is text, not true or false'),
    "a trunk that is no list": ({"vlanTrunk": 5}, "vlanTrunk: 5 is a number, not a list"),
    "a trunk of numbers": ({"vlanTrunk": [7]}, "vlanTrunk[0]: 7 is a number, not a mapping"),
    "a trunk of an id in quotes": ({"vlanTrunk": [{"id": "7"}]}, 'vlanTrunk[0].id: "7" is text'),
    "a trunk of nothing": ({"vlanTrunk": [{}]}, "vlanTrunk[0]: an entry of a trunk has an id, or minID and maxID"),
    "a range below 0": ({"vlanTrunk": [{"minID": -1, "maxID": 7}]}, "vlanTrunk[0].minID: -1 is not between"),
    "a range of millions": ({"vlanTrunk": [{"minID": 1, "maxID": 3000000}]}, "vlanTrunk[0].maxID: 3000000 is not"),
    "a range that is backwards": (
        {"vlanTrunk": [{"id": 3}, {"minID": 7, "maxID": 6}]},
        "vlanTrunk[1]: the range from 7 to 6 is backwards",
    ),
    "a range without an end": (
        {"vlanTrunk": [{"minID": 7}]},
        "vlanTrunk[0]: a range of a trunk has both minID and maxID",
    ),
    "a range without a start": ({"vlanTrunk": [{"maxID": 7}]}, "and this one has no minID"),
}


@pytest.mark.parametrize(("cni", "told"), MISFITS.values(), ids=MISFITS)
@pytest.mark.parametrize("binding", ["bridge", "sriov"])
def test_what_no_device_can_have_is_told_of_the_definition(binding: str, cni: dict[str, Any], told: str) -> None:
    target = host_target({"type": "bridge", "bridge": "br1", **cni})
    (problem,) = only(nic(binding=binding), multus(), target=target).problems
    assert (problem.code, problem.field) == ("KN345", NIC)
    assert f"plugins[0].{told}" in problem.message or told in problem.message


OTHER_MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "trust that is neither on nor off": ({"type": "sriov", "trust": "yes"}, "trust: 'yes' is none of on, off"),
    "spoofchk as a flag": ({"type": "sriov", "spoofchk": True}, "spoofchk: true is a boolean, not text"),
    "a priority beyond 7": ({"type": "sriov", "vlan": 7, "vlanQoS": 8}, "vlanQoS: 8 is not between 0 and 7"),
    "a priority without a VLAN": ({"type": "sriov", "vlanQoS": 3}, "vlanQoS 3 needs a VLAN"),
    "rates that contradict": ({"type": "sriov", "min_tx_rate": 9, "max_tx_rate": 5}, "min_tx_rate 9 exceeds"),
    "a MAC address that is none": ({"type": "tuning", "mac": "aa:bb"}, "mac: "),
    "a MAC address of zeros": ({"type": "sriov", "mac": "00:00:00:00:00:00"}, "is all zeros"),
    "a MAC address of a group": ({"type": "tuning", "mac": "01:00:00:00:00:01"}, "is a group address"),
    "a rate without a burst": ({"type": "bandwidth", "ingressRate": 1}, "ingressRate is given without ingressBurst"),
    "a burst without a rate": ({"type": "bandwidth", "egressBurst": 1}, "egressBurst is given without egressRate"),
    "a burst of 4 GiB": ({"type": "bandwidth", "egressRate": 1, "egressBurst": 2**35}, "less than 4 GiB"),
    "a PCI address that is none": ({"type": "host-device", "pciBusID": "5:0"}, "pciBusID: "),
    "a VLAN of a localnet": ({"type": "ovn-k8s-cni-overlay", "vlanID": 4095}, "vlanID: 4095 is not between"),
    "a VLAN of a link": ({"type": "vlan", "vlanId": 4095}, "vlanId: 4095 is not between"),
    "VLAN 0 in a trunk": (
        {"type": "bridge", "vlanTrunk": [{"id": 0}]},
        "vlanTrunk[0]: VLAN 0 is not one of a Linux bridge",
    ),
    "VLAN 0 in a range of a trunk": (
        {"type": "bridge", "vlanTrunk": [{"minID": 0, "maxID": 9}]},
        "vlanTrunk[0]: VLAN 0 is not one of a Linux bridge",
    ),
    "a trunk of Open vSwitch": ({"type": "ovs", "trunk": [{"minID": 5}]}, "trunk[0]: a range of a trunk"),
    "an IPAM that is text": ({"type": "bridge", "ipam": "dhcp"}, 'ipam: "dhcp" is text, not a mapping'),
    **{
        f"{given} of {ipam['type']}": ({"type": "bridge", "ipam": ipam}, told)
        for given, ipam, told in (
            (
                "a subnet without a length",
                {"type": "host-local", "subnet": "10.1.0.0"},
                "ipam.subnet: '10.1.0.0' is not",
            ),
            ("a length of 33", {"type": "host-local", "subnet": "10.1.0.0/33"}, "ipam.subnet: "),
            (
                "a first address",
                {"type": "host-local", "rangeStart": "10.1.0"},
                "ipam.rangeStart: '10.1.0' is not an IP",
            ),
            ("a range", {"type": "host-local", "ranges": [[{"subnet": "ten"}]]}, "ipam.ranges[0][0].subnet: 'ten'"),
            ("a gateway", {"type": "host-local", "gateway": "10.1.0.1/24"}, "ipam.gateway: "),
            ("a route", {"type": "host-local", "routes": [{"dst": "0.0.0.0"}]}, "ipam.routes[0].dst: "),
            ("an address", {"type": "static", "addresses": [{"address": "10.1.0.5"}]}, "ipam.addresses[0].address: "),
            ("a number", {"type": "static", "addresses": [{"address": 5}]}, "ipam.addresses[0].address: 5 is a number"),
            (
                "a range",
                {"type": "whereabouts", "range": "10.1.0.5-10.1.0.9"},
                "ipam.range: '10.1.0.9' is not a network",
            ),
            ("a start", {"type": "whereabouts", "range": "10.1-10.1.0.9/24"}, "ipam.range: '10.1' is not an IP"),
            ("an exclusion", {"type": "whereabouts", "exclude": ["10.1.0.0/x"]}, "ipam.exclude[0]: "),
        )
    },
    "a route without a destination": (
        {"type": "bridge", "ipam": {"type": "static", "routes": [{"gw": "10.0.0.1"}]}},
        "ipam.routes[0].dst: the field 'dst' is missing",
    ),
}


@pytest.mark.parametrize(("cni", "told"), OTHER_MISFITS.values(), ids=OTHER_MISFITS)
def test_what_a_plugin_refuses_is_told_of_the_definition(cni: dict[str, Any], told: str) -> None:
    (problem,) = attached(cni).problems
    assert problem.code == "KN345"
    assert told in problem.message


IPAM: tuple[dict[str, Any], ...] = (
    {
        "type": "host-local",
        "ranges": [[{"subnet": "fd00::/64", "rangeStart": "fd00::5", "rangeStep": 2}]],
        "subnet": "",
    },
    {"type": "static", "addresses": [{"version": "4", "address": "10.1.0.5/24", "gateway": "10.1.0.1"}]},
    {"type": "whereabouts", "range": "10.1.0.5 - 10.1.0.9/24", "exclude": ["10.1.0.7", "10.1.0.8/31"]},
    {"type": "whereabouts", "ipRanges": [{"range": "10.1.0.0/24"}, {"range": "fd00::/64"}]},
)


@pytest.mark.parametrize("ipam", IPAM)
def test_what_an_ipam_plugin_takes_is_told_as_a_whole(ipam: dict[str, Any]) -> None:
    (told,) = attached({"type": "bridge", "ipam": ipam}).notes
    assert (told.code, f"'ipam' ({ipam['type']}, " in told.message) == ("KN346", True)


@pytest.mark.parametrize("key", ["name", "cniVersion"])
def test_a_list_of_plugins_has_text_beside_them(key: str) -> None:
    nad = Nad(name="nad", config=json.dumps({key: 0.4, "plugins": [{"type": "bridge"}]}))
    (problem,) = only(nic(), multus(), target={"profile": "host", "nads": (nad,)}).problems
    assert (problem.code, f"{key}: 0.4 is a number, not text" in problem.message) == ("KN345", True)


@pytest.mark.parametrize(
    ("plugin", "member", "first"), [("bridge", "vlanTrunk", 1), ("cnv-bridge", "vlanTrunk", 1), ("ovs", "trunk", 0)]
)
def test_the_first_and_the_last_vlan_are_some(plugin: str, member: str, first: int) -> None:
    for trunk in ([{"minID": first, "maxID": 4094}], [{"id": first}, {"id": 4094}]):
        vlan = interface_of(attached({"type": plugin, "bridge": "b", member: trunk})).vlan
        assert vlan is not None
        assert (vlan.tags[0].id, vlan.tags[-1].id) == (first, 4094)


def test_a_missing_definition_and_an_empty_one_are_refused() -> None:
    assert codes(only(nic(), multus(), target=HOST)) == ["KN340"]
    assert codes(only(nic(), multus(), target=host_target())) == ["KN341"]


DEFINITIONS: dict[str, tuple[str, str | None, bool]] = {
    "nad": ("nad", None, True),
    "nad in the machine's namespace": ("nad", "home", True),
    "nad in another namespace": ("nad", "away", False),
    "home/nad": ("home/nad", "home", True),
    "away/nad": ("away/nad", "away", True),
    "home/nad of a definition without namespace": ("home/nad", None, True),
    "away/nad of a definition without namespace": ("away/nad", None, False),
    "another": ("another", None, False),
}


@pytest.mark.parametrize(("asked", "namespace", "is_found"), DEFINITIONS.values(), ids=DEFINITIONS)
@pytest.mark.parametrize("home", ["home", None])
def test_a_definition_is_looked_for_in_the_namespace_of_the_machine(
    asked: str, namespace: str | None, is_found: bool, home: str | None
) -> None:
    own = home or "default"
    manifest = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "vm", **({"namespace": home} if home else {})},
        "spec": {
            "domain": {"devices": {"interfaces": [nic()]}},
            "networks": [multus(networkName=asked.replace("home", own))],
        },
    }
    target = host_target({"type": "bridge"}, namespace=namespace and namespace.replace("home", own))
    made = kvnet.compile(kvnet.load(manifest), kvnet.Target(**target))
    assert [each.code for each in made.problems] == ([] if is_found else ["KN340"])


def chained(*plugins: dict[str, Any], facts: dict[str, Any] | None = None, **members: Any) -> kvnet.CompiledNic:
    return only(nic(macAddress=MAC, **members), multus(), target=host_target(*plugins), facts=facts)


BRIDGE = {"type": "bridge", "bridge": "br1"}


def test_the_first_plugin_of_a_chain_decides_on_the_source_and_tuning_on_mtu_and_mac() -> None:
    tuning = {"type": "tuning", "mtu": 1400, "mac": "02-00-00-00-00-0B"}
    target = host_target({**BRIDGE, "mtu": 9000}, tuning)
    made = only(nic(), multus(), target=target)
    device = interface_of(made)
    assert (device.source, device.mtu, str(device.mac)) == (BridgeSource(bridge="br1"), 1400, "02:00:00:00:00:0b")
    assert codes(made) == []


@pytest.mark.parametrize(
    ("written", "meant"), [("bandwith", "bandwidth"), ("tunning", "tuning"), ("Firewall", "firewall"), ("sbr", None)]
)
def test_a_plugin_of_a_chain_that_is_misspelt_is_told_with_the_one_that_is_meant(
    written: str, meant: str | None
) -> None:
    (told,) = chained(BRIDGE, {"type": written, "mtu": 1400}).notes
    assert f"CNI plugin '{written}' (with mtu)" in told.message
    assert "kvnet knows no such plugin" in told.message
    assert told.hint == (f"did you mean '{meant}'?" if meant else "configure it on the host, where it is needed")


def test_cnv_tuning_is_tuning() -> None:
    made = chained(BRIDGE, {"type": "cnv-tuning", "mtu": 1400})
    assert (interface_of(made).mtu, codes(made)) == (1400, [])


@pytest.mark.parametrize(("written", "meant"), [("VLAN", "vlan"), ("Mtu", "mtu"), ("macSpoofChk", "macspoofchk")])
def test_a_setting_in_another_letter_case_is_told_with_the_one_that_is_meant(written: str, meant: str) -> None:
    (told,) = chained({**BRIDGE, written: 7}).notes
    assert (told.code, told.hint) == ("KN346", f"did you mean '{meant}'?")


ON_LINKS = ("libvirt does not set it on links", "set it with `ip link set` on the host")
WHY_LOST: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str]]] = {
    "addresses": (
        {"ipam": IPAM[1]},
        {},
        ("libvirt gives no addresses there", "serve DHCP on that network, or give the guest its address"),
    ),
    "another MAC address": (
        {},
        {"mac": "02:00:00:00:00:0b"},
        ("the NIC has another MAC address already", "leave one of the two out"),
    ),
    "promisc": ({}, {"promisc": True}, ON_LINKS),
    "allmulti": ({}, {"allmulti": True}, ON_LINKS),
    "txQLen": ({}, {"txQLen": 7}, ON_LINKS),
    "sysctl": (
        {},
        {"sysctl": {"a": "b"}},
        ("libvirt has no such setting", "configure it on the host, where it is needed"),
    ),
}


@pytest.mark.parametrize(("bridge", "tuning", "why"), WHY_LOST.values(), ids=WHY_LOST)
def test_what_is_lost_of_a_definition_is_told_with_why_and_what_to_do(
    bridge: dict[str, Any], tuning: dict[str, Any], why: tuple[str, str]
) -> None:
    (told,) = chained({"type": "bridge", "bridge": "br1", **bridge}, {"type": "tuning", **tuning}).notes
    assert (told.message.partition("is not carried over: ")[2], told.hint) == why


def test_the_mac_address_of_the_interface_counts_more_than_that_of_tuning_which_is_told() -> None:
    made = chained(BRIDGE, {"type": "tuning", "mac": "02:00:00:00:00:0b"})
    assert str(interface_of(made).mac) == MAC
    assert codes(made) == ["KN346"]


BANDWIDTHS: dict[str, tuple[dict[str, int], Bandwidth]] = {
    "8 Mbit/s to the guest are 1000 kB/s, and a burst of 1 Mibit is 128 KiB": (
        {"ingressRate": 8_000_000, "ingressBurst": 2**20},
        Bandwidth(inbound=Inbound(average=1000, burst=128)),
    ),
    "16 Mbit/s from the guest": (
        {"egressRate": 16_000_000, "egressBurst": 8_000_000},
        Bandwidth(outbound=Outbound(average=2000, burst=977)),
    ),
    "less than half a kB/s is the least that libvirt has": (
        {"ingressRate": 1, "ingressBurst": 1},
        Bandwidth(inbound=Inbound(average=1, burst=1)),
    ),
}


@pytest.mark.parametrize(("members", "bandwidth"), BANDWIDTHS.values(), ids=BANDWIDTHS)
def test_the_bits_of_a_bandwidth_become_what_libvirt_counts_in(members: dict[str, int], bandwidth: Bandwidth) -> None:
    made = chained(BRIDGE, {"type": "bandwidth", **members})
    assert interface_of(made).bandwidth == bandwidth
    assert codes(made) == []


def test_an_isolated_port_is_one_of_libvirt() -> None:
    made = chained({**BRIDGE, "portIsolation": True})
    assert interface_of(made).port == Port(isolated=True)
    assert interface_of(chained(BRIDGE)).port is None


def test_a_macvtap_is_on_the_link_that_its_resource_is_named_after() -> None:
    annotations = {"k8s.v1.cni.cncf.io/resourceName": "macvtap.network.kubevirt.io/dataplane0"}
    nad = Nad(name="nad", annotations=annotations, config='{"type": "macvtap", "mtu": 1400}')
    made = only(nic(macAddress=MAC), multus(), target={"profile": "host", "nads": (nad,)})
    assert interface_of(made).source == DirectSource(dev="dataplane0", mode="bridge")
    assert (made.link_mtu, codes(made)) == (1400, ["KN333", "KN346"])


DIRECT: dict[str, tuple[dict[str, Any], DirectSource, list[str]]] = {
    "host-device gives the whole link": (
        {"type": "host-device", "device": "eth1"},
        DirectSource(dev="eth1", mode="passthrough"),
        [],
    ),
    "vlan is on the link of the host's VLAN": (
        {"type": "vlan", "master": "eth1", "vlanId": 100},
        DirectSource(dev="eth1.100", mode="bridge"),
        ["KN333"],
    ),
}


@pytest.mark.parametrize(("cni", "source", "told"), DIRECT.values(), ids=DIRECT)
def test_a_link_of_the_host_becomes_a_macvtap(cni: dict[str, Any], source: DirectSource, told: list[str]) -> None:
    made = attached(cni)
    assert (interface_of(made).source, codes(made)) == (source, told)


LOCALNET = {"type": "ovn-k8s-cni-overlay", "topology": "localnet", "vlanID": 7, "mtu": 1400}
OVS = VirtualPort(type="openvswitch")
KNOWN: dict[str, tuple[dict[str, Any], dict[str, Any], Any, VirtualPort | None, list[str]]] = {
    "a localnet is on an Open vSwitch bridge": (
        *(LOCALNET, {"default/nad": {"ovsBridge": "br-ex"}}),
        *(BridgeSource(bridge="br-ex"), OVS, []),
    ),
    "any plugin is on a libvirt network, which has no VLAN": (
        *({"type": "calico", "vlan": 7}, {"default/nad": {"libvirtNetwork": "lab", "portgroup": "p"}}),
        *(NetworkSource(network="lab", portgroup="p"), None, ["KN346"]),
    ),
    "a bridge has another name on the host": (
        *(BRIDGE, {"default/nad": {"bridge": "virbr1"}}),
        *(BridgeSource(bridge="virbr1"), None, []),
    ),
    "macvlan has another link on the host, and keeps its mode": (
        *({"type": "macvlan", "mode": "vepa"}, {"default/nad": {"direct": "eno1"}}),
        *(DirectSource(dev="eno1", mode="vepa"), None, []),
    ),
    "the facts know a mode, too": (
        *({"type": "macvtap"}, {"default/nad": {"direct": "eno1", "mode": "private"}}),
        *(DirectSource(dev="eno1", mode="private"), None, []),
    ),
    "the network's own name will do": (
        *({"type": "kube-ovn"}, {"a": {"bridge": "br7"}}),
        *(BridgeSource(bridge="br7"), None, []),
    ),
    "the definition counts before the network's own name": (
        *(BRIDGE, {"a": {"bridge": "br7"}, "default/nad": {"bridge": "br8"}}),
        *(BridgeSource(bridge="br8"), None, []),
    ),
}


@pytest.mark.parametrize(("cni", "networks", "source", "port", "told"), KNOWN.values(), ids=KNOWN)
def test_the_facts_say_what_a_network_is_on_the_host(
    cni: dict[str, Any], networks: dict[str, Any], source: Any, port: VirtualPort | None, told: list[str]
) -> None:
    made = chained(cni, facts={"networks": networks})
    assert (interface_of(made).source, interface_of(made).virtualport) == (source, port)
    assert codes(made) == told


def test_a_network_that_the_facts_know_needs_no_definition() -> None:
    facts = {"networks": {"default/nad": {"bridge": "br1"}}}
    made = only(nic(macAddress=MAC), multus(), target=HOST, facts=facts)
    assert interface_of(made).source == BridgeSource(bridge="br1")
    assert interface_of(only(nic(), multus(), target=host_target(), facts=facts)).source == BridgeSource(bridge="br1")


BAD_INTERFACES = {
    "no XML": "br0",
    "an element that libvirt has not": "<interface type='user'><odd/></interface>",
    "a whole NIC": "<interface type='user'><model type='virtio'/></interface>",
    "a function, which pciAddresses give": "<interface type='hostdev'><source><address type='usb' bus='1' device='2'/>"
    "</source></interface>",
    "a hostdev": "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='5' slot='0' function='1'/>"
    "</source></hostdev>",
}


@pytest.mark.parametrize("xml", BAD_INTERFACES.values(), ids=BAD_INTERFACES)
@pytest.mark.parametrize("network", [pod(), multus()], ids=["pod", "multus"])
def test_an_interface_of_the_facts_that_is_no_plug_is_told(network: dict[str, Any], xml: str) -> None:
    made = only(nic(), network, target=host_target(BRIDGE), facts={"networks": {"a": {"interface": xml}}})
    (problem,) = made.problems
    assert (problem.code, problem.message.startswith("the interface in the facts ")) == ("KN304", True)


@pytest.mark.parametrize("name", ["a", "default"])
@pytest.mark.parametrize("binding", ["masquerade", "bridge", "passtBinding"])
def test_the_facts_say_what_the_pod_network_is(name: str, binding: str) -> None:
    facts = {"networks": {name: {"libvirtNetwork": "lab"}}, "libvirtNetworks": []}
    made = only(nic(binding=binding, macAddress=MAC), pod(), target=HOST, facts=facts)
    assert interface_of(made).source == NetworkSource(network="lab")
    assert codes(made) == []


MTUS: dict[str, tuple[dict[str, Any], int | None, int | None, list[str]]] = {
    "of a bridge": (BRIDGE, 1450, None, []),
    "of a bridge whose definition has another": ({**BRIDGE, "mtu": 9000}, 1450, None, ["KN346"]),
    "of a bridge whose definition has the same": ({**BRIDGE, "mtu": 1450}, 1450, None, []),
    "of the link under a macvtap": ({"type": "macvlan", "master": "eth1"}, None, 1450, []),
}


@pytest.mark.parametrize(("cni", "mtu", "link_mtu", "told"), MTUS.values(), ids=MTUS)
def test_the_mtu_of_the_facts_counts(
    cni: dict[str, Any], mtu: int | None, link_mtu: int | None, told: list[str]
) -> None:
    made = chained(cni, facts={"links": {"a": {"mtu": 1450}}})
    assert (interface_of(made).mtu, made.link_mtu, codes(made)) == (mtu, link_mtu, told)


def test_the_mtu_of_the_facts_is_that_of_the_pod_network() -> None:
    facts = {**OWN_NETWORK, "links": {"a": {"mtu": 1450}}}
    assert interface_of(only(nic(macAddress=MAC), pod(), target=HOST, facts=facts)).mtu == 1450
    facts["libvirtNetworks"] = []
    assert interface_of(only(nic(macAddress=MAC), pod(), target=HOST, facts=facts)).mtu is None


ANNOTATED = "02:00:00:00:00:aa"
KUBE_OVN = {"type": "macvlan", "master": "eth1", "ipam": {"type": "kube-ovn", "provider": "fast.net"}}
ANNOTATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str | None]] = {
    "of the pod network": (pod(), BRIDGE, "ovn.kubernetes.io/mac_address", ANNOTATED),
    "of a default of Multus": (multus(default=True), BRIDGE, "ovn.kubernetes.io/mac_address", ANNOTATED),
    "of a definition": (multus(), BRIDGE, "nad.default.ovn.kubernetes.io/mac_address", ANNOTATED),
    "of a definition without OVN": (multus(), BRIDGE, "nad.default.kubernetes.io/mac_address", ANNOTATED),
    "of a provider": (multus(), KUBE_OVN, "fast.net.kubernetes.io/mac_address", ANNOTATED),
    "of the pod network, for another": (multus(), BRIDGE, "ovn.kubernetes.io/mac_address", None),
    "of another definition": (multus(), BRIDGE, "other.default.ovn.kubernetes.io/mac_address", None),
}


@pytest.mark.parametrize(("network", "cni", "key", "mac"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_a_mac_address_may_stand_in_an_annotation(
    network: dict[str, Any], cni: dict[str, Any], key: str, mac: str | None
) -> None:
    target, annotations = host_target(cni), {key: ANNOTATED.upper()}
    device = interface_of(only(nic(), network, target=target, annotations=annotations))
    assert (device.mac and device.mac.spelling) == mac
    own = only(nic(macAddress=MAC), network, target=target, annotations=annotations)
    assert str(interface_of(own).mac) == MAC


@pytest.mark.parametrize("mac", ["zz", "02:00:00:00:00", "01:00:00:00:00:01", "00:00:00:00:00:00"])
@pytest.mark.parametrize("network", [pod(), multus()], ids=["pod", "multus"])
def test_an_annotation_that_gives_no_mac_address_is_told_by_its_name(network: dict[str, Any], mac: str) -> None:
    key = "ovn.kubernetes.io/mac_address" if "pod" in network else "nad.default.ovn.kubernetes.io/mac_address"
    made = only(nic(), network, target=host_target(BRIDGE), annotations={key: mac})
    (problem,) = made.problems
    assert (problem.code, problem.field) == ("KN304", NIC)
    assert f"the annotation {key} gives no MAC address: " in problem.message
    assert mac in problem.message


def test_spoof_checking_is_libvirts_filter() -> None:
    checked = interface_of(attached({"type": "bridge", "bridge": "br1", "macspoofchk": True}))
    assert checked.filter is not None
    assert checked.filter.filter == "no-mac-spoofing"
    assert interface_of(attached({"type": "bridge", "bridge": "br1", "macspoofchk": False})).filter is None


def test_ovs_has_a_virtual_port_and_a_linux_bridge_has_none() -> None:
    assert interface_of(attached({"type": "ovs", "bridge": "br1"})).virtualport == VirtualPort(type="openvswitch")
    assert interface_of(attached({"type": "bridge", "bridge": "br1"})).virtualport is None


@pytest.mark.parametrize("plugin", ["bridge", "ovs"])
def test_an_mtu_is_that_of_the_nic(plugin: str) -> None:
    assert interface_of(attached({"type": plugin, "bridge": "br1", "mtu": 1400})).mtu == 1400
    assert interface_of(attached({"type": plugin, "bridge": "br1", "mtu": 0})).mtu is None


def test_an_mtu_of_macvtap_is_that_of_its_link() -> None:
    made = attached({"type": "macvlan", "master": "eth1", "mtu": 1400})
    assert (interface_of(made).mtu, made.link_mtu) == (None, 1400)
    assert attached({"type": "macvlan", "master": "eth1", "mtu": 0}).link_mtu is None


Tags = list[tuple[int, str | None]]
VLANS: dict[str, tuple[str, dict[str, Any], Tags, bool | None]] = {
    "none": ("bridge", {}, [], None),
    "VLAN 0 leaves packets alone": ("bridge", {"vlan": 0}, [], None),
    "one VLAN": ("bridge", {"vlan": 7}, [(7, None)], None),
    "an empty trunk": ("bridge", {"vlanTrunk": []}, [], None),
    "a native VLAN beside a trunk": (
        "bridge",
        {"vlan": 7, "vlanTrunk": [{"id": 8}]},
        [(7, "untagged"), (8, None)],
        True,
    ),
    "a native VLAN inside a trunk": (
        "bridge",
        {"vlan": 7, "vlanTrunk": [{"minID": 6, "maxID": 8}]},
        [(7, "untagged"), (6, None), (8, None)],
        True,
    ),
    "a trunk of one VLAN": ("bridge", {"vlanTrunk": [{"id": 7}]}, [(7, None)], True),
    "a trunk of two VLANs": ("bridge", {"vlanTrunk": [{"id": 7}, {"id": 9}]}, [(7, None), (9, None)], True),
    "ranges that overlap": (
        "bridge",
        {"vlanTrunk": [{"minID": 8, "maxID": 9}, {"id": 8}, {"minID": 7, "maxID": 8}]},
        [(7, None), (8, None), (9, None)],
        True,
    ),
    "one VLAN of Open vSwitch": ("ovs", {"vlan": 7}, [(7, None)], None),
    "the trunk of Open vSwitch": (
        "ovs",
        {"trunk": [{"id": 7}, {"minID": 9, "maxID": 9}]},
        [(7, None), (9, None)],
        True,
    ),
    "the trunk of Open vSwitch wins over its VLAN": ("ovs", {"vlan": 5, "trunk": [{"id": 7}]}, [(7, None)], True),
}


@pytest.mark.parametrize(("plugin", "members", "tags", "trunk"), VLANS.values(), ids=VLANS)
def test_vlans_are(plugin: str, members: dict[str, Any], tags: Tags, trunk: bool | None) -> None:
    vlan = interface_of(attached({"type": plugin, "bridge": "br1", **members})).vlan
    if not tags:
        assert vlan is None
        return
    assert vlan is not None
    assert ([(tag.id, tag.native_mode) for tag in vlan.tags], vlan.trunk) == (tags, trunk)


ENTRIES = st.one_of(
    st.integers(1, 4094).map(lambda n: ({"id": n}, [n])),
    st.tuples(st.integers(1, 4000), st.integers(0, 5)).map(
        lambda span: (
            {"minID": span[0], "maxID": sum(span)},
            [*range(span[0], sum(span) + 1)],
        )
    ),
)


@given(st.lists(ENTRIES, min_size=1, max_size=5))
def test_a_trunk_has_each_vlan_of_its_entries_once_and_in_order(
    entries: list[tuple[dict[str, int], list[int]]],
) -> None:
    wanted = sorted({*chain.from_iterable(ids for _, ids in entries)})
    vlan = interface_of(attached({"type": "bridge", "vlanTrunk": [entry for entry, _ in entries]})).vlan
    assert vlan is not None
    assert [tag.id for tag in vlan.tags] == wanted
    assert vlan.trunk is True


POD_NETWORKS: dict[str, tuple[dict[str, Any] | None, Any, list[str]]] = {
    "libvirt's networks are not known": (None, NetworkSource(network="default"), ["KN330", "KN312"]),
    "libvirt has its default network": (OWN_NETWORK, NetworkSource(network="default"), ["KN312"]),
    "libvirt has another network": ({"libvirtNetworks": ["lab"]}, UserSource(), ["KN331", "KN312"]),
    "libvirt has no network": ({"libvirtNetworks": []}, UserSource(), ["KN331", "KN312"]),
}


@pytest.mark.parametrize(("facts", "source", "told"), POD_NETWORKS.values(), ids=POD_NETWORKS)
@pytest.mark.parametrize("binding", ["masquerade", "bridge"])
def test_the_pod_network_is_libvirts_default_network_or_user_mode(
    binding: str, facts: dict[str, Any] | None, source: Any, told: list[str]
) -> None:
    made = only(nic(binding=binding), pod(), target=HOST, facts=facts)
    assert interface_of(made).source == source
    assert codes(made) == told
    fields = {"KN330": NIC, "KN331": NIC, "KN312": f"{NIC}.macAddress"}
    assert [each.field for each in made.notes] == [fields[code] for code in told]


LOST: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "ports": (nic(binding="masquerade", ports=[{"port": 80}]), pod(), f"{NIC}.ports"),
    "portRanges": (
        nic(binding="masquerade", portRanges=[{"protocol": "TCP", "start": 1, "end": 2}]),
        *(pod(), f"{NIC}.portRanges"),
    ),
    "dhcpOptions": (nic(dhcpOptions={"bootFileName": "pxe"}), pod(), f"{NIC}.dhcpOptions"),
    "tag": (nic(tag="x"), pod(), f"{NIC}.tag"),
    "binding": ({"name": "a", "binding": {"name": "p"}}, pod(), f"{NIC}.binding"),
    "vmNetworkCIDR": (
        nic(binding="masquerade"),
        *(pod(vmNetworkCIDR="10.1.0.0/24"), "spec.networks[0].pod.vmNetworkCIDR"),
    ),
    "vmIPv6NetworkCIDR": (
        nic(binding="masquerade"),
        *(pod(vmIPv6NetworkCIDR="fd11::/120"), "spec.networks[0].pod.vmIPv6NetworkCIDR"),
    ),
}


@pytest.mark.parametrize(("key", "case"), LOST.items(), ids=LOST)
def test_a_setting_of_the_manifest_that_a_host_does_not_have_is_told_by_its_name(
    key: str, case: tuple[dict[str, Any], dict[str, Any], str]
) -> None:
    interface, network, field = case
    made = only({**interface, "macAddress": MAC}, network, target=HOST, facts=OWN_NETWORK)
    (told,) = made.notes
    assert (told.code, told.severity, told.field) == ("KN346", kvnet.Severity.WARNING, field)
    assert key in told.message


SPEC_OF_THE_GUEST = {"hostname": "h", "subdomain": "s", "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"]}}
OF_THE_NETWORK = (
    "kubernetes.io/ingress-bandwidth",
    "kubernetes.io/egress-bandwidth",
    "ovn.kubernetes.io/ip_address",
    "nad.default.ovn.kubernetes.io/ingress_rate",
)


def told_of_the_machine(**members: Any) -> list[tuple[str, str]]:
    made = compiled([nic(binding="masquerade")], [pod()], target=HOST, facts=OWN_NETWORK, **members)
    return [(note.code, note.field) for note in made.general_notes if note.code == "KN346"]


@pytest.mark.parametrize(("key", "value"), SPEC_OF_THE_GUEST.items(), ids=SPEC_OF_THE_GUEST)
def test_what_kubevirts_dhcp_server_tells_the_guest_is_told(key: str, value: Any) -> None:
    assert told_of_the_machine(spec={key: value}) == [("KN346", f"spec.{key}")]


def test_the_dns_policy_of_all_pods_is_not_told() -> None:
    assert told_of_the_machine(spec={"dnsPolicy": "ClusterFirst", "hostname": ""}) == []


@pytest.mark.parametrize("key", OF_THE_NETWORK)
def test_an_annotation_that_shapes_the_network_is_told(key: str) -> None:
    assert told_of_the_machine(annotations={key: "10M", "example.com/any": "1"}) == [
        ("KN346", f"metadata.annotations.{key}")
    ]


def test_an_annotation_that_gives_a_mac_address_is_not_told() -> None:
    assert told_of_the_machine(annotations={"ovn.kubernetes.io/mac_address": ANNOTATED}) == []


def test_what_has_no_value_is_not_told() -> None:
    empty = nic(binding="masquerade", macAddress=MAC, ports=[], portRanges=[])
    assert codes(only(empty, pod(), target=HOST, facts=OWN_NETWORK)) == []


NOT_CARRIED: dict[str, tuple[dict[str, Any], str]] = {
    "addresses": ({**BRIDGE, "ipam": {"type": "whereabouts", "range": "10.0.0.0/8"}}, "'ipam' (whereabouts, range)"),
    "a gateway": ({**BRIDGE, "isGateway": True}, "'isGateway'"),
    "hairpins": ({**BRIDGE, "hairpinMode": True}, "'hairpinMode'"),
    "the default VLAN": ({**BRIDGE, "preserveDefaultVlan": False}, "'preserveDefaultVlan'"),
    "what no plugin has": ({**BRIDGE, "vlanID": 5}, "'vlanID'"),
    "an MTU of a macvtap": ({"type": "macvlan", "master": "eth1", "mtu": 1400}, "'mtu'"),
    "a VLAN beside a trunk": ({"type": "ovs", "bridge": "b", "vlan": 5, "trunk": [{"id": 6}]}, "'vlan'"),
}


@pytest.mark.parametrize(("cni", "told"), NOT_CARRIED.values(), ids=NOT_CARRIED)
def test_a_setting_of_a_definition_that_libvirt_does_not_have_is_told_by_its_name(
    cni: dict[str, Any], told: str
) -> None:
    (note,) = attached(cni).notes
    assert (note.code, note.severity, note.field) == ("KN346", kvnet.Severity.WARNING, NIC)
    assert note.message.startswith(f"{told} of CNI plugin '{cni['type']}' in NAD 'nad' is not carried over: ")


def test_a_plugin_of_a_chain_that_libvirt_has_nothing_like_is_told_with_its_settings() -> None:
    chain = ({"type": "firewall", "backend": "nftables"}, {"type": "portmap"}, {"type": "mine", "x": 1})
    told = [note.message.partition(" in NAD")[0] for note in chained(BRIDGE, *chain).notes]
    assert told == ["CNI plugin 'firewall' (with backend)", "CNI plugin 'portmap'", "CNI plugin 'mine' (with x)"]


def test_settings_that_concern_the_pod_alone_are_not_told() -> None:
    assert codes(chained({**BRIDGE, "disableContainerInterface": True, "capabilities": {"mac": True}})) == []


def test_what_libvirt_cannot_set_on_a_virtual_function_is_told_setting_by_setting() -> None:
    rates = {"min_tx_rate": 5, "max_tx_rate": 10}
    cni = {"type": "sriov", "vlan": 7, "vlanQoS": 2, "spoofchk": "on", "trust": "off", "link_state": "enable", **rates}
    facts = {"pciAddresses": {"a": "0000:05:00.1"}}
    made = only(nic(binding="sriov"), multus(), target=host_target(cni), facts=facts)
    told = {note.message.split("'")[1] for note in made.notes}
    assert told == cni.keys() - {"type", "vlan"}
    assert {note.code for note in made.notes} == {"KN346"}


def test_a_vlan_of_open_vswitch_beside_a_trunk_is_told() -> None:
    made = attached({"type": "ovs", "bridge": "br1", "vlan": 5, "trunk": [{"id": 7}]})
    (told,) = (each for each in made.notes if each.code == "KN346")
    assert "'vlan'" in told.message
    assert (told.message.partition(": ")[2], told.hint) == ("the trunk takes precedence", "leave one of the two out")


OF_FUNCTIONS: dict[str, Any] = {
    "spoofchk": "on",
    "trust": "off",
    "vlanQoS": 2,
    "vlanProto": "802.1ad",
    "link_state": "enable",
    "min_tx_rate": 5,
    "max_tx_rate": 9,
}


@pytest.mark.parametrize(("setting", "value"), OF_FUNCTIONS.items(), ids=OF_FUNCTIONS)
def test_what_libvirt_does_not_set_on_a_virtual_function_is_told_with_what_does(setting: str, value: Any) -> None:
    facts = {"pciAddresses": {"a": "0000:0a:00.1"}}
    made = only(
        nic(binding="sriov"), multus(), target=host_target({"type": "sriov", "vlan": 7, setting: value}), facts=facts
    )
    (told,) = (each for each in made.notes if each.code == "KN346")
    assert "libvirt does not set it on virtual functions" in told.message
    assert told.hint == "set it with `ip link set PF vf N`, or `devlink`, on the host"


def test_the_mac_address_in_an_sriov_definition_is_that_of_the_function() -> None:
    facts = {"pciAddresses": {"a": "0000:05:00.1"}}
    target = host_target({"type": "sriov", "mac": MAC})
    made = only(nic(binding="sriov"), multus(), target=target, facts=facts)
    assert (str(interface_of(made).mac), codes(made)) == (MAC, [])


@pytest.mark.parametrize(("plugin", "key"), [("host-device", "pciBusID"), ("sriov", "deviceID")])
def test_a_definition_may_name_the_function_of_an_sriov_interface(plugin: str, key: str) -> None:
    target = host_target({"type": plugin, key: "0000:05:00.1"})
    made = only(nic(binding="sriov"), multus(), target=target)
    assert made.requirements[0].name == "0000:05:00.1"
    assert codes(made) == []
    facts = {"pciAddresses": {"a": "0000:06:00.1"}}
    made = only(nic(binding="sriov"), multus(), target=target, facts=facts)
    assert made.requirements[0].name == "0000:06:00.1"
    assert codes(made) == ["KN346"]


def test_passt_runs_in_user_mode_with_its_ports() -> None:
    made = only(nic(binding="passtBinding", macAddress=MAC, ports=[{"port": 80}]), pod(), target=HOST)
    device = interface_of(made)
    assert (device.source, device.backend) == (UserSource(), Backend(type="passt"))
    assert device.port_forwards == (PortForward(proto="tcp", ranges=(PortSpan(start=80),)),)
    assert codes(made) == []


def test_passt_leaves_out_the_ports_of_an_istio_sidecar() -> None:
    annotations = {"sidecar.istio.io/inject": "true"}
    made = only(nic(binding="passtBinding"), pod(), target=HOST, annotations=annotations)
    assert all(span.exclude for forward in interface_of(made).port_forwards for span in forward.ranges)


@pytest.mark.parametrize(
    ("asked", "spelling"), [(MAC, MAC), ("52-54-00-00-00-0A", MAC), ("5254.0000.000a", MAC), ("", None)]
)
def test_mac_addresses_are_spelled_as_libvirt_does(asked: str, spelling: str | None) -> None:
    mac = interface_of(only(nic(macAddress=asked), pod(), target=HOST, facts=OWN_NETWORK)).mac
    assert (mac and mac.spelling) == spelling
