"""Advice on IPv6 behind masquerade: what cloud-init's network data has to say, and of which NIC."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from advice import NICS, told
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.manifest.network_data import read_network_data

Json = dict[str, Any]
MAC = "52:54:00:00:00:0a"


def cloud_init(data: Json | str, cidr: str = "", kind: str = "cloudInitNoCloud", **members: Any) -> Json:
    """A machine behind masquerade with network data."""
    text = data if isinstance(data, str) else json.dumps(data)
    source = {"networkData": text, "userData": "a", **members}
    network = pod(vmIPv6NetworkCIDR=cidr) if cidr else pod()
    volumes = [{"name": "disk", "containerDisk": {"image": "a"}}, {"name": "ci", kind: source}]
    return vmi([nic(binding="masquerade", macAddress=MAC)], [network], spec={"volumes": volumes})


def netplan(**link: Any) -> Json:
    return {"version": 2, "ethernets": {"enp1s0": link}}


def version_1(*subnets: Json) -> Json:
    return {"version": 1, "config": [{"type": "physical", "name": "eth0", "subnets": list(subnets)}]}


ROUTE = {"to": "::/0", "via": "fd10:0:2::1"}
GOOD = {"addresses": ["fd10:0:2::2/120"], "routes": [ROUTE]}
BESIDE = ["KN923"]
DATA: dict[str, tuple[Json, list[str]]] = {
    "the guest's address and gateway": (cloud_init(netplan(**GOOD)), []),
    "the deprecated gateway6": (
        cloud_init(netplan(addresses=["fd10:0:2::2/120"], gateway6="fd10:0:2::1")),
        [],
    ),
    "another spelling of the address": (
        cloud_init(netplan(addresses=["FD10:0:2:0::2/120"], routes=[{"to": "default", "via": "fd10:0:2:0::1"}])),
        [],
    ),
    "another spelling of all addresses": (
        cloud_init(netplan(**GOOD | {"routes": [{"to": "0:0:0:0:0:0:0:0/0", "via": "fd10:0:2::1"}]})),
        [],
    ),
    "another address": (cloud_init(netplan(addresses=["fd10:0:2::3/120"], routes=[ROUTE])), ["KN923"]),
    "another prefix": (cloud_init(netplan(addresses=["fd10:0:2::2/64"], routes=[ROUTE])), ["KN923"]),
    "an address with options": (
        cloud_init(netplan(addresses=[{"fd10:0:2::3/120": {"label": "x"}}], routes=[ROUTE])),
        ["KN923"],
    ),
    "another gateway": (
        cloud_init(netplan(addresses=["fd10:0:2::2/120"], routes=[{"to": "::/0", "via": "fd10:0:2::fe"}])),
        ["KN923"],
    ),
    "no gateway": (cloud_init(netplan(addresses=["fd10:0:2::2/120"])), ["KN923"]),
    "a route to elsewhere": (
        cloud_init(netplan(**GOOD | {"routes": [ROUTE, {"to": "fd99::/64", "via": "fd10:0:2::7"}]})),
        [],
    ),
    "IPv4 alone": (cloud_init(netplan(addresses=["10.0.2.2/24"], gateway4="10.0.2.1")), []),
    "a link-local address": (cloud_init(netplan(addresses=["fe80::5/64"])), []),
    "the network of the machine": (
        cloud_init(netplan(addresses=["fd00:1::2/64"], routes=[{"to": "::/0", "via": "fd00:1::1"}]), "fd00:1::/64"),
        [],
    ),
    "the default network beside that of the machine": (cloud_init(netplan(**GOOD), "fd00:1::/64"), ["KN923", "KN923"]),
    "a key network around it": (
        cloud_init({"network": netplan(addresses=["fd10:0:2::9/120"], routes=[ROUTE])}),
        BESIDE,
    ),
    "version 1": (
        cloud_init(version_1({"type": "static6", "address": "fd10:0:2::2/120", "gateway": "fd10:0:2::1"})),
        [],
    ),
    "version 1 without a prefix": (
        cloud_init(version_1({"type": "static6", "address": "fd10:0:2::2", "gateway": "fd10:0:2::1"})),
        [],
    ),
    "version 1 with another address without a prefix": (
        cloud_init(version_1({"type": "static6", "address": "fd10:0:2::3", "gateway": "fd10:0:2::1"})),
        ["KN923"],
    ),
    "version 1 with a netmask": (
        cloud_init(version_1({"type": "static6", "address": "fd10:0:2::2", "netmask": 120, "gateway": "fd10:0:2::1"})),
        [],
    ),
    "version 1 with another prefix beside the address": (
        cloud_init(version_1({"type": "static6", "address": "fd10:0:2::2", "prefix": 64, "gateway": "fd10:0:2::1"})),
        ["KN923"],
    ),
    "version 1 with a netmask that is written as an address": (
        cloud_init(
            version_1({"type": "static6", "address": "fd10:0:2::2", "netmask": "ffff::", "gateway": "fd10:0:2::1"})
        ),
        ["KN923"],
    ),
    "version 1 with another address and gateway": (
        cloud_init(version_1({"type": "static", "address": "fd10:0:2::9/64", "gateway": "fd10:0:2::fe"})),
        ["KN923", "KN923"],
    ),
    "version 1 with a route in its subnet": (
        cloud_init(
            version_1(
                {
                    "type": "static6",
                    "address": "fd10:0:2::2/120",
                    "routes": [{"network": "::", "netmask": "::", "gateway": "fd10:0:2::1"}],
                }
            )
        ),
        [],
    ),
    "version 1 with a route of its own": (
        cloud_init(
            {
                "version": 1,
                "config": [
                    {
                        "type": "physical",
                        "name": "eth0",
                        "subnets": [{"type": "static6", "address": "fd10:0:2::2/120"}],
                    },
                    {"type": "route", "destination": "::/0", "gateway": "fd10:0:2::1"},
                ],
            }
        ),
        [],
    ),
    "a config drive": (
        cloud_init(netplan(addresses=["fd10:0:2::9/120"], routes=[ROUTE]), kind="cloudInitConfigDrive"),
        ["KN923"],
    ),
    "base64": (
        cloud_init(
            "",
            networkDataBase64=base64.b64encode(
                json.dumps(netplan(addresses=["fd10:0:2::9/120"], routes=[ROUTE])).encode()
            ).decode(),
        ),
        ["KN923"],
    ),
    "a secret": (cloud_init("", networkDataSecretRef={"name": "a"}), []),
    "text that is no YAML": (cloud_init("{"), []),
    "a version that nobody knows": (cloud_init({"version": 3}), []),
}


@pytest.mark.parametrize(("machine", "codes"), DATA.values(), ids=DATA)
def test_of_network_data_is_told(machine: Json, codes: list[str]) -> None:
    assert [code for code, _ in told(machine)] == codes


def two_nics(data: Json, **members: Any) -> Json:
    """A machine with a bridge before its NIC behind masquerade."""
    volumes = [{"name": "ci", "cloudInitNoCloud": {"networkData": json.dumps(data)}}]
    nics = [nic("lan", macAddress="02:00:00:00:00:01"), nic("a", "masquerade", macAddress=MAC, **members)]
    return vmi(nics, [multus("lan"), pod("a")], spec={"volumes": volumes})


OTHER = ["2001:db8::5/64"]
LINKS: dict[str, tuple[Json, bool]] = {
    "the bridge, by its MAC address": (two_nics({"x": {"match": {"macaddress": "02-00-00-00-00-01"}}}), False),
    "the NIC, by its MAC address": (two_nics({"x": {"match": {"macaddress": MAC.upper()}}}), True),
    "the bridge, by its bus": (two_nics({"enp1s0": {}}), False),
    "the NIC, by its bus": (two_nics({"enp2s0": {}}), True),
    "the bridge, by its number": (two_nics({"x": {"match": {"name": "eth0"}}}), False),
    "the NIC, by its number": (two_nics({"eth1": {}}), True),
    "the NIC, by its ACPI index": (two_nics({"eno7": {}}, acpiIndex=7), True),
    "the NIC, by its PCI address": (two_nics({"enp9s0": {}}, pciAddress="0000:09:00.0"), True),
    "one of the two": (two_nics({"nic0": {}}), False),
}


@pytest.mark.parametrize(("machine", "is_told"), LINKS.values(), ids=LINKS)
def test_an_address_of_another_network_is_told_only_of_the_nic_behind_masquerade(machine: Json, is_told: bool) -> None:
    source = machine["spec"]["volumes"][0]["cloudInitNoCloud"]
    [(name, link)] = json.loads(source["networkData"]).items()
    link |= {"addresses": OTHER, "gateway6": "2001:db8::1"}
    source["networkData"] = json.dumps({"version": 2, "ethernets": {name: link}})
    assert [code for code, _ in told(machine)] == ["KN923", "KN923"] * is_told


def test_an_address_behind_masquerade_is_told_of_a_link_that_may_be_any_nic() -> None:
    data = {"version": 2, "ethernets": {"nic0": {"addresses": ["fd10:0:2::9/120"], "routes": [ROUTE]}}}
    assert [code for code, _ in told(two_nics(data))] == ["KN923"]


def test_an_address_behind_masquerade_is_not_told_of_a_link_that_is_another_nic() -> None:
    data = {"version": 2, "ethernets": {"eth0": {"addresses": ["fd10:0:2::9/120"], "routes": [ROUTE]}}}
    assert told(two_nics(data)) == []


DUAL = {"podNetworks": [{"interface": "eth0", "default": True, "ips": ["10.244.1.5", "fd10:244::5"]}]}
SCRIPT = "#!/bin/sh\nip -6 addr add fd10:0:2::2/120 dev eth0\nip -6 route add default via fd10:0:2::1\n"


def user_data(**source: str) -> Json:
    """A machine behind masquerade with user data alone."""
    return vmi([nic(binding="masquerade")], [pod()], spec={"volumes": [{"name": "ci", "cloudInitNoCloud": source}]})


UNCONFIGURED: dict[str, tuple[Json, Json, list[tuple[str, str]]]] = {
    "a pod with IPv6": (
        vmi([nic(binding="masquerade")], [pod()]),
        DUAL,
        [("KN924", f"{NICS}[0].masquerade")],
    ),
    "a pod with a link-local address": (
        vmi([nic(binding="masquerade")], [pod()]),
        {"podNetworks": [{"default": True, "ips": ["10.244.1.5", "fe80::5"]}]},
        [],
    ),
    "a pod with IPv6 on another network": (
        vmi([nic(binding="masquerade")], [pod()]),
        {"podNetworks": [{"name": "default/nad", "ips": ["fd10:244::5"]}]},
        [],
    ),
    "an IPv6 network": (
        vmi([nic(binding="masquerade")], [pod(vmIPv6NetworkCIDR="fd00::/64")]),
        {},
        [("KN924", "spec.networks[0].pod.vmIPv6NetworkCIDR")],
    ),
    "an IPv6 network that is none": (
        vmi([nic(binding="masquerade")], [pod(vmIPv6NetworkCIDR="10.0.0.0/24")]),
        {},
        [],
    ),
    "a bridge in a pod with IPv6": (vmi([nic()], [pod(vmIPv6NetworkCIDR="fd00::/64")]), DUAL, []),
    "network data with IPv6": (cloud_init(netplan(**GOOD)), DUAL, []),
    "network data without IPv6": (
        cloud_init(netplan(dhcp4=True)),
        DUAL,
        [("KN924", f"{NICS}[0].masquerade")],
    ),
    "network data that asks for DHCPv6, which gives no route": (
        cloud_init(netplan(dhcp6=True)),
        DUAL,
        [("KN924", f"{NICS}[0].masquerade")],
    ),
    "user data that configures the guest's address": (user_data(userData=SCRIPT), DUAL, []),
    "user data in base64 that configures the guest's address": (
        user_data(userDataBase64=base64.b64encode(SCRIPT.encode()).decode()),
        DUAL,
        [],
    ),
    "user data of other things": (user_data(userData="#!/bin/sh"), DUAL, [("KN924", f"{NICS}[0].masquerade")]),
    "network data in a secret": (cloud_init("", networkDataSecretRef={"name": "a"}), DUAL, []),
    "network data of OpenStack's form": (cloud_init({"links": [], "networks": [{"type": "ipv6"}]}), DUAL, []),
    "network data with IPv6 of the other NIC": (
        two_nics({"version": 2, "ethernets": {"eth0": {"addresses": OTHER}}}),
        DUAL,
        [("KN924", f"{NICS}[1].masquerade")],
    ),
    "network data with IPv6 of a bond": (
        two_nics({"version": 2, "bonds": {"bond0": {"addresses": OTHER}}}),
        DUAL,
        [],
    ),
}


@pytest.mark.parametrize(("machine", "facts", "expected"), UNCONFIGURED.values(), ids=UNCONFIGURED)
def test_of_ipv6_that_nothing_configures_is_told(machine: Json, facts: Json, expected: list[tuple[str, str]]) -> None:
    assert told(machine, facts=kvnet.load_facts(facts)) == expected


def test_of_the_default_nic_the_place_is_the_machine() -> None:
    cluster = kvnet.ClusterConfig(default_network_interface="masquerade")
    assert told(vmi(), cluster=cluster, facts=kvnet.load_facts(DUAL)) == [("KN924", "spec")]


TEXT = """\
kind: VirtualMachineInstance
metadata: {name: vm}
spec:
  domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}
  networks: [{name: a, pod: {}}]
  volumes:
  - name: ci
    cloudInitNoCloud:
      networkData: |
        network:
          version: 2
          ethernets:
            eth0:
              addresses:
              - 10.0.2.2/24
              - fd10:0:2::9/64
              routes:
              - {to: "::/0", via: "fd10:0:2::fe"}
