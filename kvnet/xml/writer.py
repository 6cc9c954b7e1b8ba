"""declaration → plan → generated writer: text, in libvirt's child order, with its quotes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from kvnet.xml.declare import Unread, header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of
from kvnet.xml.source import function

__all__ = ["escape", "writer"]

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


@cache
def writer(cls: type, indented: bool) -> Callable[..., str]:
    """The generated writer of a class: ``write(o)``, or ``write(o, nl)`` with line break and indent."""
    plan = plan_of(cls)
    names: dict[str, Any] = {"escape": escape}
    for leaf in plan.leaves():
        names[f"format_{leaf.field}"] = leaf.scalar.format
    for branch in plan.branches():
        names[f"write_{branch.field}"] = {each: writer(each, indented) for each in branch.classes}
        names[f"write_{branch.field}"][Unread] = _unread
        names[f"chosen_{branch.field}"] = _chosen
    lines = [
        f"def write(o{', nl' if indented else ''}):",
        *_hoist(plan),
        f"    s0 = {_opening(plan, indented, 0)}",
        *_body(plan, indented, 0),
        "    return s0",
    ]
    return function("write", lines, names, f"write {cls.__name__}{' indented' if indented else ''}")


def _chosen(value: Any) -> str:
    return escape(value.chosen) if isinstance(value, Unread) else header(type(value)).variant


def _unread(value: Unread, nl: str = "") -> str:
    return f"{nl}{value.xml}" if value.xml else ""


# In the generated code, sN is the text of the element at depth N so far, cN that of its content, and kind the
# value of the attribute that chooses a class.


def _hoist(plan: Node) -> Iterator[str]:
    if plan.hoisted:
        field = plan.hoisted.field
        yield f"    kind = chosen_{field}(o.{field})"


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
            yield from _part(each, node, indented, depth)
        closing = f"{_break(indented, depth)}</{node.tag}>"
        yield f"{pad}s{depth} += f'>{{c{depth}}}{closing}' if c{depth} else '/>'"
    if node.cls and header(node.cls).variant:
        yield f"{pad}if s{depth} == {_opening(node, indented, depth)} + '/>': s{depth} = ''"


def _part(part: Node | Branch, node: Node, indented: bool, depth: int) -> Iterator[str]:
    if isinstance(part, Node):
        yield from _wrapper(part, indented, depth)
        return
    pad = "    " * (depth + 1)
    if part.hoisted:
        for early in (each for each in node.content if isinstance(each, Branch) and each.early):
            yield f"{pad}if kind == '{early.early}':"
            yield f"    {pad}{_branch(early, indented, depth)}"
    if part.early:
        yield f"{pad}if kind != '{part.early}':"
        pad += "    "
    yield pad + _branch(part, indented, depth)


def _wrapper(node: Node, indented: bool, depth: int) -> Iterator[str]:
    pad = "    " * (depth + 1)
    yield f"{pad}if {' or '.join(_present(each) for each in node.fields())}:"
    yield f"{pad}    s{depth + 1} = {_opening(node, indented, depth + 1)}"
    yield from _body(node, indented, depth + 1)
    yield f"{pad}    c{depth} += s{depth + 1}"


def _present(part: Leaf | Branch) -> str:
    return f"o.{part.field}" if isinstance(part, Branch) else f"o.{part.field} is not None"


def _branch(branch: Branch, indented: bool, depth: int) -> str:
    nl = f", nl + '{'  ' * (depth + 1)}'" if indented else ""
    value = "each" if branch.repeated else f"o.{branch.field}"
    call = f"c{depth} += write_{branch.field}[{value}.__class__]({value}{nl})"
    return f"for each in o.{branch.field}: {call}" if branch.repeated else f"{_guard(branch)}{call}"


def _opening(node: Node, indented: bool, depth: int) -> str:
    hoisted = f" {node.hoisted.hoisted}=\\'{{kind}}\\'" if node.hoisted else ""
    fixed = "".join(f" {name}=\\'{value}\\'" for name, value in node.constants.items())
    return f"f'{_break(indented, depth)}<{node.tag}{hoisted}{fixed}'"


def _break(indented: bool, depth: int) -> str:
    return f"{{nl}}{'  ' * depth}" if indented else ""


def _guard(part: Leaf | Branch) -> str:
    return "" if part.required else f"if o.{part.field} is not None: "


def _value(leaf: Leaf) -> str:
    text = f"format_{leaf.field}(o.{leaf.field})"
    return text if leaf.scalar.plain else f"escape({text})"
