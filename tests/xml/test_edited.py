"""A changed object is written back into its text: what changes stands where libvirt has it, and the rest stays."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import kvnet
from kvnet import FieldPath
from kvnet.device import Acpi, EthernetSource, Interface, IpAddress, Tune, Vlan, VlanTag
from kvnet.xml.compare import compare
from kvnet.xml.paths import paths

LINES = """<interface type="user">
  <mac address="52:54:00:00:00:01"/>
  <!-- mine -->
  <model type="virtio"/>
  <odd/>
  <mtu size="1500"/>
</interface>"""
FLAT = '<interface type="user"><mac address="52:54:00:00:00:01"/><model type="virtio"/></interface>'
TUNED = '<interface type="ethernet"><tune><sndbuf>1600</sndbuf></tune></interface>'
CHANGES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a value": (LINES, {"mtu": 1400}, '"1500"', '"1400"'),
    "an attribute of the first": (LINES, {"model": "e1000"}, '"virtio"', '"e1000"'),
    "the last child goes": (LINES, {"mtu": None}, '  <mtu size="1500"/>\n', ""),
    "the first child goes": (LINES, {"mac": None}, '  <mac address="52:54:00:00:00:01"/>\n', ""),
    "a child between others goes": (LINES, {"model": None}, '  <model type="virtio"/>\n', ""),
    "a child comes before another": (LINES, {"link": "down"}, "  <odd/>", '  <link state="down"/>\n  <odd/>'),
    "a child comes last": (LINES, {"acpi": Acpi(index=3)}, "</interface>", '  <acpi index="3"/>\n</interface>'),
    "a child of a text on one line goes": (FLAT, {"model": None}, '<model type="virtio"/>', ""),
    "a child of a text on one line comes": (FLAT, {"mtu": 9000}, "</interface>", '<mtu size="9000"/></interface>'),
    "the source is another": (LINES, {"source": EthernetSource()}, 'type="user"', 'type="ethernet"'),
    "the text of an element": (TUNED, {"tune": Tune(sndbuf=0)}, ">1600<", ">0<"),
    "the text of an element goes": (TUNED, {"tune": None}, "><tune><sndbuf>1600</sndbuf></tune></interface>", "/>"),
    "nothing": (LINES, {}, "", ""),
}


@pytest.mark.parametrize(("text", "change", "before", "after"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_written_and_the_rest_stays(text: str, change: dict[str, Any], before: str, after: str) -> None:
    device = kvnet.read_device(text, lossless=True)
    changed = attrs.evolve(device, **change)
    written = kvnet.write(changed)
    assert written == (text.replace(before, after) if before else text)
    again = kvnet.read_device(written, lossless=True)
    assert attrs.evolve(again, verbatim=None) == attrs.evolve(changed, verbatim=None)


def test_of_children_that_repeat_only_those_that_differ_are_touched() -> None:
    text = (
        '<interface type="ethernet">\n  <ip address="10.0.0.1" family="ipv4"/>\n'
        '  <ip address="10.0.0.2" family="ipv4"/>\n  <ip address="10.0.0.3" family="ipv4"/>\n</interface>'
    )
    device = kvnet.read_device(text, lossless=True)
    assert isinstance(device, Interface)
    ips: tuple[IpAddress, ...] = device.ips
    second = '  <ip address="10.0.0.2" family="ipv4"/>\n'
    third = '  <ip address="10.0.0.3" family="ipv4"/>\n'
    assert kvnet.write(attrs.evolve(device, ips=(ips[0], ips[2]))) == text.replace(second, "")
    assert kvnet.write(attrs.evolve(device, ips=ips[:2])) == text.replace(third, "")
    other = attrs.evolve(ips[1], address="10.0.0.9")
    assert kvnet.write(attrs.evolve(device, ips=(ips[0], other, ips[2]))) == text.replace("10.0.0.2", "10.0.0.9")
    assert kvnet.write(attrs.evolve(device, ips=(*ips, other))).count("<ip ") == 4


@pytest.mark.parametrize("changed", [0, 7, 299])
def test_of_very_many_children_the_one_that_differs_is_touched(changed: int) -> None:
    lines = [f'  <ip address="10.0.{n >> 8}.{n & 255}" family="ipv4"/>\n' for n in range(300)]
    text = f'<interface type="ethernet">\n{"".join(lines)}</interface>'
    device = kvnet.read_device(text, lossless=True)
    assert isinstance(device, Interface)
    ips = list(device.ips)
    ips[changed] = attrs.evolve(ips[changed], address="192.0.2.1")
    expected = text.replace(lines[changed], '  <ip address="192.0.2.1" family="ipv4"/>\n')
    assert kvnet.write(attrs.evolve(device, ips=tuple(ips))) == expected
    del ips[changed]
    assert kvnet.write(attrs.evolve(device, ips=tuple(ips))) == text.replace(lines[changed], "")


@pytest.mark.parametrize("separated", ["text", " "])
def test_text_around_a_child_that_goes_stays(separated: str) -> None:
    text = f'<interface type="user">{separated}<model type="virtio"/>after<mtu size="1"/></interface>'
    device = kvnet.read_device(text, lossless=True)
    assert isinstance(device, Interface)
    written = kvnet.write(attrs.evolve(device, model=None))
    assert written == text.replace('<model type="virtio"/>', "")


def test_a_difference_is_the_guests_where_the_guest_sees_any_of_it() -> None:
    one = kvnet.read_device(FLAT)
    for change, is_seen in (
        ({"model": "e1000"}, True),
        ({"mac": None}, True),
        ({"target": "tap9"}, False),
        ({"vlan": Vlan(tags=(VlanTag(id=7),))}, False),
    ):
        found = list(compare(one, attrs.evolve(one, **change), FieldPath()))
        assert [each.guest for each in found] == [is_seen], change


def test_paths_name_the_variants_of_an_element_and_its_words() -> None:
    found = {each.path: each for each in paths(Interface)}
    assert {"user", "ethernet", "bridge", "direct"} <= set(found["interface@type"].words)
    assert "interface/mtu@size" in found
