"""Write a changed object back into the text that it was read from, leaving everything else as it is."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from lxml import etree

from kvnet.xml.parser import parse
from kvnet.xml.reading import class_of, read_leniently
from kvnet.xml.schema import Branch, Node, RawElement, declaration, plan_of
from kvnet.xml.writing import to_text

__all__ = ["edited"]

_MOST_PAIRS: Final = 1 << 16
"""Pairs of children up to which the fewest changes are looked for."""


def edited(device: Any) -> str:
    """The ``verbatim`` text of an object, changed only where the object differs from what the text says.

    Unknown attributes and children, the order of children, comments, white space and the spelling of equal values
    stay. New children come after those that libvirt writes before them.
    """
    text: str = device.verbatim
    root = parse(text)
    before = read_leniently(root, type(device))
    if before == device:
        return text
    _edit(root, plan_of(device.__class__), before, device)
    return etree.tostring(root, encoding="unicode")


def _edit(element: etree._Element, node: Node, before: Any, after: Any) -> None:
    """Make ``element``, which ``before`` was read from, say what ``after`` says."""
    for leaf in node.leaves():
        value = getattr(after, leaf.field)
        if value == getattr(before, leaf.field):
            continue
        text = None if value is None else leaf.scalar.format(value)
        if leaf.name is None:
            element.text = text
        elif text is None:
            element.attrib.pop(leaf.name, None)
        else:
            element.set(leaf.name, text)
    for part in node.content:
        fields = [each.field for each in part.fields()] if isinstance(part, Node) else [part.field]
        if all(getattr(before, name) == getattr(after, name) for name in fields):
            continue
        if isinstance(part, Node):
            _edit_wrapper(element, node, part, before, after)
        elif part.repeated:
            _edit_children(element, node, part, getattr(after, part.field))
        else:
            _edit_child(element, node, part, getattr(before, part.field), getattr(after, part.field))


def _edit_wrapper(element: etree._Element, node: Node, part: Node, before: Any, after: Any) -> None:
    found = element.find(part.tag)
    if found is None:
        found = etree.Element(part.tag)
        _insert(element, node, found)
    _edit(found, part, before, after)
    if all(getattr(after, each.field) == each.empty for each in part.fields()):
        _remove_if_empty(found)


def _edit_child(element: etree._Element, node: Node, part: Branch, old: Any, new: Any) -> None:
    found = element.find(part.tag)
    if part.selector:
        element.set(part.selector, new.variant if isinstance(new, RawElement) else declaration(type(new)).variant)
    if found is not None and type(old) is type(new) and not isinstance(new, RawElement):
        _edit(found, plan_of(new.__class__), old, new)
        if part.selector:
            _remove_if_empty(found)
        return
    made = None if new is None else _new_element(new)
    if found is not None and made is not None:
        made.tail = found.tail
        element.replace(found, made)
    elif found is not None:
        _remove(found)
    elif made is not None:
        _insert(element, node, made)


def _edit_children(element: etree._Element, node: Node, part: Branch, new: tuple[Any, ...]) -> None:
    found = element.findall(part.tag)
    old = [_read(each, part) for each in found]
    for start, end, first, last in reversed(_changes(old, new)):
        if old[start:end] == list(new[first:last]):
            continue
        for each, value in zip(found[start:end], old[start:end], strict=True):
            if value is not None:
                _remove(each)
        previous = next((each for each in reversed(found[:start]) if each.getparent() is not None), None)
        for value in new[first:last]:
            made = _new_element(value)
            assert made is not None
            _insert(element, node, made, previous)
            previous = made


def _changes(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int, int, int, int]]:
    """Which parts of one sequence become which of the other.

    Of very long ones, all becomes all but what both begin and end with.
    """
    if len(old) * len(new) <= _MOST_PAIRS:
        return [each[1:] for each in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()]
    least = min(len(old), len(new))
    first = next((n for n in range(least) if old[n] != new[n]), least)
    last = next((n for n in range(least - first) if old[-1 - n] != new[-1 - n]), least - first)
    return [(first, len(old) - last, first, len(new) - last)]


def _read(element: etree._Element, branch: Branch) -> Any:
    cls = class_of(element, branch.classes)
    return None if cls is None else read_leniently(element, cls)


def _new_element(device: Any) -> etree._Element | None:
    """The element of an object; None if it says nothing."""
    text = to_text(device)
    return parse(text) if text else None


def _insert(parent: etree._Element, node: Node, made: etree._Element, previous: etree._Element | None = None) -> None:
    if previous is None:
        rank = {part.tag: rank for rank, part in enumerate(node.content)}
        own = rank[str(made.tag)]
        before = [each for each in parent if isinstance(each.tag, str) and rank.get(each.tag, own) < own]
        previous = before[-1] if before else None
    if previous is None:
        made.tail = parent.text if _is_blank(parent.text) else None
        parent.insert(0, made)
        return
    made.tail = previous.tail
    if previous.getnext() is None:
        previous.tail = parent.text if _is_blank(parent.text) else None
    parent.insert(parent.index(previous) + 1, made)


def _is_blank(text: str | None) -> bool:
    return text is None or text.isspace()


def _remove(element: etree._Element) -> None:
    """Remove an element, and the white space in front of it."""
    parent, previous, after = element.getparent(), element.getprevious(), element.tail
    assert parent is not None
    before = parent.text if previous is None else previous.tail
    if not _is_blank(before) or not _is_blank(after):
        left = (before or "") + (after or "")
    elif element.getnext() is not None or before == after:
        left = before or ""
    else:
        left = "" if previous is None else after or ""
    if previous is None:
        parent.text = left or None
    else:
        previous.tail = left or None
    parent.remove(element)


def _remove_if_empty(element: etree._Element) -> None:
    if not element.attrib and not len(element) and _is_blank(element.text):
        _remove(element)