"""


def test_a_finding_in_network_data_has_its_line_and_column() -> None:
    machine = kvnet.loads(TEXT)
    places = [each.place for each in kvnet.check(machine)]
    assert [(each.line, each.column) for each in places if each] == [(16, 17), (18, 35)]


def test_a_finding_in_base64_has_the_place_of_its_member() -> None:
    lines = TEXT.splitlines()
    encoded = base64.b64encode("\n".join(line[8:] for line in lines[9:]).encode()).decode()
    text = "\n".join([*lines[:8], f"      networkDataBase64: {encoded}"])
    places = [each.place for each in kvnet.check(kvnet.loads(text))]
    assert [(each.line, each.column) for each in places if each] == [(9, 26)] * 2


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["fd10:0:2::2/120", "::/0", "eth0", MAC, "", "x"])
)
_KEYS = st.sampled_from(
    [
        *(
            "version",
            "network",
            "config",
            "ethernets",
            "bonds",
            "eth0",
            "match",
            "macaddress",
            "name",
            "type",
            "subnets",
        ),
        *("addresses", "address", "gateway", "gateway6", "routes", "to", "via", "destination", "netmask", "prefix"),
    ]
)
_SHAPES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=25,
)


_LINKS = st.fixed_dictionaries({}, optional=dict.fromkeys(("match", "addresses", "gateway6", "routes", "set"), _SHAPES))
_ROUTES = st.fixed_dictionaries({"to": _SHAPES, "via": _SHAPES} | dict.fromkeys(("destination", "gateway"), _SHAPES))
_CONFIGS = (
    st.fixed_dictionaries({"version": st.just(2), "ethernets": st.dictionaries(_KEYS, _LINKS, max_size=2)})
    | st.fixed_dictionaries({"version": st.just(2), "bonds": st.just({"b": {}}), "ethernets": _SHAPES})
    | _ROUTES.map(lambda route: netplan(addresses=["fd10:0:2::2/120"], routes=[route]))
    | _ROUTES.map(lambda route: version_1({"type": "static", **route, "routes": [route]}))
    | st.fixed_dictionaries({"version": st.just(1), "config": st.lists(_ROUTES | _SHAPES, max_size=3)})
    | _SHAPES
)


@given(_CONFIGS)
@settings(deadline=None)
def test_network_data_of_any_shape_is_read_without_an_error(data: Any) -> None:
    for whole in (data, {"network": data}):
        told(cloud_init(json.dumps(whole)), facts=kvnet.load_facts(DUAL))


@given(st.text(max_size=80))
@settings(deadline=None)
def test_any_text_of_network_data_is_read_without_an_error(text: str) -> None:
    read_network_data(text)
    read_network_data(f"version: 2\nethernets:\n  {text}")


def test_network_data_with_aliases_ends() -> None:
    levels = "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    text = f"version: 2\nethernets:\n  a0: &a0 [x]\n{levels}"
    assert len(text) < 2048
    assert read_network_data(text) is None
