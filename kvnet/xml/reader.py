"""declaration → plan → generated reader of flawless elements; of what is flawed, ``examine`` tells the reasons.

It wants a tree without the white space between elements, and leaves all else than the plainest to ``examine``, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

from lxml import etree

from kvnet.source import function
from kvnet.xml.declare import header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of

__all__ = ["Flawed", "maker", "reader"]

Flawed = (ValueError, LookupError, TypeError)
"""What a generated reader raises, without any reason."""
_FEW = 2
_RECALLED = 1024


@cache
def reader(cls: type) -> Callable[[etree._Element], Any]:
    """The generated reader of a class: the object that an element stands for, or an exception of ``Flawed``."""
    plan = plan_of(cls)
    names: dict[str, Any] = {"make": maker(cls), "recall": _recalling(cls)}
    lines = ["def read(e0):"]
    if not plan.hoisted and not plan.text:
        lines += ["    if not len(e0) and not e0.text: return recall(tuple(e0.items()))"]
    lines += ["    v = {}", *_element(plan, names, 0, "    ")]
    said = header(cls)
    for name in said.constants.keys() - set(said.implied):
        lines += [f"    if e0.get('{name}') is None: raise ValueError"]
    if plan.hoisted:
        names["absent"] = _absent(plan.hoisted)
        lines += [f"    if '{plan.hoisted.field}' not in v: v['{plan.hoisted.field}'] = absent[kind]"]
    return function("read", [*lines, *_making(plan)], names, f"read {cls.__name__}")


def _recalling(cls: type) -> Callable[[tuple[tuple[str, str], ...]], Any]:
    """Makes an object of attributes alone; the same ones give the same object, for it cannot change."""
    plan = plan_of(cls)
    names: dict[str, Any] = {"make": maker(cls)}
    lines = ["def recall(items):", "    v = {}", "    for n, t in items:", *_taking(plan, names, "        ")]
    return lru_cache(_RECALLED)(function("recall", [*lines, *_making(plan)], names, f"recall {cls.__name__}"))


def _making(plan: Node) -> Iterator[str]:
    for part in plan.fields():
        if part.required:
            yield f"    if '{part.field}' not in v: raise ValueError"
    yield "    return make(v)"


@cache
def maker(cls: type) -> Callable[[dict[str, Any]], Any]:
    """Makes an object of values that are right one by one, which it keeps; ValueError if they do not agree."""
    new: Callable[[type], Any] = object.__new__
    agree = header(cls).agree

    def make(values: dict[str, Any]) -> Any:
        made = new(cls)
        made.__dict__.update(values)
        if agree is not None and agree(made):
            raise ValueError
        return made

    return make


# In the generated code, eN is the element at depth N, and v has what was read, by field.


def _element(node: Node, names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    """Code that reads one element, and the wrappers inside it, into local variables."""
    own, inner = f"e{depth}", f"e{depth + 1}"
    if node.hoisted:
        yield f"{pad}kind = None"
    yield f"{pad}for n, t in {own}.items():"
    yield from _taking(node, names, pad + "    ")
    if node.text:
        yield f"{pad}v['{node.text.field}'] = {_parser(node.text, names)}(({own}.text or '').strip())"
    else:
        yield f"{pad}if {own}.text: raise ValueError"
    if not node.content:
        yield f"{pad}if len({own}): raise ValueError"
        return
    yield f"{pad}for {inner} in {own}:"
    yield f"{pad}    tag = {inner}.tag"
    yield from _dispatch(sorted(node.content, key=lambda part: part.tag), names, depth + 1, pad + "    ")
    yield f"{pad}    if {inner}.tail: raise ValueError"


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


def _taking(node: Node, names: dict[str, Any], pad: str) -> Iterator[str]:
    """Code that takes one attribute, of the name ``n`` and the text ``t``."""
    word = "if"
    for test, deed in _attributes(node, names):
        yield f"{pad}{word} {test}: {deed}"
        word = "elif"
    yield f"{pad}{'else: ' if word == 'elif' else ''}raise ValueError"


def _attributes(node: Node, names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for leaf in node.attributes:
        yield f"n == '{leaf.name}'", f"v['{leaf.field}'] = {_parser(leaf, names)}(t)"
    for name, value in node.constants.items():
        yield f"n == '{name}' and t == '{value}'", "pass"
    if node.hoisted:
        yield f"n == '{node.hoisted.hoisted}'", "kind = t"


def _wrapper(node: Node, names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    assert node.key is not None
    field = node.key.field
    yield f"{pad}if '{field}' in v: raise ValueError"
    yield from _element(node, names, depth, pad)
    yield f"{pad}if '{field}' not in v: raise ValueError"


def _branch(branch: Branch, names: dict[str, Any], depth: int, pad: str) -> Iterator[str]:
    field = branch.field
    made = _choosing(branch, names, f"e{depth}")
    if branch.repeated:
        yield f"{pad}v['{field}'] = v.get('{field}', ()) + ({made},)"
    else:
        yield f"{pad}if '{field}' in v: raise ValueError"
        yield f"{pad}v['{field}'] = {made}"


def _parser(leaf: Leaf, names: dict[str, Any]) -> str:
    name = f"parse_{leaf.field}"
    names[name] = lru_cache(_RECALLED)(leaf.scalar.parse) if leaf.scalar.recurs else leaf.scalar.parse
    return name


def _choosing(branch: Branch, names: dict[str, Any], element: str) -> str:
    """Code that reads an element with the reader of its class."""
    name = f"read_{branch.field}"
    if branch.hoisted:
        names[name] = {header(cls).variant: reader(cls) for cls in branch.classes}
        return f"{name}[kind]({element})"
    if len(branch.classes) == 1:
        names[name] = reader(branch.classes[0])
        return f"{name}({element})"
    constants = {constant for cls in branch.classes for constant in header(cls).constants}
    assert len(constants) == 1, "classes of one child are told apart by one attribute"
    constant = constants.pop()
    names[name] = {header(cls).constants[constant]: reader(cls) for cls in branch.classes}
    return f"{name}[{element}.get('{constant}')]({element})"


def _absent(branch: Branch) -> dict[str, Any]:
    """What stands for an element that is not there, for each class that asks for nothing in it."""
    found = {}
    for cls in branch.classes:
        try:
            found[header(cls).variant] = cls()
        except (TypeError, ValueError):
            continue
    return found
