"""What libvirt made of the NICs it was given: everything asked for is in its answer, or was lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from kvnet.errors import FieldPath, Problem, Severity
from kvnet.xml import parse

__all__ = ["lost"]

_NICS = ("interface", "hostdev")
_HINT = "ask for nothing that this libvirt does not keep, or use another release"


def _number(text: str) -> int | str:
    """A number as C's strtol reads it with base 0: hexadecimal, octal or decimal."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"0[0-7]+", text):
        return int(text, 8)
    return int(text) if re.fullmatch(r"[0-9]+", text) else text


def _decimal(text: str) -> int | str:
    return int(text) if re.fullmatch(r"[0-9]+", text) else text


def _octets(text: str) -> str:
    return ":".join(part.zfill(2) for part in text.lower().split(":"))


_SPELLED_ANEW: dict[str, Callable[[str], int | str]] = {
    "mac/@address": _octets,
    **dict.fromkeys((f"address/@{part}" for part in ("domain", "bus", "slot", "function")), _number),
    **dict.fromkeys((f"address/@{part}" for part in ("cssid", "ssid", "devno")), _number),
    **dict.fromkeys(("zpci/@uid", "zpci/@fid"), _number),
    **dict.fromkeys(("mtu/@size", "acpi/@index", "boot/@order", "tag/@id", "frames/@max"), _decimal),
    **dict.fromkeys((f"driver/@{part}" for part in ("queues", "rx_queue_size", "tx_queue_size")), _decimal),
    **dict.fromkeys((f"{way}/@{p}" for way in ("inbound", "outbound") for p in ("average", "peak", "burst")), _decimal),
}
"""What libvirt writes in its own spelling: lower-case MACs, padded hexadecimals, no leading zeros."""

_TAKEN_FOR_GRANTED = {
    ("interface/@managed", "no"): "a device is not managed unless that is asked for",
    ("source/address/@type", "pci"): "a hostdev says it in its own type",
}
"""What libvirt does not write back, for it goes without saying."""

_ONE_QUEUE = ("driver/@queues", "1")


def lost(asked_xml: str, got_xml: str) -> tuple[Problem, ...]:
    """Everything of the NICs asked for that a dump of the defined domain does not say.

    NICs are paired by alias, the others by their order, which libvirt keeps. Known habits of libvirt 9.0 are
    no loss: what it spells anew or takes for granted, an empty source. One queue, which it does not write
    back because one is what a NIC has anyway, is a note. Raises XmlError.
    """
    asked, got = parse(asked_xml), parse(got_xml)
    return tuple(problem for tag in _NICS for problem in _pairs(tag, asked, got))


def _pairs(tag: str, asked: etree._Element, got: etree._Element) -> Iterator[Problem]:
    candidates = got.findall(f"devices/{tag}")
    nics = asked.findall(f"devices/{tag}")
    matches = [_by_alias(nic, candidates) for nic in nics]
    rest = iter([each for each in candidates if each not in matches])
    for n, (nic, named) in enumerate(zip(nics, matches, strict=True)):
        at = (FieldPath(("domain", "devices")) / tag)[n]
        match = next(rest, None) if named is None else named
        if match is None:
            yield Problem(at, "KN403", f"libvirt dropped this {tag}", hint=_HINT)
        else:
            yield from _element(nic, match, at)


def _by_alias(nic: etree._Element, candidates: list[etree._Element]) -> etree._Element | None:
    alias = _alias(nic)
    return next((each for each in candidates if alias is not None and _alias(each) == alias), None)


def _alias(nic: etree._Element) -> str | None:
    alias = nic.find("alias")
    return None if alias is None else alias.get("name")


def _element(asked: etree._Element, got: etree._Element, at: FieldPath) -> Iterator[Problem]:
    for name, value in asked.items():
        found = got.get(name)
        if found is None:
            yield from _dropped(asked, str(name), str(value), at / f"@{name}")
        elif not _same(f"{asked.tag!s}/@{name!s}", str(value), found):
            yield Problem(at / f"@{name}", "KN404", f"libvirt changed '{value!s}' to '{found}'", hint=_HINT)
    text, found = _text(asked), _text(got)
    if _decimal(text) != _decimal(found):
        yield Problem(at, "KN404", f"libvirt changed the text '{text}' to '{found}'", hint=_HINT)
    seen: dict[str, int] = {}
    for child in asked.iterchildren(tag=etree.Element):
        tag = str(child.tag)
        n = seen[tag] = seen.get(tag, -1) + 1
        where = at / tag if len(asked.findall(tag)) == 1 else (at / tag)[n]
        matches = got.findall(tag)
        if n < len(matches):
            yield from _element(child, matches[n], where)
        else:
            yield from _missing(child, where)


def _missing(child: etree._Element, at: FieldPath) -> Iterator[Problem]:
    """A child that libvirt did not write: a loss, unless all it says goes without saying."""
    if child.tag == "source" and not (child.attrib or len(child) or _text(child)):
        return
    found = list(_element(child, etree.Element(child.tag), at))
    if found and all(problem.code == "KN405" for problem in found):
        yield from found
        return
    yield Problem(at, "KN403", f"libvirt dropped <{child.tag!s}>", hint=_HINT)


def _text(element: etree._Element) -> str:
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip()


def _dropped(element: etree._Element, name: str, value: str, at: FieldPath) -> Iterator[Problem]:
    parent = element.getparent()
    where = f"{element.tag!s}/@{name}"
    if (where, value) == _ONE_QUEUE:
        yield Problem(at, "KN405", "libvirt does not write back a single queue", severity=Severity.NOTE)
        return
    longer = where if parent is None else f"{parent.tag!s}/{where}"
    if (where, value) in _TAKEN_FOR_GRANTED or (longer, value) in _TAKEN_FOR_GRANTED:
        return
    yield Problem(at, "KN403", f"libvirt dropped {name}='{value}'", hint=_HINT)


def _same(where: str, asked: str, got: str) -> bool:
    anew = _SPELLED_ANEW.get(where)
    return asked == got or (anew is not None and anew(asked) == anew(got))
