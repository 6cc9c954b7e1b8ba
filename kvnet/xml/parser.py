"""Parse XML text into an lxml tree, and refuse text that could do harm. Nothing else in kvnet parses XML."""

from __future__ import annotations

import codecs
import re
from typing import NoReturn
from xml.parsers import expat

from lxml import etree

from kvnet.errors import FieldPath, Place, Problem, XmlError

__all__ = ["MAX_ATTRIBUTES", "MAX_BYTES", "MAX_DEPTH", "parse"]

MAX_BYTES = 2**20
"""The longest text that is read: ten times the largest domain in use, a quarter of what libvirt reads."""
MAX_DEPTH = 256
"""The most levels of elements."""
MAX_ATTRIBUTES = 1000
"""The most attributes of one element; lxml takes quadratic time for more."""
_ROOM = MAX_DEPTH * len("<a></a>")
"""A shorter text has no room for so many levels or attributes."""


def _parser(*, blanks: bool) -> etree.XMLParser[etree._Element]:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=not blanks,
        collect_ids=False,
    )


_PARSERS = {blanks: _parser(blanks=blanks) for blanks in (True, False)}
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    b"<\0\0\0": "UTF-32",
    b"\0\0\0<": "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"<\0": "UTF-16",
    b"\0<": "UTF-16",
}
"""How XML begins in encodings with more than one byte for ASCII; UTF-32 is first, for it begins like UTF-16."""
_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_PATH = re.compile(r"[^<>{}\n]*(?:\.xml|/[^<>{}\n]+)")
_READ_HINT = "this looks like a path: read the file first, as Path(…).read_text() does"
_HINT = "give the XML of one domain or device, as `virsh dumpxml` prints it"


def parse(text: str | bytes, *, file: str = "<xml>", blanks: bool = True) -> etree._Element:
    """The root element of an XML text; bytes are UTF-8, with a byte order mark or not, whatever the text declares.

    Without ``blanks``, the tree has no white space between its elements, and takes a tenth less time.

    Raises XmlError, with ``file`` as the place, for bytes in another encoding, which it names, and for text that is
    not well formed, has a DTD, is longer than
    ``MAX_BYTES`` or deeper than ``MAX_DEPTH``, or has an element with more than ``MAX_ATTRIBUTES``. Raises TypeError
    for what is not text, and for a ``file`` that is not.

    >>> parse("<mtu size='1500'/>").get("size")
    '1500'
    """
    try:
        data = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        _refuse_surrogate(error, file)
    if not isinstance(data, bytes):
        raise TypeError(f"XML is read from a str or bytes, not from {type(text).__name__}: read a file first")
    if not isinstance(file, str):
        raise TypeError(f"the name of a file is text such as 'domain.xml', not {type(file).__name__}")
    if len(data) > MAX_BYTES:
        _refuse_length(len(data), file)
    if b"<!DOCTYPE" in data:
        _refuse_dtd(text, data, file)
    try:
        root: etree._Element = etree.fromstring(data, _PARSERS[blanks])
    except etree.XMLSyntaxError as error:
        # libxml2 has a limit of its own, which depends on its release
        if "depth" in (error.msg or ""):
            _refuse_depth(Place(file, *_position(error)))
        _refuse_encoding(text, file)
        hint = "" if data.lstrip().startswith(b"<") else _HINT
        hint = _READ_HINT if isinstance(text, str) and _PATH.fullmatch(text) else hint
        _refuse(Place(file, *_position(error)), "KN501", f"the XML is not well formed: {_message(error)}", hint)
    if len(data) > _ROOM:
        _measure(root, data, file)
    return root


def _refuse_surrogate(error: UnicodeEncodeError, file: str) -> NoReturn:
    before = error.object[: error.start]
    place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    _refuse(place, "KN501", "XML cannot carry half of a surrogate pair", "")


def _refuse_encoding(data: str | bytes, file: str) -> None:
    """Refuse bytes that are not UTF-8, by the name of their encoding where they tell it."""
    if isinstance(data, str):
        return
    encoding = next((name for start, name in _WIDE.items() if data.startswith(start)), None)
    hint = "convert it to UTF-8, or give it as a str"
    if encoding is not None:
        _refuse(Place(file, 1, 1), "KN501", f"the XML is in {encoding}, and bytes are read as UTF-8", hint)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        declared = _DECLARED.match(data)
        says = f": the XML declares {declared[1].decode()}, and bytes are read as UTF-8" if declared else ""
        _refuse(place, "KN501", f"byte 0x{data[error.start]:02x} is not UTF-8{says}", hint)


def _refuse_length(length: int, file: str) -> NoReturn:
    message = f"a length of {length} is more than the {MAX_BYTES} bytes that are read"
    _refuse(Place(file, 1, 1), "KN506", message, _HINT)


def _refuse_dtd(text: str | bytes, data: bytes, file: str) -> None:
    """Refuse a DTD before it is read. In comments and CDATA sections, ``<!DOCTYPE`` is ordinary text."""
    parser = expat.ParserCreate("utf-8")

    def refuse(*_: object) -> None:
        before = data[: data.rfind(b"<!DOCTYPE", 0, parser.CurrentByteIndex + 1)].decode(errors="replace")
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        _refuse(place, "KN502", "the document has a DTD", "remove it: libvirt writes none")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        _refuse_encoding(text, file)
        place = Place(file, error.lineno, error.offset + 1)
        _refuse(place, "KN501", f"the XML is not well formed: {expat.ErrorString(error.code)}", "")


def _measure(root: etree._Element, data: bytes, file: str) -> None:
    if data.count(b"</") >= MAX_DEPTH:
        depth = 0
        for event, element in etree.iterwalk(root, events=("start", "end")):
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                _refuse_depth(Place(file, int(element.sourceline or 1), 1))
    if data.count(b"=") > MAX_ATTRIBUTES:
        found = root.xpath(f"/descendant-or-self::*[count(@*) > {MAX_ATTRIBUTES}]")
        if isinstance(found, list) and found:
            place = Place(file, int(found[0].sourceline or 1), 1)
            _refuse(place, "KN507", f"an element has more than {MAX_ATTRIBUTES} attributes", _HINT)


def _refuse_depth(place: Place) -> NoReturn:
    _refuse(place, "KN507", f"elements are nested deeper than {MAX_DEPTH} levels", _HINT)


def _position(error: etree.XMLSyntaxError) -> tuple[int, int]:
    line, column = error.position
    return max(line or 1, 1), max(column or 1, 1)


def _message(error: etree.XMLSyntaxError) -> str:
    # the message ends with the position
    return (error.msg or "it is empty").partition(", line ")[0]


def _refuse(place: Place, code: str, message: str, hint: str) -> NoReturn:
    raise XmlError([Problem(FieldPath(), code, message, hint=hint, place=place)]) from None
