"""NICs go into a domain, and nothing else in it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.domain.patch import patch
from kvnet.errors import XmlError

MAC = "52:54:00:00:00:01"
NIC = f"<interface type='ethernet'>\n  <mac address='{MAC}'/>\n  <alias name='ua-a'/>\n</interface>"
HEAD = "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  <name>x</name>\n"
TAIL = '  <qemu:commandline><qemu:arg value="a>b"/></qemu:commandline>\n</domain>\n'


def domain(devices: str) -> str:
    return f"{HEAD}  <devices>\n    <disk/>\n{devices}    <serial/>\n  </devices>\n{TAIL}"


def tree(text: str) -> etree._Element:
    return etree.fromstring(text.encode(), etree.XMLParser(encoding="utf-8"))


def aliases(text: str) -> list[str]:
    return [str(each) for each in tree(text).xpath("/domain/devices/*/alias/@name")]


PLACES = {
    "closed root": ("<domain type='kvm'/>", "<domain type='kvm'>\n  <devices>\n    {}\n  </devices>\n</domain>"),
    "closed compact root": ("<domain><devices/></domain>", "<domain><devices>{}</devices></domain>"),
    "no devices": ("<domain>\n  <a/>\n</domain>\n", "<domain>\n  <a/>\n  <devices>\n    {}\n  </devices>\n</domain>\n"),
    "a comment after the last device": (
        "<domain>\n  <devices>\n    <serial/>\n    <!-- no more -->\n  </devices>\n</domain>",
        "<domain>\n  <devices>\n    <serial/>\n    {}\n    <!-- no more -->\n  </devices>\n</domain>",
    ),
    "closed devices": (
        "<domain>\n  <devices a='/' />\n</domain>",
        "<domain>\n  <devices a='/'>\n    {}\n  </devices>\n</domain>",
    ),
    "a comment alone": (
        "<domain>\n  <devices>\n    <!-- <interface/> -->\n  </devices>\n</domain>",
        "<domain>\n  <devices>\n    <!-- <interface/> -->\n    {}\n  </devices>\n</domain>",
    ),
    "after the disk": (domain(""), domain("").replace("<disk/>\n", "<disk/>\n    {}\n")),
    "tabs": (
        "<domain>\n\t<devices>\n\t\t<disk/>\n\t</devices>\n</domain>",
        "<domain>\n\t<devices>\n\t\t<disk/>\n\t\t{}\n\t</devices>\n</domain>",
    ),
    "compact": (
        "<domain><devices><interface/><serial/></devices></domain>",
        "<domain><devices><interface/>{}<serial/></devices></domain>",
    ),
    "second devices": (
        "<domain>\n  <devices/>\n  <devices>\n    <interface/>\n  </devices>\n</domain>",
        "<domain>\n  <devices/>\n  <devices>\n    <interface/>\n    {}\n  </devices>\n</domain>",
    ),
}


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES)
def test_a_new_nic_stands_where_libvirt_would_write_it(before: str, after: str) -> None:
    nic = "<interface type='user'/>"
    assert patch(before, [nic]) == after.replace("{}", nic)


def test_a_nic_follows_the_indentation_and_the_line_ends_of_the_document() -> None:
    before = "<domain>\r\n\t<devices>\r\n\t\t<disk/>\r\n\t</devices>\r\n</domain>"
    lines = ["<interface type='ethernet'>", f"\t<mac address='{MAC}'/>", "\t<alias name='ua-a'/>", "</interface>"]
    laid = "".join(f"\r\n\t\t{line}" for line in lines)
    assert patch(before, [NIC]) == before.replace("<disk/>", f"<disk/>{laid}")


UNTOUCHED = {
    "other quotes and order": f'<interface type="ethernet"><alias name="ua-a"/><mac address="{MAC}"/></interface>',
    "a comment inside": NIC.replace("<mac", "<!-- mine --><mac"),
    "character references": f"<interface type='ethernet'><mac address='{MAC}'/><alias name='ua-&#97;'/></interface>",
}


@pytest.mark.parametrize("old", UNTOUCHED.values(), ids=UNTOUCHED)
def test_a_nic_that_says_the_same_keeps_its_bytes(old: str) -> None:
    before = domain(f"    {old}\n")
    assert patch(before, [NIC]) == before


REPLACED = {
    "by alias": "<interface type='user'><alias name='ua-a'/></interface>",
    "by MAC, whatever its case": "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>",
    "stray text counts": NIC.replace("<alias", "stray <alias"),
}


@pytest.mark.parametrize("old", REPLACED.values(), ids=REPLACED)
def test_a_nic_is_replaced_in_its_place(old: str) -> None:
    after = patch(domain(f"    {old}\n    <interface/>\n"), [NIC])
    assert after == domain("    " + NIC.replace("\n", "\n    ") + "\n    <interface/>\n")


SLOT = "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>"


def a_nic(*children: str, kind: str = "interface type='bridge'", model: str = "virtio") -> str:
    return f"<{kind}><model type='{model}'/><alias name='ua-a'/>{''.join(children)}</{kind.split(maxsplit=1)[0]}>"


def known(text: str) -> list[tuple[str, str]]:
    """The MAC address and the bus of each NIC of a domain."""
    nics = tree(text).xpath("/domain/devices/*[self::interface or self::hostdev]")
    return [(nic.xpath("string(mac/@address)"), nic.xpath("string(address/@bus)")) for nic in nics]


OLD = a_nic(f"<mac address='{MAC}'/>", SLOT, kind="interface type='network'")
PASSED = "<hostdev mode='subsystem' type='pci'><alias name='ua-sriov-a'/>"
TAKEN_OVER = {
    "both": (OLD, a_nic(), [(MAC, "0x03")]),
    "its own MAC": (OLD, a_nic("<mac address='52:54:00:00:00:02'/>"), [("52:54:00:00:00:02", "0x03")]),
    "its own slot": (OLD, a_nic(SLOT.replace("0x03", "0x04")), [(MAC, "0x04")]),
    "a slot that libvirt is to choose": (OLD, a_nic("<address type='pci'/>"), [(MAC, "")]),
    "another model of the same slots": (OLD, a_nic(model="e1000e"), [(MAC, "0x03")]),
    "a model that needs other slots": (OLD, a_nic(model="e1000"), [(MAC, "")]),
    "an address on no PCI bus": (OLD.replace("'pci'", "'ccw'"), a_nic(), [(MAC, "")]),
    "a virtual function": (f"{PASSED}{SLOT}</hostdev>", f"{PASSED}<source/></hostdev>", [("", "0x03")]),
}


@pytest.mark.parametrize(("old", "new", "expected"), TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_a_nic_takes_over_the_addresses_that_it_does_not_say(
    old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    after = patch(domain(f"    {old}\n"), [new])
    assert known(after) == expected
    assert patch(after, [new]) == after


def test_addresses_that_another_nic_asks_for_are_not_taken_over() -> None:
    other = f"<interface type='user'><mac address='{MAC}'/><alias name='ua-b'/>{SLOT}</interface>"
    assert known(patch(domain(f"    {OLD}\n"), [a_nic(), other])) == [("", ""), (MAC, "0x03")]


def test_what_a_nic_takes_over_is_spelled_and_indented_as_in_the_document() -> None:
    slot = SLOT.replace("'", '"').replace("/>", "><!-- x --><zpci uid='1'/></address>")
    old = f"<interface type='user'><alias name='ua-a'/>{slot}<mac  address='{MAC}'/></interface>"
    new = "<interface type='bridge' ><alias name='ua-a'/></interface>"
    lines = [
        "<interface type='bridge' >",
        f"  <mac  address='{MAC}'/>",
        "  <alias name='ua-a'/>",
        *("  " + slot.split("<!--")[0], "    <!-- x -->", "    <zpci uid='1'/>", "  </address>"),
        "</interface>",
    ]
    assert patch(domain(f"    {old}\n"), [new]) == domain("".join(f"    {line}\n" for line in lines))


def test_nics_of_one_mac_address_keep_their_slots_whatever_order_they_are_given_in() -> None:
    nics = [f"<interface type='{kind}'><mac address='{MAC}'/></interface>" for kind in ("user", "ethernet")]
    slots = [SLOT, SLOT.replace("0x03", "0x04")]
    with_slots = [nic.replace("</interface>", f"{slot}</interface>") for nic, slot in zip(nics, slots, strict=True)]
    before = domain("".join(f"    {nic}\n" for nic in with_slots))
    assert patch(before, nics[::-1]) == before


def test_two_nics_of_one_mac_and_two_aliases_are_two_nics() -> None:
    after = patch(domain(f"    <interface><mac address='{MAC}'/><alias name='ua-b'/></interface>\n"), [NIC])
    assert aliases(after) == ["ua-b", "ua-a"]


NOT_NICS = {
    "metadata": "<metadata>\n    {}\n  </metadata>\n  <devices>\n    <disk/>\n  </devices>",
    "a comment": "<!-- {} -->\n  <devices>\n    <disk/>\n  </devices>",
    "CDATA": "<description><![CDATA[{}]]></description>\n  <devices>\n    <disk/>\n  </devices>",
    "deeper": "<devices>\n    <disk/>\n    <x>{}</x>\n  </devices>",
    "a prefix": "<devices>\n    <disk/>\n    <q:interface xmlns:q='urn:q'>{}</q:interface>\n  </devices>",
    "a default namespace": "<devices>\n    <disk/>\n    <x xmlns='urn:q'>{}</x>\n  </devices>",
    "devices of a namespace": "<devices xmlns='urn:q'>{}</devices>\n  <devices>\n    <disk/>\n  </devices>",
}


@pytest.mark.parametrize("inside", NOT_NICS.values(), ids=NOT_NICS)
def test_only_children_of_the_domains_devices_are_nics(inside: str) -> None:
    before = f"<domain>\n  {inside.replace('{}', NIC)}\n</domain>\n"
    after = patch(before, [NIC], replace_all=True)
    assert after == before.replace("<disk/>", "<disk/>\n    " + NIC.replace("\n", "\n    "))


def test_replacing_all_takes_out_interfaces_and_our_hostdevs_alone() -> None:
    gpu = "    <hostdev mode='subsystem'><alias name='ua-gpu'/></hostdev>\n"
    ours = "    <hostdev mode='subsystem'><alias name='ua-sriov-b'/></hostdev>\n"
    after = patch(domain("    <interface/>\n" + gpu + ours), [NIC], replace_all=True)
    assert after == domain("    " + NIC.replace("\n", "\n    ") + "\n" + gpu)


KEPT = {
    "latin declaration": "<?xml version='1.0' encoding='ISO-8859-1'?>\n" + domain("").replace("x</", "é</"),
    "byte order mark": "\ufeff" + domain(""),
    "line separators": domain("").replace("x</", "a\u2028b\x85c</"),
    "references": domain("").replace("x</", "&amp;&#x41;&lt;</"),
    "instructions": domain("").replace("<disk/>", "<disk/><?kvnet <interface/> ?>"),
    "a > in a value": domain("").replace("<disk/>", "<disk a='/>' b=\"'/>\"/>"),
}


@pytest.mark.parametrize("before", KEPT.values(), ids=KEPT)
def test_what_is_no_nic_keeps_its_bytes(before: str) -> None:
    after = patch(before, [NIC])
    at = after.index("\n    <interface")
    assert after[:at] + after[after.index("</interface>") + len("</interface>") :] == before


@pytest.mark.parametrize("noise", ["<?xml version='1.0' encoding='utf-8'?>\n{}", "{}\n<!-- after -->", "\n\n   {}"])
def test_what_stands_around_a_nic_is_not_carried_in(noise: str) -> None:
    assert patch(domain(""), [noise.replace("{}", NIC)]) == patch(domain(""), [NIC])


def test_text_and_values_of_a_nic_are_not_laid_out_anew() -> None:
    nic = "<interface type='user'><a b='x\u2028  y'/><tune><sndbuf> 16\n00 </sndbuf></tune></interface>"
    after = patch(domain(""), [nic])
    assert "b='x\u2028  y'" in after
    assert "<sndbuf> 16\n00 </sndbuf>" in after


REFUSED = {
    "not well formed": ("<domain>", [], "KN501"),
    "empty": ("", [], "KN501"),
    "nul": ("<domain>\0</domain>", [], "KN501"),
    "half a surrogate pair": ("<domain>\ud800</domain>", [], "KN501"),
    "a DTD": ("<!DOCTYPE domain [<!ENTITY a 'b'>]><domain/>", [], "KN502"),
    "another root": ("<network/>", [], "KN503"),
    "a domain of a namespace": ("<domain xmlns='urn:x'/>", [], "KN503"),
    "another device": ("<domain/>", ["<disk/>"], "KN504"),
    "a NIC with a DTD": ("<domain/>", ["<!DOCTYPE a [<!ENTITY e 'x'>]><interface type='&e;'/>"], "KN502"),
    "a NIC that closes the devices": ("<domain/>", ["</devices></domain><interface/>"], "KN501"),
    "two NICs in one": ("<domain/>", ["<interface/><interface/>"], "KN501"),
    "one alias twice": ("<domain/>", [NIC, NIC.replace("00:01", "00:02")], "KN505"),
}


@pytest.mark.parametrize(("document", "nics", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_patched_is_refused_by_code(document: str, nics: list[str], code: str) -> None:
    with pytest.raises(XmlError) as caught:
        patch(document, nics)
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("dom.xml", True),
        ("/etc/libvirt/qemu/vm", True),
        ("my domain.xml", True),
        ("", False),
        ("<a", False),
        ('{"apiVersion": "kubevirt.io/v1"}', False),
    ],
)
def test_a_path_in_the_place_of_xml_is_told(text: str, is_path: bool) -> None:
    for read in (lambda: patch(text, []), lambda: kvnet.read_device(text), lambda: kvnet.read_domain(text)):
        with pytest.raises(XmlError, match=r"KN501\b") as caught:
            read()
        assert ("this looks like a path" in caught.value.problems[0].hint) is is_path


@pytest.mark.parametrize("text", ["", "kind: VirtualMachine\n", '{"apiVersion": "kubevirt.io/v1"}'])
def test_what_is_no_xml_at_all_is_told_what_to_give_instead(text: str) -> None:
    with pytest.raises(XmlError, match=r"KN501\b.*as `virsh dumpxml` prints it"):
        kvnet.read_domain(text)


def test_a_problem_has_line_and_column_in_characters() -> None:
    with pytest.raises(XmlError) as caught:
        patch("<domain>\n  é<a></b></domain>", [])
    place = caught.value.problems[0].place
    assert place is not None
    assert (place.line, place.column) == (2, 11)


_ALIASES = {"interface": [None, "ua-a", "ua-b", "ua-sriov-c"], "hostdev": [None, "ua-sriov-c"]}
_MACS = st.sampled_from([None, "1", "2", "A", "a"])


def twins(*kinds: str) -> list[str]:
    """NICs of one MAC address and no alias."""
    return [f"<{kind}><mac address='{MAC}'/></{kind.split()[0]}>" for kind in kinds]


def test_nics_of_one_mac_address_do_not_change_places_when_patched_again() -> None:
    nics = twins("hostdev type='pci'", "interface type='ethernet'")
    once = patch(domain("    <interface/>\n" + twins("hostdev type='usb'")[0] + "\n"), nics)
    assert patch(once, nics) == once


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_nics_of_one_mac_address_stay_whatever_order_they_are_given_in(order: tuple[int, ...]) -> None:
    nics = twins("interface type='user'", "interface type='ethernet'", "hostdev type='pci'")
    before = domain("".join(f"    {nic}\n" for nic in nics))
    assert patch(before, [nics[n] for n in order]) == before


@st.composite
def _nic(draw: st.DrawFn, slots: tuple[str, ...] = ("",)) -> str:
    tag = draw(st.sampled_from(["interface", "hostdev"]))
    alias, mac = draw(st.sampled_from(_ALIASES[tag])), draw(_MACS)
    parts = [f"<alias name='{alias}'/>"] * (alias is not None) + [f'<mac address="{mac}"/>'] * (mac is not None)
    parts += [draw(st.sampled_from(slots))]
    between = draw(st.sampled_from(["", "\n    ", "<!-- & > -->"]))
    kind = draw(st.sampled_from(["user", "ethernet"]))
    return f"<{tag} type='{kind}'>{between}{between.join(draw(st.permutations(parts)))}</{tag}>"


_OTHERS = st.sampled_from(
    ["<disk a='>'/>", "<serial/>", "<!-- <interface/> -->", "<q:interface xmlns:q='urn:q'/>", "<?p?>"]
)
_GAPS = st.sampled_from(["", "\n    ", "\r\n\t\t", "\n\n  ", " "])


@st.composite
def _domain(draw: st.DrawFn) -> str:
    parts = draw(st.lists(_nic(("", SLOT)) | _OTHERS, max_size=6).filter(_has_unique_aliases))
    inside = "".join(draw(_GAPS) + part for part in parts)
    devices = draw(st.sampled_from(["", "<devices/>", f"<devices>{inside}{draw(_GAPS)}</devices>"]))
    return f"<domain>{draw(_GAPS)}<name>é&#x41;</name>{draw(_GAPS)}{devices}{draw(_GAPS)}</domain>{draw(_GAPS)}"


def _has_unique_aliases(devices: list[str]) -> bool:
    """As libvirt demands."""
    found = [alias for each in devices if "alias" in each for alias in _alias(each)]
    return len(found) == len(set(found))


_NICS = st.lists(_nic(), max_size=4).filter(_has_unique_aliases)


def _alias(nic: str) -> list[str]:
    return [str(each) for each in tree(nic).xpath("alias/@name")]


@given(_domain(), _NICS, st.booleans())
def test_patching_twice_is_patching_once(before: str, nics: list[str], replace_all: bool) -> None:
    once = patch(before, nics, replace_all=replace_all)
    assert patch(once, nics, replace_all=replace_all) == once


@st.composite
def _twins(draw: st.DrawFn) -> list[str]:
    kinds = ["interface type='user'", "interface type='ethernet'", "hostdev type='pci'", "hostdev type='usb'"]
    return twins(*draw(st.lists(st.sampled_from(kinds), max_size=4)))


@given(_twins(), _twins(), st.booleans())
def test_patching_twins_without_aliases_twice_is_patching_once(
    before: list[str], nics: list[str], replace_all: bool
) -> None:
    once = patch(domain("\n".join(before)), nics, replace_all=replace_all)
    assert patch(once, nics, replace_all=replace_all) == once
    assert patch(once, nics[::-1]) == once


@given(_domain(), _NICS, st.booleans())
def test_every_other_device_survives_and_every_nic_arrives(before: str, nics: list[str], replace_all: bool) -> None:
    after = patch(before, nics, replace_all=replace_all)
    foreign = [
        etree.tostring(each, with_tail=False)
        for each in tree(before).xpath("/domain/devices/*[not(self::interface or self::hostdev)]")
    ]
    assert [
        etree.tostring(each, with_tail=False)
        for each in tree(after).xpath("/domain/devices/*[not(self::interface or self::hostdev)]")
    ] == foreign
    assert set(aliases(after)) >= {alias for nic in nics for alias in _alias(nic)}
    assert before.count("<!-- <interface/> -->") == after.count("<!-- <interface/> -->")


@given(_domain())
def test_patching_nothing_in_changes_nothing(before: str) -> None:
    assert patch(before, []) == before


def test_a_nic_on_the_root_complex_goes_in_with_its_address() -> None:
    annotations = {"kubevirt.io/placePCIDevicesOnRootComplex": "true"}
    asked = kvnet.load(vmi([nic("a"), nic("b")], [pod("a"), multus("b")], annotations=annotations))
    patched = patch(domain(""), kvnet.compile(asked).xml())
    assert tree(patched).xpath("/domain/devices/interface/address[@bus='0x00']/@slot") == ["0x02", "0x03"]
    assert patch(patched, kvnet.compile(asked).xml()) == patched


def test_a_name_that_expat_refuses_is_told_at_its_place() -> None:
    with pytest.raises(XmlError, match=r":2:5: error KN501 the XML is not well formed"):
        patch("<domain>\n  <x\u07da/>\n</domain>", ["<interface/>"])
