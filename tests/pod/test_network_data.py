"""What the network data of cloud-init tells the guest of each NIC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.manifest.network_data import read_network_data
from kvnet.pod import NetworkDataLink
from kvnet.rules.context import RuleContext
from kvnet.rules.reach_advice import guest_has_its_addresses
from kvnet.testing import admitted_machines

MAC = "02:00:00:00:00:01"
DUAL = {"networkStatus": [{"name": "p", "interface": "eth0", "default": True, "ips": ["10.244.0.5", "fd00::5"]}]}
IPV4 = {"networkStatus": [{"name": "p", "interface": "eth0", "default": True, "ips": ["10.244.0.5", "fe80::5"]}]}
IPV6 = {"networkStatus": [{"name": "p", "interface": "eth0", "default": True, "ips": ["fd00::5"], "mtu": 1400}]}
JUMBO = {"links": {"a": {"mtu": 9000}}}
V6 = {"addresses": ["fd10:0:2::2/120"], "routes": [{"to": "::/0", "via": "fd10:0:2::1"}]}


def nad(**config: Any) -> dict[str, Any]:
    text = json.dumps({"cniVersion": "0.3.1", "name": "x", "type": "bridge", "bridge": "br1", **config})
    metadata = {"name": "nad", "namespace": "default"}
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": metadata,
        "spec": {"config": text},
    }


IPAM = {"type": "host-local", "ranges": [[{"subnet": "10.1.0.0/16"}]]}
LINKS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[dict[str, Any]], dict[str, Any]]] = {
    "masquerade": (nic("a", "masquerade"), pod("a"), {}, [], {"dhcp4": True, **V6}),
    "masquerade in a pod with both families": (nic("a", "masquerade"), pod("a"), DUAL, [], {"dhcp4": True, **V6}),
    "masquerade in an IPv4 pod": (nic("a", "masquerade"), pod("a"), IPV4, [], {"dhcp4": True}),
    "masquerade in an IPv6 pod": (nic("a", "masquerade"), pod("a"), IPV6, [], V6),
    "another model in an IPv6 pod, where nobody tells the MTU": (
        nic("a", "masquerade", model="e1000"),
        pod("a"),
        IPV6,
        [],
        {**V6, "mtu": 1400},
    ),
    "another network": (
        nic("a", "masquerade"),
        pod("a", vmIPv6NetworkCIDR="fd42:1::77/112"),
        {},
        [],
        {
            "dhcp4": True,
            "addresses": ["fd42:1::2/112"],
            "routes": [{"to": "::/0", "via": "fd42:1::1"}],
        },
    ),
    "a network that is none": (
        nic("a", "masquerade"),
        pod("a", vmIPv6NetworkCIDR="fd42:1::/127"),
        {},
        [],
        {"dhcp4": True},
    ),
    "a bridge on the pod network": (nic("a"), pod("a"), {}, [], {"dhcp4": True}),
    "a bridge on a NAD with addresses": (nic("a"), multus("a"), {}, [nad(ipam=IPAM)], {"dhcp4": True}),
    "a bridge on a NAD without addresses": (nic("a"), multus("a"), {}, [nad(mtu=9000)], {}),
    "a bridge on a NAD that is not known": (nic("a"), multus("a"), {}, [], {}),
    "another model without addresses": (
        nic("a", model="e1000"),
        multus("a"),
        {},
        [nad(mtu=9000)],
        {"mtu": 9000},
    ),
    "another model without addresses, and the usual MTU": (
        nic("a", model="e1000"),
        multus("a"),
        {},
        [nad(mtu=1500)],
        {},
    ),
    "another model with addresses, whose server tells the MTU": (
        nic("a", model="e1000"),
        multus("a"),
        JUMBO,
        [nad(ipam=IPAM)],
        {"dhcp4": True},
    ),
    "a virtual function": (nic("a", "sriov"), multus("a"), JUMBO, [], {"mtu": 9000}),
    "passt, which has a server of its own": (nic("a", "passtBinding"), pod("a"), JUMBO, [], {"dhcp4": True}),
    "an absent NIC": (nic("a", state="absent"), multus("a"), {}, [nad(ipam=IPAM)], {}),
}


def made(
    interface: Mapping[str, Any], network: Mapping[str, Any], facts: Any, nads: list[Any], **members: Any
) -> kvnet.NetworkData:
    machine = kvnet.load(vmi([{"macAddress": MAC, **interface}], [dict(network)], **members))
    target = kvnet.Target(facts=kvnet.load_facts(facts), nads=kvnet.load_all(nads).nads if nads else ())
    return kvnet.network_data(machine, target)


@pytest.mark.parametrize(("interface", "network", "facts", "nads", "expected"), LINKS.values(), ids=LINKS)
def test_the_guest_is_told(
    interface: dict[str, Any], network: dict[str, Any], facts: Any, nads: list[Any], expected: dict[str, Any]
) -> None:
    data = made(interface, network, facts, nads)
    assert data.problems == data.notes == ()
    links = {"eth0": {"match": {"macaddress": MAC}, **expected}} if expected else {}
    assert data.plain() == {"version": 2, "ethernets": links}
    assert yaml.safe_load(data.text()) == data.plain()


def test_windows_does_not_ask_for_the_mtu() -> None:
    interface = nic("a", model="e1000")
    windows = made(interface, multus("a"), JUMBO, [nad(ipam=IPAM)], annotations={"vm.kubevirt.io/os": "windows11"})
    assert windows.plain()["ethernets"]["eth0"]["mtu"] == 9000


def test_version_1_says_the_same() -> None:
    data = made(nic("a", "masquerade", model="e1000"), pod("a"), IPV6, [])
    assert data.plain(1) == {
        "version": 1,
        "config": [
            {
                "type": "physical",
                "name": "eth0",
                "mac_address": MAC,
                "mtu": 1400,
                "subnets": [{"type": "static6", "address": "fd10:0:2::2/120", "gateway": "fd10:0:2::1"}],
            }
        ],
    }
    with pytest.raises(ValueError, match="version 1 or 2, not 3"):
        data.text(3)


MACS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "of the machine": ({"macAddress": "02-00-00-00-00-AA"}, {"links": {"a": {"mac": "02:00:00:00:00:bb"}}}, {}),
    "of the status": ({}, {"links": {"a": {"mac": "02:00:00:00:00:bb"}}}, {"mac": "02:00:00:00:00:aa"}),
    "of the pod's link": ({}, {"links": {"a": {"mac": "02:00:00:00:00:aa"}}}, {}),
    "of the network-status": (
        {},
        {"networkStatus": [{"interface": "eth0", "default": True, "mac": "02:00:00:00:00:aa"}]},
        {},
    ),
}


@pytest.mark.parametrize(("members", "facts", "entry"), MACS.values(), ids=MACS)
def test_a_link_is_found_by_the_mac_address(members: dict[str, Any], facts: Any, entry: dict[str, Any]) -> None:
    status = {"interfaces": [{"name": "a", **entry}]}
    machine = kvnet.load(vmi([nic("a", "masquerade", **members)], [pod("a")], status=status))
    data = kvnet.network_data(machine, kvnet.Target(facts=kvnet.load_facts(facts)))
    assert data.plain()["ethernets"]["eth0"]["match"] == {"macaddress": "02:00:00:00:00:aa"}


def test_a_link_without_a_known_mac_address_is_left_out_with_a_warning() -> None:
    machine = kvnet.load(vmi([nic("a"), nic("b", "masquerade")], [multus("a"), pod("b")]))
    data = kvnet.network_data(machine)
    assert data.plain() == {"version": 2, "ethernets": {}}
    assert [(each.code, str(each.at), str(each.severity)) for each in data.notes] == [
        ("KN835", "spec.domain.devices.interfaces[1]", "warning")
    ]
    assert [each.name for each in data.links] == ["eth1"]


def test_ipv6_is_assumed_where_nothing_tells_of_it() -> None:
    def only(facts: Any, **network: Any) -> NetworkDataLink:
        (link,) = made(nic("a", "masquerade"), pod("a", **network), facts, []).links
        return link

    assert only({}).is_ipv6_assumed
    assert not only(DUAL).is_ipv6_assumed
    assert not only({}, vmIPv6NetworkCIDR="fd10:0:2::/120").is_ipv6_assumed


@given(admitted_machines())
def test_what_is_written_is_read_again_and_is_what_advice_asks_for(machine: kvnet.Machine) -> None:
    data = kvnet.network_data(machine)
    for version in (1, 2):
        links = read_network_data(data.text(version))
        assert links is not None
        written = [each for each in data.links if each.mac is not None]
        assert [(each.mac, each.dhcp4) for each in links] == [(each.mac, each.dhcp4) for each in written]
        assert [[each.text for each in link.addresses] for link in links] == [
            [str(each.ipv6)] if each.ipv6 else [] for each in written
        ]
    volumes = [{"name": "c", "cloudInitNoCloud": {"networkData": data.text()}}]
    given_it = kvnet.load({**vmi(), **_with_volumes(machine, volumes)})
    assert list(guest_has_its_addresses(RuleContext(given_it, kvnet.Target()))) == []


def _with_volumes(machine: kvnet.Machine, volumes: list[Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(kvnet.dump(machine, "json"))
    holder = document
    for part in machine.root.parts:
        holder = holder[str(part)]
    holder["volumes"] = volumes
    return document
