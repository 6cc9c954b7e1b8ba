"""A NIC that is put into a domain takes nothing that a device there has, and libvirt lets one device have."""

from __future__ import annotations

import pytest
from lxml import etree
from machines import nic, pod, vmi

import kvnet
from kvnet.domain.patch import patch
from kvnet.errors import Problem, XmlError

GPU = "<hostdev mode='subsystem' type='pci'><alias name='ua-gpu'/></hostdev>"


def domain(*devices: str, os: str = "") -> str:
    inside = "".join(f"    {each}\n" for each in devices)
    return f"<domain>\n  <os>{os}</os>\n  <devices>\n{inside}  </devices>\n</domain>\n"


def put(inside: str, name: str = "a") -> str:
    return f"<interface type='ethernet'><alias name='ua-{name}'/>{inside}</interface>"


def disk(inside: str) -> str:
    return f"<disk type='file'><target dev='vda'/>{inside}</disk>"


def pci(slot: str, **others: str) -> str:
    given = {"type": "pci", "slot": slot, **others}
    return f"<address {' '.join(f'{key}={value!r}' for key, value in given.items())}/>"


def found(before: str, *nics: str) -> list[Problem]:
    try:
        patch(before, nics)
    except XmlError as error:
        return [*error.problems]
    return []


BOOT = "<boot order='1'/>"
CCW = "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0001'/>"
REFUSED = {
    "boot order beside <os><boot>": (domain(os="<boot dev='hd'/>"), put(BOOT), "has a boot order"),
    "boot order of a disk": (domain(disk("<boot order='01'/>")), put(BOOT), "boot order 1, which <disk> 'vda' has"),
    "boot order of another NIC": (domain(put(BOOT, "b")), put(BOOT), "which <interface> 'ua-b' has"),
    "guest address of a disk": (domain(disk(pci("0x05"))), put(pci("5")), "the guest address 0000:00:05.0"),
    "guest address of a controller": (
        domain(f"<controller type='pci' index='1' model='pcie-root-port'>{pci('0x02', bus='0x00')}</controller>"),
        put(pci("0x02", domain="0x0000", function="0x0")),
        "which <controller> 'pcie-root-port' has",
    ),
    "guest address on a mainframe": (
        domain(disk(CCW.replace("0001", "1"))),
        put(CCW),
        "the guest address ccw cssid=254",
    ),
    "alias of a disk": (domain(disk("<alias name='ua-a'/>")), put(""), "the alias ua-a, which <disk> 'ua-a' has"),
    "alias of a graphics card": (domain(GPU), put("", "gpu"), "which <hostdev> 'ua-gpu' has"),
    "target of another NIC": (
        domain("<interface type='ethernet'><target dev='tap0'/></interface>"),
        put("<target dev='tap0' managed='no'/>"),
        "the target tap0",
    ),
}


@pytest.mark.parametrize(("before", "given", "told"), REFUSED.values(), ids=REFUSED)
def test_a_claim_that_meets_one_of_the_domain_is_an_error(before: str, given: str, told: str) -> None:
    (problem,) = found(before, given)
    assert problem.code == "KN509"
    assert told in problem.message


ADMITTED = {
    "another boot order": (domain(disk("<boot order='2'/>")), put(BOOT)),
    "<os><boot> without a boot order": (domain(os="<boot dev='hd'/>"), put("")),
    "the boot order of the NIC that it replaces": (domain(put(BOOT)), put(BOOT + "<link state='down'/>")),
    "another function of a slot": (domain(disk(pci("0x05"))), put(pci("0x05", function="0x1"))),
    "an address that libvirt chooses": (domain(disk(pci("0x00"))), put(pci("0x00"))),
    "a drive's address": (domain(disk("<address type='drive' bus='1'/>")), put(pci("0x00", bus="1"))),
    "the name of a disk's target": (domain(disk("")), put("<target dev='vda'/>")),
    "another alias": (domain(GPU), put("")),
}


@pytest.mark.parametrize(("before", "given"), ADMITTED.values(), ids=ADMITTED)
def test_a_claim_that_meets_none_goes_in(before: str, given: str) -> None:
    once = patch(before, [given])
    assert patch(once, [given]) == once


def test_what_is_taken_out_claims_nothing() -> None:
    assert "ua-b" not in patch(domain(put(BOOT, "b")), [put(BOOT)], replace_all=True)


def test_two_nics_that_go_in_are_compared_too() -> None:
    (problem,) = found(domain(), put(BOOT), put(BOOT, "b"))
    assert "<interface> 'ua-b' asks for the boot order 1, which <interface> 'ua-a' has" in problem.message


def test_all_are_told_at_once_at_the_place_of_what_was_there() -> None:
    before = domain("<serial/>", disk(BOOT + pci("0x05")), os="<type>hvm</type><boot dev='é'/>")
    places = [(each.place.line, each.place.column) for each in found(before, put(BOOT + pci("0x05"))) if each.place]
    assert places == [(2, 23), (5, 5), (5, 5)]


def test_an_interface_takes_no_graphics_card_away() -> None:
    named = kvnet.load(vmi([nic("gpu", "masquerade")], [pod("gpu")]))
    (text,) = kvnet.compile(named, kvnet.Target(profile="host")).xml()
    assert [each.code for each in found(domain(GPU), text)] == ["KN509"]
    other = kvnet.load(vmi([nic("lan", "masquerade")], [pod("lan")]))
    after = patch(domain(GPU), kvnet.compile(other, kvnet.Target(profile="host")).xml())
    assert etree.fromstring(after).xpath("devices/hostdev/alias/@name") == ["ua-gpu"]


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "9" * 4000, "9" * 5000])
def test_an_address_of_thousands_of_digits_is_no_address_of_another_device(number: str) -> None:
    usb = f"<address type='usb' bus='{number}'/>"
    before = domain(disk(usb + f"<boot order='{number}'/>"), disk(pci(number)))
    assert "ua-a" in patch(before, [put(pci("0x05") + "<boot order='2'/>")])
