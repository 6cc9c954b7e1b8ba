"""What two descriptions of NICs differ in, and who notices."""

from __future__ import annotations

import pytest

import kvnet
from kvnet import Noticed

BASE = "<interface type='network'>{}<source network='default'/></interface>"
GUEST, HOST, NOISE = Noticed.GUEST, Noticed.HOST, Noticed.NOISE


def nic(inside: str = "", source: str = "type='network'><source network='default'/>") -> str:
    return f"<interface {source}{inside}</interface>"


def hostdev(inside: str = "", attributes: str = "") -> str:
    address = "<source><address domain='0x0000' bus='0x81' slot='0x01' function='0x2'/></source>"
    return f"<hostdev mode='subsystem' type='pci'{attributes}>{address}{inside}</hostdev>"


MAC = "<mac address='52:54:00:00:00:0a'/>"
PCI = "<address type='pci' domain='0x0000' bus='0x01' slot='{}' function='0x0'/>"
# before, after, and each change as `path who`


def _of_an_instance(given: str) -> str:
    parameters = f"<parameters managerid='1' typeid='2' typeidversion='3'{given}/>"
    port = f"<virtualport type='802.1Qbg'>{parameters}</virtualport>"
    return nic(port, "type='direct'><source dev='eth0' mode='vepa'/>")


