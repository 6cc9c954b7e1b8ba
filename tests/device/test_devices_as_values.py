"""Devices are plain values: they show what was given, can be hashed, pickled and changed, and refuse nonsense."""

from __future__ import annotations

import copy
import doctest
import inspect
import pickle
from collections.abc import Callable
from types import ModuleType
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

import kvnet
import kvnet.device.address
import kvnet.device.devices
import kvnet.device.diff
import kvnet.values
import kvnet.xml.parser
import kvnet.xml.paths
import kvnet.xml.types
from kvnet.device import Device, Driver, EthernetSource, Hostdev, Interface, PciHostAddress, RawElement
from kvnet.testing import devices
from kvnet.values import MacAddress, PciAddress
from kvnet.xml import evolve

MAC = MacAddress.parse("02:00:00:00:00:01")
NIC = Interface(source=EthernetSource(), mac=MAC, model="virtio")
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_a_repr_shows_what_was_given_required_fields_first() -> None:
    told = "Interface(source=EthernetSource(), mac=MacAddress.parse('02:00:00:00:00:01'), model='virtio')"
    assert repr(Interface(model="virtio", mac=MAC, source=EthernetSource(), mtu=None, ips=())) == told
    assert repr(RawElement(variant="x")) == "RawElement(variant='x', xml='')"


@given(devices())
@settings(deadline=None, suppress_health_check=SLOW)
def test_a_device_is_hashed_pickled_and_copied_with_all_its_parts(device: Device) -> None:
    for other in (pickle.loads(pickle.dumps(device)), copy.deepcopy(device), attrs.evolve(device)):
        assert other == device
        assert hash(other) == hash(device)
        assert repr(other) == repr(device)
        assert kvnet.write(other) == kvnet.write(device)


def test_a_device_that_was_read_without_loss_is_pickled_with_its_text() -> None:
    text = "<interface type='user'><odd/></interface>"
    kept = pickle.loads(pickle.dumps(kvnet.read_device(text, lossless=True)))
    assert kvnet.write(kept) == text


def test_a_device_cannot_be_changed_in_place() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        NIC.mtu = 9000  # type: ignore[misc]


