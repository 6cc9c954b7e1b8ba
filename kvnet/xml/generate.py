"""Generate readers of elements without flaws: of trees, and of texts whose like was read before, without a tree.

For a text that comes for the third time but for the values of some attributes, which are names, numbers and addresses,
a function is generated that takes these and makes the object with the parsers and checks of the reader of trees. It
reads a NIC in less time than lxml takes to parse its text. What a generated reader refuses is read, and explained, part
by part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from kvnet._codegen import function, title
from kvnet._quoted import Parts, Quoted, Read
from kvnet.errors import XmlError
from kvnet.xml.element import constructor, install
from kvnet.xml.parser import parse
from kvnet.xml.schema import Branch, Leaf, Node, declaration, plan_of
from kvnet.xml.types import Hex, Int, Ip, Mac, Text, Token, cached
from kvnet.xml.writing import shape_writer, writers

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["REFUSALS", "read_learnt", "reader", "sources"]

REFUSALS = (ValueError, LookupError, TypeError)
"""What a generated reader raises, without a reason, for an element that has to be looked at part by part."""

_REMEMBERED: Final = 1024
_MANY: Final = 64
"""So many children and more are not read as a list."""
_VARYING: Final = (Hex, Int, Ip, Mac, Text, Token)
"""The types of values that may vary. Other values are few, such as ``yes`` and the models, of which some are ``newer``
than others: each choice of them is learnt."""
_is_plain = re.compile("[ !#-%(-;=-~]*").fullmatch
"""Whether values stand for themselves between any quotes, in ASCII."""


def sources(cls: Any) -> dict[str, str]:
    """The source of the functions that make, read and write the objects of a class, by their labels.

    There is a writer of objects that have all fields, and one for each set of fields that was written so far.
    """
    install(cls)
    made: list[Any] = [cls.__init__, reader(cls)]
    every_field = dict.fromkeys(part.field for part in plan_of(cls).fields())
    made += [shape_writer(cls, every_field, indented=False), *writers[cls].values()]
    return {each.label: each.source for each in made}


# In readers, e is an element, v has the values of an object by field, n and t are an attribute's name and text, and
# kind is the value of the attribute that chooses the class of a child.


@cache
def reader(cls: type) -> Callable[[etree._Element], Any]:
    """The function that makes an object of a class from an element, or raises one of ``REFUSALS``."""
    plan = plan_of(cls)
    names: dict[str, Any] = {"make": constructor(cls)}
    lines = ["def read(e):"]
    if not plan.selected and not plan.text:
        names["attributes_only"] = _attributes_reader(cls)
        lines += ["    if not len(e) and not e.text: return attributes_only(tuple(e.items()))"]
    lines += ["    v = {}", *_read_element(plan, names)]
    for name in plan.constants.keys() - set(declaration(cls).implied):
        lines += [f"    if e.get('{name}') is None: raise ValueError"]
    if plan.selected:
        names["empty"] = _empty_children(plan.selected)
        lines += [f"    if '{plan.selected.field}' not in v: v['{plan.selected.field}'] = empty[kind]"]
    for part in plan.fields():
        if isinstance(part, Branch) and part.repeated:
            lines += [f"    if '{part.field}' in v: v['{part.field}'] = tuple(v['{part.field}'])"]
    return function("read", [*lines, *_construct(plan)], names, f"read {title(cls)}")


def _attributes_reader(cls: type) -> Callable[[tuple[tuple[str, str], ...]], Any]:
    """A reader of elements that have only attributes; equal ones give the same object, for it cannot change."""
    plan = plan_of(cls)
    names: dict[str, Any] = {"make": constructor(cls)}
    lines = ["def read(items):", "    v = {}", "    for n, t in items:"]
    lines += [*_read_attribute(plan, names), *_construct(plan)]
    return lru_cache(_REMEMBERED)(function("read", lines, names, f"read attributes of {title(cls)}"))


def _construct(plan: Node) -> Iterator[str]:
    for part in plan.fields():
        if part.required:
            yield f"    if '{part.field}' not in v: raise ValueError"
    yield "    return make(v)"


def _read_element(node: Node, names: dict[str, Any]) -> Iterator[str]:
    """Code that reads an element, and has its children read."""
    if node.selected:
        yield "    kind = None"
    yield "    for n, t in e.items():"
    yield from _read_attribute(node, names)
    if node.text:
        yield "    t = (e.text or '').strip()"
        yield f"    v['{node.text.field}'] = {parsed(node.text, names, 't')}"
    else:
        yield "    if (t := e.text) and not t.isspace(): raise ValueError"
    if not node.content:
        yield "    if len(e): raise ValueError"
        return
    names["children"] = _Children(node)
    # a list of them takes half of the time, and one of very many takes all of it where the first is no child
    yield f"    for each in e[:] if len(e) < {_MANY} else e:"
    yield f"        children[each.tag](each, v, {'kind' if node.selected else None})"
    yield "        if (t := each.tail) and not t.isspace(): raise ValueError"


def _read_attribute(node: Node, names: dict[str, Any]) -> Iterator[str]:
    word = "if"
    for leaf in node.attributes:
        yield f"        {word} n == '{leaf.name}': v['{leaf.field}'] = {parsed(leaf, names, 't')}"
        word = "elif"
    for name, value in node.constants.items():
        yield f"        {word} n == '{name}' and t == '{value}': pass"
        word = "elif"
    if node.selected:
        yield f"        {word} n == '{node.selected.selector}': kind = t"
        word = "elif"
    yield f"        {'else: ' if word == 'elif' else ''}raise ValueError"


class _Children(dict[str, Callable[..., None]]):
    """The functions that read the children of an element, by their tags; each is made when it is first needed.

    A function takes the child, the values of the object, to which it adds those of the child, and the ``kind``.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def __missing__(self, tag: str) -> Callable[..., None]:
        part = self._node.child(tag)
        if part is None:  # comments have no text as a tag, and so no part
            raise LookupError
        read = _wrapper_reader if isinstance(part, Node) else _branch_reader
        self[tag] = read(part)  # type: ignore[arg-type]
        return self[tag]


