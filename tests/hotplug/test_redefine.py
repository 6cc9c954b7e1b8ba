"""A machine's NICs go into a definition, and what concerns no NIC keeps its bytes."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.hotplug import Redefinition, mac_from_uuid, redefine
from kvnet.spec import Nad

UUID = "3b4a7195-549c-5bd7-b0c1-fffc5d533a77"
NADS = tuple(
    Nad(name=name, config=f'{{"type": "bridge", "bridge": "br0", "vlan": {vlan}}}')
    for name, vlan in (("plain", 0), ("ten", 10), ("twenty", 20))
)
TARGET = kvnet.Target(profile="host", nads=NADS, libvirt_release="11.0.0")
MAC = "<mac address='52:54:00:aa:bb:{:02}'/>"
DISK = "<disk type='file'><source file='/d.img'/><target dev='vda'/></disk>"
GPU = "<hostdev mode='subsystem' type='pci'><source><address bus='0x01'/></source><alias name='ua-gpu'/></hostdev>"
VF = GPU.replace("<alias name='ua-gpu'/>", "").replace("bus='0x01'", "domain='0' bus='0x05' slot='0' function='1'")


def network(number: int = 1, inside: str = "", name: str = "default") -> str:
    return f"<interface type='network'>{MAC.format(number)}<source network='{name}'/>{inside}</interface>"


def tagged(number: int, vlan: int) -> str:
    tag = f"<vlan><tag id='{vlan}'/></vlan>"
    return f"<interface type='bridge'>{MAC.format(number)}<source bridge='br0'/>{tag}</interface>"


def domain(*devices: str) -> str:
    return f"<domain type='kvm'>\n  <!-- mine -->\n  <devices>\n    {DISK}{''.join(devices)}\n  </devices>\n</domain>\n"


def redefined(
    before: str, *nics: dict[str, Any], networks: list[dict[str, Any]] | None = None, **facts: Any
) -> Redefinition:
    asked = kvnet.load(vmi([*nics], [pod(each["name"]) for each in nics] if networks is None else networks))
    target = kvnet.Target(profile="host", nads=NADS, facts=kvnet.load_facts({"libvirtVersion": "11.0.0", **facts}))
    return redefine(before, UUID, asked, target)


def names(made: Redefinition) -> dict[str, str]:
    """The alias of each NIC that has one, with its MAC address."""
    nics = etree.fromstring(made.document).xpath("devices/interface[alias]")
    return {each.find("alias").get("name"): each.find("mac").get("address") for each in nics}


RED, BLUE = nic("red", "masquerade"), nic("blue", "masquerade")


def test_a_nic_that_is_attached_as_one_of_the_machine_gets_its_alias_and_keeps_its_addresses() -> None:
    placed = "<model type='virtio'/><address type='pci' domain='0' bus='3' slot='0' function='0'/>"
    made = redefined(domain(network(1, placed)), RED, BLUE)
    assert names(made) == {"ua-red": "52:54:00:aa:bb:01", "ua-blue": str(mac_from_uuid(UUID, "blue"))}
    assert etree.fromstring(made.document).xpath("devices/interface[1]/address/@bus") == ["3"]


KNOWN: dict[str, tuple[list[str], list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]] = {
    "its alias before its network": (
        [network(1), network(2, "<alias name='ua-red'/>")],
        [RED],
        [pod("red")],
        {"ua-red": "52:54:00:aa:bb:02"},
    ),
    "its MAC address before its network": (
        [network(1), network(2)],
        [nic("red", "masquerade", macAddress="52:54:00:aa:bb:02")],
        [pod("red")],
        {"ua-red": "52:54:00:aa:bb:02"},
    ),
    "its VLAN before its bridge": (
        [tagged(1, 10), tagged(2, 20)],
        [nic("red")],
        [multus("red", networkName="twenty")],
        {"ua-red": "52:54:00:aa:bb:02"},
    ),
    "its bridge": (
        [tagged(1, 10)],
        [nic("red")],
        [multus("red", networkName="twenty")],
        {"ua-red": "52:54:00:aa:bb:01"},
    ),
    "its turn": (
        [network(1), network(2)],
        [RED, BLUE],
        [pod("red"), pod("blue")],
        {"ua-red": "52:54:00:aa:bb:01", "ua-blue": "52:54:00:aa:bb:02"},
    ),
    "nothing where its network is another": (
        [network(1, name="lab")],
        [RED],
        [pod("red")],
        {"ua-red": str(mac_from_uuid(UUID, "red"))},
    ),
    "nothing where the user named it otherwise": (
        [network(1, "<alias name='ua-green'/>")],
        [RED],
        [pod("red")],
        {"ua-green": "52:54:00:aa:bb:01", "ua-red": str(mac_from_uuid(UUID, "red"))},
    ),
}


@pytest.mark.parametrize(("devices", "nics", "networks", "known"), KNOWN.values(), ids=KNOWN)
def test_a_nic_of_the_domain_is_known_by(
    devices: list[str], nics: list[dict[str, Any]], networks: list[dict[str, Any]], known: dict[str, str]
) -> None:
    assert names(redefined(domain(*devices), *nics, networks=networks)) == known


def test_taps_that_nothing_is_said_of_are_not_taken_for_each_other() -> None:
    before = domain(f"<interface type='ethernet'>{MAC.format(1)}</interface>")
    asked = kvnet.load(vmi([RED], [pod("red")]))
    made = redefine(before, UUID, asked, kvnet.Target())
    assert names(made) == {"ua-red": str(mac_from_uuid(UUID, "red"))}


def test_a_virtual_function_is_known_by_its_host_address_and_a_graphics_card_stays() -> None:
    facts = {"pciAddresses": {"fast": "0000:05:00.1"}}
    made = redefined(domain(GPU, VF), nic("fast", "sriov"), networks=[multus("fast", networkName="plain")], **facts)
    assert etree.fromstring(made.document).xpath("devices/hostdev/alias/@name") == ["ua-gpu", "ua-sriov-fast"]


def test_every_byte_that_concerns_no_nic_stays() -> None:
    before = domain(network(1, "<alias name='ua-red'/><model type='e1000'/>"), GPU)
    after = redefined(before, RED).document
    start, end = after.index("<interface"), after.index("</interface>")
    assert after[:start] == before[: before.index("<interface")]
    assert after[end:] == before[before.index("</interface>") :]


def test_defining_it_again_changes_nothing() -> None:
    once = redefined(domain(network(1)), RED, BLUE)
    assert redefined(once.document, RED, BLUE).document == once.document


def test_an_absent_nic_is_taken_out_and_one_that_is_not_listed_stays_with_a_note() -> None:
    before = domain(network(1, "<alias name='ua-red'/>"), network(2, "<alias name='ua-green'/>"))
    made = redefined(before, nic("red", "bridge", state="absent"), networks=[multus("red", networkName="ten")])
    assert names(made) == {"ua-green": "52:54:00:aa:bb:02"}
    assert [each.code for each in made.problems] == ["KN856"]


BOOT = "<boot order='1'/>"
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a boot order that a disk has": (domain().replace("<target", f"{BOOT}<target"), {"bootOrder": 1}, "KN509"),
    "a boot order beside <os><boot>": (
        domain().replace("  <devices>", "  <os><boot dev='hd'/></os>\n  <devices>"),
        {"bootOrder": 1},
        "KN509",
    ),
    "two NICs of its alias": (domain(*[network(n, "<alias name='ua-red'/>") for n in (1, 2)]), {}, "KN854"),
}


@pytest.mark.parametrize(("before", "members", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_go_in_leaves_the_document_as_it_was(before: str, members: dict[str, Any], code: str) -> None:
    made = redefined(before, nic("red", "masquerade", **members))
    assert [each.code for each in made.problems if each.is_error] == [code]
    assert made.document == before


@pytest.mark.parametrize(
    ("red", "codes"),
    [
        pytest.param([nic("red", "masquerade", state="absent")], [], id="is taken out"),
        pytest.param([nic("red", "masquerade")], [], id="gets another"),
        pytest.param([], ["KN509"], id="is not the machine's"),
    ],
)
def test_a_boot_order_may_be_given_to_another_nic_where_the_one_that_has_it(
    red: list[dict[str, Any]], codes: list[str]
) -> None:
    before = domain(network(1, f"{BOOT}<alias name='ua-red'/>"))
    made = redefined(before, *red, nic("blue", "masquerade", bootOrder=1))
    assert [each.code for each in made.problems if each.is_error] == codes
    assert ("ua-blue" in names(made)) is not bool(codes)


def test_a_machine_that_cannot_be_compiled_changes_nothing() -> None:
    before = domain(network(1))
    made = redefined(before, nic("red"), networks=[multus("red", networkName="absent")])
    assert [each.code for each in made.problems if each.is_error] == ["KN340"]
    assert made.document == before
