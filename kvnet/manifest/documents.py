"""Documents: every object of a YAML or JSON source as plain data, with a way back to its text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import IO, Any

import yaml
from attrs import evolve, field, frozen

from kvnet.errors import FieldPath, KvnetError, Problem, Rejected
from kvnet.manifest.codes import DUPLICATE, UNREADABLE, WRONG_TYPE
from kvnet.manifest.construct import construct
from kvnet.manifest.json_text import is_json, looks_quoted, odd_value, parse_json
from kvnet.manifest.nodes import compose_all, compose_safely, syntax_problem
from kvnet.manifest.origin import TextOrigin
from kvnet.manifest.plain_data import plain_data
from kvnet.manifest.review import review
from kvnet.manifest.scalars import Unfit
from kvnet.manifest.text import Text, read_text

__all__ = ["Document", "Source", "documents", "scan"]

Source = str | bytes | PathLike[str] | IO[Any] | Mapping[str, Any] | Iterable[Mapping[str, Any]]


@frozen
class Document:
    """One object as plain data; ``origin`` is ``None`` where it did not come from a text."""

    data: Any
    origin: TextOrigin | None = field(default=None, repr=False)


def documents(source: Source) -> tuple[Document, ...]:
    """Every object of a path, an open file, text, a mapping or a list of mappings.

    Text holds YAML documents or JSON. Empty documents are left out, and the ``items`` of Lists take
    their List's place. Raises Rejected with all that is wrong.
    """
    found, problems = scan(source)
    if problems:
        raise Rejected(problems)
    return found


def scan(source: Source) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """The documents that can be read, and what is wrong with the others."""
    found: list[Document] = []
    problems: list[Problem] = []
    try:
        for each in _read(source):
            if isinstance(each, Document):
                found += _flattened(each, problems)
            else:
                problems.append(each)
    except KvnetError as error:
        problems += error.problems
    return tuple(found), tuple(problems)


def _read(source: Source) -> Iterator[Document | Problem]:
    if isinstance(source, Mapping):
        yield Document(plain_data(source))
        return
    if isinstance(source, (list, tuple)):
        for each in source:
            yield Document(plain_data(each))
        return
    text = read_text(source)
    if is_json(text.text):
        yield from _read_json(text)
    else:
        yield from _read_yaml(text)


def _read_json(text: Text) -> Iterator[Document | Problem]:
    try:
        yield Document(parse_json(text.text), TextOrigin(text=text))
    except json.JSONDecodeError as error:
        found = list(_read_yaml(text))
        is_broken = any(isinstance(each, Problem) and each.code == UNREADABLE for each in found)
        if is_broken and looks_quoted(text.text):
            yield text.unreadable(error.pos, f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}")
        else:
            yield from found
    except Unfit:
        yield from _json_problems(text)


def _json_problems(text: Text) -> Iterator[Problem]:
    """What keeps text from use that Python's decoder took for JSON."""
    odd = odd_value(text)
    if odd is not None:
        yield odd
        return
    root = compose_safely(text.text)
    found = review(root, text, 0) if root is not None else ()
    yield from found or (Problem(FieldPath(), DUPLICATE, "a key is given twice", place=text.place(0)),)


def _read_yaml(text: Text) -> Iterator[Document | Problem]:
    shares = "&" in text.text
    before = Text(text.file, "")
    end = 0
    try:
        for number, root in enumerate(compose_all(text.text)):
            before = text.part(end, root.end_mark.index, before)
            end = root.end_mark.index
            problems = review(root, text, number) if shares else ()
            if problems:
                yield from problems
                continue
            try:
                data = construct(root)
            except Unfit:
                yield from review(root, text, number)
                continue
            if data is not None:
                yield Document(data, TextOrigin(text=before, document=number))
    except (yaml.YAMLError, UnicodeError) as error:
        yield syntax_problem(error, text)


def _flattened(document: Document, problems: list[Problem]) -> Iterator[Document]:
    """The document, or the items of a List in its place."""
    data = document.data
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List") or "items" not in data:
        yield document
        return
    items = data["items"]
    if not isinstance(items, list):
        if items is not None:
            path = FieldPath(("items",))
            place = document.origin.place(path) if document.origin else None
            problems.append(Problem(path, WRONG_TYPE, f"the items of a {kind} have to be a list", place=place))
        return
    typed = {key: data[key] for key in ("apiVersion",) if key in data} | {"kind": kind.removesuffix("List")}
    for index, item in enumerate(items):
        origin = document.origin
        if origin is not None:
            origin = evolve(origin, prefix=(*origin.prefix, "items", index))
        if isinstance(item, dict) and "kind" not in item and typed["kind"]:
            item = {**typed, **item}
        yield from _flattened(Document(item, origin), problems)