def _wrapper_reader(node: Node) -> Callable[..., None]:
    assert node.key is not None
    names: dict[str, Any] = {}
    lines = [
        "def read(e, v, _):",
        f"    if '{node.key.field}' in v: raise ValueError",
        *_read_element(node, names),
        f"    if '{node.key.field}' not in v: raise ValueError",
    ]
    return function("read", lines, names, f"read <{node.tag}>")


def _branch_reader(branch: Branch) -> Callable[..., None]:
    names: dict[str, Any] = {}
    classes = {cls: reader(cls) for cls in branch.classes}
    if branch.selector:
        names["readers"], made = {declaration(cls).variant: read for cls, read in classes.items()}, "readers[kind](e)"
    elif len(classes) == 1:
        names["read"], made = classes.popitem()[1], "read(e)"
    else:
        (constant,) = {name for cls in classes for name in declaration(cls).constants}
        names["readers"] = {declaration(cls).constants[constant]: read for cls, read in classes.items()}
        made = f"readers[e.get('{constant}')](e)"
    if branch.repeated:
        keep = [f"    v.setdefault('{branch.field}', []).append({made})"]
    else:
        keep = [f"    if '{branch.field}' in v: raise ValueError", f"    v['{branch.field}'] = {made}"]
    return function("read_child", ["def read_child(e, v, kind):", *keep], names, f"read <{branch.tag}>")


def parsed(leaf: Leaf, names: dict[str, Any], text: str, unique: str = "") -> str:
    """Code for the value of a leaf that ``text``, the name of a local, holds.

    ``names`` get what the code uses, under names that hold the field's, or a ``unique`` one.
    """
    name = f"parse_{unique or leaf.field}"
    names[name] = cached(leaf.scalar, leaf.scalar.parse)
    if not isinstance(leaf.scalar, Token):
        return f"{name}({text})"
    # a call of parse for each name would make reading of a small NIC 3 % slower
    names[f"is_{name}"] = leaf.scalar.pattern.fullmatch
    return f"{text} if is_{name}({text}) else {name}({text})"


def _empty_children(branch: Branch) -> dict[str, Any]:
    """The object of a missing element for each variant that requires nothing in it."""
    found = {}
    for cls in branch.classes:
        try:
            found[declaration(cls).variant] = cls()
        except (TypeError, ValueError):
            continue
    return found


def read_learnt(text: str, classes: tuple[type, ...]) -> Any:
    """The object of a text that was learnt, of one of the classes; ``None`` for others.

    One kind of quotes stands around all values, so that the other one is nowhere in the text.
    """
    single, double = _quoted(classes)
    if '"' not in text:
        return single.read(text)
    return None if "'" in text else double.read(text)


@cache
def _quoted(classes: tuple[type, ...]) -> tuple[Quoted[Any], Quoted[Any]]:
    learnt = _Learnt({declaration(cls).tag: cls for cls in classes})
    return Quoted("'", learnt.holes_of, learnt.reader_of), Quoted('"', learnt.holes_of, learnt.reader_of)


