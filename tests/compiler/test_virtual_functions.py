"""Which virtual function an SR-IOV NIC is given, where several documents speak of it."""

from __future__ import annotations

from typing import Any

import pytest
from compiler.compiling import codes, hostdev_of, interface_of, only
from compiler.nads import host_target
from machines import claim, multus, nic, pod

from kvnet.device import HostdevSource, PciGuestAddress, PciHostAddress
from kvnet.values import PciAddress

OWN, INFO, STATUS, CLAIMED = (f"0000:81:00.{n}" for n in range(1, 5))


def info(address: str = INFO) -> dict[str, Any]:
    device = {"type": "pci", "version": "1.0.0", "pci": {"pci-address": address}}
    return {"interfaces": [{"network": "a", "deviceInfo": device}]}


def status(address: str = STATUS, interface: str = "net1") -> list[dict[str, Any]]:
    device = {"type": "pci", "version": "1.0.0", "pci": {"pci-address": address}}
    return [{"name": "n", "interface": interface, "device-info": device}]


KNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "pciAddresses": ({"pciAddresses": {"a": OWN}}, OWN),
    "network-info": ({"networkInfo": info()}, INFO),
    "network-status": ({"networkStatus": status()}, STATUS),
    "pciAddresses before network-info": ({"pciAddresses": {"a": OWN}, "networkInfo": info()}, OWN),
    "network-info before network-status": ({"networkInfo": info(), "networkStatus": status()}, INFO),
    "network-status where network-info has another network": (
        {"networkInfo": {"interfaces": []}, "networkStatus": status()},
        STATUS,
    ),
}


@pytest.mark.parametrize(("facts", "address"), KNOWN.values(), ids=KNOWN)
def test_the_virtual_function_is_the_one_of(facts: dict[str, Any], address: str) -> None:
    device = hostdev_of(only(nic(binding="sriov"), multus(), facts=facts))
    assert device.source == PciHostAddress.of(PciAddress.parse(address))
    assert (device.managed, device.alias) == (False, "ua-sriov-a")


def test_the_device_of_a_claim_comes_before_that_of_the_network() -> None:
    facts: dict[str, Any] = {"claims": {"card/vf": CLAIMED}, "pciAddresses": {"a": OWN}}
    network = claim(claimName="card", requestName="vf")
    made = hostdev_of(only(nic(binding="sriov"), network, facts=facts))
    assert made.source == PciHostAddress.of(PciAddress.parse(CLAIMED))
    del facts["claims"]
    made = hostdev_of(only(nic(binding="sriov"), network, facts=facts))
    assert made.source == PciHostAddress.of(PciAddress.parse(OWN))


UNKNOWN: dict[str, tuple[dict[str, Any], dict[str, Any] | None, list[str]]] = {
    "nothing is known": (multus(), None, ["KN302"]),
    "network-status has another link": (multus(), {"networkStatus": status(interface="net2")}, ["KN302"]),
    "the pod's links are known, and network-status does not count": (
        *(multus(), {"links": {}, "networkStatus": status()}),
        ["KN302"],
    ),
    "the pod network, where KubeVirt gives no device": (pod(), None, ["KN313"]),
    "the pod network, where addresses are known": (pod(), {"pciAddresses": {"a": "0000:05:00.1"}}, ["KN313"]),
}


@pytest.mark.parametrize(("network", "facts", "told"), UNKNOWN.values(), ids=UNKNOWN)
def test_there_is_no_virtual_function_where(
    network: dict[str, Any], facts: dict[str, Any] | None, told: list[str]
) -> None:
    made = only(nic(binding="sriov"), network, facts=facts)
    assert made.device is None
    assert codes(made) == told
    assert bool(made.problems) is (told == ["KN302"])


def test_a_hostdev_keeps_boot_order_and_guest_address_and_leaves_out_the_rest() -> None:
    members: dict[str, Any] = {
        "bootOrder": 3,
        "pciAddress": "0000:02:00.0",
        "acpiIndex": 5,
        "model": "virtio",
        "macAddress": "",
    }
    device = hostdev_of(only(nic(binding="sriov", **members), multus(), facts={"pciAddresses": {"a": OWN}}))
    assert device.boot_order == 3
    assert device.address == PciGuestAddress.of(PciAddress.parse("0000:02:00.0"))
    assert (device.acpi, device.rom, device.driver) == (None, None, None)


HOST_FORMS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "neither MAC nor VLAN": ({}, {}, False),
    "VLAN 0": ({}, {"vlan": 0}, False),
    "a MAC address": ({"macAddress": "52-54-00-00-00-0A"}, {}, True),
    "a VLAN": ({}, {"vlan": 7}, True),
}


@pytest.mark.parametrize(("members", "cni", "is_interface"), HOST_FORMS.values(), ids=HOST_FORMS)
def test_on_a_host_libvirt_sets_mac_and_vlan_by_the_interface_form(
    members: dict[str, Any], cni: dict[str, Any], is_interface: bool
) -> None:
    made = on_host(members, cni)
    address = PciAddress.parse(OWN)
    if not is_interface:
        device = hostdev_of(made)
        assert (device.source, device.managed, device.alias) == (PciHostAddress.of(address), True, "ua-sriov-a")
        assert (device.boot_order, device.address) == (2, PciGuestAddress.of(PciAddress.parse("0000:03:00.0")))
        return
    nic_device = interface_of(made)
    assert isinstance(nic_device.source, HostdevSource)
    assert (nic_device.managed, nic_device.alias, nic_device.boot_order) == (True, "ua-a", 2)
    assert nic_device.address == PciGuestAddress.of(PciAddress.parse("0000:03:00.0"))
    assert (nic_device.mac and nic_device.mac.spelling) == ("52:54:00:00:00:0a" if members else None)
    assert [tag.id for tag in nic_device.vlan.tags] == [7] if nic_device.vlan else members


def on_host(members: dict[str, Any], cni: dict[str, Any]) -> Any:
    asked = {"bootOrder": 2, "pciAddress": "0000:03:00.0", **members}
    facts = {"pciAddresses": {"a": OWN}}
    return only(nic(binding="sriov", **asked), multus(), facts=facts, target=host_target({"type": "sriov", **cni}))


def test_on_a_host_an_unknown_virtual_function_is_an_error() -> None:
    made = only(nic(binding="sriov"), pod(), target={"profile": "host"})
    assert codes(made) == ["KN302"]
    made = only(nic(binding="sriov"), pod(), target={"profile": "host"}, facts={"pciAddresses": {"a": OWN}})
    assert hostdev_of(made).source == PciHostAddress.of(PciAddress.parse(OWN))
