"""An element that is read by what was learnt of its like is what the ordinary way reads, or refuses."""

from __future__ import annotations

import re

import pytest
from effort import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kvnet import XmlError, read_device, write
from kvnet.device import Device, Hostdev, Interface
from kvnet.testing import devices
from kvnet.xml import generate
from kvnet.xml.parser import parse
from kvnet.xml.reading import read, read_tree
from kvnet.xml.schema import RawElement

TAP = """<interface type='ethernet'>
  <mac address='52:54:00:12:34:{0:02x}'/>
  <target dev='tap{0}' managed='no'/>
  <model type='virtio'/>
  <driver name='vhost' queues='4'/>
  <mtu size='14{0:02}'/>
  <alias name='ua-net{0}'/>
  <address type='pci' domain='0x0000' bus='0x{0:02x}' slot='0x00' function='0x0'/>
</interface>"""

SCRIPT = """<interface type='ethernet'>
  <script path='/etc/qemu-ifup-{0}'/>
  <target dev='tap{0}'/>
</interface>"""


@pytest.fixture(autouse=True)
def _nothing_learnt() -> None:
    generate._quoted.cache_clear()


def told(text: str, *, lossless: bool = False) -> object:
    """What a text is read as, or why it is refused."""
    try:
        made = read_device(text, lossless=lossless)
    except XmlError as error:
        return error.problems
    return made, vars(made), write(made)