def test_evolving_gives_the_same_as_making_the_object_anew() -> None:
    changed = evolve(NIC, mtu=9000, model=None)
    assert changed == Interface(source=EthernetSource(), mac=MAC, mtu=9000)
    assert NIC.model == "virtio"
    assert repr(evolve(NIC, model=None)) == repr(Interface(source=EthernetSource(), mac=MAC))


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "an unknown field": (
        lambda: Interface(source=EthernetSource(), modle="x"),  # type: ignore[call-arg]
        TypeError,
        "unexpected keyword argument 'modle'",
    ),
    "a missing field": (
        lambda: Interface(model="x"),  # type: ignore[call-arg]
        TypeError,
        "missing 1 required keyword-only argument: 'source'",
    ),
    "an unknown field to change": (lambda: evolve(NIC, modle="x"), TypeError, "Interface has no field 'modle'"),
    "a required field taken away": (lambda: evolve(NIC, source=None), ValueError, "source: None is not one of"),
    "a value out of range": (lambda: evolve(NIC, mtu=70000), ValueError, "Interface.mtu: 70000 is not between"),
    "a wrapper without its key": (
        lambda: evolve(NIC, mac=None, mac_type="static"),
        ValueError,
        "Interface.mac: <mac> needs it",
    ),
    "another element among those that repeat": (
        lambda: Interface(source=EthernetSource(), ips=(Driver(),)),  # type: ignore[arg-type]
        ValueError,
        r"Interface.ips: Driver\(\) is not one of",
    ),
    "a list for a tuple": (lambda: evolve(NIC, ips=[]), ValueError, "Interface.ips: .. is not a tuple"),
    "a driver with what vfio has not": (lambda: Driver(name="vfio", queues=2), ValueError, "Driver.queues"),
    "to write text": (lambda: kvnet.write("<interface/>"), TypeError, "kvnet.device.Interface, not str"),  # type: ignore[arg-type]
    "to write nothing": (lambda: kvnet.write(None), TypeError, "not NoneType"),  # type: ignore[arg-type]
    "to write several": (lambda: kvnet.write((NIC,)), TypeError, "not tuple"),  # type: ignore[arg-type]
    "to write a number indented": (lambda: kvnet.write(5, indent=2), TypeError, "not int"),  # type: ignore[arg-type]
    "to write text for a release": (lambda: kvnet.write("x", libvirt="9.0.0"), TypeError, "not str"),  # type: ignore[arg-type]
    "a tree of text": (lambda: kvnet.to_element("<interface/>"), TypeError, "not str"),  # type: ignore[arg-type]
    "a release that is a word": (lambda: kvnet.write(NIC, libvirt="x"), ValueError, "'x' is not .*write it like 9.0.0"),
    "a release of four numbers": (lambda: kvnet.write(NIC, libvirt="9.0.0.1"), ValueError, "write it like 9.0.0"),
    "a release that is empty": (lambda: kvnet.write(NIC, libvirt=""), ValueError, "write it like 9.0.0"),
    "a release that is a number": (lambda: kvnet.write(NIC, libvirt=9), TypeError, "such as '9.0.0', not 9"),  # type: ignore[arg-type]
    "a negative indent": (lambda: kvnet.write(NIC, indent=-1), ValueError, "number of spaces such as 2, not -1"),
    "an indent beyond all memory": (lambda: kvnet.write(NIC, indent=10**400), ValueError, "at most 1000"),
    "an indent that is text": (lambda: kvnet.write(NIC, indent="  "), TypeError, "number of spaces"),  # type: ignore[arg-type]
    "an indent that is a flag": (lambda: kvnet.write(NIC, indent=True), TypeError, "number of spaces"),
    "to read nothing": (lambda: kvnet.read_device(None), TypeError, "str or bytes, not from NoneType"),  # type: ignore[arg-type]
    "to read an element": (lambda: kvnet.read_device(kvnet.to_element(NIC)), TypeError, "not from _Element"),  # type: ignore[arg-type]
    "to compare texts": (lambda: kvnet.diff("<interface/>", "<interface/>"), TypeError, "Hostdev objects.* not str"),  # type: ignore[arg-type]
    "to compare with nothing": (lambda: kvnet.diff(NIC, None), TypeError, "not NoneType"),  # type: ignore[arg-type]
    "to compare with others": (lambda: kvnet.diff(NIC, [MAC]), TypeError, "not a sequence with others"),  # type: ignore[list-item]
    "a MAC address of one byte": (lambda: MacAddress(b"\x01"), ValueError, "1 bytes, a MAC address has 6"),
    "a MAC address of text": (lambda: MacAddress("02:00:00:00:00:01"), TypeError, "MacAddress.parse reads text"),  # type: ignore[arg-type]
    "a spelling of another MAC": (
        lambda: MacAddress(b"\2\0\0\0\0\1", spelling="02:00:00:00:00:02"),
        ValueError,
        "is not a spelling of 02:00:00:00:00:01",
    ),
    "a large PCI domain": (lambda: PciAddress(99999, 1000, 99, 9), ValueError, "the domain 99999 .* 0 and 0xffff"),
    "a large PCI bus": (lambda: PciAddress(0, 0x100, 0, 0), ValueError, "the bus 256 .* 0 and 0xff"),
    "a large PCI slot": (lambda: PciAddress(0, 0, 0x100, 0), ValueError, "the slot 256 .* 0 and 0xff"),
    "a large PCI function": (lambda: PciAddress(0, 0, 0, 8), ValueError, "the function 8 .* 0 and 0x7"),
    "a negative PCI slot": (lambda: PciAddress(0, 0, -1, 0), ValueError, "the slot -1"),
    "a PCI address of texts": (lambda: PciAddress("0", 0, 0, 0), TypeError, "the domain of a PCI address is a number"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("call", "error", "told"), REFUSED.values(), ids=REFUSED)
def test_nonsense_is_refused_with_what_is_wanted(call: Callable[[], Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        call()


def test_a_pci_address_that_kubevirt_admits_is_read_although_libvirt_refuses_it() -> None:
    address = PciAddress.parse("ffff:ff:ff.7")
    assert address == PciAddress(0xFFFF, 0xFF, 0xFF, 7)
    assert eval(repr(address)) == address
    with pytest.raises(ValueError, match=r"PciHostAddress\.slot: 255 is not between 0 and 0x1f"):
        Hostdev(source=PciHostAddress.of(address))


def test_the_signature_of_a_class_has_its_fields_and_defaults() -> None:
    parameters = inspect.signature(Driver).parameters
    assert parameters["queues"].default is None
    assert inspect.signature(Interface).parameters["source"].default is inspect.Parameter.empty


@pytest.mark.parametrize(
    "module",
    [kvnet.device.address, kvnet.device.diff, kvnet.device.devices, kvnet.values, kvnet.xml.parser, kvnet.xml.types],
    ids=lambda module: module.__name__,
)
def test_the_examples_in_docstrings_are_true(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
