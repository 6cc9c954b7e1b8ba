"""Settings of CNI plugins are read by the names that their projects document, and within the bounds that they have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kvnet.cni.ipam import networks_of
from kvnet.errors import FieldPath, Rejected
from kvnet.manifest.binder import plain
from kvnet.manifest.cni import chain_of, chain_or_reject

PCI = "0000:03:02.1"
WRITTEN: dict[str, dict[str, Any]] = {
    "host-device": {"device": "eth1", "hwaddr": "02:00:00:00:00:01", "kernelpath": "/sys/x", "pciBusID": PCI},
    "kube-ovn": {"provider": "nad.ns.ovn", "server_socket": "/run/openvswitch/kube-ovn-daemon.sock"},
    "macvtap": {"deviceID": "eth1-0", "mtu": 1400, "promiscMode": True},
    "ovn-k8s-cni-overlay": {
        "topology": "localnet",
        "netAttachDefName": "ns/lan",
        "physicalNetworkName": "physnet",
        "vlanID": 7,
        "mtu": 1400,
        "role": "secondary",
        "subnets": "10.1.0.0/16",
        "excludeSubnets": "10.1.0.0/30",
        "joinSubnet": "100.65.0.0/16",
        "allowPersistentIPs": True,
    },
    "ovs": {
        "bridge": "br1",
        "vlan": 7,
        "mtu": 1400,
        "interface_type": "dpdk",
        "deviceID": PCI,
        "ofport_request": 5,
        "configuration_path": "/etc/ovs.json",
        "socket_file": "unix:/run/ovs.sock",
        "link_state_check_retries": 3,
        "link_state_check_interval": 100,
    },
    "sriov": {
        "deviceID": PCI,
        "vlan": 7,
        "vlanQoS": 3,
        "mac": "02:00:00:00:00:01",
        "spoofchk": "off",
        "trust": "on",
        "link_state": "enable",
        "min_tx_rate": 10,
        "max_tx_rate": 100,
    },
}


@pytest.mark.parametrize(("plugin", "settings"), WRITTEN.items(), ids=WRITTEN)
def test_the_settings_of_a_plugin_have_the_names_of_its_project(plugin: str, settings: dict[str, Any]) -> None:
    read = chain_of(json.dumps({"cniVersion": "0.4.0", "name": "n", "type": plugin, **settings})).first
    assert dict(read.rest) == {}
    written = plain(read)
    assert {name: written[name] for name in settings} == settings


ADDRESSES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "host-local with a subnet": (
        {"type": "host-local", "subnet": "10.1.0.0/16", "rangeStart": "10.1.0.5", "rangeEnd": "10.1.0.9"},
        ("10.1.0.0/16",),
    ),
    "host-local with sets of ranges": (
        {
            "type": "host-local",
            "ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.1.0/24"}], [{"subnet": "fd00::/64"}]],
        },
        ("10.1.0.0/24", "10.1.1.0/24", "fd00::/64"),
    ),
    "static": ({"type": "static", "addresses": [{"address": "10.1.0.5/16"}]}, ("10.1.0.5/16",)),
    "whereabouts with a range": (
        {"type": "whereabouts", "range": "10.1.0.0/16", "range_start": "10.1.0.5", "range_end": "10.1.0.9"},
        ("10.1.0.0/16",),
    ),
    "whereabouts with several": (
        {"type": "whereabouts", "ipRanges": [{"range": "10.1.0.0/16"}, {"range": "fd00::/64"}], "network_name": "n"},
        ("10.1.0.0/16", "fd00::/64"),
    ),
    "dhcp": ({"type": "dhcp", "provide": [{"option": "12", "fromArg": "K8S_POD_NAME"}]}, ()),
    "kube-ovn": ({"type": "kube-ovn", "provider": "a.b", "server_socket": "/run/s"}, ()),
    "a plugin that nobody knows": ({"type": "own"}, ()),
}


@pytest.mark.parametrize(("settings", "networks"), ADDRESSES.values(), ids=ADDRESSES)
def test_the_networks_that_an_ipam_plugin_gives_addresses_of_are(
    settings: dict[str, Any], networks: tuple[str, ...]
) -> None:
    config = {"cniVersion": "0.4.0", "name": "n", "type": "bridge", "bridge": "br1", "ipam": settings}
    ipam = chain_of(json.dumps(config)).first.ipam
    assert networks_of(ipam) == networks
    assert dict(ipam.rest) == {}
    written = plain(ipam)
    assert {name: written[name] for name in settings} == settings


BOUNDS = {
    "a VLAN": ({"type": "bridge", "bridge": "br1"}, "vlan", 0, 4094),
    "the priority of a VLAN": ({"type": "sriov", "vlan": 5}, "vlanQoS", 0, 7),
    "a count": ({"type": "ovs", "bridge": "br1"}, "link_state_check_retries", 0, 2**63 - 1),
    "a rate": ({"type": "bandwidth", "ingressBurst": 8000}, "ingressRate", 8, (2**32 - 1) * 8000),
}


@pytest.mark.parametrize(("plugin", "name", "least", "most"), BOUNDS.values(), ids=BOUNDS)
def test_a_number_is_within_the_bounds_of_its_setting(plugin: dict[str, Any], name: str, least: int, most: int) -> None:
    def read(value: int) -> Any:
        first = {"type": "bridge", "bridge": "br1"}
        plugins = [first, {**plugin, name: value}]
        return chain_or_reject(json.dumps({"cniVersion": "0.4.0", "name": "n", "plugins": plugins}), FieldPath())

    assert plain(read(most).plugins[1])[name] == most
    assert plain(read(least).plugins[1]).get(name, 0) == least
    with pytest.raises(Rejected, match=rf"KN345 .*{name}.*{most + 1}"):
        read(most + 1)
    with pytest.raises(Rejected, match=rf"KN345 .*{name}.*-1"):
        read(-1)


def test_a_rate_of_zero_is_no_limit() -> None:
    plugins = [{"type": "bridge", "bridge": "br1"}, {"type": "bandwidth", "ingressRate": 0}]
    chain = chain_or_reject(json.dumps({"cniVersion": "0.4.0", "name": "n", "plugins": plugins}), FieldPath())
    assert plain(chain.plugins[1]).get("ingressRate", 0) == 0
