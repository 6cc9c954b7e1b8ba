"""Generate the reader of each element class, for elements without flaws, and its writers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from attrs import define, field

from kvnet._codegen import function, title
from kvnet.xml.element import constructor, install
from kvnet.xml.schema import Branch, Leaf, Node, RawElement, declaration, plan_of
from kvnet.xml.types import Scalar, Token, escape

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["REFUSALS", "Write", "cached", "parsed", "reader", "sources", "to_text", "writers"]

REFUSALS = (ValueError, LookupError, TypeError)
"""What a generated reader raises, without a reason, for an element that has to be looked at part by part."""

Write = Callable[..., str]
_REMEMBERED = 1024
_MANY = 64
"""So many children and more are not read as a list."""
_MOST_SHAPES = 4096


def sources(cls: Any) -> dict[str, str]:
    """The source of the functions that make, read and write the objects of a class, by their labels.

    There is a writer of objects that have all fields, and one for each set of fields that was written so far.
    """
    install(cls)
    made: list[Any] = [cls.__init__, reader(cls)]
    every_field = dict.fromkeys(part.field for part in plan_of(cls).fields())
    made += [_shape_writer(cls, every_field, False), *writers[cls].values()]
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
    # a call of parse for each name would make reading of a NIC 5 % slower
    names[f"is_{name}"] = leaf.scalar.pattern.fullmatch
    return f"{text} if is_{name}({text}) else {name}({text})"


def cached(scalar: Scalar[Any], call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a scalar, which remembers its results where the scalar asks for that."""
    return lru_cache(_REMEMBERED)(call) if scalar.is_cached else call


def _empty_children(branch: Branch) -> dict[str, Any]:
    """The object of a missing element for each variant that requires nothing in it."""
    found = {}
    for cls in branch.classes:
        try:
            found[declaration(cls).variant] = cls()
        except (TypeError, ValueError):
            continue
    return found


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
            self[fields] = write = _shape_writer(self._cls, h, self._indented)
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


def _shape_writer(cls: type, example: Mapping[str, Any], indented: bool) -> Write:
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
