"""Change in an element what was changed in the object it was read as, and nothing else."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from lxml import etree

from kvnet.xml.declare import Unread, header
from kvnet.xml.examine import fitting, salvaged
from kvnet.xml.parse import parse
from kvnet.xml.plan import Branch, Node, plan_of
from kvnet.xml.writer import writer

__all__ = ["amend", "fresh"]


def amend(element: etree._Element, before: Any, after: Any) -> None:
    """Make ``element``, which ``before`` was read from, say what ``after`` says.

    What no declaration speaks of, the order of children, comments, white space and the spelling of what is
    equal stay as they are. New children come after those that libvirt writes before them.
    """
    _node(element, plan_of(after.__class__), before, after)


def fresh(device: Any) -> etree._Element | None:
    """A new element; none where the object has nothing to say."""
    text = device.xml if isinstance(device, Unread) else writer(device.__class__, False)(device)
    return parse(text) if text else None


def _node(element: etree._Element, node: Node, before: Any, after: Any) -> None:
    for leaf in node.attributes:
        value = getattr(after, leaf.field)
        if value == getattr(before, leaf.field):
            continue
        if value is None:
            element.attrib.pop(leaf.name, None)
        else:
            element.set(leaf.name, leaf.scalar.format(value))
    if node.text is not None and getattr(after, node.text.field) != getattr(before, node.text.field):
        value = getattr(after, node.text.field)
        element.text = None if value is None else node.text.scalar.format(value)
    for part in node.content:
        if _differs(part, before, after):
            _part(element, node, part, before, after)


def _differs(part: Node | Branch, before: Any, after: Any) -> bool:
    fields = part.fields() if isinstance(part, Node) else [part]
    return any(getattr(before, each.field) != getattr(after, each.field) for each in fields)


def _part(element: etree._Element, node: Node, part: Node | Branch, before: Any, after: Any) -> None:
    if isinstance(part, Node):
        _wrapper(element, node, part, before, after)
    elif part.repeated:
        _several(element, node, part, getattr(after, part.field))
    else:
        _single(element, node, part, getattr(before, part.field), getattr(after, part.field))


def _wrapper(element: etree._Element, node: Node, part: Node, before: Any, after: Any) -> None:
    found = element.find(part.tag)
    if found is None:
        found = etree.Element(part.tag)
        _insert(element, node, found)
    _node(found, part, before, after)
    if not part.says(after):
        _remove_if_empty(found)


def _single(element: etree._Element, node: Node, part: Branch, old: Any, new: Any) -> None:
    found = element.find(part.tag)
    if part.hoisted:
        element.set(part.hoisted, new.chosen if isinstance(new, Unread) else header(type(new)).variant)
    if found is not None and type(old) is type(new) and not isinstance(new, Unread):
        _node(found, plan_of(new.__class__), old, new)
        if part.hoisted:
            _remove_if_empty(found)
        return
    made = None if new is None else fresh(new)
    if found is not None and made is not None:
        made.tail = found.tail
        element.replace(found, made)
    elif found is not None:
        _remove(found)
    elif made is not None:
        _insert(element, node, made)


def _several(element: etree._Element, node: Node, part: Branch, new: tuple[Any, ...]) -> None:
    stood = element.findall(part.tag)
    old = [_read(each, part) for each in stood]
    for _, start, end, first, last in reversed(SequenceMatcher(None, old, new, autojunk=False).get_opcodes()):
        if old[start:end] == list(new[first:last]):
            continue
        for each, value in zip(stood[start:end], old[start:end], strict=True):
            if value is not None:
                _remove(each)
        previous = next((each for each in reversed(stood[:start]) if each.getparent() is not None), None)
        for value in reversed(new[first:last]):
            made = fresh(value)
            assert made is not None
            _insert(element, node, made, previous)


def _read(element: etree._Element, branch: Branch) -> Any:
    cls = fitting(branch.classes, element)
    return None if cls is None else salvaged(element, cls)


def _insert(parent: etree._Element, node: Node, made: etree._Element, previous: etree._Element | None = None) -> None:
    if previous is None:
        rank = _ranks(node)
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


def _ranks(node: Node) -> dict[str, int]:
    return {part.tag: rank for rank, part in enumerate(node.content)}


def _is_blank(text: str | None) -> bool:
    return text is None or text.isspace()


def _remove(element: etree._Element) -> None:
    """Take an element out, and the white space that set it off."""
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