def ordinary(text: str, *, lossless: bool = False) -> object:
    """The same by the ordinary way alone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kvnet.xml.reading.read_learnt", lambda *_: None)
        return told(text, lossless=lossless)


def learnt(text: str) -> object:
    return generate.read_learnt(text, (Interface, Hostdev))


def test_the_taps_of_a_fleet_are_read_by_what_was_learnt() -> None:
    for n in range(6):
        assert told(TAP.format(n)) == ordinary(TAP.format(n))
        assert told(TAP.format(n), lossless=True) == ordinary(TAP.format(n), lossless=True)
    assert learnt(TAP.format(7)) == read_tree(parse(TAP.format(7)), Interface, Hostdev, text=TAP.format(7))


def test_double_quotes_are_learnt_as_well() -> None:
    texts = [TAP.format(n).replace("'", '"') for n in range(6)]
    assert [told(text) for text in texts] == [ordinary(text) for text in texts]
    assert learnt(texts[0]) is not None


def test_other_classes_read_a_learnt_text_in_their_own_way() -> None:
    for n in range(4):
        read_device(TAP.format(n))
    with pytest.raises(XmlError, match="is not one of Hostdev"):
        read(TAP.format(5), Hostdev)


ODD = (
    *("", " ", "a b", "a\nb", "a\tb", "é", "<", ">", "&amp;", "&#65;", "&#x41;", "&lt;", "&nope;", "]]>", '"', "'"),
    *("\x00", "\u200b", "\ud800", "x" * 300, "tap;0", "0x", "-1", "0X00", "00", "0x10000", "4294967296", " 4"),
    *("52:54:00:12:34", "53:54:00:12:34:56", "52-54-00-12-34-56", "52:54:00:12:34:ZZ", "52:54:00:AB:CD:EF"),
)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("lossless", [False, True], ids=["strict", "lossless"])
@pytest.mark.parametrize("fleet", [TAP, SCRIPT], ids=["tap", "script"])
def test_an_odd_value_is_read_as_the_ordinary_way_reads_it(fleet: str, odd: str, lossless: bool) -> None:
    for n in range(4):
        read_device(fleet.format(n))
    text = fleet.format(9)
    for match in re.finditer("'([^']*)'", text):
        other = text[: match.start(1)] + odd + text[match.end(1) :]
        assert told(other, lossless=lossless) == ordinary(other, lossless=lossless)


CHANGES = (
    *(("<mac", "<!-- a --><mac"), ("<mac", "<![CDATA[ ]]><mac"), ("<mac", "<?a b?><mac"), ("<mac", "&#32;<mac")),
    *(("<interface", "<!DOCTYPE a []><interface"), ("<interface", "<?xml version='1.0'?><interface")),
    *(("<interface", "<interface xmlns='urn:a'"), ("<interface", "<interface xmlns:a='urn:a'"), ("<mac", "<a:mac")),
    *(
        ("='", ' = "'),
        ("<mac ", "<mac\n"),
        ("/>", " />"),
        ("/>", "></mac>"),
        ("</interface>", ""),
        ("<mac", "text<mac"),
    ),
    *(
        ("type='ethernet'", "type='bridge'"),
        ("managed='no'", "managed='yes'"),
        ("virtio", "e1000"),
        ("queues", "queue"),
    ),
    ("<mac address='52:54:00:12:34:09'/>", "<mac address='52:54:00:12:34:09'/>" * 2),
    ("dev='tap9' managed='no'", "managed='no' dev='tap9'"),
    ("</interface>", "</interface>\n"),
)


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_another_text_is_read_in_the_ordinary_way(old: str, new: str) -> None:
    for n in range(4):
        read_device(TAP.format(n))
    for count in (1, -1):
        text = TAP.format(9).replace(old, new, count)
        for _ in range(4):
            assert told(text) == ordinary(text)
            assert told(text, lossless=True) == ordinary(text, lossless=True)


@given(st.data())
@settings(deadline=None, max_examples=examples(1.5), suppress_health_check=list(HealthCheck))
def test_devices_are_read_as_the_ordinary_way_reads_them(data: st.DataObject) -> None:
    generate._quoted.cache_clear()
    text = write(data.draw(devices()), indent=data.draw(st.sampled_from([None, 0, 2])))
    for each in [text] * 4 + [mutated(text, data) for _ in range(6)]:
        assert told(each) == ordinary(each)


PIECES = st.sampled_from(
    [*"'\"<>&/= \n\tx0é\x00", "<!---->", "<![CDATA[x]]>", "&amp;", "&#48;", "<?x?>", " xmlns='x'", "<x/>", "yes", "0x1"]
)


def mutated(text: str, data: st.DataObject) -> str:
    """A text with a piece put in or left out, other quotes, or another value."""
    kind = data.draw(st.sampled_from(["piece", "cut", "quotes", "value", "value"]))
    if kind == "quotes":
        return text.replace("'", '"')
    if kind == "value":
        values = list(re.finditer("'([^']*)'", text))
        if not values:
            return text
        match, other = data.draw(st.sampled_from(values)), data.draw(st.sampled_from(values))
        new = data.draw(st.one_of(PIECES, st.just(other[1]), st.text(max_size=3)))
        return text[: match.start(1)] + new + text[match.end(1) :]
    at = data.draw(st.integers(0, len(text)))
    return text[:at] + (data.draw(PIECES) + text[at:] if kind == "piece" else text[at + 1 :])


def test_a_source_that_cannot_be_read_keeps_its_white_space() -> None:
    source = "<source>\n    <a/>\n  </source>"
    made = read_device(f"<interface type='odd'>\n  {source}\n</interface>", lossless=True)
    assert made.source == RawElement("odd", source)


@given(devices(), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_text_between_elements_is_seen_wherever_it_is(device: Device, data: st.DataObject) -> None:
    text = write(device)
    ends = [match.end() for match in re.finditer(">", text)][:-1]
    assume(ends)
    at = data.draw(st.sampled_from(ends))
    odd = data.draw(
        st.sampled_from([" ", "\n", "x", " x", "&#120;", "<![CDATA[x]]>", "\xa0", "<!-- x -->", "<?x?>", "é"])
    )
    changed = f"{text[:at]}{odd}{text[at:]}"
    assert told(changed) == told_part_by_part(changed)


def told_part_by_part(text: str) -> object:
    """What a text is read as, or why it is refused, without generated readers."""

    def refuse(*_: object, **__: object) -> None:
        raise ValueError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kvnet.xml.reading.read_learnt", lambda *_: None)
        patched.setattr("kvnet.xml.reading.reader", lambda *_, **__: refuse)
        patched.setattr("kvnet.xml.reading._readers", lambda *_: {})
        return told(text)