CASES = {
    "nothing": (nic(), nic(), []),
    "the order of children": (
        nic("<link state='down'/><mtu size='1'/>"),
        nic("<mtu size='1'/><link state='down'/>"),
        [],
    ),
    "letter case of a MAC": (nic(MAC), nic(MAC.upper().replace("MAC ADDRESS", "mac address")), []),
    "the spelling of a number": (nic(PCI.format("0x0a")), nic(PCI.format("10")), []),
    "a MAC": (nic(MAC), nic(MAC.replace("0a", "0b")), [("mac.@address", GUEST)]),
    "a MAC that libvirt generated": (nic(), nic(MAC), [("mac.@address", NOISE)]),
    "a model": (nic("<model type='virtio'/>"), nic("<model type='e1000'/>"), [("model.@type", GUEST)]),
    "libvirt's default model": (nic(), nic("<model type='rtl8139'/>"), [("model.@type", NOISE)]),
    "a model that libvirt never gives": (nic(), nic("<model type='e1000e'/>"), [("model.@type", GUEST)]),
    "letter case of a model": (nic("<model type='ViRtIo'/>"), nic("<model type='virtio'/>"), [("model.@type", NOISE)]),
    "a kind of virtio, spelled out": (
        nic("<model type='virtio'/>"),
        nic("<model type='virtio-non-transitional'/>"),
        [("model.@type", HOST)],
    ),
    "a guest address": (nic(PCI.format("0x01")), nic(PCI.format("0x02")), [("address.@slot", GUEST)]),
    "a guest address that libvirt chose": (nic(), nic(PCI.format("0x01")), [("address", NOISE)]),
    "the kind of guest address": (
        nic(PCI.format("0x01")),
        nic("<address type='virtio-mmio'/>"),
        [("address", GUEST)],
    ),
    "an ACPI index": (nic("<acpi index='1'/>"), nic("<acpi index='2'/>"), [("acpi.@index", GUEST)]),
    "a boot order": (nic(), nic("<boot order='1'/>"), [("boot.@order", GUEST)]),
    "queues": (nic("<driver queues='2'/>"), nic("<driver queues='4'/>"), [("driver.@queues", GUEST)]),
    "queues that were not there": (nic(), nic("<driver queues='4'/>"), [("driver", GUEST)]),
    "one queue": (nic("<driver queues='1'/>"), nic(), [("driver", NOISE)]),
    "one queue beside what moves the packets": (
        nic("<driver name='vhost' queues='1'/>"),
        nic("<driver name='vhost'/>"),
        [("driver.@queues", NOISE)],
    ),
    "who moves the packets": (nic("<driver name='qemu'/>"), nic("<driver name='vhost'/>"), [("driver.@name", HOST)]),
    "an offload": (
        nic("<driver><host csum='on'/></driver>"),
        nic("<driver><host csum='off'/></driver>"),
        [("driver.host.@csum", GUEST)],
    ),
    "an MTU": (nic("<mtu size='1500'/>"), nic("<mtu size='9000'/>"), [("mtu.@size", GUEST)]),
    "a link that is down": (nic("<link state='up'/>"), nic("<link state='down'/>"), [("link.@state", GUEST)]),
    "a link that is up anyway": (nic(), nic("<link state='up'/>"), [("link.@state", NOISE)]),
    "a network": (nic(), nic().replace("default", "other"), [("source.@network", HOST)]),
    "what a live network leads to": (
        nic(),
        nic().replace("'default'", "'default' portid='11111111-1111-1111-1111-111111111111' bridge='virbr0'"),
        [("source.@portid", NOISE), ("source.@bridge", NOISE)],
    ),
    "the type": (nic(), nic(source="type='user'>"), [("source", HOST)]),
    "the type, to a device of the host": (
        nic(),
        nic(source="type='hostdev'><source><address type='pci' bus='0x1' slot='0x2' function='0x0'/></source>"),
        [("source", GUEST)],
    ),
    "bandwidth": (
        nic("<bandwidth><inbound average='1'/></bandwidth>"),
        nic("<bandwidth><inbound average='2'/></bandwidth>"),
        [("bandwidth.inbound.@average", HOST)],
    ),
    "a target": (nic("<target dev='tap0'/>"), nic("<target dev='tap1'/>"), [("target.@dev", HOST)]),
    "a target of libvirt's own": (nic(), nic("<target dev='vnet12'/>"), [("target.@dev", NOISE)]),
    "an alias of libvirt's own": (nic(), nic("<alias name='net0'/>"), [("alias.@name", NOISE)]),
    "an alias of the user's": (nic("<alias name='ua-a'/>"), nic(), [("alias.@name", HOST)]),
    "one of several VLANs": (
        nic("<vlan><tag id='1'/><tag id='2'/></vlan>"),
        nic("<vlan><tag id='1'/><tag id='3'/><tag id='4'/></vlan>"),
        [("vlan.tag[1].@id", HOST), ("vlan.tag[2]", HOST)],
    ),
    "the identity of a port that libvirt chose": (
        nic("<virtualport type='openvswitch'/>", "type='bridge'><source bridge='ovs0'/>"),
        nic(
            "<virtualport type='openvswitch'><parameters interfaceid='11111111-1111-1111-1111-111111111111'/>"
            "</virtualport>",
            "type='bridge'><source bridge='ovs0'/>",
        ),
        [("virtualport.parameters", NOISE)],
    ),
    "the identity of an instance that libvirt chose": (
        _of_an_instance(""),
        _of_an_instance(" instanceid='11111111-1111-1111-1111-111111111111'"),
        [("virtualport.parameters.@instanceid", NOISE)],
    ),
    "an option ROM": (nic("<rom enabled='no'/>"), nic(), [("rom", HOST)]),
    "the option ROM that a NIC boots from": (
        nic("<boot order='1'/><rom enabled='no'/>"),
        nic("<boot order='1'/>"),
        [("rom", GUEST)],
    ),
    "an option ROM of a NIC that boots now": (
        nic(),
        nic("<boot order='1'/><rom enabled='no'/>"),
        [("boot.@order", GUEST), ("rom", GUEST)],
    ),
    "the link that a live network leads to": (
        nic(),
        nic(source="type='direct'><source network='default' dev='eth1' mode='bridge'/>"),
        [("source", NOISE)],
    ),
    "the port group of a live network": (
        nic(source="type='network'><source network='default' portgroup='a'/>"),
        nic(source="type='bridge'><source network='default' portgroup='b' bridge='virbr0'/>"),
        [("source", HOST)],
    ),
    "a script that is none": (nic("<script path=''/>"), nic(), [("script.@path", HOST)]),
    "a trunk that goes without saying": (
        nic("<vlan><tag id='1'/><tag id='2'/></vlan>"),
        nic("<vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan>"),
        [("vlan.@trunk", NOISE)],
    ),
    "what no declaration has": (nic(), nic("<odd a='1'/>"), [("odd", GUEST)]),
    "a value that is not valid": (nic("<mtu size='-5'/>"), nic("<mtu size='-6'/>"), [("mtu.@size", GUEST)]),
    "a live status": (nic(), nic("<actual type='bridge'/>"), [("actual", NOISE)]),
    "a hostdev's address": (
        hostdev(),
        hostdev().replace("0x81", "0x82"),
        [("source.address.@bus", HOST)],
    ),
    "a hostdev's defaults": (
        hostdev(),
        hostdev("<driver name='vfio'/><alias name='hostdev0'/>", " managed='no'"),
        [("@managed", NOISE), ("driver", NOISE), ("alias.@name", NOISE)],
    ),
}


