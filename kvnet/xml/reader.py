"""declaration → plan → generated reader of flawless elements; of what is flawed, ``examine`` tells the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from lxml import etree

from kvnet.xml.declare import header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of
from kvnet.xml.source import function

__all__ = ["Flawed", "maker", "reader"]

Flawed = (ValueError, LookupError, TypeError)
"""What a generated reader raises, without any reason."""
_FEW = 3


@cache
def reader(cls: type) -> Callable[[etree._Element], Any]:
    """The generated reader of a class: the object that an element stands for, or an exception of ``Flawed``."""
    plan = plan_of(cls)
    names: dict[str, Any] = {}
    lines = [
        "def read(e0):",
        *(f"    f_{each.field} = {each.empty}" for each in plan.fields()),
        *_element(plan, names, 0, "    "),
    ]
    if plan.hoisted:
        names["absent"] = _absent(plan.hoisted)
        lines += [f"    if f_{plan.hoisted.field} is None: f_{plan.hoisted.field} = absent[kind]"]
    lines += [f"    if f_{each.field} == {each.empty}: raise ValueError" for each in plan.fields() if each.required]
    lines += [*_making(cls, plan, names, {each.field: f"f_{each.field}" for each in plan.fields()}), "    return o"]
    return function("read", lines, names, f"read {cls.__name__}")


@cache
def maker(cls: type) -> Callable[[Mapping[str, Any]], Any]:
    """Makes an object of values that are known to be right, each alone and together."""
    plan = plan_of(cls)
    names: dict[str, Any] = {}
    values = {each.field: f"v.get('{each.field}', {each.empty})" for each in plan.fields()}
    lines = ["def make(v):", *_making(cls, plan, names, values), "    return o"]
    return function("make", lines, names, f"make {cls.__name__}")


def _making(cls: type, plan: Node, names: dict[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    """Code that makes an object without the check of its values."""
    names |= {"cls": cls, "new": cls.__new__, "agree": header(cls).agree}
    yield "    o = new(cls)"
    for field in (*values, "verbatim"):
        names[f"set_{field}"] = getattr(cls, field).__set__
        yield f"    set_{field}(o, {values.get(field)})"
    if header(cls).agree:
        yield "    if agree(o): raise ValueError"


# In the generated code, eN is the element at depth N, and f_NAME what was read for a field.


def _element(node: Node, names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    """Code that reads one element, and the wrappers inside it, into local variables."""
    own, inner = f"e{depth}", f"e{depth + 1}"
    if node.hoisted:
        yield f"{pad}kind = None"
    yield f"{pad}for n, t in {own}.items():"
    word = "if"
    for test, deed in _attributes(node, names):
        yield f"{pad}    {word} {test}: {deed}"
        word = "elif"
    yield f"{pad}    {'else: ' if word == 'elif' else ''}raise ValueError"
    if node.text:
        yield f"{pad}f_{node.text.field} = {_parser(node.text, names)}(({own}.text or '').strip())"
    else:
        yield f"{pad}if {own}.text and not {own}.text.isspace(): raise ValueError"
    if not node.content:
        yield f"{pad}if len({own}): raise ValueError"
        return
    yield f"{pad}for {inner} in {own}:"
    yield f"{pad}    tag = {inner}.tag"
    yield from _dispatch(sorted(node.content, key=lambda part: part.tag), names, depth + 1, pad + "    ")
    yield f"{pad}    if {inner}.tail and not {inner}.tail.isspace(): raise ValueError"


def _dispatch(parts: list[Node | Branch], names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    """Code that finds the part of a tag by halves; the tag of a comment is no text, which is a TypeError."""
    if len(parts) > _FEW:
        half = len(parts) // 2
        yield f"{pad}if tag < '{parts[half].tag}':"
        yield from _dispatch(parts[:half], names, depth, pad + "    ")
        yield f"{pad}else:"
        yield from _dispatch(parts[half:], names, depth, pad + "    ")
        return
    word = "if"
    for part in parts:
        yield f"{pad}{word} tag == '{part.tag}':"
        inner = pad + "    "
        if isinstance(part, Node):
            yield from _wrapper(part, names, depth, inner)
        else:
            yield from _branch(part, names, depth, inner)
        word = "elif"
    yield f"{pad}else: raise ValueError"


def _attributes(node: Node, names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for leaf in node.attributes:
        yield f"n == '{leaf.name}'", f"f_{leaf.field} = {_parser(leaf, names)}(t)"
    for name, value in node.constants.items():
        yield f"n == '{name}' and t == '{value}'", "pass"
    if node.hoisted:
        yield f"n == '{node.hoisted.hoisted}'", "kind = t"


def _wrapper(node: Node, names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    assert node.key is not None
    field = node.key.field
    yield f"{pad}if f_{field} is not None: raise ValueError"
    yield from _element(node, names, depth, pad)
    yield f"{pad}if f_{field} is None: raise ValueError"


def _branch(branch: Branch, names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    field = branch.field
    names[f"read_{field}"] = _choosing(branch)
    made = f"read_{field}(e{depth}, kind)" if branch.hoisted else f"read_{field}(e{depth})"
    if branch.repeated:
        yield f"{pad}f_{field} += ({made},)"
    else:
        yield f"{pad}if f_{field} is not None: raise ValueError"
        yield f"{pad}f_{field} = {made}"


def _parser(leaf: Leaf, names: dict[str, Any]) -> str:
    name = f"parse_{leaf.field}"
    names[name] = lru_cache(1024)(leaf.scalar.parse) if leaf.scalar.recurs else leaf.scalar.parse
    return name


def _choosing(branch: Branch) -> Callable[..., Any]:
    if branch.hoisted:
        chosen = {header(cls).variant: reader(cls) for cls in branch.classes}
        return lambda element, kind: chosen[kind](element)
    if len(branch.classes) == 1:
        return reader(branch.classes[0])
    names = {name for cls in branch.classes for name in header(cls).constants}
    assert len(names) == 1, "classes of one child are told apart by one attribute"
    name = names.pop()
    by_value = {header(cls).constants[name]: reader(cls) for cls in branch.classes}
    return lambda element: by_value[element.get(name)](element)


def _absent(branch: Branch) -> dict[str, Any]:
    """What stands for an element that is not there, for each class that asks for nothing in it."""
    found = {}
    for cls in branch.classes:
        try:
            found[header(cls).variant] = cls()
        except (TypeError, ValueError):
            continue
    return found
