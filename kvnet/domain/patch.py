"""NICs into somebody's own domain XML, every other byte left as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from attrs import evolve, frozen
from lxml import etree

from kvnet.domain.layout import NICS, laid_out, only_element
from kvnet.domain.scan import Devices, Outline, Span, encoded, scan
from kvnet.errors import FieldPath, Problem, XmlError
from kvnet.xml import parse

__all__ = ["patch"]

_OURS = "ua-sriov-"
_STEP = "  "
_BLANKS = b" \t\r\n"
_BEFORE_INTERFACES = ("emulator", "disk", "controller", "filesystem")
_NEWLINE = re.compile("\r\n|\n|\r")


@frozen
class _Nic:
    """A NIC by what it is recognised by, and what it says."""

    tag: str
    alias: str | None
    mac: str | None
    tree: object


@frozen
class _Edit:
    start: int
    end: int
    text: str


@frozen
class _Style:
    """How a document is laid out: ``newline`` is ``None`` where everything stands on one line."""

    newline: str | None
    indent: str
    step: str

    def before(self) -> str:
        return "" if self.newline is None else self.newline + self.indent

    def outer(self) -> str:
        return "" if self.newline is None else self.newline + self.indent.removesuffix(self.step)


def patch(domain_xml: str, nics: Sequence[str], *, replace_all: bool = False) -> str:
    """Put NICs, texts of ``<interface>`` and ``<hostdev>`` elements, into a domain document.

    A NIC takes the place of the one with its alias, else of one with its MAC where either has no alias,
    else of its equal; where the two say the same, nothing is touched. Others follow the last interface.
    ``replace_all`` takes out the interfaces, and the SR-IOV devices named ``ua-sriov-…``, that are not
    among the NICs. Comments, metadata, namespaces, white space and spelling stay; NICs are laid out as
    their surroundings are. Raises XmlError.
    """
    document = encoded(domain_xml, FieldPath())
    outline = scan(document)
    texts = [only_element(text, FieldPath(("nics",))[n]) for n, text in enumerate(nics)]
    wanted = [_nic(parse(text)) for text in texts]
    _refuse_twins(wanted)
    standing = _standing(document, outline)
    places = _matched(wanted, [nic for _, nic in standing])
    edits: list[_Edit] = []
    for n, place in places.items():
        span, old = standing[place]
        if old.tree != wanted[n].tree:
            style = _style_at(document, span.start, _step(document, outline))
            edits.append(_Edit(span.start, span.end, laid_out(texts[n], style.indent, style.step, style.newline)))
    if replace_all:
        gone = [span for m, (span, old) in enumerate(standing) if m not in places.values() and _replaceable(old)]
        edits += [_removal(document, span) for span in gone]
    new = [text for n, text in enumerate(texts) if n not in places]
    if new:
        edits.append(_insertion(document, outline, new))
    return _edited(document, edits)


def _edited(document: bytes, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        document = document[: edit.start] + edit.text.encode() + document[edit.end :]
    return document.decode()


def _standing(document: bytes, outline: Outline) -> list[tuple[Span, _Nic]]:
    """The NICs of the document, where they stand, in order."""
    root = parse(document)
    spans = [span for devices in outline.devices for span in devices.children]
    elements = [child for devices in root.findall("devices") for child in devices.iterchildren(tag=etree.Element)]
    return [(span, _nic(element)) for span, element in zip(spans, elements, strict=True) if span.tag in NICS]


def _nic(element: etree._Element) -> _Nic:
    alias, mac = element.find("alias"), element.find("mac")
    address = None if mac is None else mac.get("address")
    return _Nic(
        str(element.tag),
        None if alias is None else alias.get("name"),
        None if address is None else str(address).lower(),
        _tree(element),
    )


def _tree(element: etree._Element) -> object:
    """What an element says, whatever its quotes, its white space and the order of its children."""
    children = list(element.iterchildren(tag=etree.Element))
    text = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
    return (element.tag, tuple(sorted(element.items())), text, tuple(sorted(map(_tree, children), key=repr)))


def _refuse_twins(wanted: Sequence[_Nic]) -> None:
    """libvirt wants an alias once, and with two of them there is no saying which NIC is meant."""
    seen: set[str] = set()
    for n, nic in enumerate(wanted):
        if nic.alias is not None and nic.alias in seen:
            told = f"the alias '{nic.alias}' is another NIC's too"
            raise XmlError([Problem(FieldPath(("nics",))[n], "KN505", told, hint="give each NIC its own alias")])
        seen.add(nic.alias or "")


def _matched(wanted: Sequence[_Nic], standing: Sequence[_Nic]) -> dict[int, int]:
    """Which standing NIC each wanted one takes the place of: by alias, then by MAC, then as its equal."""
    places: dict[int, int] = {}
    for is_same in (_same_alias, _same_mac, _same_words):
        for n, nic in enumerate(wanted):
            if n in places:
                continue
            free = (m for m, old in enumerate(standing) if m not in places.values() and is_same(nic, old))
            place = next(free, None)
            if place is not None:
                places[n] = place
    return places


def _same_alias(nic: _Nic, other: _Nic) -> bool:
    return nic.alias is not None and nic.alias == other.alias


def _same_mac(nic: _Nic, other: _Nic) -> bool:
    return nic.mac is not None and nic.mac == other.mac and None in (nic.alias, other.alias)


def _same_words(nic: _Nic, other: _Nic) -> bool:
    return nic.tree == other.tree


def _replaceable(nic: _Nic) -> bool:
    return nic.tag == "interface" or (nic.alias or "").startswith(_OURS)


def _removal(document: bytes, span: Span) -> _Edit:
    return _Edit(len(document[: span.start].rstrip(_BLANKS)), span.end, "")


def _newline(document: bytes) -> str:
    found = _NEWLINE.search(document.decode())
    return found.group() if found else "\n"


def _leading(document: bytes, at: int) -> str | None:
    """The white space before an element, ``None`` where it does not begin its line."""
    line = re.split(rb"[\r\n]", document[:at])
    return line[-1].decode() if len(line) > 1 and not line[-1].strip(_BLANKS) else None


def _step(document: bytes, outline: Outline) -> str:
    """How much further in the children of ``<devices>`` stand than itself, or it than the root."""
    chain = [outline.root, *(devices.span for devices in outline.devices[:1])]
    chain += outline.devices[0].children[:1] if outline.devices else ()
    margins = [_leading(document, span.start) or "" for span in chain]
    steps = [inner.removeprefix(outer) for outer, inner in pairwise(margins)]
    return next((step for step in reversed(steps) if step), _STEP)


def _style_at(document: bytes, at: int, step: str) -> _Style:
    margin = _leading(document, at)
    return _Style(None if margin is None else _newline(document), margin or "", step)


def _insertion(document: bytes, outline: Outline, texts: Sequence[str]) -> _Edit:
    step = _step(document, outline)
    if not outline.devices:
        root = outline.root
        # a domain without line breaks inside stays so; one that is closed in itself says nothing
        inside = document[slice(*root.inner)] if root.inner else b"\n"
        newline = _newline(document) if re.search(rb"[\r\n]", inside) else None
        margin = (_leading(document, root.start) or "") + step
        style = _Style(newline, margin, step)
        nested = _Style(newline, margin + step, step)
        return _last(document, root, "<devices>" + _lines(texts, nested) + nested.outer() + "</devices>", style)
    place = _anchor(outline.devices)
    if place is not None:
        return _Edit(place.end, place.end, _lines(texts, _style_at(document, place.start, step)))
    devices = outline.devices[0]
    outer = _style_at(document, devices.span.start, step)
    style = evolve(outer, indent=outer.indent + step)
    return _last(document, devices.span, _lines(texts, style).removeprefix(style.before()), style)


def _anchor(devices: Sequence[Devices]) -> Span | None:
    """The device that NICs follow: the last interface, else what libvirt writes before them, else the last."""
    children = [span for each in devices for span in each.children]
    for tags in (("interface",), _BEFORE_INTERFACES):
        found = [span for span in children if span.tag in tags]
        if found:
            return found[-1]
    return children[-1] if children else None


def _lines(texts: Sequence[str], style: _Style) -> str:
    return "".join(style.before() + laid_out(text, style.indent, style.step, style.newline) for text in texts)


def _last(document: bytes, parent: Span, text: str, style: _Style) -> _Edit:
    """Put content at the end of an element, which is opened where it was closed in itself."""
    content = style.before() + text
    if parent.inner is None:
        tag = document[parent.start : parent.end].decode()
        name = tag[1:].rstrip("/>").split()[0]
        opened = tag.removesuffix("/>").rstrip()
        return _Edit(parent.start, parent.end, f"{opened}>{content}{style.outer()}</{name}>")
    start, end = parent.inner
    filled = start + len(document[start:end].rstrip(_BLANKS))
    has_tail = re.search(rb"[\r\n]", document[filled:end]) is not None
    return _Edit(filled, filled, content + ("" if has_tail else style.outer()))
