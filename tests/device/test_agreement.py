"""What does not go together in one element: strict reading blames one part of it, and no object can be made."""

from __future__ import annotations

import attrs
import pytest
from device.refusals import BEYOND, DEFINED, RIGHT
from libvirt_schema import SCHEMA, validated

import kvnet
from kvnet.device import (
    Backend,
    BridgeSource,
    Driver,
    Hostdev,
    Interface,
    PciHostAddress,
    PortForward,
    Route,
    UserSource,
    ZpciAddress,
)

REFUSED = DEFINED | BEYOND


@pytest.mark.parametrize(("text", "path"), REFUSED.values(), ids=REFUSED)
def test_strict_reading_blames_the_part_that_does_not_fit(text: str, path: str) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        kvnet.read_device(text)
    (problem,) = refused.value.problems
    assert (problem.code, ".".join(str(problem.at).split(".")[1:])) == ("KN515", path)
    assert problem.place is not None


@pytest.mark.parametrize(("text", "path"), REFUSED.values(), ids=REFUSED)
def test_without_loss_it_is_written_as_it_was(text: str, path: str) -> None:
    assert kvnet.write(kvnet.read_device(text, lossless=True)) == text


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_libvirt_takes_is_read(text: str) -> None:
    assert kvnet.read_device(kvnet.write(kvnet.read_device(text))) == kvnet.read_device(text)


@pytest.mark.skipif(not SCHEMA.exists(), reason="libvirt's schema is not installed")
def test_the_schema_has_all_of_them() -> None:
    texts = {name: text for name, (text, _) in REFUSED.items()} | RIGHT
    assert [name for name, text in texts.items() if validated(text)] == []


MADE = {
    "a size of a queue": (lambda: Driver(rx_queue_size=511), "Driver.rx_queue_size: 511 is no power of two"),
    "a uid": (lambda: ZpciAddress(uid=0), "ZpciAddress.uid: 0 is the uid of no function"),
    "a route": (lambda: Route(address="10.0.0.1", gateway="10.0.0.2"), "Route.address: 10.0.0.1 has bits"),
    "forwarded ports": (
        lambda: Interface(source=UserSource(), port_forwards=(PortForward(proto="tcp"),)),
        "Interface.port_forwards: only the backend passt",
    ),
    "a link": (
        lambda: Interface(source=BridgeSource(bridge="b"), target="t", target_managed=False),
        "Interface.target_managed: only an interface of type ethernet",
    ),
    "a start policy": (
        lambda: Hostdev(source=PciHostAddress(bus=1), startup_policy="optional"),
        "Hostdev.startup_policy: libvirt has it for USB",
    ),
}


@pytest.mark.parametrize(("make", "reason"), MADE.values(), ids=MADE)
def test_no_such_object_is_made(make: object, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        make()  # type: ignore[operator]
    assert str(refused.value).startswith(reason)


def test_a_change_is_checked_too() -> None:
    made = Interface(source=UserSource(), backend=Backend(type="passt"), port_forwards=(PortForward(proto="tcp"),))
    with pytest.raises(ValueError, match="only the backend passt forwards ports"):
        attrs.evolve(made, backend=None)


VF = PciHostAddress(bus=1, slot=0, function=1)
SHOWN = Hostdev(source=VF, display=True, ramfb=False)


def test_a_screen_of_a_pci_device_is_read_and_written() -> None:
    text = (
        "<hostdev mode='subsystem' type='pci' display='on' ramfb='off'><source><address bus='0x01' slot='0x00' "
        "function='0x1'/></source></hostdev>"
    )
    assert kvnet.write(SHOWN) == text
    assert kvnet.read_device(text) == SHOWN
    with pytest.raises(kvnet.XmlError, match=r"KN510\b.*hostdev\.@display"):
        kvnet.read_device(text.replace("'on'", "'yes'"))


def test_libvirt_10_has_no_screen_of_a_pci_device() -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        kvnet.write(SHOWN, libvirt="10.10.0")
    assert [str(each.at) for each in refused.value.problems] == ["hostdev.@display", "hostdev.@ramfb"]
    assert kvnet.write(SHOWN, libvirt="11.0.0") == kvnet.write(SHOWN)


def test_the_guest_notices_a_screen() -> None:
    (change,) = kvnet.diff([Hostdev(source=VF, ramfb=False)], [SHOWN])
    assert (str(change.at), change.noticed) == ("hostdev.@display", kvnet.Noticed.GUEST)