def changes(before: str, after: str) -> list[tuple[str, Noticed]]:
    devices = [kvnet.read_device(each, lossless=True) for each in (before, after)]
    return [(str(each.at).partition(".")[2], each.noticed) for each in kvnet.diff(*devices)]


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES)
def test_a_change_is_told_with_who_notices_it(before: str, after: str, expected: list[tuple[str, Noticed]]) -> None:
    assert changes(before, after) == expected


# what libvirt adds by itself, and chooses anew where it is taken away; with who notices that
ADDED = {
    "a MAC that libvirt generated": GUEST,
    "libvirt's default model": GUEST,
    "a guest address that libvirt chose": GUEST,
    "the identity of a port that libvirt chose": HOST,
    "the identity of an instance that libvirt chose": HOST,
}


@pytest.mark.parametrize("name", [name for name in CASES if name not in ADDED])
def test_who_notices_does_not_depend_on_the_direction(name: str) -> None:
    before, after, expected = CASES[name]
    assert sorted(changes(after, before)) == sorted(expected)


@pytest.mark.parametrize(("name", "noticed"), ADDED.items(), ids=ADDED)
def test_what_libvirt_added_is_a_change_where_it_is_taken_away(name: str, noticed: Noticed) -> None:
    before, after, expected = CASES[name]
    assert changes(after, before) == [(path, noticed) for path, _ in expected]


PORT_GROUP = "type='network'><source network='lab' portgroup='web'{}/>"
LIVE = " portid='11111111-1111-1111-1111-111111111111' bridge='virbr0'"
OF_A_NETWORK = {
    "vlan": "<vlan><tag id='7'/></vlan>",
    "virtualport": "<virtualport type='openvswitch'/>",
    "bandwidth": "<bandwidth><inbound average='9'/></bandwidth>",
    "port": "<port isolated='yes'/>",
}


@pytest.mark.parametrize(("path", "given"), OF_A_NETWORK.items(), ids=OF_A_NETWORK)
def test_what_a_network_gives_to_a_live_nic_is_noise_only_where_it_was_absent(path: str, given: str) -> None:
    defined, live = nic(source=PORT_GROUP.format("")), nic(given, PORT_GROUP.format(LIVE))
    assert (path, NOISE) in changes(defined, live)
    assert (path, HOST) in changes(live, defined)
    assert changes(defined, nic(given, PORT_GROUP.format(""))) == [(path, HOST)]


@pytest.mark.parametrize(("path", "given"), OF_A_NETWORK.items(), ids=OF_A_NETWORK)
def test_what_another_network_gives_is_a_change(path: str, given: str) -> None:
    defined, live = nic(source=PORT_GROUP.format("")), nic(given, PORT_GROUP.format(LIVE).replace("'lab'", "'b'"))
    assert (path, HOST) in changes(defined, live)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [(None, "", "added ''"), ("", None, "removed ''")],
)
def test_a_value_that_is_empty_is_shown_as_such(before: str | None, after: str | None, told: str) -> None:
    texts = [nic() if path is None else nic(f"<script path='{path}'/>") for path in (before, after)]
    devices = [kvnet.read_device(each, lossless=True) for each in texts]
    assert [str(each) for each in kvnet.diff(*devices)] == [f"interface.script.@path: {told} (host-side)"]


def test_a_value_that_becomes_empty_or_was_is_shown_with_the_other() -> None:
    empty, named = (kvnet.read_device(nic(source=f"type='network'><source network='{name}'/>")) for name in ("", "a"))
    assert [str(each) for each in kvnet.diff(empty, named)] == ["interface.source.@network: '' → a (host-side)"]
    assert [str(each) for each in kvnet.diff(named, empty)] == ["interface.source.@network: a → '' (host-side)"]


