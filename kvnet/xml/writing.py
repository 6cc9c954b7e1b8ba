"""Write objects as XML, with writers that are generated for the fields that an object has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from kvnet._codegen import function, title
from kvnet.errors import XmlError
from kvnet.xml.element import Element
from kvnet.xml.paths import newer_than
from kvnet.xml.schema import Branch, Leaf, Node, RawElement, declaration, plan_of
from kvnet.xml.types import cached, escape

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["shape_writer", "to_element", "to_text", "write", "writers"]

Write = Callable[..., str]
_MOST_SHAPES: Final = 4096
_WIDEST: Final = 1000
"""Spaces that a line may begin with."""

# Nothing is imported from lxml before it is needed: without it, objects are written too, and the command starts sooner.


def write(device: Element, *, indent: int | None = None, libvirt: str | None = None) -> str:
    """The XML of an object, on one line, or indented by ``indent`` spaces and two more for each level.

    The same object gives the same bytes, with children in libvirt's order. An object that was read without loss keeps
    the layout of its text, in which only what was changed is written anew. If ``libvirt`` is a release such as
    ``9.0.0``, XmlError names everything that this release does not know and would drop silently.

    Raises TypeError for what is not an element, ValueError for an ``indent`` or a release that makes no sense.
    """
    shapes, h = writers[device.__class__], device.__dict__
    if indent is None and libvirt is None and "verbatim" not in h:
        return shapes[tuple(h)](h)
    _check_indent(indent)
    if libvirt is not None and (problems := list(newer_than(device, libvirt))):
        raise XmlError(problems)
    if "verbatim" in h:
        from kvnet.xml.edit import edited  # noqa: PLC0415 - takes lxml

        return edited(device)
    return to_text(device) if indent is None else to_text(device, "\n" + " " * indent).removeprefix("\n")


def to_element(device: Element) -> etree._Element:
    """The XML of an object as an lxml tree. Raises TypeError for what is not an element."""
    from kvnet.xml.parser import parse  # noqa: PLC0415 - takes lxml

    return parse(write(device))


def _check_indent(indent: int | None) -> None:
    if indent is None:
        return
    if not isinstance(indent, int) or isinstance(indent, bool):
        raise TypeError(f"indent is a number of spaces such as 2, not {indent!r}")
    if indent < 0:
        raise ValueError(f"indent is a number of spaces such as 2, not {indent}")
    if indent > _WIDEST:
        raise ValueError(f"indent is a number of spaces such as 2, and at most {_WIDEST}")


# In writers, h is the object's ``__dict__`` and h_X that of its child in field X, nlN the line break before an element
# at depth N, c_h_X the text of such a child, and kind the value of the attribute that chooses a class.


class _Shapes(dict[tuple[str, ...], Write]):
    """The writers of a class by the fields that an object has, in their order; each takes the object's ``__dict__``.

    Fleets have few shapes. One writer that looks for all 45 fields of an interface takes 1.7 times as long. A writer
    is generated with the first object of its shape, whose children are the example for those of the others.
    """

    def __init__(self, cls: type, indented: bool) -> None:
        super().__init__()
        self._cls = cls
        self._indented = indented

    def __missing__(self, fields: tuple[str, ...]) -> Write:
        def write_first(h: Mapping[str, Any], *nl: str) -> str:
            if len(self) >= _MOST_SHAPES:
                self.clear()
            self[fields] = write = shape_writer(self._cls, h, self._indented)
            return write(h, *nl)

        return write_first


class _Writers(dict[type, _Shapes]):
    def __init__(self, *, indented: bool) -> None:
        super().__init__()
        self._indented = indented

    def __missing__(self, cls: type) -> _Shapes:
        if cls is not RawElement:
            # raises TypeError for all others than element classes
            declaration(cls)
        self[cls] = _Shapes(cls, self._indented)
        return self[cls]


writers = _Writers(indented=False)
"""The writers of each class, on one line: ``writers[cls][tuple(h)](h)``."""
indented_writers = _Writers(indented=True)
"""The writers of each class, with ``nl``, a line break and spaces, before the element: ``…[cls][tuple(h)](h, nl)``."""


def to_text(device: Any, nl: str = "") -> str:
    """The XML of an object, on one line, or with ``nl``, a line break and spaces, before it and more inside."""
    if nl:
        shapes, h = indented_writers[device.__class__], device.__dict__
        return shapes[tuple(h)](h, nl)
    shapes, h = writers[device.__class__], device.__dict__
    return shapes[tuple(h)](h)


def shape_writer(cls: type, example: Mapping[str, Any], indented: bool) -> Write:
    """The function that writes the objects of a class that have just the fields of an example.

    It tries first whether the children are of the classes and shapes of the example's: then the whole element is one
    f-string. Without that, JSON to XML takes 3 % longer, and devices to XML 40 %.
    """
    if cls is RawElement:
        return lambda h, nl="": f"{nl}{h['xml']}" if h["xml"] else ""
    plan, names = plan_of(cls), {"escape": escape}
    code = _WriterCode(indented, names)
    text = code.element(plan, "h", example, 0)
    lines = [*code.lines, *(f"if kind == '{kind}': return {other}" for kind, other in code.moved.items())]
    lines += [f"return {text}"]
    if any(isinstance(part, Branch) and example.get(part.field).__class__ in part.classes for part in plan.fields()):
        guess = _WriterCode(indented, names, guesses=True)
        text = guess.element(plan, "h", example, 0)
        lines = ["try:", *(f"    {line}" for line in (*guess.lines, f"return {text}")), "except KeyError: pass", *lines]
    header = f"def write(h{', nl0' if indented else ''}):"
    label = f"write {'indented ' if indented else ''}{title(cls)} with {' '.join(sorted(example)) or 'nothing'}"
    return function("write", [header, *(f"    {line}" for line in lines)], names, label)


@define
class _WriterCode:
    """Code in the making: the lines before the f-string, and the names that they use.

    ``guesses`` tells to write the children as the example's, or raise KeyError; else their own writers write them.
    ``moved`` has the f-string for a variant that is written in another order than all others.
    """

    indented: bool
    names: dict[str, Any]
    guesses: bool = False
    lines: list[str] = field(factory=list)
    moved: dict[str, str] = field(factory=dict)

    def element(self, node: Node, h: str, example: Mapping[str, Any], depth: int) -> str:
        """The expression for the text of an element, empty for the element of a variant that says nothing.

        ``h`` is the local that holds the fields, and ``example`` has those of an object of the shape.
        """
        kind = self._kind(node.selected, h, example) if node.selected else ""
        selector = f" {node.selected.selector}='{kind}'" if node.selected else ""
        fixed = "".join(f" {name}='{value}'" for name, value in node.constants.items())
        leaves = [leaf for leaf in node.attributes if leaf.field in example]
        own = "".join(f" {leaf.name}='{self._value(leaf, h)}'" for leaf in leaves)
        opening = f"{self._break(depth)}<{node.tag}{selector}{fixed}{own}"
        if node.text is not None and node.text.field in example:
            return f'f"{opening}>{self._value(node.text, h)}</{node.tag}>"'
        alone = '""' if node.cls and declaration(node.cls).variant and not own else f'f"{opening}/>"'
        parts = [part for part in node.content if any(each.field in example for each in _fields(part))]
        if self.indented and parts:
            self.lines.append(f"nl{depth + 1} = nl{depth} + '  '")
        made = {part.tag: self._part(part, h, example, depth + 1) for part in parts}
        if not any(made.values()):
            return alone

        def whole(order: list[Node | Branch]) -> str:
            return f'f"{opening}>{"".join(made[part.tag] for part in order)}{self._break(depth)}</{node.tag}>"'

        for part in parts:
            if isinstance(part, Branch) and part.before_variant and kind in ("{kind}", part.before_variant):
                others = [each for each in parts if each is not part]
                at = next(n for n, each in enumerate(others) if each is node.selected)
                order = [*others[:at], part, *others[at:]]
                if kind == part.before_variant:
                    return whole(order)
                self.moved[part.before_variant] = whole(order)
        if all(text.startswith("{c_") for text in made.values() if text):
            # children that say nothing leave the element empty
            return f"{whole(parts)} if {' or '.join(text[1:-1] for text in made.values() if text)} else {alone}"
        return whole(parts)

    def _kind(self, branch: Branch, h: str, example: Mapping[str, Any]) -> str:
        """The value of the attribute that chooses a class, or ``{kind}`` if only the object tells."""
        child = example[branch.field]
        if self.guesses and child.__class__ in branch.classes:
            return declaration(child.__class__).variant or ""
        self.names["variants"] = {cls: declaration(cls).variant for cls in branch.classes}
        self.lines.append(f"o = {h}['{branch.field}']")
        self.lines.append("kind = variants[o.__class__] if o.__class__ in variants else escape(o.variant)")
        return "{kind}"

    def _part(self, part: Node | Branch, h: str, example: Mapping[str, Any], depth: int) -> str:
        """The part of an f-string for what is inside an element; if it can be empty, it is a local ``c_...``."""
        if isinstance(part, Node):
            return self._inside(self.element(part, h, example, depth), f"{h}_{part.tag}")
        child = example[part.field]
        if self.guesses and child.__class__ in part.classes:
            return self._guessed(part, h, child, depth)
        name, shapes = f"c_{h}_{part.field}", f"writers_{h}_{part.field}"
        found = indented_writers if self.indented else writers
        if part.required or len(part.classes) > 1:
            self.names[shapes], shapes = found, f"{shapes}[o.__class__]"
        else:
            self.names[shapes] = found[part.classes[0]]
        call = f"{shapes}[tuple(d)](d{f', nl{depth}' if self.indented else ''})"
        if part.repeated:
            self.lines.append(f"{name} = ''.join([{call} for o in {h}['{part.field}'] for d in [o.__dict__]])")
        else:
            self.lines.append(f"o = {h}['{part.field}']; d = o.__dict__; {name} = {call}")
        return f"{{{name}}}"

    def _guessed(self, branch: Branch, h: str, child: Any, depth: int) -> str:
        """The part for a child of the class and number of fields of the example's; a lacking one is a KeyError."""
        own = f"{h}_{branch.field}"
        is_other = f"len({own}) != {len(child.__dict__)}"
        if branch.required or len(branch.classes) > 1:
            self.names[f"class_{own}"] = child.__class__
            is_other = f"o.__class__ is not class_{own} or {is_other}"
        self.lines += [f"o = {h}['{branch.field}']; {own} = o.__dict__", f"if {is_other}: raise KeyError"]
        return self._inside(self.element(plan_of(child.__class__), own, child.__dict__, depth), own)

    def _inside(self, text: str, name: str) -> str:
        """An expression as a part of an f-string, through a local if it is none itself."""
        if text == '""':
            return ""
        if text.startswith('f"') and text.endswith('>"') and '" if ' not in text:
            return text[2:-1]
        self.lines.append(f"c_{name} = {text}")
        return f"{{c_{name}}}"

    def _break(self, depth: int) -> str:
        return f"{{nl{depth}}}" if self.indented else ""

    def _value(self, leaf: Leaf, h: str) -> str:
        name, value = f"format_{h}_{leaf.field}", f"{h}['{leaf.field}']"
        self.names[name] = cached(leaf.scalar, leaf.scalar.format)
        return f"{{{leaf.scalar.code.format(v=value, format=name)}}}"


def _fields(part: Node | Branch) -> Iterable[Leaf | Branch]:
    return part.fields() if isinstance(part, Node) else [part]
