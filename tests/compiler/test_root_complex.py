"""Devices on bus 0, for machines with an annotation that asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from compiler.compiling import codes, compiled
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.device import PciGuestAddress
from kvnet.root_complex import ROOT_SLOTS
from kvnet.spec import Disk, Machine

Json = dict[str, Any]

ON_ROOT = {"kubevirt.io/placePCIDevicesOnRootComplex": "true"}
FUNCTIONS = {f"n{n}": f"0000:81:00.{n}" for n in range(8)}
FACTS = {"architecture": "amd64", "pciAddresses": FUNCTIONS}
SRIOV = {"binding": "sriov"}
ABSENT = {"state": "absent"}
HERE = {"pciAddress": "0000:00:02.0"}
FAR = {"pciAddress": "0000:0A:00.0"}


def made(*nics: Json, annotations: Any = ON_ROOT, architecture: str = "amd64", **members: Any) -> kvnet.Compiled:
    """The devices of NICs that are named n0, n1 and so on."""
    names = [f"n{n}" for n in range(len(nics))]
    asked = [nic(name, **each) for name, each in zip(names, nics, strict=True)]
    facts = FACTS | {"architecture": architecture}
    return compiled(asked, [multus(name) for name in names], annotations=annotations, facts=facts, **members)


def places(result: kvnet.Compiled) -> list[str | None]:
    """The bus and slot of each NIC that has a device, in the order of the machine."""
    addresses = [each.device.address for each in result.nics if each.device]
    return [f"{each.bus:02x}:{each.slot:02x}" if isinstance(each, PciGuestAddress) else None for each in addresses]


PLACED: dict[str, tuple[tuple[Json, ...], list[str | None]]] = {
    "one after the other": (({}, {}, {}), ["00:02", "00:03", "00:04"]),
    "virtual functions after all others": ((SRIOV, {}, SRIOV, {}), ["00:04", "00:02", "00:05", "00:03"]),
    "addresses that are asked for stay": ((FAR, {}, {}), ["0a:00", "00:02", "00:03"]),
    "even where they are another's": ((HERE, {}), ["00:02", "00:02"]),
    "a virtual function's address stays too": ((SRIOV | FAR, SRIOV), ["0a:00", "00:02"]),
    "no slot for an absent NIC": (({}, ABSENT, {}), ["00:02", "00:03"]),
    "whatever the model": (({"model": "e1000"}, {"model": "rtl8139"}), ["00:02", "00:03"]),
}


@pytest.mark.parametrize(("nics", "expected"), PLACED.values(), ids=PLACED)
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_slots_are_handed_out_from_2(nics: tuple[Json, ...], expected: list[str | None], architecture: str) -> None:
    assert places(made(*nics, architecture=architecture)) == expected


@pytest.mark.parametrize("text", ["True", "", "1", " true", "false"])
def test_only_true_in_small_letters_asks_for_it(text: str) -> None:
    assert places(made({}, annotations=dict.fromkeys(ON_ROOT, text))) == [None]


def test_s390x_has_no_root_complex() -> None:
    assert places(made({}, architecture="s390x")) == [None]


def test_a_nic_that_has_no_device_yet_keeps_its_slot() -> None:
    asked = [nic("n0", "sriov"), nic("other", "sriov"), nic("n1", "sriov")]
    result = compiled(asked, [multus(each["name"]) for each in asked], annotations=ON_ROOT, facts=FACTS)
    assert places(result) == ["00:02", "00:04"]
    assert codes(result) == ["KN302"]


def test_nics_that_a_sidecar_adds_have_no_slot() -> None:
    plugin = {"binding": {"name": "x"}}
    plugins = {"with": {"domainAttachmentType": "tap"}}
    asked = [{"name": "a", **plugin}, {"name": "b", "binding": {"name": "with"}}, nic("c")]
    facts = FACTS | {"bindingPlugins": plugins}
    result = compiled(asked, [multus(each["name"]) for each in asked], annotations=ON_ROOT, facts=facts)
    assert places(result) == ["00:02", "00:03"]


def test_host_devices_and_gpus_come_before_virtual_functions() -> None:
    devices = {"gpus": [{"name": "g"}], "hostDevices": [{"name": "h"}, {"name": "i"}]}
    result = made({}, SRIOV, devices=devices)
    assert places(result) == ["00:02", "00:06"]
    assert "KN322" in codes(result)
    assert "KN322" not in codes(made({}, devices=devices))


def test_a_plain_host_shows_the_guest_the_same_places() -> None:
    nad = kvnet.Nad(name="nad", config='{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br0"}')
    target = {"profile": "host", "nads": (nad,)}
    # with a MAC address, a virtual function is an <interface> there
    nics: tuple[Json, ...] = (SRIOV | {"macAddress": "52:54:00:00:00:01"}, {}, SRIOV)
    assert places(made(*nics, target=target)) == places(made(*nics)) == ["00:03", "00:02", "00:04"]


# a USB and a SCSI controller, one for the console, and the balloon
ALWAYS = 4
FEWER = {"disableHotplug": True, "autoattachSerialConsole": False}
VIRTIO = {"disk": {"bus": "virtio"}}
MORE: dict[str, tuple[Json, int]] = {
    "nothing": ({}, 0),
    "neither SCSI nor a console": (FEWER, -2),
    "SCSI for a disk": (FEWER | {"disks": [{"name": "d", "cdrom": {"bus": "scsi"}}]}, -1),
    "disks on virtio": ({"disks": [{"name": "d", **VIRTIO}, {"name": "e", "disk": {"bus": "sata"}}, {"name": "f"}]}, 1),
    "a disk with an address": ({"disks": [{"name": "d", "disk": {"bus": "virtio", "pciAddress": "0000:01:00.0"}}]}, 0),
    "inputs": ({"inputs": [{"name": "t", "bus": "virtio"}, {"name": "u", "bus": "usb"}]}, 1),
    "a watchdog and a source of randomness": ({"watchdog": {"name": "w"}, "rng": {}}, 2),
    "what is null is absent": ({"watchdog": None, "rng": None, "inputs": None, "gpus": None}, 0),
    "no balloon still counts": ({"autoattachMemBalloon": False}, 0),
    "host devices": ({"gpus": [{"name": "g"}], "hostDevices": [{"name": "h"}]}, 2),
}


@pytest.mark.parametrize(("devices", "more"), MORE.values(), ids=MORE)
def test_a_machine_whose_devices_do_not_fit_is_refused(devices: Json, more: int) -> None:
    room = len(ROOT_SLOTS) - ALWAYS - more
    assert codes_of_errors(made(*[{}] * room, devices=devices)) == []
    too_many = made(*[{}] * (room + 1), devices=devices)
    assert codes_of_errors(too_many) == ["KN307"]
    assert "use fewer devices, or take the annotation kubevirt.io/placePCIDevicesOnRootComplex" in str(
        too_many.problems
    )
    with pytest.raises(kvnet.Rejected):
        too_many.xml()


def codes_of_errors(result: kvnet.Compiled) -> list[str]:
    return [each.code for each in result.problems]


def test_disks_are_on_virtio_by_default_on_arm64() -> None:
    devices = {"disks": [{"name": "d"}]}
    nics: list[Json] = [{}] * (len(ROOT_SLOTS) - ALWAYS)
    assert codes_of_errors(made(*nics, devices=devices)) == []
    assert codes_of_errors(made(*nics, devices=devices, architecture="arm64")) == ["KN307"]


@given(st.lists(st.sampled_from([{}, SRIOV, ABSENT, {"model": "e1000"}]), min_size=1, max_size=8))
def test_every_slot_is_given_once_and_in_order(nics: list[Json]) -> None:
    found = places(made(*nics))
    present = [each for each in nics if each is not ABSENT]
    others = [slot for slot, each in zip(found, present, strict=True) if each is not SRIOV]
    functions = [slot for slot, each in zip(found, present, strict=True) if each is SRIOV]
    assert [*others, *functions] == [f"00:{slot:02x}" for slot in ROOT_SLOTS[: len(found)]]


def test_slots_that_other_devices_are_used_to_are_stepped_over() -> None:
    assert (ROOT_SLOTS[0], ROOT_SLOTS[-1], len(ROOT_SLOTS)) == (0x02, 0x1E, 28)
    assert 0x1B not in ROOT_SLOTS


def test_the_primary_nic_that_kubevirt_adds_is_placed_too() -> None:
    assert places(compiled([], [], annotations=ON_ROOT)) == ["00:02"]
    assert places(compiled([nic(binding="masquerade")], [pod()], annotations=ON_ROOT)) == ["00:02"]


ODD_MEMBERS: dict[str, Json] = {
    "host devices that are a number": {"hostDevices": 5},
    "GPUs that are text": {"gpus": "all"},
    "an input that is a number": {"inputs": [5]},
}


@pytest.mark.parametrize("devices", ODD_MEMBERS.values(), ids=ODD_MEMBERS)
def test_members_that_the_api_server_refuses_count_as_absent(devices: Json) -> None:
    assert places(kvnet.compile(machine_with(rest=devices))) == ["00:02"]


@pytest.mark.parametrize("disk", [{"disk": "x"}, {"disk": {"bus": []}}])
def test_a_disk_that_the_api_server_refuses_is_on_the_default_bus(disk: Json) -> None:
    assert places(kvnet.compile(machine_with(disks=(Disk(name="d", rest=disk),)))) == ["00:02"]


def machine_with(**devices: Any) -> Machine:
    """A machine that was made, for no loader lets such members through."""
    machine = kvnet.load(vmi([nic(binding="masquerade")], [pod()], annotations=ON_ROOT))
    domain = machine.spec.domain
    return evolve(machine, spec=evolve(machine.spec, domain=evolve(domain, devices=evolve(domain.devices, **devices))))