def test_equal_devices_are_told_apart_by_their_index() -> None:
    device = kvnet.read_device(nic())
    assert [str(each.at) for each in kvnet.diff((), (device, device))] == ["interface[0]", "interface[1]"]
    assert [str(each.at) for each in kvnet.diff((device, device), ())] == ["interface[0]", "interface[1]"]
    assert [str(each.at) for each in kvnet.diff((device,), (device, device, device))] == [
        "interface[1]",
        "interface[2]",
    ]
    assert kvnet.diff((device, device), (device, device)) == ()


def test_devices_are_paired_by_alias_then_by_mac_then_by_order() -> None:
    def domain(*nics: str) -> tuple[kvnet.device.Interface | kvnet.device.Hostdev, ...]:
        return kvnet.read_domain(f"<domain><devices>{''.join(nics)}</devices></domain>")

    named, known = nic("<alias name='ua-a'/>"), nic(MAC)
    before = domain(named, known, nic("<mtu size='1'/>"))
    after = domain(nic("<mtu size='2'/>"), known, named)
    assert [(str(each.at), each.noticed) for each in kvnet.diff(before, after)] == [("interface[2].mtu.@size", GUEST)]
    assert [str(each) for each in kvnet.diff(before, domain(named, known))] == [
        "interface[2]: removed <interface type='network'><source network='default'/><mtu size='1'/></interface>"
        " (guest-visible)"
    ]
    assert [str(each.at) for each in kvnet.diff(domain(named), before)] == ["interface[1]", "interface[2]"]


TWINS = tuple(nic(MAC + PCI.format(slot)) for slot in ("0x03", "0x07"))


@pytest.mark.parametrize(("before", "after", "removed"), [(TWINS, TWINS[1:], 0), (TWINS, TWINS[:1], 1)])
def test_nics_of_one_mac_are_paired_by_their_guest_address(
    before: tuple[str, ...], after: tuple[str, ...], removed: int
) -> None:
    old, new = (kvnet.read_domain(f"<domain><devices>{''.join(each)}</devices></domain>") for each in (before, after))
    assert [(str(each.at), each.after) for each in kvnet.diff(old, new)] == [(f"interface[{removed}]", None)]
    assert kvnet.diff(old, tuple(reversed(old))) == ()


ON_BRIDGES = [nic(source=f"type='bridge'><source bridge='br{n}'/>") for n in range(2)]
OF_ONE_MAC = [each.replace("</interface>", MAC + "</interface>") for each in ON_BRIDGES]


@pytest.mark.parametrize("nics", [ON_BRIDGES, OF_ONE_MAC], ids=["no MAC", "one MAC"])
def test_where_a_nic_is_gone_those_without_another_identity_are_paired_by_their_source(nics: list[str]) -> None:
    old = kvnet.read_domain(f"<domain><devices>{''.join(nics)}</devices></domain>")
    assert [(str(each.at), each.after) for each in kvnet.diff(old, old[1:])] == [("interface[0]", None)]
    assert [(str(each.at), each.before) for each in kvnet.diff(old[1:], old)] == [("interface[0]", None)]


@pytest.mark.parametrize("left_out", [(), (hostdev(),)], ids=["all there", "a host device gone"])
def test_where_no_interface_is_gone_those_without_an_identity_are_paired_by_their_order(left_out: tuple[str]) -> None:
    old = kvnet.read_domain(f"<domain><devices>{''.join((*ON_BRIDGES, *left_out))}</devices></domain>")
    assert [str(each.at) for each in kvnet.diff(old, tuple(reversed(old[:2])))][:2] == [
        "interface[0].source.@bridge",
        "interface[1].source.@bridge",
    ]


def test_functions_that_are_passed_through_are_paired_by_their_host_address() -> None:
    functions = [hostdev().replace("0x81", bus) for bus in ("0x81", "0x82")]
    old = kvnet.read_domain(f"<domain><devices>{''.join(functions)}</devices></domain>")
    assert [(str(each.at), each.after) for each in kvnet.diff(old, old[1:])] == [("hostdev[0]", None)]
