"""What libvirt does not write back is told, and what it only writes in another way is not."""

from __future__ import annotations

import pytest

from kvnet.errors import XmlError
from kvnet.live import lost

VF = "<address{} domain='0x0000' bus='0x81' slot='0x01' function='0x2'/>"
PCI = "<address type='pci' domain='0x0000' bus='{}' slot='0x00' function='0x0'/>"
DISK = "<disk type='file'><target dev='vd{}' bus='virtio'/></disk>"


def domain(devices: str, rest: str = "") -> str:
    return f"<domain>{rest}<devices>{devices}</devices></domain>"


def nic(inside: str) -> str:
    return f"<interface type='ethernet'>{inside}</interface>"


def named(alias: str, mac: str) -> str:
    return nic(f"<mac address='52:54:00:00:00:0{mac}'/><alias name='{alias}'/>")


SAME = {
    "MAC in capitals": (nic("<mac address='52:54:00:AA:BB:CC'/>"), nic("<mac address='52:54:00:aa:bb:cc'/>")),
    "decimal address": (nic(PCI.format(10)), nic(PCI.format("0x0a"))),
    "leading zero": (nic("<mtu size='01500'/>"), nic("<mtu size='1500'/>")),
    "empty source": (nic("<source/>"), nic("")),
    "order of children": (nic("<mtu size='1'/><boot order='1'/>"), nic("<boot order='1'/><mtu size='1'/>")),
    "comment": (nic("<!-- mine -->"), nic("")),
    "type of a hostdev's address": (
        "<hostdev mode='subsystem' type='pci'><source>" + VF.format(" type='pci'") + "</source></hostdev>",
        f"<hostdev mode='subsystem' type='pci'><source>{VF.format('')}</source></hostdev>",
    ),
    "not managed": (
        f"<hostdev mode='subsystem' type='pci' managed='no'><source>{VF.format('')}</source></hostdev>",
        f"<hostdev mode='subsystem' type='pci'><source>{VF.format('')}</source></hostdev>",
    ),
    "an interface of a virtual function that is not managed": (
        f"<interface type='hostdev' managed='no'><source>{VF.format(' type=' + repr('pci'))}</source></interface>",
        f"<interface type='hostdev'><source>{VF.format(' type=' + repr('pci'))}</source></interface>",
    ),
    "other order, by alias": (
        nic("<mac address='52:54:00:00:00:01'/>") + named("ua-x", "2"),
        named("ua-x", "2") + nic("<mac address='52:54:00:00:00:01'/>"),
    ),
    "what libvirt adds": (nic(""), nic(f"<mac address='52:54:00:00:00:01'/>{PCI.format('0x01')}") + DISK.format("a")),
    "an element that says nothing": ("<disk/>", ""),
}


@pytest.mark.parametrize(("requested", "written"), SAME.values(), ids=SAME)
def test_what_libvirt_writes_in_another_way_is_not_lost(requested: str, written: str) -> None:
    assert lost(domain(requested), domain(written)) == ()


LOSSES = {
    "NIC": (nic(""), "", "KN403", "interface[0]"),
    "element": (nic("<acpi index='1'/>"), nic(""), "KN403", "interface.acpi"),
    "unknown element": (nic("<nonsense/>"), nic(""), "KN403", "interface.nonsense"),
    "attribute": (
        nic("<target dev='a' managed='no'/>"),
        nic("<target dev='a'/>"),
        "KN403",
        "interface.target.@managed",
    ),
    "MAC address": (nic("<mac address='52:54:00:00:00:01'/>"), nic(""), "KN403", "interface.mac.@address"),
    "guest address": (nic(PCI.format("0x01")), nic(""), "KN403", "interface.address"),
    "alias of libvirt's own": (nic("<alias name='net0'/>"), nic(""), "KN403", "interface.alias.@name"),
    "second of its kind": (
        nic("<ip address='10.0.0.1' family='ipv4'/><ip address='10.0.0.2' family='ipv4'/>"),
        nic("<ip address='10.0.0.1' family='ipv4'/>"),
        "KN403",
        "interface.ip[1]",
    ),
    "value": (nic("<model type='a'/>"), nic("<model type='b'/>"), "KN404", "interface.model.@type"),
    "hex is not decimal": (nic(PCI.format("10")), nic(PCI.format("0x10")), "KN404", "interface.address.@bus"),
    "text": (
        nic("<tune><sndbuf>1</sndbuf></tune>"),
        nic("<tune><sndbuf>2</sndbuf></tune>"),
        "KN404",
        "interface.tune.sndbuf",
    ),
    "stray text": (nic("<mac/>{}"), nic("<mac/>"), "KN403", "interface"),
    "queues": (nic("<driver queues='4'/>"), nic(""), "KN403", "interface.driver"),
    "one queue": (
        nic("<driver name='vhost' queues='1'/>"),
        nic("<driver name='vhost'/>"),
        "KN405",
        "interface.driver.@queues",
    ),
    "one queue and no driver": (nic("<driver queues='1'/>"), nic(""), "KN405", "interface.driver"),
    "no NIC stands for two": (named("ua-x", "1") + named("ua-y", "2"), named("ua-y", "2"), "KN403", "interface[0]"),
    "another device": (DISK.format("a") + DISK.format("b"), DISK.format("a"), "KN403", "disk"),
    "a USB device": ("<hostdev type='usb'><source/></hostdev>", "", "KN403", "hostdev"),
}


@pytest.mark.parametrize(("requested", "written", "code", "field"), LOSSES.values(), ids=LOSSES)
def test_a_loss_is_told_with_its_place(requested: str, written: str, code: str, field: str) -> None:
    problems = [(problem.code, problem.field) for problem in lost(domain(requested), domain(written))]
    assert problems == [(code, f"domain.devices.{field}")]


def test_an_element_of_the_domain_that_is_dropped_is_told() -> None:
    requested = domain("", "<name>a</name><memtune><hard_limit>1</hard_limit></memtune>")
    problems = lost(requested, domain("", "<name>a</name><uuid>b</uuid>"))
    assert [(problem.code, problem.field) for problem in problems] == [("KN403", "domain.memtune")]


def test_two_lists_of_devices_may_become_one() -> None:
    assert lost(f"<domain><devices>{nic('')}</devices><devices>{DISK}</devices></domain>", domain(nic("") + DISK)) == ()


def test_only_a_single_queue_is_less_than_an_error() -> None:
    for requested, written, code, _ in LOSSES.values():
        assert lost(domain(requested), domain(written))[0].is_error == (code != "KN405")


def test_a_declared_encoding_does_not_matter() -> None:
    assert lost(f"<?xml version='1.0' encoding='ISO-8859-1'?>{domain(nic(''))}", domain(nic(""))) == ()


@pytest.mark.parametrize("text", ["<a", "", "<!DOCTYPE domain [<!ENTITY x 'y'>]><domain/>"])
def test_what_is_no_plain_xml_is_refused(text: str) -> None:
    with pytest.raises(XmlError):
        lost(text, domain(""))
