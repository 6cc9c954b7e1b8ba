"""What libvirt made of the NICs it was given: everything asked for is in its answer, or was lost."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from kvnet.errors import FieldPath, Problem, Severity

__all__ = ["lost"]

_NICS = ("interface", "hostdev")
_SPELLED_ANEW = ("domain", "bus", "slot", "function", "cssid", "ssid", "devno")
_HINT = "ask for nothing that this libvirt does not keep, or use another release"


def lost(asked_xml: str, got_xml: str) -> tuple[Problem, ...]:
    """Everything of the NICs asked for that a dump of the defined domain does not say.

    NICs are paired by alias, else by their order, which libvirt keeps. Known habits of libvirt 9.0 are no
    loss: lower-case MACs, numbers spelled anew, an empty source. One queue, which it does not write back
    because one is what a NIC has anyway, is a note.
    """
    asked, got = etree.fromstring(asked_xml), etree.fromstring(got_xml)
    return tuple(problem for tag in _NICS for problem in _pairs(tag, asked, got))


def _pairs(tag: str, asked: etree._Element, got: etree._Element) -> Iterator[Problem]:
    candidates = got.findall(f"devices/{tag}")
    for n, nic in enumerate(asked.findall(f"devices/{tag}")):
        at = (FieldPath(("domain", "devices")) / tag)[n]
        match = _by_alias(nic, candidates)
        if match is None and n < len(candidates):
            match = candidates[n]
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
        where = at / f"@{name}"
        if found is None:
            yield _dropped(asked, str(name), str(value), where)
        elif not _same(asked, str(name), str(value), found):
            yield Problem(where, "KN404", f"libvirt changed '{value!s}' to '{found}'", hint=_HINT)
    if (asked.text or "").strip() != (got.text or "").strip():
        yield Problem(at, "KN404", f"libvirt changed the text '{(asked.text or '').strip()}'", hint=_HINT)
    seen: dict[str, int] = {}
    for child in asked.iterchildren(tag=etree.Element):
        tag = str(child.tag)
        n = seen[tag] = seen.get(tag, -1) + 1
        matches = got.findall(tag)
        where = at / tag if len(asked.findall(tag)) == 1 else (at / tag)[n]
        if n < len(matches):
            yield from _element(child, matches[n], where)
        elif child.attrib or len(child) or (child.text or "").strip():
            yield Problem(where, "KN403", f"libvirt dropped <{tag}>", hint=_HINT)


def _dropped(element: etree._Element, name: str, value: str, at: FieldPath) -> Problem:
    if element.tag == "driver" and name == "queues" and value == "1":
        return Problem(at, "KN405", "libvirt does not write back a single queue", severity=Severity.NOTE)
    return Problem(at, "KN403", f"libvirt dropped {name}='{value}'", hint=_HINT)


def _same(element: etree._Element, name: str, asked: str, got: str) -> bool:
    if asked == got:
        return True
    if element.tag == "mac":
        return asked.lower() == got.lower()
    if element.tag == "address" and name in _SPELLED_ANEW:
        return int(asked, 16) == int(got, 16)
    return False
