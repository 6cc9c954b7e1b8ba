"""declaration → plan → generated writer. The writer makes text: libvirt's child order, its quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from kvnet.xml.plan import Branch, Leaf, Node, plan_of
from kvnet.xml.source import function

__all__ = ["escape", "write"]

_SPECIAL = re.compile("[&<>'\"\t\n\r]")
_REFERENCES = {
    ord(character): reference
    for character, reference in [
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("'", "&apos;"),
        ('"', "&quot;"),
        ("\t", "&#9;"),
        ("\n", "&#10;"),
        ("\r", "&#13;"),
    ]
}


def escape(text: str) -> str:
    """Text as it may stand in an attribute or an element."""
    return text.translate(_REFERENCES) if _SPECIAL.search(text) else text


def write(device: Any, *, indent: int | None = None) -> str:
    """The XML of an element: on one line, or indented by ``indent`` spaces and two more a level.

    The same object gives the same bytes.
    """
    cls: type = type(device)
    if indent is None:
        return writer(cls, False)(device)
    text = writer(cls, True)(device, "\n" + " " * indent)
    return text.removeprefix("\n")


@cache
def writer(cls: type, indented: bool) -> Callable[..., str]:
    """The generated writer of a class: ``write(o)``, or ``write(o, nl)`` with line break and indent."""
    plan = plan_of(cls)
    names: dict[str, Any] = {"escape": escape}
    for leaf in plan.leaves():
        names[f"format_{leaf.field}"] = leaf.scalar.format
    for branch in plan.branches():
        names[f"write_{branch.field}"] = {each: writer(each, indented) for each in branch.classes}
    lines = [
        f"def write(o{', nl' if indented else ''}):",
        f"    s0 = {_opening(plan, indented, 0)}",
        *_body(plan, indented, 0),
        "    return s0",
    ]
    return function("write", lines, names, f"write {cls.__name__} {'indented' if indented else 'compact'}")


# In the generated code, sN is the text of the element at depth N so far, cN that of its content.


def _body(node: Node, indented: bool, depth: int) -> Iterator[str]:
    pad = "    " * (depth + 1)
    for leaf in node.attributes:
        yield f"{pad}{_guard(leaf)}s{depth} += f' {leaf.name}=\\'{{{_value(leaf)}}}\\''"
    if node.text is not None:
        yield f"{pad}s{depth} += f'>{{{_value(node.text)}}}</{node.tag}>'"
        return
    if not node.content:
        yield f"{pad}s{depth} += '/>'"
    else:
        yield f"{pad}c{depth} = ''"
        for each in node.content:
            inner = _branch if isinstance(each, Branch) else _wrapper
            yield from inner(each, indented, depth)  # type: ignore[arg-type]
        closing = f"{_break(indented, depth)}</{node.tag}>"
        yield f"{pad}s{depth} += f'>{{c{depth}}}{closing}' if c{depth} else '/>'"
    if node.variant:
        yield f"{pad}if s{depth} == {_opening(node, indented, depth)} + '/>': s{depth} = ''"


def _wrapper(node: Node, indented: bool, depth: int) -> Iterator[str]:
    pad = "    " * (depth + 1)
    present = [f"o.{leaf.field} is not None" for leaf in node.leaves()]
    present += [f"o.{branch.field}" for branch in node.branches()]
    yield f"{pad}if {' or '.join(present)}:"
    yield f"{pad}    s{depth + 1} = {_opening(node, indented, depth + 1)}"
    yield from _body(node, indented, depth + 1)
    yield f"{pad}    c{depth} += s{depth + 1}"


def _branch(branch: Branch, indented: bool, depth: int) -> Iterator[str]:
    pad = "    " * (depth + 1)
    nl = f", nl + '{'  ' * (depth + 1)}'" if indented else ""
    value = "each" if branch.repeated else f"o.{branch.field}"
    call = f"c{depth} += write_{branch.field}[{value}.__class__]({value}{nl})"
    if branch.repeated:
        yield f"{pad}for each in o.{branch.field}: {call}"
    else:
        yield f"{pad}{_guard(branch)}{call}"


def _opening(node: Node, indented: bool, depth: int) -> str:
    branch = node.hoisted
    hoisted = f" {branch.hoisted}=\\'{{o.{branch.field}.__kvnet_variant__}}\\'" if branch else ""
    fixed = "".join(f" {name}=\\'{value}\\'" for name, value in node.constants.items())
    return f"f'{_break(indented, depth)}<{node.tag}{hoisted}{fixed}'"


def _break(indented: bool, depth: int) -> str:
    return f"{{nl}}{'  ' * depth}" if indented else ""


def _guard(part: Leaf | Branch) -> str:
    return "" if part.required else f"if o.{part.field} is not None: "


def _value(leaf: Leaf) -> str:
    text = f"format_{leaf.field}(o.{leaf.field})"
    return text if leaf.scalar.plain else f"escape({text})"
