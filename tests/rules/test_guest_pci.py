"""Where on its PCI buses a guest may have a NIC, on a machine of root ports."""

from __future__ import annotations

from typing import Any

import pytest
from machines import multus, nic, pod, vmi

import kvnet

NICS = "spec.domain.devices.interfaces"
Nics = list[dict[str, Any]]


def at(*places: str | dict[str, Any], **members: Any) -> Nics:
    """A NIC for each place, or for each mapping of members."""
    asked = [{"pciAddress": each} if isinstance(each, str) else each for each in places]
    return [nic(f"n{n}", **{"binding": "bridge", **members, **each}) for n, each in enumerate(asked)]


def told(nics: Nics, *, architecture: str = "amd64", **members: Any) -> list[tuple[str, int]]:
    """Codes of errors, and the numbers of the NICs that they are about."""
    machine = kvnet.load(vmi(nics, [multus(each["name"]) for each in nics], **members))
    problems = [each for each in kvnet.check(machine, kvnet.Target(architecture=architecture)) if each.is_error]
    fields = {f"{NICS}[{n}].pciAddress": n for n in range(len(nics))}
    assert all(each.hint and each.cause is None for each in problems)
    return [(each.code, fields[each.field]) for each in problems]


OLD = {"model": "e1000"}
SRIOV = {"binding": "sriov"}
PLACES: dict[str, tuple[Nics, list[tuple[str, int]]]] = {
    "slot 0 of the first root port": (at("0000:01:00.0"), []),
    "slot 0 of the last root port": (at("0000:f0:00.0"), []),
    "no root port beyond 240": (at("0000:f1:00.0"), [("KN417", 0)]),
    "no other domain": (at("0001:01:00.0"), [("KN414", 0)]),
    "no slot beyond 1f on the root bus": (at("0000:00:20.0"), [("KN412", 0)]),
    "no slot beyond 1f on a root port, which is told once": (at("0000:05:20.0"), [("KN412", 0)]),
    "no slot beyond 1f in another domain": (at("0001:05:20.0"), [("KN414", 0), ("KN412", 0)]),
    "slot 1f of the root bus beside the chipset": (at("0000:00:1f.1"), []),
    "slot 1e of the root bus": (at("0000:00:1e.0"), []),
    "not the slot of the host bridge": (at("0000:00:00.0"), [("KN415", 0)]),
    "no function of that slot": (at("0000:00:00.1"), [("KN415", 0)]),
    "not the LPC bridge": (at("0000:00:1f.0"), [("KN415", 0)]),
    "not the SATA controller": (at("0000:00:1f.2"), [("KN415", 0)]),
    "not the SMBus": (at("0000:00:1f.3"), [("KN415", 0)]),
    "no other slot of a root port": (at("0000:01:01.0"), [("KN416", 0)]),
    "two functions of one root port": (at("0000:01:00.0", "0000:01:00.1"), []),
    "not one place twice": (at("0000:01:00.0", "0000:01:00.0"), [("KN413", 1)]),
    "not one place twice in two spellings": (at("0000:0a:00.0", "0000:0A:00.0"), [("KN413", 1)]),
    "not one place three times": (at(*["0000:01:00.0"] * 3), [("KN413", 1), ("KN413", 2)]),
    "an older model on the root bus": (at({**OLD, "pciAddress": "0000:00:01.0"}), []),
    "an older model on a bridge": (at({**OLD, "pciAddress": "0000:02:01.0"}), []),
    "no older model in slot 0 of a bridge": (at({**OLD, "pciAddress": "0000:02:00.0"}), [("KN416", 0)]),
    "no older model on the root port of the first bridge": (
        at({**OLD, "pciAddress": "0000:01:01.0"}),
        [("KN416", 0)],
    ),
    "rtl8139 is an older model": (at({"model": "rtl8139", "pciAddress": "0000:02:01.0"}), []),
    "e1000e is none": (at({"model": "e1000e", "pciAddress": "0000:02:01.0"}), [("KN416", 0)]),
    "igb is none": (at({"model": "igb", "pciAddress": "0000:02:00.0"}), []),
    "an SR-IOV NIC on a root port": (at({**SRIOV, "pciAddress": "0000:01:00.0"}), []),
    "an SR-IOV NIC on a root port, whatever its model says": (
        at({**SRIOV, **OLD, "pciAddress": "0000:01:00.0"}),
        [],
    ),
    "an older model after a root port": (at("0000:01:00.0", {**OLD, "pciAddress": "0000:03:01.0"}), []),
    "no older model on that root port": (
        at("0000:01:00.0", {**OLD, "pciAddress": "0000:01:01.0"}),
        [("KN416", 1)],
    ),
    "no root port where a bridge was made": (
        at({**OLD, "pciAddress": "0000:02:01.0"}, "0000:02:00.0"),
        [("KN416", 1)],
    ),
    "no root port where that of the bridge was made": (
        at({**OLD, "pciAddress": "0000:02:01.0"}, "0000:01:00.0"),
        [("KN416", 1)],
    ),
    "the root port after the bridge": (at({**OLD, "pciAddress": "0000:02:01.0"}, "0000:03:00.0"), []),
    "a second bridge without a root port of its own": (
        at({**OLD, "pciAddress": "0000:02:01.0"}, {**OLD, "pciAddress": "0000:03:01.0"}),
        [],
    ),
    "hostdevs, which libvirt reads last": (
        at({**SRIOV, "pciAddress": "0000:02:00.0"}, {**OLD, "pciAddress": "0000:02:01.0"}),
        [("KN416", 0)],
    ),
    "fewer root ports where NICs take slots of the root bus": (
        at("0000:00:05.0", "0000:e8:00.0", "0000:e9:00.0"),
        [("KN417", 2)],
    ),
    "as many where the slot is not one for root ports": (at("0000:00:1f.1", "0000:f0:00.0"), []),
    "a slot that two NICs share counts once": (
        at("0000:00:05.0", "0000:00:05.1", "0000:e8:00.0", "0000:e9:00.0"),
        [("KN417", 3)],
    ),
    "absent NICs take no place": (at({"state": "absent", "pciAddress": "0000:01:00.0"}, "0000:01:00.0"), []),
    "a wrong bus of another domain is one problem": (at("0001:01:01.0"), [("KN414", 0)]),
}


