"""Root ports for hotplug: how many there should be, and which are free."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, vmi

import kvnet
from kvnet.errors import Rejected, XmlError
from kvnet.hotplug import (
    extra_controllers,
    extra_ports,
    free_ports,
    has_hotplug_ports,
    hotplug_off,
    placeholder_nics,
    placeholders,
    with_hotplug_ports,
)
from kvnet.spec import Machine

SLOTS = "kubevirt.io/pci-interface-slot-count"
ON_ROOT = "kubevirt.io/placePCIDevicesOnRootComplex"
GIB = 2**30
ROOT = "<controller type='pci' index='0' model='pcie-root'/>"
NIC = "<interface type='user'/>"


def machine(nics: int = 1, annotations: dict[str, str] | None = None, **spec: object) -> Machine:
    names = [f"n{n}" for n in range(nics)]
    kind = spec.pop("machine", None)
    domain = {"machine": {"type": kind}} if kind is not None else {}
    interfaces, networks = [nic(name) for name in names], [multus(name) for name in names]
    return kvnet.load(vmi(interfaces, networks, annotations=annotations, domain=domain, spec=spec))


def domain(devices: str = "", memory: int = GIB, machine: str = "q35") -> str:
    return (
        f"<domain type='kvm'>\n  <memory unit='b'>{memory}</memory>\n  <os><type arch='x86_64' machine='{machine}'>hvm"
        f"</type></os>\n  <devices>\n    {ROOT}{devices}\n  </devices>\n</domain>\n"
    )


def at(bus: str, kind: str = "pci") -> str:
    return f"<address type='{kind}' domain='0x0000' bus='{bus}' slot='0x00' function='0x0'/>"


def port(index: int, inside: str = "") -> str:
    return f"<controller type='pci' index='{index}' model='pcie-root-port'>{inside}</controller>"


@pytest.mark.parametrize(("nics", "count"), [(0, 0), (1, 3), (2, 2), (3, 1), (4, 0), (5, 0)])
def test_placeholders_fill_up_to_four_nics_unless_there_is_none(nics: int, count: int) -> None:
    assert placeholders(machine(nics)) == count


ANNOTATED = {
    "a slot count": (1, {SLOTS: "8"}, 7),
    "a slot count for a machine without NICs": (0, {SLOTS: "2"}, 2),
    "a slot count that is below the NICs": (3, {SLOTS: "1"}, 0),
    "a negative slot count": (1, {SLOTS: "-1"}, 0),
    "a slot count with a sign": (1, {SLOTS: "+4"}, 3),
    "devices on the root complex": (1, {ON_ROOT: "true"}, 0),
    "devices on the root complex, and a slot count": (1, {ON_ROOT: "true", SLOTS: "4"}, 3),
    "devices not on the root complex": (1, {ON_ROOT: "false"}, 3),
    "another spelling of true": (1, {ON_ROOT: "True"}, 3),
}


@pytest.mark.parametrize(("nics", "annotations", "count"), ANNOTATED.values(), ids=ANNOTATED)
def test_annotations_decide_on_placeholders(nics: int, annotations: dict[str, str], count: int) -> None:
    assert placeholders(machine(nics, annotations)) == count


@pytest.mark.parametrize("text", ["", "abc", "1.0", " 4", "4 ", "1_000", "0x4", "٣", "9223372036854775808"])
def test_a_slot_count_that_go_would_not_read_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        placeholders(machine(1, {SLOTS: text}))
    (problem,) = caught.value.problems
    assert (problem.code, problem.at.parts) == ("KN859", ("metadata", "annotations", SLOTS))


@pytest.mark.parametrize(
    ("architecture", "kind", "fits"),
    [
        (None, None, True),
        ("amd64", "pc-q35-9.2", True),
        ("arm64", "virt-9.0", True),
        ("amd64", "virtual", True),
        ("s390x", None, False),
        ("ppc64le", None, False),
        ("amd64", "pc-i440fx-9.0", False),
        ("amd64", "microvm", False),
        ("amd64", "", False),
    ],
)
def test_only_pci_express_machines_have_ports(architecture: str | None, kind: str | None, fits: bool) -> None:
    made = machine(1, {SLOTS: "abc"} if not fits else None, architecture=architecture, machine=kind)
    assert has_hotplug_ports(made) is fits
    # what KubeVirt does not look at is no error either
    assert placeholders(made) == (3 if fits else 0)
    assert extra_ports(made, domain()) == (5 if fits else 0)


@pytest.mark.parametrize(
    ("gib", "in_use", "held", "extra"),
    [(3, 4, 3, 9), (3, 10, 3, 3), (3, 4, 0, 12), (1, 2, 3, 3), (1, 5, 3, 0), (1, 2, 0, 6), (2, 4, 2, 2), (1, 7, 3, 0)],
)
def test_extra_ports_scale_with_memory_and_with_what_is_in_use(gib: int, in_use: int, held: int, extra: int) -> None:
    assert extra_ports(machine(4 - held if held else 4), domain(NIC * in_use, gib * GIB)) == extra


IN_USE = {
    "a NIC": (NIC, 1),
    "a NIC on the channel subsystem": (f"<interface type='user'>{at('0', 'ccw')}</interface>", 0),
    "a PCI hostdev": ("<hostdev type='pci'/>", 1),
    "a mediated device": ("<hostdev type='mdev'/>", 0),
    "a root port": (port(1), 1),
    "USB that is none": ("<controller type='usb' model='none'/>", 1),
    "an expander bus": ("<controller type='pci' index='1' model='pcie-expander-bus'/>", 0),
    "a virtio disk": ("<disk><target bus='virtio'/></disk>", 1),
    "a SATA disk": ("<disk><target bus='sata'/></disk>", 0),
    "a disk without target": ("<disk/>", 0),
    "a virtio input": ("<input bus='virtio'/>", 1),
    "a USB input": ("<input bus='usb'/>", 0),
    "a watchdog, a rng and a balloon": ("<watchdog/><rng/><memballoon/>", 3),
    "video and sound": ("<video/><sound/>", 0),
}


@pytest.mark.parametrize(("devices", "count"), IN_USE.values(), ids=IN_USE)
def test_pci_devices_are_counted_as_in_use(devices: str, count: int) -> None:
    assert extra_ports(machine(4), domain(devices)) == 8 - count


def test_two_gibibytes_are_a_small_machine() -> None:
    sizes = [extra_ports(machine(4), domain(memory=2 * GIB + more)) for more in (-1, 0, 1)]
    assert sizes == [8, 8, 16]


def test_no_controller_gets_an_index_above_31() -> None:
    made = extra_controllers(domain(port(29)), 6)
    assert [re.findall("index='([0-9]+)'", each) for each in made] == [["30"], ["31"]]
    assert extra_controllers(domain(port(40)), 6) == ()


def test_placeholders_have_the_model_of_the_machines_virtio_nics() -> None:
    made = kvnet.load(vmi([nic()], [multus()], devices={"useVirtioTransitional": True}))
    first, *others = placeholder_nics(made)
    assert len(others) == 2
    assert "<model type='virtio-transitional'/>" in first
    assert "<alias name='placeholder-0'/>" in first


FREE = {
    "a port with nothing on it": (port(1), (1,)),
    "a port with a NIC": (port(1) + f"<interface>{at('0x01')}</interface>", ()),
    "a port with a bridge": (port(1) + f"<controller type='pci' index='2'>{at('0x01')}</controller>", ()),
    "a port with video": (port(1) + f"<video>{at('0x01')}</video>", ()),
    "a bus in hexadecimal": (port(16) + port(10) + f"<rng>{at('0x10')}</rng>", (10,)),
    "a bus in decimal": (port(16) + port(10) + f"<rng>{at('10')}</rng>", (16,)),
    "a device on another kind of bus": (port(1) + f"<disk>{at('1', 'drive')}</disk>", (1,)),
    "the host's address of a passed through device": (
        port(1) + "<hostdev type='pci'><source><address bus='0x01'/></source></hostdev>",
        (1,),
    ),
    "hotplug switched off": (port(1, "<target chassis='1' hotplug='off'/>") + port(2, "<target port='0x8'/>"), (2,)),
    "a port without an index": ("<controller type='pci' model='pcie-root-port'/>", ()),
    "no ports": ("", ()),
}


@pytest.mark.parametrize(("devices", "free"), FREE.values(), ids=FREE)
def test_free_ports_are_empty_and_take_devices(devices: str, free: tuple[int, ...]) -> None:
    assert free_ports(domain(devices)) == free


OFF = {
    "a disk's": (f"<disk><target bus='virtio'/>{at('0x05')}</disk>", (1,)),
    "a SATA disk's": (f"<disk><target bus='sata'/>{at('0x05')}</disk>", ()),
    "a NIC's": (f"<interface>{at('0x05')}</interface>", ()),
    "a virtual function's": (f"<hostdev type='pci'>{at('0x05')}</hostdev>", (1,)),
    "a memory device's": (f"<memory>{at('0x05')}</memory>", (1,)),
    "video's": (f"<video>{at('0x05')}</video>", ()),
    "a balloon's, without 0x": (f"<memballoon>{at('5')}</memballoon>", (1,)),
    "a bridge's": (f"<controller type='pci' index='9' model='pcie-to-pci-bridge'>{at('0x05')}</controller>", (1,)),
    "that of a drive of bus 5": (f"<controller type='scsi'>{at('5', 'drive')}</controller>", (1,)),
    "a bus that is no number": (f"<rng>{at('five')}</rng>", ()),
}


@pytest.mark.parametrize(("device", "off"), OFF.values(), ids=OFF)
def test_the_ports_of_all_devices_but_nics_lose_hotplug(device: str, off: tuple[int, ...]) -> None:
    ports = hotplug_off(domain(port(1, "<target busNr='5'/>") + port(2) + device))
    assert ports.off == off
    assert sorted(ports.off + ports.on) == [1, 2]


def test_bus_numbers_of_ports_are_decimal_and_those_of_devices_hexadecimal() -> None:
    ports = port(1, "<target busNr='10'/>") + port(2, "<target busNr='16'/>")
    assert hotplug_off(domain(f"{ports}<rng>{at('10')}</rng>")).off == (2,)


def test_hotplug_that_is_off_stays_off() -> None:
    assert hotplug_off(domain(port(1, "<target hotplug='off'/>"))).off == (1,)


def test_as_many_ports_are_free_as_kubevirt_keeps_in_three_passes() -> None:
    placed = NIC.replace("/>", f">{at('0x01')}</interface>")
    text = domain(
        port(1)
        + port(2)
        + placed
        + f"<controller type='usb'>{at('0x00')}</controller>"
        + f"<memballoon>{at('0x02')}</memballoon>"
    )
    made = machine(1)
    assert len(free_ports(with_hotplug_ports(text, made))) == placeholders(made) + extra_ports(made, text)


def test_devices_without_an_address_get_a_port_each_beside() -> None:
    text, made = domain(NIC + "<memballoon model='none'/>"), machine(1)
    wanted = placeholders(made) + extra_ports(made, text)
    # the NIC, and the USB controller that libvirt adds
    assert len(free_ports(with_hotplug_ports(text, made))) == wanted + 2


def test_ports_follow_the_last_controller_and_nothing_else_changes() -> None:
    text = domain("\n    <!-- mine -->\n    <rng/>")
    after = with_hotplug_ports(text, machine(1))
    added = re.findall(r"\n    <controller type='pci' index='[1-9][0-9]*' model='pcie-root-port'/>", after)
    assert after == text.replace(ROOT, ROOT + "".join(added))


@pytest.mark.parametrize("text", [domain(machine="pc"), domain().replace("x86_64", "s390x")])
def test_a_domain_without_pci_express_stays_as_it_is(text: str) -> None:
    assert with_hotplug_ports(text, machine(1)) == text


@given(
    nics=st.integers(0, 6),
    standing=st.integers(0, 8),
    ports=st.lists(st.integers(1, 31), max_size=31, unique=True),
    memory=st.sampled_from([GIB, 3 * GIB]),
)
def test_ports_are_added_once(nics: int, standing: int, ports: list[int], memory: int) -> None:
    text = domain("".join(map(port, ports)) + NIC * standing, memory)
    once = with_hotplug_ports(text, machine(nics))
    assert with_hotplug_ports(once, machine(nics)) == once
    assert set(free_ports(text)) <= set(free_ports(once))


@pytest.mark.parametrize("text", ["", "<domain>", "<network/>", "<!DOCTYPE x><domain/>", "\ud800"])
def test_a_document_that_is_no_domain_is_an_xml_error(text: str) -> None:
    for ask in (free_ports, hotplug_off, lambda xml: with_hotplug_ports(xml, machine(1))):
        with pytest.raises(XmlError):
            ask(text)
