"""NICs into somebody's own domain XML, every other byte left as it was."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from lxml import etree

from kvnet.domain.scan import Devices, Span, scan
from kvnet.errors import FieldPath, Problem, XmlError

__all__ = ["patch"]

_NICS = ("interface", "hostdev")
_OURS = "ua-sriov-"


@frozen
class _Nic:
    """A NIC's text and what it is recognised by."""

    text: str
    tag: str
    alias: str | None
    mac: str | None
    tree: object

    def is_same(self, other: _Nic) -> bool:
        if self.alias is not None and self.alias == other.alias:
            return True
        return self.mac is not None and self.mac == other.mac and None in (self.alias, other.alias)


@frozen
class _Edit:
    start: int
    end: int
    text: bytes


def patch(domain_xml: str, nics: Sequence[str], *, replace_all: bool = False) -> str:
    """Put NICs, texts of ``<interface>`` and ``<hostdev>`` elements, into a domain document.

    A NIC takes the place of the one with its alias, or of one without alias that has its MAC; where the two
    say the same, nothing is touched. Others follow the last interface. ``replace_all`` takes out the
    interfaces, and the SR-IOV devices named ``ua-sriov-…``, that are not among the NICs. Comments,
    metadata, namespaces, white space and spelling stay. Raises XmlError.
    """
    document = domain_xml.encode()
    devices = scan(_as_utf8(document))
    wanted = [_read(text) for text in nics]
    standing = {span: _read(document[span.start : span.end].decode()) for span in devices.children if span.tag in _NICS}
    edits: list[_Edit] = []
    new: list[_Nic] = []
    kept: set[Span] = set()
    indent = _indentation(document, devices)
    newline = "\r\n" if b"\r\n" in document else "\n"
    for nic in wanted:
        span = next((span for span, old in standing.items() if span not in kept and nic.is_same(old)), None)
        if span is None:
            new.append(nic)
            continue
        kept.add(span)
        if standing[span].tree != nic.tree:
            edits.append(_Edit(span.start, span.end, _indented(nic.text, indent, newline).lstrip().encode()))
    if replace_all:
        edits += [_removal(document, span) for span, old in standing.items() if span not in kept and _replaceable(old)]
    edits += _insertion(devices, new, indent, newline)
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        document = document[: edit.start] + edit.text + document[edit.end :]
    return document.decode()


def _as_utf8(document: bytes) -> bytes:
    """The same bytes with any declared encoding blanked, for the text is UTF-8 here whatever it says."""
    if not document.startswith(b"<?xml"):
        return document
    head, end, tail = document.partition(b"?>")
    at = head.find(b"encoding")
    if at < 0:
        return document
    quote = head[at:].lstrip(b"encoding \t=")[:1]
    last = head.find(quote, head.find(quote, at) + 1) + 1
    return head[:at] + b" " * (last - at) + head[last:] + end + tail


def _read(text: str) -> _Nic:
    try:
        # prefixes declared further out are of no account for a NIC's own parts
        parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=False)
        element = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise XmlError([Problem(FieldPath(), "KN504", f"a NIC is not well formed XML: {error.msg}")]) from None
    if element.tag not in _NICS:
        raise XmlError([Problem(FieldPath(), "KN504", f"<{element.tag!s}> is neither an interface nor a hostdev")])
    alias, mac = element.find("alias"), element.find("mac")
    return _Nic(
        text,
        str(element.tag),
        None if alias is None else alias.get("name"),
        None if mac is None else str(mac.get("address")).lower(),
        _tree(element),
    )


def _tree(element: etree._Element) -> object:
    children = sorted((_tree(child) for child in element.iterchildren(tag=etree.Element)), key=repr)
    return (element.tag, tuple(sorted(element.items())), (element.text or "").strip(), tuple(children))


def _replaceable(nic: _Nic) -> bool:
    return nic.tag == "interface" or (nic.alias or "").startswith(_OURS)


def _removal(document: bytes, span: Span) -> _Edit:
    before = document[: span.start].rstrip(b" \t\r\n")
    return _Edit(len(before), span.end, b"")


def _indentation(document: bytes, devices: Devices) -> str:
    """White space before the first device, else two more than before ``<devices>``."""
    if devices.children:
        return _leading(document, devices.children[0].start)
    if devices.outer is not None:
        return _leading(document, devices.outer.start) + "  "
    return _leading(document, devices.closing) + "    "


def _leading(document: bytes, at: int) -> str:
    line = document[document.rfind(b"\n", 0, at) + 1 : at].decode()
    return line if not line.strip() else ""


def _indented(text: str, indent: str, newline: str) -> str:
    lines = text.strip("\n").splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip())
    return newline.join(indent + line[margin:] for line in lines)


def _insertion(devices: Devices, nics: Sequence[_Nic], indent: str, newline: str) -> list[_Edit]:
    if not nics:
        return []
    text = "".join(newline + _indented(nic.text, indent, newline) for nic in nics)
    outer = indent.removesuffix("  ") if indent.endswith("  ") else indent
    if devices.outer is None:
        whole = f"{outer}<devices>{text}{newline}{outer}</devices>{newline}"
        return [_Edit(devices.closing, devices.closing, whole.encode())]
    if devices.inner is None:
        whole = f"<devices>{text}{newline}{outer}</devices>"
        return [_Edit(devices.outer.start, devices.outer.end, whole.encode())]
    after = [span.end for span in devices.children if span.tag == "interface"] or [
        span.end for span in devices.children if span.tag in ("emulator", "disk", "controller", "filesystem")
    ]
    at = max(after, default=devices.inner.start)
    tail = "" if devices.children else newline + outer
    return [_Edit(at, at, (text + tail).encode())]
