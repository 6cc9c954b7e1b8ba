"""What a network becomes on a plain libvirt host."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from compiler.compiling import codes, interface_of, only
from compiler.nads import host_target
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod

import kvnet
from kvnet.device import (
    Backend,
    BridgeSource,
    DirectSource,
    NetworkSource,
    PortForward,
    PortSpan,
    UserSource,
    VirtualPort,
)

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
    "a plugin that libvirt has nothing like": ({"type": "ipvlan"}, "KN342"),
    "a plugin without a type": ({"bridge": "br1"}, "KN342"),
    "ovs without a bridge": ({"type": "ovs"}, "KN343"),
    "macvlan without a master": ({"type": "macvlan"}, "KN343"),
    "macvlan with an unknown mode": ({"type": "macvlan", "master": "eth1", "mode": "source"}, "KN344"),
}


@pytest.mark.parametrize(("cni", "code"), REFUSED.values(), ids=REFUSED)
def test_a_definition_that_no_device_follows_from_is_refused(cni: dict[str, Any], code: str) -> None:
    made = attached(cni)
    assert (made.device, codes(made)) == (None, [code])
    assert made.problems[0].field == "spec.domain.devices.interfaces[0]"


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "a VLAN beyond 4095": ({"vlan": 5000}, "id: 5000 is not between 0 and 4095"),
    "a VLAN below 0": ({"vlan": -1}, "id: -1 is not between 0 and 4095"),
    "a VLAN in quotes": ({"vlan": "7"}, "id: '7' is not a whole number"),
    "an MTU below 0": ({"mtu": -1}, "mtu: -1 is not between 0 and 65535"),
    "an MTU in quotes": ({"mtu": "1400"}, "mtu: '1400' is not a whole number"),
    "a bridge that is a number": ({"bridge": 5}, "bridge: 5 is not text"),
    "a trunk that is no list": ({"vlanTrunk": 5}, "the trunk 5 is not a list"),
    "a trunk of numbers": ({"trunk": [7]}, "7 in the trunk is neither an id nor a range"),
    "a trunk of an id in quotes": ({"trunk": [{"id": "7"}]}, "id: '7' is not a whole number"),
    **{
        f"a trunk from {first} to {last}": (
            {"vlanTrunk": [{"id": 3}, {"minID": first, "maxID": last}]},
            "in the trunk is no range of VLANs from minID to maxID",
        )
        for first, last in ((-1, 7), (7, 6), (7, 4096), (7, 10**12), (None, 7), (7, None), ("7", 8), (7, "8"))
    },
    "a trunk of a range without an end": ({"trunk": [{"minID": 7}]}, "{'minID': 7} in the trunk is no range"),
}


@pytest.mark.parametrize(("cni", "told"), MISFITS.values(), ids=MISFITS)
@pytest.mark.parametrize("plugin", ["bridge", "ovs", "macvlan", "sriov"])
def test_what_no_device_can_have_is_told_of_the_definition(plugin: str, cni: dict[str, Any], told: str) -> None:
    link = {"bridge": "br1"} if plugin != "macvlan" or "bridge" in cni else {"master": "eth1"}
    binding = "sriov" if plugin == "sriov" else "bridge"
    target = host_target({"type": plugin, **link, **cni})
    (problem,) = only(nic(binding=binding), multus(), target=target).problems
    assert (problem.code, problem.field) == ("KN345", NIC)
    assert told in problem.message


@pytest.mark.parametrize("trunk", [[{"minID": 0, "maxID": 4095}], [{"id": 0}, {"id": 4095}]])
def test_the_first_and_the_last_vlan_are_some(trunk: list[dict[str, int]]) -> None:
    vlan = interface_of(attached({"type": "bridge", "vlanTrunk": trunk})).vlan
    assert vlan is not None
    assert (vlan.tags[0].id, vlan.tags[-1].id) == (0, 4095)


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


def test_the_first_plugin_of_a_chain_decides() -> None:
    target = host_target({"type": "bridge", "bridge": "br1"}, {"type": "tuning", "mtu": 1400})
    device = interface_of(only(nic(), multus(), target=target))
    assert (device.source, device.mtu) == (BridgeSource(bridge="br1"), None)


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


VLANS: dict[str, tuple[dict[str, Any], list[int], bool | None]] = {
    "none": ({}, [], None),
    "VLAN 0 leaves packets alone": ({"vlan": 0}, [], None),
    "one VLAN": ({"vlan": 7}, [7], None),
    "a VLAN comes before a trunk": ({"vlan": 7, "vlanTrunk": [{"id": 8}]}, [7], None),
    "an empty trunk": ({"vlanTrunk": []}, [], None),
    "a trunk of one VLAN is an access port": ({"vlanTrunk": [{"id": 7}]}, [7], None),
    "a trunk of two VLANs": ({"vlanTrunk": [{"id": 7}, {"id": 9}]}, [7, 9], True),
    "a trunk of a range of one": ({"vlanTrunk": [{"minID": 7, "maxID": 7}]}, [7], None),
    "a trunk of a range of two": ({"vlanTrunk": [{"minID": 7, "maxID": 8}]}, [7, 8], True),
    "the trunk of ovs": ({"trunk": [{"id": 7}, {"minID": 9, "maxID": 10}]}, [7, 9, 10], True),
    "the bridge's trunk before the one of ovs": ({"vlanTrunk": [{"id": 7}], "trunk": [{"id": 8}]}, [7], None),
}


@pytest.mark.parametrize(("members", "ids", "trunk"), VLANS.values(), ids=VLANS)
@pytest.mark.parametrize("plugin", ["bridge", "ovs"])
def test_vlans_are(plugin: str, members: dict[str, Any], ids: list[int], trunk: bool | None) -> None:
    vlan = interface_of(attached({"type": plugin, "bridge": "br1", **members})).vlan
    if not ids:
        assert vlan is None
        return
    assert vlan is not None
    assert ([tag.id for tag in vlan.tags], vlan.trunk) == (ids, trunk)


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
def test_a_trunk_has_each_vlan_of_its_entries_in_order(entries: list[tuple[dict[str, int], list[int]]]) -> None:
    wanted = [*chain.from_iterable(ids for _, ids in entries)]
    vlan = interface_of(attached({"type": "bridge", "vlanTrunk": [entry for entry, _ in entries]})).vlan
    assert vlan is not None
    assert [tag.id for tag in vlan.tags] == wanted
    assert bool(vlan.trunk) is (len(wanted) > 1)


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


@pytest.mark.parametrize(
    ("members", "told"),
    [
        pytest.param({"ports": [{"port": 80}]}, ["KN332"], id="ports"),
        pytest.param({"portRanges": [{"protocol": "TCP", "start": 1, "end": 2}]}, ["KN332"], id="ranges"),
        pytest.param({"ports": [], "portRanges": []}, [], id="none"),
    ],
)
def test_libvirts_network_forwards_no_ports(members: dict[str, Any], told: list[str]) -> None:
    made = only(nic(binding="masquerade", macAddress=MAC, **members), pod(), target=HOST, facts=OWN_NETWORK)
    assert codes(made) == told
    assert [each.field for each in made.notes] == [f"{NIC}.ports" for _ in told]


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
