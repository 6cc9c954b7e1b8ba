"""What libvirt does not write back is found, and its habits are not taken for losses."""

from __future__ import annotations

import pytest

from kvnet.errors import XmlError
from kvnet.live import lost


def domain(nics: str) -> str:
    return f"<domain><devices>{nics}</devices></domain>"


def nic(inside: str) -> str:
    return f"<interface type='ethernet'>{inside}</interface>"


def named(alias: str, mac: str) -> str:
    return nic(f"<mac address='{mac}'/><alias name='{alias}'/>")


HABITS = {
    "MAC in capitals": (nic("<mac address='52:54:00:AA:BB:CC'/>"), nic("<mac address='52:54:00:aa:bb:cc'/>")),
    "short MAC": (nic("<mac address='2:0:0:0:0:1'/>"), nic("<mac address='02:00:00:00:00:01'/>")),
    "decimal address": (nic("<address bus='10' slot='0'/>"), nic("<address bus='0x0a' slot='0x00' domain='0x0000'/>")),
    "leading zero": (nic("<mtu size='01500'/>"), nic("<mtu size='1500'/>")),
    "empty source": (nic("<source/>"), nic("")),
    "order of children": (nic("<mtu size='1'/><boot order='1'/>"), nic("<boot order='1'/><mtu size='1'/>")),
    "comment": (nic("<!-- mine -->"), nic("")),
    "type of a hostdev's address": (
        "<hostdev><source><address type='pci' bus='1'/></source></hostdev>",
        "<hostdev><source><address bus='0x01'/></source></hostdev>",
    ),
    "not managed": ("<interface type='hostdev' managed='no'/>", "<interface type='hostdev'/>"),
    "other order, by alias": (
        nic("<mac address='a'/>") + named("ua-x", "b"),
        named("ua-x", "b") + nic("<mac address='a'/>"),
    ),
}


@pytest.mark.parametrize(("asked", "got"), HABITS.values(), ids=HABITS)
def test_a_habit_of_libvirt_is_no_loss(asked: str, got: str) -> None:
    assert lost(domain(asked), domain(got)) == ()


LOSSES = {
    "NIC": (nic(""), "", "KN403", "interface[0]"),
    "element": (nic("<acpi index='1'/>"), nic(""), "KN403", "interface[0].acpi"),
    "empty element": (nic("<nonsense/>"), nic(""), "KN403", "interface[0].nonsense"),
    "attribute": (
        nic("<target dev='a' managed='no'/>"),
        nic("<target dev='a'/>"),
        "KN403",
        "interface[0].target.@managed",
    ),
    "second of its kind": (nic("<ip a='1'/><ip a='2'/>"), nic("<ip a='1'/>"), "KN403", "interface[0].ip[1]"),
    "value": (nic("<model type='a'/>"), nic("<model type='b'/>"), "KN404", "interface[0].model.@type"),
    "hex is not decimal": (
        nic("<address bus='10'/>"),
        nic("<address bus='0x10'/>"),
        "KN404",
        "interface[0].address.@bus",
    ),
    "text": (
        nic("<tune><sndbuf>1</sndbuf></tune>"),
        nic("<tune><sndbuf>2</sndbuf></tune>"),
        "KN404",
        "interface[0].tune.sndbuf",
    ),
    "stray text": (nic("<mac/>{}"), nic("<mac/>"), "KN404", "interface[0]"),
    "queues": (nic("<driver queues='4'/>"), nic(""), "KN403", "interface[0].driver"),
    "one queue": (
        nic("<driver name='vhost' queues='1'/>"),
        nic("<driver name='vhost'/>"),
        "KN405",
        "interface[0].driver.@queues",
    ),
    "one queue and no driver": (nic("<driver queues='1'/>"), nic(""), "KN405", "interface[0].driver.@queues"),
    "no NIC stands for two": (named("bad.x", "a") + named("ua-y", "b"), named("ua-y", "b"), "KN403", "interface[0]"),
}


@pytest.mark.parametrize(("asked", "got", "code", "field"), LOSSES.values(), ids=LOSSES)
def test_a_loss_is_told_with_its_place(asked: str, got: str, code: str, field: str) -> None:
    problems = [(problem.code, problem.field) for problem in lost(domain(asked), domain(got))]
    assert problems == [(code, f"domain.devices.{field}")]


def test_only_a_single_queue_is_less_than_an_error() -> None:
    weights = [lost(domain(asked), domain(got))[0].is_error for asked, got, *_ in LOSSES.values()]
    assert weights.count(False) == sum(code == "KN405" for *_, code, _ in LOSSES.values())


def test_a_declared_encoding_is_no_obstacle() -> None:
    assert lost(f"<?xml version='1.0' encoding='ISO-8859-1'?>{domain(nic(''))}", domain(nic(""))) == ()


@pytest.mark.parametrize("text", ["<a", "", "<!DOCTYPE domain [<!ENTITY x 'y'>]><domain/>"])
def test_what_is_no_plain_xml_is_refused(text: str) -> None:
    with pytest.raises(XmlError):
        lost(text, domain(""))
