"""The code of one writer: an element class, the fields that its objects hold, and what their children are like.

Where there are children, the code guesses that they are of the classes and fields of the first object's. A guess
costs a comparison of the class and of the number of fields: that none of them lacks, the text itself finds out. If it
is right, the whole element is one f-string; else every child is written by the writer of its own shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from attrs import define, field

from kvnet.source import function
from kvnet.xml.declare import Unread, header
from kvnet.xml.escape import escape
from kvnet.xml.plan import Branch, Leaf, Node, plan_of

__all__ = ["Write", "Writers", "shape_writer"]

Write = Callable[..., str]
Writers = Callable[[type], Mapping[tuple[str, ...], Write]]
Held = Mapping[str, Any]
"""The fields of an object: its ``__dict__``."""


def shape_writer(cls: type, held: Held, indented: bool, writers: Writers, *, guess: bool = True) -> Write:
    """Generate the writer of all objects with the fields of ``held``; ``writers`` has those of the children.

    Without a guess the values of ``held`` do not count.
    """
    plan = plan_of(cls)
    names: dict[str, Any] = {"escape": escape}
    numbers = count(1)
    lines: list[str] = []
    if guess and any(part.field in held and not part.repeated for part in plan.branches()):
        quick = _Code(names, indented, writers, True, numbers)
        text = quick.element(plan, "held", held)
        lines += ["    try:", *quick.lines, f"{quick.pad}return f'{text}'", "    except KeyError: pass"]
    sure = _Code(names, indented, writers, False, numbers)
    text = sure.element(plan, "held", held)
    lines += [*sure.lines, f"    return f'{text}'"]
    label = f"write {cls.__name__}{' indented' if indented else ''} with {' '.join(sorted(held)) or 'nothing'}"
    return function("write", [f"def write(held{', nl' if indented else ''}):", *lines], names, label)


@define
class _Code:
    """Code in the making: the lines before the f-string, and the names that they use.

    In the generated code ``oN`` is a child, ``hN`` its ``__dict__`` and ``tN`` its text; ``kind`` is the value of the
    attribute that chooses a class.
    """

    names: dict[str, Any]
    indented: bool
    writers: Writers
    guessing: bool
    numbers: Iterator[int]
    lines: list[str] = field(factory=list)
    pad: str = field(init=False)

    @pad.default
    def _pad(self) -> str:
        return "        " if self.guessing else "    "

    def element(self, node: Node, here: str, held: Held, depth: int = 0) -> str:
        """What stands in the f-string for an element that is there; nothing for a variant that says nothing.

        ``here`` is the local with the fields, ``held`` has those of an example.
        """
        kind = self._kind(node.hoisted, here, held) if node.hoisted else ""
        hoisted = f" {node.hoisted.hoisted}=\\'{kind}\\'" if node.hoisted else ""
        fixed = "".join(f" {name}=\\'{value}\\'" for name, value in node.constants.items())
        own = "".join(f" {leaf.name}=\\'{self._value(leaf, here)}\\'" for leaf in node.attributes if leaf.field in held)
        opening = f"{self._break(depth)}<{node.tag}{hoisted}{fixed}{own}"
        if node.text is not None and node.text.field in held:
            return f"{opening}>{self._value(node.text, here)}</{node.tag}>"
        silent = f"{opening}/>" if own or not (node.cls and header(node.cls).variant) else ""
        parts = self._parts(node, kind, here, held, depth)
        content = "".join(parts)
        whole = f"{opening}>{content}{self._break(depth)}</{node.tag}>"
        if not content or any(not part.startswith(("{t", "{e")) for part in parts):
            return whole if content else silent
        name = self._name("e")
        self._line(f"{name} = f'{whole}' if f'{content}' else f'{silent}'")
        return f"{{{name}}}"

    def _parts(self, node: Node, kind: str, here: str, held: Held, depth: int) -> list[str]:
        """What stands inside an element; of what begins with ``{t`` or ``{e``, nothing may be left."""
        made, early = [], {}
        for part in node.content:
            if isinstance(part, Branch) and part.early and part.field in held:
                early[part.field] = self._moved(self._child(part, here, held, depth), part.early, kind)
        for part in node.content:
            if isinstance(part, Node):
                if any(each.field in held for each in part.fields()):
                    made.append(self.element(part, here, held, depth + 1))
            elif part.field in early:
                made.append(early[part.field][1])
            elif part.field in held:
                made += [first for first, _ in early.values()] if part.hoisted else []
                made.append(self._child(part, here, held, depth))
        return [part for part in made if part]

    def _child(self, branch: Branch, here: str, held: Held, depth: int) -> str:
        """What stands in the f-string for the child elements of a branch."""
        field, value = branch.field, held[branch.field]
        classes = (*branch.classes, Unread) if branch.required else branch.classes
        if self.guessing and not branch.repeated and not isinstance(value, Unread):
            return self._guessed(branch, here, value, depth, several=len(classes) > 1)
        writers = {cls: self.writers(cls) for cls in classes}
        name = self._name("write")
        self.names[name] = writers if len(writers) > 1 else writers[classes[0]]
        nl = f", nl + '{'  ' * (depth + 1)}'" if self.indented else ""
        call = f"{name}{'[type(o)]' if len(writers) > 1 else ''}[tuple(h)](h{nl})"
        text = self._name("t")
        if branch.repeated:
            self._line(f"{text} = ''.join([{call} for o in {here}['{field}'] for h in [o.__dict__]])")
        else:
            self._line(f"o = {here}['{field}']; h = o.__dict__; {text} = {call}")
        return f"{{{text}}}"

    def _guessed(self, branch: Branch, here: str, value: Any, depth: int, *, several: bool) -> str:
        cls: Any = type(value)
        child, inner = self._name("o"), self._name("h")
        self._line(f"{child} = {here}['{branch.field}']; {inner} = {child}.__dict__")
        same_class = ""
        if several:
            self.names[f"class_{child}"] = cls
            same_class = f"type({child}) is class_{child} and "
        self._line(f"if {same_class}len({inner}) == {len(value.__dict__)}:")
        self.pad += "    "
        return self.element(plan_of(cls), inner, value.__dict__, depth + 1)

    def _kind(self, hoisted: Branch, here: str, held: Held) -> str:
        """The value of the attribute that chooses a class: a word where it is guessed, else ``{kind}``."""
        value = held[hoisted.field]
        if self.guessing and not isinstance(value, Unread):
            return header(type(value)).variant
        kinds = self._name("kinds")
        self.names[kinds] = {cls: header(cls).variant for cls in hoisted.classes}
        self._line(f"o = {here}['{hoisted.field}']; kind = {kinds}.get(type(o)) or escape(o.chosen)")
        return "{kind}"

    def _moved(self, text: str, early: str, kind: str) -> tuple[str, str]:
        """The text of a child where it stands before the hoisted one, and where it stands else."""
        if kind != "{kind}":
            return (text, "") if kind == early else ("", text)
        first, own = self._name("t"), self._name("t")
        self._line(f"{first}, {own} = (f'{text}', '') if kind == '{early}' else ('', f'{text}')")
        return f"{{{first}}}", f"{{{own}}}"

    def _value(self, leaf: Leaf, here: str) -> str:
        name = self._name("s")
        text = leaf.scalar.text(f'{here}["{leaf.field}"]', name)
        if name in text:
            self.names[name] = leaf.scalar
        return f"{{{text if leaf.scalar.plain else f'escape({text})'}}}"

    def _name(self, kind: str) -> str:
        return f"{kind}{next(self.numbers)}"

    def _break(self, depth: int) -> str:
        return f"{{nl}}{'  ' * depth}" if self.indented else ""

    def _line(self, line: str) -> None:
        self.lines.append(f"{self.pad}{line}")
