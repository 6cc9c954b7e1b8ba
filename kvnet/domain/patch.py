"""NICs into somebody's own domain XML, every other byte left as it was."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from lxml import etree

from kvnet.domain.layout import NICS, laid_out, only_element
from kvnet.domain.scan import Outline, Span, encoded, scan
from kvnet.domain.splice import Edit, edited, indent_step, insertion, last_of, placed, removal, style_at
from kvnet.errors import FieldPath, Problem, XmlError
from kvnet.xml import parse

__all__ = ["patch"]

_OURS = "ua-sriov-"
_BEFORE_INTERFACES = ("emulator", "disk", "controller", "filesystem")


@frozen
class _Nic:
    """A NIC by what it is recognised by, and what it says."""

    tag: str
    alias: str | None
    mac: str | None
    tree: object


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
    edits: list[Edit] = []
    for n, place in places.items():
        span, old = standing[place]
        if old.tree != wanted[n].tree:
            style = style_at(document, span.start, indent_step(document, outline))
            edits.append(Edit(span.start, span.end, laid_out(texts[n], style.indent, style.step, style.newline)))
    if replace_all:
        gone = [span for m, (span, old) in enumerate(standing) if m not in places.values() and _replaceable(old)]
        edits += [removal(document, span) for span in gone]
    new = [text for n, text in enumerate(texts) if n not in places]
    if new:
        edits.append(insertion(document, outline, new, last_of(outline, ("interface",), _BEFORE_INTERFACES)))
    return edited(document, edits)


def _standing(document: bytes, outline: Outline) -> list[tuple[Span, _Nic]]:
    """The NICs of the document, where they stand, in order."""
    return [(span, _nic(element)) for span, element in placed(document, outline) if span.tag in NICS]


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
