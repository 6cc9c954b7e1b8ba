"""Read the XML of an object whose like was read before: elements that differ in some values of attributes alone.

For a text that comes for the third time but for names, numbers and addresses, a function is generated that takes these
and makes the object with the parsers and checks of the generated reader, without a tree. It reads a NIC in less time
than lxml takes to parse its text. What it refuses is read, and explained, in the ordinary way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from kvnet._codegen import function, title
from kvnet._quoted import Parts, Quoted, Read
from kvnet.errors import XmlError
from kvnet.xml.element import constructor
from kvnet.xml.generate import REFUSALS, parsed, reader
from kvnet.xml.parser import parse
from kvnet.xml.schema import Branch, Leaf, Node, declaration, plan_of
from kvnet.xml.types import Hex, Int, Ip, Mac, Text, Token

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["read_learnt"]

_VARYING: Final = (Hex, Int, Ip, Mac, Text, Token)
"""The types of values that may vary. Other values are few, such as ``yes`` and the models, of which some are ``newer``
than others: each choice of them is learnt."""
_is_plain = re.compile("[ !#-%(-;=-~]*").fullmatch
"""Whether values stand for themselves between any quotes, in ASCII."""
_REMEMBERED: Final = 1024


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
