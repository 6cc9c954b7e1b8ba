"""Documents made to exhaust the reader: each ends in an XmlError, in little time and memory."""

from __future__ import annotations

import codecs
import json
import subprocess
import sys
from pathlib import Path

import pytest

import kvnet
from kvnet.xml import parser
from kvnet.xml.parser import MAX_ATTRIBUTES, MAX_BYTES, MAX_DEPTH, parse

SOURCE = Path(kvnet.__file__).parents[1]
MEGABYTES = 200
TIMES = 30
"""The CPU time of two readings, in parses of an ordinary megabyte by lxml; today it is 10 at most."""

# Each is an expression, for the text itself would be too long for a command line.
HOSTILE = {
    "a billion laughs": """
        "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n+1} '&a{n};&a{n};&a{n};&a{n};'>" for n in range(30))
        + "]><interface type='&a30;'/>\"""",
    "one long entity, often": """
        "<!DOCTYPE x [<!ENTITY a '" + "a" * 50000 + "'>]><interface type='" + "&a;" * 50000 + "'/>\"""",
    "an entity of a file": "\"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><interface>&a;</interface>\"",
    "a DTD of a file": "\"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><interface type='user'/>\"",
    "a parameter entity": "\"<!DOCTYPE x [<!ENTITY % a SYSTEM 'http://127.0.0.1:1/'> %a;]><interface type='user'/>\"",
    "an entity that nobody declared": "\"<interface type='user'>&a;</interface>\"",
    "a hundred megabytes": "\"<interface type='user'>\" + ' ' * 10**8 + \"</interface>\"",
    "a million levels": "'<interface>' * 10**6",
    "all levels that fit": "'<a>' * 140000 + '</a>' * 140000",
    "a few levels too many": "\"<interface type='user'>\" + '<a>' * 300 + '</a>' * 300 + '</interface>'",
    "all unknown children that fit": "\"<interface type='user'>\" + '<a/>' * 260000 + '</interface>'",
    "all repeated children that fit": "\"<interface type='user'>\" + \"<ip address='x'/>\" * 60000 + '</interface>'",
    "all attributes that fit": "\"<interface type='user' \" + ' '.join(f\"a{n}=''\" for n in range(100000)) + '/>'",
    "a name of a megabyte": "\"<interface type='user' \" + 'a' * 10**6 + \"=''/>\"",
    "a value of a megabyte": "\"<interface type='\" + 'a' * 10**6 + \"'/>\"",
    "a number of a megabyte": "\"<interface type='user'><mtu size='\" + '9' * 10**6 + \"'/></interface>\"",
    "a MAC of a megabyte": "\"<interface type='user'><mac address='\" + '00:' * 300000 + \"'/></interface>\"",
    "a path of a megabyte": "\"<interface type='user'><rom file='\" + 'C:' * 500000 + \"'/></interface>\"",
    "a filter of a megabyte": "\"<interface type='user'><filterref filter='\" + 'a.' * 500000 + \":'/></interface>\"",
    "a comment that does not end": "\"<interface type='user'><!--\" + '-' * 10**6",
}
RUN = """
import json, resource, sys, time
import kvnet
from lxml import etree
ordinary = "<a>" + "<b c='1'/>" * 100_000 + "</a>"
started = time.process_time()
etree.fromstring(ordinary)
reference = time.process_time() - started
text = eval('(' + sys.argv[1] + ')')
domain = "<domain><devices>" + text + "</devices></domain>"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.process_time()
codes = []
for read, given in ((kvnet.read_device, text), (kvnet.read_domain, domain)):
    try:
        read(given)
    except kvnet.XmlError as error:
        codes.append(sorted({problem.code for problem in error.problems}))
times = (time.process_time() - started) / reference
try:
    kvnet.write(kvnet.read_device(text, lossless=True))
except kvnet.XmlError:
    pass
megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([codes, times, megabytes]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_refused_in_little_time_and_memory(text: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", RUN, text.strip()], capture_output=True, check=False, cwd=SOURCE, timeout=60
    )
    assert ended.returncode == 0, ended.stderr.decode()
    codes, times, megabytes = json.loads(ended.stdout)
    assert len(codes) == 2
    assert all(codes)
    assert times < TIMES
    assert megabytes < MEGABYTES


def test_the_name_of_a_dtd_is_ordinary_text_in_comments_and_sections() -> None:
    root = parse("<domain><!-- <!DOCTYPE x> --><a><![CDATA[<!DOCTYPE x>]]></a></domain>")
    assert root.findtext("a") == "<!DOCTYPE x>"


def test_the_deepest_and_the_longest_text_is_read() -> None:
    deepest = "<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH
    assert parse(deepest).tag == "a"
    assert len(parse(f"<a>{' ' * (MAX_BYTES - 7)}</a>").text or "") == MAX_BYTES - 7


BLANKS = " " * 2000
DEEPER = f"{BLANKS[:20]}<a>\n<b><c/></b>\n<b>\n<c>\n<d/></c></b></a>{BLANKS}"


def wide(attributes: int) -> str:
    given = " ".join(f"a{n}=''" for n in range(attributes))
    return f"<a>{BLANKS}\n<b {given}/></a>"


BEYOND = {
    "a byte too many": (
        f"<a>{' ' * (MAX_BYTES - 6)}</a>",
        f"1:1: error KN506 a length of {MAX_BYTES + 1} is more than",
    ),
    "a level too many": (
        "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1),
        "KN507 elements are nested deeper than 256",
    ),
    "an attribute too many": (
        wide(MAX_ATTRIBUTES + 1),
        f"2:1: error KN507 an element has more than {MAX_ATTRIBUTES} attributes",
    ),
}


@pytest.mark.parametrize(("text", "told"), BEYOND.values(), ids=BEYOND)
def test_what_is_one_more_than_is_read_is_refused_at_its_place(text: str, told: str) -> None:
    with pytest.raises(kvnet.XmlError, match=told):
        parse(text)


def test_as_many_attributes_as_are_read_are_read() -> None:
    assert len(parse(wide(MAX_ATTRIBUTES))[0].attrib) == MAX_ATTRIBUTES


def test_where_libxml2_reads_deeper_elements_they_are_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_DEPTH", 4)
    assert parse(DEEPER).tag == "a"
    monkeypatch.setattr(parser, "MAX_DEPTH", 3)
    with pytest.raises(kvnet.XmlError, match=":5:1: error KN507 elements are nested deeper than 3 levels"):
        parse(DEEPER)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff<a>ä</a>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><a>ä</a>",
        "<?xml version='1.0' encoding='UTF-8'?><a>ä</a>",
        "\n  \n<a>ä</a>\n",
        "<a>ä</a>".encode(),
    ],
)
def test_text_is_utf_8_whatever_it_declares(text: str | bytes) -> None:
    assert parse(text).text == "ä"


BAD = {
    "nothing": ("", "1:1 KN501"),
    "blanks": (" \n ", "KN501"),
    "half of a pair": ("<a>\n \ud800</a>", "2:2 KN501"),
    "a NUL": ("<a>\0</a>", "1:4 KN501"),
    "no UTF-8": (b"<a>\xe4</a>", "KN501"),
    "UTF-16": ("<a/>".encode("utf-16"), "KN501"),
    "two roots": ("<a/>\n<b/>", "2:1 KN501"),
    "a DTD": ("<?xml version='1.0'?>\n <!DOCTYPE a>\n<a/>", "2:2 KN502"),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_what_is_not_xml_is_refused_at_its_place(text: str | bytes, expected: str) -> None:
    with pytest.raises(kvnet.XmlError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert f"{problem.place} {problem.code}".endswith(expected)


def test_what_libxml2_says_is_told_with_its_place_once() -> None:
    with pytest.raises(kvnet.XmlError) as caught:
        parse("<a>\n</b>", file="a.xml")
    told = "the XML is not well formed: Opening and ending tag mismatch: a line 1 and b"
    assert str(caught.value) == f"a.xml:2:5: error KN501 {told}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("<interfacey\u07dat/>", "1:12"),
        ("<interface type='ethernet'>\n  <x\u07da/>\n</interface>", "2:5"),
        ("<interface type='\u00e4'>\n  <x\u07da/>\n</interface>", "2:5"),
    ],
)
def test_a_name_that_expat_does_not_know_is_placed_where_expat_stopped(text: str, place: str) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        kvnet.read_device(text)
    assert f":{place}: error" in str(refused.value)


DECLARED = "<?xml version='1.0' encoding='{}'?>\n<interface type='user'><!-- é --></interface>"
NOT_UTF_8 = "error KN501 byte 0xe9 is not UTF-8"
WIDE = "error KN501 the XML is in {}, and bytes are read as UTF-8; convert it to UTF-8, or give it as a str"
ENCODED: dict[str, tuple[bytes, str]] = {
    "declared": (
        DECLARED.format("ISO-8859-1").encode("latin-1"),
        f"2:29: {NOT_UTF_8}: the XML declares ISO-8859-1, and bytes are read as UTF-8; convert it to UTF-8",
    ),
    "declared otherwise": (DECLARED.format("utf-8").encode("latin-1"), f"2:29: {NOT_UTF_8}"),
    "not declared": ("<interface type='é'/>".encode("latin-1"), f"1:18: {NOT_UTF_8}; convert it to UTF-8"),
    "before a DTD": ("<!--é--><!DOCTYPE x><x/>".encode("latin-1"), f"1:5: {NOT_UTF_8}; convert it to UTF-8"),
    "UTF-16 with a mark": (DECLARED.format("UTF-16").encode("utf-16"), f"1:1: {WIDE.format('UTF-16')}"),
    "UTF-16 without one": (DECLARED.format("UTF-16").encode("utf-16-be"), f"1:1: {WIDE.format('UTF-16')}"),
    "UTF-16, the other way round": (DECLARED.format("UTF-16").encode("utf-16-le"), f"1:1: {WIDE.format('UTF-16')}"),
    "UTF-32": (DECLARED.format("UTF-32").encode("utf-32"), f"1:1: {WIDE.format('UTF-32')}"),
    "UTF-32 without a mark": (DECLARED.format("UTF-32").encode("utf-32-be"), f"1:1: {WIDE.format('UTF-32')}"),
    "UTF-32, the other way round": (DECLARED.format("UTF-32").encode("utf-32-le"), f"1:1: {WIDE.format('UTF-32')}"),
}


@pytest.mark.parametrize(("data", "says"), ENCODED.values(), ids=ENCODED)
def test_bytes_in_another_encoding_are_refused_by_its_name(data: bytes, says: str) -> None:
    for read in (kvnet.read_device, kvnet.read_domain, kvnet.import_domain, kvnet.LiveDomain.parse):
        with pytest.raises(kvnet.XmlError, match=f"^<[a-z]+>:{says}"):
            read(data)


def test_a_byte_order_mark_of_utf_8_is_no_part_of_the_text() -> None:
    marked = codecs.BOM_UTF8 + b"<interface type='user'/>"
    assert kvnet.read_device(marked) == kvnet.read_device(marked.decode()) == kvnet.read_device(marked[3:])
    domain = codecs.BOM_UTF8 + b"<domain><devices><interface type='user'/></devices></domain>"
    assert kvnet.read_domain(domain) == kvnet.read_domain(domain[3:])