@define
class _Learnt:
    """Learns to read elements, by the classes of their tags."""

    classes: Mapping[str, type]

    def holes_of(self, text: str, parts: Parts) -> tuple[int, ...]:
        """The positions of values that may vary."""
        code = self._code(text, parts)
        return () if code is None else tuple(code.holes)

    def reader_of(self, text: str, parts: Parts, holes: tuple[int, ...]) -> Read[Any] | None:
        code = self._code(text, parts)
        if code is None or tuple(code.holes) != holes or not holes:
            return None
        words = ", ".join(f"w{n}" for n in holes)
        lines = [
            "def read(words):",
            "    if not is_plain(''.join(words)): return None",
            f"    {words}, = words",
            *("    try:", *(f"        {line}" for line in code.lines)),
            "    except REFUSALS: return None",
        ]
        names = code.names | {"is_plain": _is_plain, "REFUSALS": REFUSALS}
        return function("read", lines, names, f"read learnt {title(code.cls)}")

    def _code(self, text: str, parts: Parts) -> _Code | None:
        """The code for a text; ``None`` where it holds more than elements and attributes, or is refused."""
        try:
            root = parse(text)
            cls = self.classes[str(root.tag)]
            reader(cls)(root)
        except (XmlError, *REFUSALS):
            return None
        given = [value for element in root.iter() for value in element.values()]
        if given != parts[1::2]:  # there are other quotes than those of attributes, or references to characters
            return None
        code = _Code(cls)
        code.lines.append(f"return {code.object(root, cls)}")
        return code


@define
class _Code:
    """Code that makes an object of the values of an element and of those inside it, which are counted in their order.

    ``holes`` are the positions, in the text that was split, of values that may vary; ``wN`` is the value at N.
    """

    cls: type
    holes: list[int] = field(factory=list)
    names: dict[str, Any] = field(factory=dict)
    lines: list[str] = field(factory=list)
    at: int = 1

    def object(self, element: etree._Element, cls: type) -> str:
        """The expression for the object of an element. An object in which nothing varies is shared."""
        before, plan = len(self.holes), plan_of(cls)
        values: dict[str, list[str]] = {}
        self._element(element, plan, values)
        made = reader(cls)(element)
        if len(self.holes) == before:
            return self._name("shared", made)
        if plan.selected and plan.selected.field not in values:
            values[plan.selected.field] = [self._name("empty", getattr(made, plan.selected.field))]
        repeated = {each.field for each in plan.fields() if each.empty == ()}
        fields = {name: f"({', '.join(codes)},)" if name in repeated else codes[0] for name, codes in values.items()}
        make = self._name("make", constructor(cls))
        code = f"{make}({{{', '.join(f'{name!r}: {code}' for name, code in fields.items())}}})"
        return self._remembered(code, self.holes[before:]) if not len(element) else code

    def _remembered(self, code: str, holes: list[int]) -> str:
        """The expression for an object that has attributes alone: equal ones are one, for few values come often."""
        words = ", ".join(f"w{n}" for n in holes)
        names = dict(self.names)
        make = function("make", [f"def make({words}): return {code}"], names, "make learnt")
        return f"{self._name('remembered', lru_cache(_REMEMBERED)(make))}({words})"

    def _element(self, element: etree._Element, node: Node, values: dict[str, list[str]]) -> None:
        """Add the codes of what an element, and the wrappers inside it, hold of an object's fields."""
        leaves = {leaf.name: leaf for leaf in node.attributes}
        for name, text in element.items():
            if str(name) in leaves:
                values[leaves[str(name)].field] = [self._leaf(leaves[str(name)], text)]
            self.at += 2
        if node.text is not None:
            values[node.text.field] = [self._name("text", node.text.scalar.parse((element.text or "").strip()))]
        for each in element:
            part = node.child(str(each.tag))
            if isinstance(part, Branch):
                values.setdefault(part.field, []).append(self.object(each, _class_of(part, element, each)))
            elif part is not None:
                self._element(each, part, values)

    def _leaf(self, leaf: Leaf, text: str) -> str:
        if not isinstance(leaf.scalar, _VARYING) or getattr(leaf.scalar, "newer", None):
            return self._name(leaf.field, leaf.scalar.parse(text))
        self.holes.append(self.at)
        return parsed(leaf, self.names, f"w{self.at}", f"{leaf.field}_{self.at}")

    def _name(self, name: str, value: Any) -> str:
        unique = f"{name}_{len(self.names)}"
        self.names[unique] = value
        return unique


def _class_of(branch: Branch, parent: etree._Element, element: etree._Element) -> type:
    """The class of a child that the generated reader has read."""
    if branch.selector:
        cls = branch.class_of_variant(parent.get(branch.selector))
        assert cls is not None
        return cls
    if len(branch.classes) == 1:
        return branch.classes[0]
    return next(
        cls
        for cls in branch.classes
        if all(element.get(name) == word for name, word in declaration(cls).constants.items())
    )