@pytest.mark.parametrize(("nics", "problems"), PLACES.values(), ids=PLACES)
def test_a_nic_may_be_in(nics: Nics, problems: list[tuple[str, int]]) -> None:
    assert told(nics) == problems


def test_virtio_of_the_transitional_kind_is_an_older_model() -> None:
    transitional = {"useVirtioTransitional": True}
    assert told(at("0000:02:01.0"), devices=transitional) == []
    assert told(at("0000:02:01.0", model="e1000e"), devices=transitional) == [("KN416", 0)]
    assert told(at("0000:01:00.0"), devices=transitional) == [("KN416", 0)]


def test_the_chipset_is_that_of_amd64() -> None:
    assert told(at("0000:00:1f.0"), architecture="arm64") == []
    assert told(at("0000:00:00.0"), architecture="arm64") == [("KN415", 0)]


def hints(nics: Nics) -> list[str]:
    machine = kvnet.load(vmi(nics, [multus(each["name"]) for each in nics]))
    return [str(each.hint) for each in kvnet.check(machine)]


def test_hints_name_a_place_that_is_one() -> None:
    assert hints(at("0001:02:00.0")) == ["write 0000:02:00.0"]
    assert "0000:02:00.0" in hints(at("0000:01:01.0"))[0]
    assert "0000:05:01.0" in hints(at({**OLD, "pciAddress": "0000:03:00.0"}))[0]
    assert hints(at("0000:f1:00.0")) == ["use a bus up to f0"]


@pytest.mark.parametrize("bus", [1, 2, 0xEF, 0xF0, 0xF1, 0xFF])
def test_the_plain_places_are_as_many_as_the_root_ports(bus: int) -> None:
    assert told(at(f"0000:{bus:02x}:00.0")) == ([] if bus <= 240 else [("KN417", 0)])
    assert told(at(f"0000:{bus:02x}:00.0", "0000:00:1e.0"))[:1] == ([] if bus <= 232 else [("KN417", 0)])


def test_a_nic_without_an_address_is_placed_by_libvirt() -> None:
    machine = kvnet.load(vmi([nic(binding="masquerade")], [pod()]))
    assert kvnet.check(machine) == ()


ON_ROOT = {"kubevirt.io/placePCIDevicesOnRootComplex": "true"}
PLUGIN = {"binding": {"name": "x"}}
AMONG_PLACED: dict[str, tuple[Nics, list[tuple[str, int]]]] = {
    "the slot of another NIC": (at({}, "0000:00:02.0"), [("KN413", 1)]),
    "the slot that the NIC itself would get, and a controller gets": (at("0000:00:02.0"), [("KN413", 0)]),
    "the slot of a controller": (at({}, {}, "0000:00:04.0"), [("KN413", 2)]),
    "the slot of the last device": (at({}, {}, "0000:00:07.0"), [("KN413", 2)]),
    "a slot behind all devices": (at({}, {}, "0000:00:08.0"), []),
    "the slot of a virtual function": (at("0000:00:03.0", {}, SRIOV), [("KN413", 0)]),
    "another function of that slot": (at({}, "0000:00:02.1"), []),
    "a slot behind all devices beside an absent NIC": (at({"state": "absent"}, "0000:00:06.0"), []),
    "a slot behind all devices beside a plugin's NIC": (
        [{"name": "n0", **PLUGIN}, nic("n1", pciAddress="0000:00:06.0")],
        [],
    ),
}


@pytest.mark.parametrize(("nics", "problems"), AMONG_PLACED.values(), ids=AMONG_PLACED)
def test_an_address_beside_those_that_kubevirt_gives_on_the_root_complex(
    nics: Nics, problems: list[tuple[str, int]]
) -> None:
    assert told(nics, annotations=ON_ROOT) == problems


def test_host_devices_may_be_none_on_pci_and_then_have_no_slot() -> None:
    devices = {"hostDevices": [{"name": "h"}], "disableHotplug": True, "autoattachSerialConsole": False}
    assert told(at("0000:00:03.0"), annotations=ON_ROOT, devices=devices) == [("KN413", 0)]
    assert told(at("0000:00:04.0"), annotations=ON_ROOT, devices=devices) == []


def test_a_plain_host_has_no_other_device_on_the_root_complex() -> None:
    machine = kvnet.load(vmi(at("0000:00:02.0"), [multus("n0")], annotations=ON_ROOT))
    found = kvnet.check(machine, kvnet.Target(profile="host", architecture="amd64"))
    assert [problem.code for problem in found] == ["KN340"]


def test_without_that_annotation_and_on_s390x_no_slot_is_given() -> None:
    nics = at({}, "0000:00:02.0")
    assert told(nics, annotations={**ON_ROOT, "kubevirt.io/placePCIDevicesOnRootComplex": "True"}) == []
    assert told(nics, annotations=ON_ROOT, architecture="s390x") == []
