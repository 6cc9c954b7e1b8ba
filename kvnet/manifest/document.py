"""Files, streams and texts become documents: plain data, and an origin that finds its fields in the text again."""

from __future__ import annotations

import codecs
import json
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from io import IOBase, RawIOBase
from typing import IO, Any, Final

import yaml
from attrs import evolve, frozen

from kvnet._lines import line_and_column
from kvnet.errors import FieldPath, Place, Problem, Rejected
from kvnet.manifest._json import found, parse_json
from kvnet.manifest._kinds import OURS, inner_objects, is_foreign, is_xml
from kvnet.manifest._problems import ODD_KEY, UNKNOWN_FIELD, UNREADABLE, UNSUPPORTED_YAML, Flaw, Misfit, problem_of
from kvnet.manifest._templates import is_action, template_flaw, templated_value, without_foreign
from kvnet.manifest._yaml import (
    TOO_DEEP,
    Aliases,
    compose_all,
    document_data,
    identity,
    is_key,
    node_key,
    sound_nodes,
    syntax_flaw,
)

__all__ = [
    "Document",
    "Source",
    "Text",
    "TextOrigin",
    "TextSource",
    "bounded",
    "bounded_bytes",
    "documents",
    "given_text",
    "is_foreign",
    "manifest_files",
    "read_text",
    "text_at_least",
]

LONGEST: Final = 128 << 20
"""The most bytes of a file that is read whole."""
_LOOKS_LIKE_TEXT = re.compile(r"\s*[{\[]|.*:\s")
_SUFFIXES = (".yaml", ".yml", ".json")
_TEXT_READERS = "loads, loads_all, loads_facts or loads_cluster"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAYBE_JSON = re.compile(r"[ \t\r\n]*[{\[]")
_QUOTED_JSON = re.compile(r"""[ \t\r\n]*(?!\{\{)[{\[]\s*(?:["{}\[\]]|\Z)""")
"""JSON rather than YAML's flow style, going by what follows the first brace."""
_BYTE_ORDER_MARK = re.compile(r"^\ufeff", re.MULTILINE)
"""At the start of a line, too: where files were joined to a stream."""
_AFTER_JSON = ("---", "...", "#")
"""What makes YAML of a text that begins as JSON."""
_SEVERAL = "put several objects into a List, or a line of --- between them"


@frozen(slots=False)
class Text:
    """A text, and in ``file`` the name to call it by in problems."""

    file: str
    text: str

    def place(self, index: int, document: int = 0) -> Place:
        """The position of the character ``index`` (from 0)."""
        line, column = line_and_column(self.text, index)
        return Place(self.file, line, column, document)

    def problem(self, flaw: Flaw, document: int = 0) -> Problem:
        """The problem of a text that cannot be read from the flaw's ``offset`` on."""
        return problem_of(flaw, place=self.place(flaw.offset or 0, document))

    def unreadable(self, index: int, message: str, hint: str = "") -> Problem:
        """The problem of a text that cannot be read from a character on."""
        return self.problem(Flaw(code=UNREADABLE, message=message, hint=hint, offset=index))


TextSource = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A path, or an open file."""
Source = TextSource | Text | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A path, an open file, a text with its name, the mapping of an object, or a sequence of those."""


def manifest_files(folder: str) -> list[str]:
    """The YAML and JSON files of a folder and its sub-folders in the order of their paths, relative to it.

    Hidden folders, such as ``.git``, are passed over. Raises OSError where the folder cannot be read.
    """
    found: list[tuple[str, ...]] = []
    pending: list[tuple[str, ...]] = [()]
    while pending:
        path = pending.pop()
        with os.scandir(os.path.join(folder, *path)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending += [] if entry.name.startswith(".") else [(*path, entry.name)]
                elif entry.name.endswith(_SUFFIXES) and entry.is_file():
                    found.append((*path, entry.name))
    return [os.path.join(*path) for path in sorted(found)]


def read_text(source: TextSource) -> Text:
    """The text of a path, or of an open text or binary file: UTF-8, or UTF-16 with a byte order mark.

    Raises Rejected where it cannot be read, ValueError for a text in place of a path, and TypeError for anything else.
    """
    if isinstance(source, str) and "\n" in source:
        raise ValueError(f"this is a text of several lines, not a path: use {_TEXT_READERS}")
    if isinstance(source, bytes | bytearray):
        raise TypeError(f"bytes are a text, not a path: use {_TEXT_READERS}")
    if isinstance(source, str) and not source:
        hint = "give the path of a file; to read a text that is not in a file, use loads"
        raise Rejected([Text("''", "").unreadable(0, "the path is empty", hint)])
    read: Callable[[], str | bytes]
    if isinstance(source, str | os.PathLike):
        file = os.fsdecode(source)
        read = partial(bounded_bytes, file)
    elif hasattr(source, "read"):
        name = getattr(source, "name", None)
        file = name if isinstance(name, str) and name else "<stream>"
        is_whole = isinstance(source, IOBase) and not isinstance(source, RawIOBase)
        read = partial(bounded, source) if is_whole else source.read
    else:
        kinds = "a path, an open file, a mapping or a list of mappings"
        raise TypeError(f"a manifest is {kinds}, not {type(source).__name__}")
    try:
        content = read()
    except UnicodeDecodeError as error:
        raise Rejected([_undecodable(file, error)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "to read a text that is not in a file, use loads" if _LOOKS_LIKE_TEXT.match(file) else ""
        hint = "give the path of a file in it" if isinstance(error, IsADirectoryError) else hint
        raise Rejected([Text(file, "").unreadable(0, f"cannot read '{file}': {reason}", hint)]) from error
    return given_text(content, file)


def bounded_bytes(file: str) -> bytes:
    """The content of a file. Raises OSError, or ValueError where it has no end, as a device, or is too long."""
    with open(file, "rb") as stream:
        content: bytes = bounded(stream)
        return content


def bounded(stream: Any) -> Any:
    """What is left of an open file. Raises ValueError where it is too long."""
    content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST >> 20} MiB")
    return content


def text_at_least(path: os.PathLike[str] | str | None) -> Text | None:
    """The text of a file as far as it is UTF-8; nothing where the file cannot be read, or there is none."""
    if not path:
        return None
    try:
        return Text(os.fsdecode(path), bounded_bytes(os.fsdecode(path)).decode(errors="replace"))
    except (OSError, ValueError):
        return None


def given_text(text: str | bytes | bytearray, name: str = "<text>") -> Text:
    """A text that is given as such, with the name to call it by in problems.

    Raises Rejected where bytes are neither UTF-8 nor UTF-16, and TypeError for anything but text or bytes.
    """
    if isinstance(text, bytes | bytearray):
        try:
            text = text.decode("utf-16" if text.startswith(_UTF16) else "utf-8")
        except UnicodeDecodeError as error:
            raise Rejected([_undecodable(name, error)]) from error
    if not isinstance(text, str):
        raise TypeError(f"text is str or bytes, not {type(text).__name__}: to read a file or a mapping, use load")
    if not isinstance(name, str):
        raise TypeError(f"the name of a text is text such as 'vm.yaml', not {type(name).__name__}")
    text = str(text)  # libyaml takes no instance of a subclass
    return Text(name, _BYTE_ORDER_MARK.sub("", text) if "\ufeff" in text else text)


def _undecodable(file: str, error: UnicodeDecodeError) -> Problem:
    before = Text(file, error.object[: error.start].decode(error.encoding, "replace").removeprefix("\ufeff"))
    byte = error.object[error.start] if error.start < len(error.object) else 0
    message = f"byte 0x{byte:02x} is not {error.encoding.upper()}"
    return before.unreadable(len(before.text), message, "save the file as UTF-8")


@frozen(slots=False)
class TextOrigin:
    """Finds the fields of one document in its text, which is parsed again only when a place is asked for.

    ``document`` counts the documents of the text from 0. ``prefix`` leads from the root of the document to the object
    (into the items of a List). A ``bare`` VMI spec is the object that its paths call ``spec``. A text that ``is_json``
    is looked into as far as the path leads, however long it is.
    """

    text: Text
    document: int = 0
    prefix: tuple[str | int, ...] = ()
    bare: bool = False
    is_json: bool = False

    def place(self, path: FieldPath, *, key: bool = False, offset: int | None = None) -> Place:
        """The position of a field's value (of its key, if asked), or of the nearest enclosing one written.

        With ``offset``, that of a character of the value, which is text.
        """
        node, name = self._find(path)
        if offset is not None and isinstance(node, yaml.ScalarNode):
            return self.text.place(_source_index(self.text.text, node, offset), self.document)
        nearest = name if key and name is not None else node
        return self.text.place(nearest.start_mark.index if nearest is not None else 0, self.document)

    def problem(self, flaw: Flaw) -> Problem:
        """The problem that tells of a flaw in the data of the object, with its place."""
        path = FieldPath(flaw.path)
        node, _ = self._find(path)
        scalar = node if isinstance(node, yaml.ScalarNode) else None
        place = self.place(path, key=flaw.code in (UNKNOWN_FIELD, ODD_KEY), offset=flaw.offset)
        return problem_of(flaw, scalar.value if scalar is not None else None, place)

    def _find(self, path: FieldPath) -> tuple[yaml.Node | None, yaml.Node | None]:
        """The node of a field and that of its key, or of the nearest enclosing one written."""
        parts = (*self.prefix, *(path.parts[1:] if self.bare and path.parts[:1] == ("spec",) else path.parts))
        if self.is_json:
            return found(self.text.text, parts)
        roots = _roots(self.text.text)
        node, name = roots[self.document] if self.document < len(roots) else None, None
        for part in parts:
            step = _step(node, part)
            if step is None:
                break
            name, node = step
        return node, name


@lru_cache(maxsize=2)
def _roots(text: str) -> tuple[yaml.Node, ...]:
    """The nodes of two texts are remembered: those of machines and of NADs are asked for by turns."""
    return sound_nodes(text)


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        if len(node.value) > _FEW:
            return _members(node).get(part)
        return next(((key, value) for key, value in node.value if is_key(key, part)), None)
    return None


_FEW: Final = 32
"""Members of a mapping that are looked through one by one."""


@lru_cache(maxsize=8)
def _members(node: yaml.MappingNode) -> dict[Any, tuple[yaml.Node, yaml.Node]]:
    """The members of a mapping by their names, the first of each: many of them may have problems."""
    members: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        with suppress(Misfit):
            members.setdefault(node_key(key), (key, value))
    return members


_LETTERS: Final = re.compile(r"\S")
_PIECES: Final = {
    "'": re.compile(r"''|\S"),
    '"': re.compile(r"(?P<blank>\\[ntr\s])|\\(?:x\w{2}|u\w{4}|U\w{8}|.)|\S"),
}
_HEADER: Final = re.compile(r"[^|>]*[|>][^\n]*\n")


def _source_index(text: str, node: yaml.ScalarNode, offset: int) -> int:
    """The index in the text of the character ``offset`` of a scalar's value.

    YAML folds and strips white space alone, so the other characters are counted. White space itself is
    placed at what follows it, and the end of the value at its last character.
    """
    letters, pieces = _letters(text, node.start_mark.index, node.end_mark.index, node.style or "", node.value)
    return pieces[min(bisect_left(letters, offset), len(pieces) - 1)]


@lru_cache(maxsize=2)
def _letters(text: str, start: int, end: int, style: str, value: str) -> tuple[list[int], list[int]]:
    """Where the characters are that are no white space: in the value of a scalar, and in its text."""
    if style in ("|", ">"):
        header = _HEADER.match(text, start, end)
        start = header.end() if header else start
    elif style in _PIECES:
        start, end = text.index(style, start) + 1, end - 1
    pieces = _PIECES.get(style, _LETTERS).finditer(text, start, end)
    return (
        [n for n, letter in enumerate(value) if not letter.isspace()],
        [piece.start() for piece in pieces if piece.lastgroup != "blank"] or [start],
    )


@frozen(slots=False)
class Document:
    """One document: its plain ``data``, and its ``origin``, which is ``None`` where it was not read from text."""

    data: Any
    origin: TextOrigin | None = None

    def problems(self, misfit: Misfit) -> list[Problem]:
        """What keeps the data from being read, as problems with their places."""
        return [problem_of(flaw) if self.origin is None else self.origin.problem(flaw) for flaw in misfit.flaws]


def documents(source: Source) -> tuple[Document, ...]:
    """Every document of a source, the items of Lists as documents of their own; empty ones are skipped.

    Raises Rejected with everything that is wrong with the text.
    """
    sound, problems = sound_documents(source)
    if problems:
        raise Rejected(problems)
    return tuple(sound)


def sound_documents(source: Source, *, of_kubernetes: bool = False) -> tuple[list[Document], list[Problem]]:
    """The documents of a source that can be read, and what is wrong with the others.

    ``of_kubernetes`` says that the documents are objects: of those that kvnet does not read, the flaws are no matter,
    and a template in place of one that it reads is a problem.

    Raises Rejected where no text can be read at all, and TypeError for what is not a source.
    """
    if isinstance(source, Text):
        return _text_documents(source, of_kubernetes)
    if isinstance(source, Mapping):
        return _plain_documents((source,))
    if isinstance(source, list | tuple):
        return _plain_documents(source)
    return _text_documents(read_text(source), of_kubernetes)  # type: ignore[arg-type]


def _text_documents(text: Text, of_kubernetes: bool) -> tuple[list[Document], list[Problem]]:
    if _MAYBE_JSON.match(text.text):
        try:
            return list(_items(parse_json(text.text), TextOrigin(text, is_json=True))), []
        except Misfit as misfit:
            return [], [text.problem(flaw) for flaw in misfit.flaws]
        except json.JSONDecodeError as error:
            has_more = error.msg == "Extra data"
            is_stream = has_more and text.text.startswith(_AFTER_JSON, error.pos)
            if _QUOTED_JSON.match(text.text) and not is_stream:
                template = template_flaw(text.text, error.pos, _is_readable) if of_kubernetes else None
                message, hint = f"not JSON: {error.msg}", _SEVERAL if has_more else ""
                return [], [text.problem(template) if template else text.unreadable(error.pos, message, hint)]
    if of_kubernetes and is_xml(text.text):
        return [Document(text.text, None)], []
    sound, problems = _yaml_documents(text, of_kubernetes)
    is_template = of_kubernetes and ("{{" in text.text or "${" in text.text)
    return _rendered(sound, problems) if is_template else (sound, problems)


def _plain_documents(sources: Sequence[Mapping[str, Any]]) -> tuple[list[Document], list[Problem]]:
    if any(isinstance(each, str | os.PathLike) for each in sources):
        raise TypeError("a list of mappings is wanted, not of paths: kvnet.load_all(*paths) reads several files")
    try:
        return [item for each in sources for item in _items(each, None)], []
    except Misfit as misfit:
        return [], [problem_of(flaw) for flaw in misfit.flaws]
    except RecursionError:  # a List may hold itself; texts are not nested so deep
        return [], [problem_of(Flaw(code=UNSUPPORTED_YAML, message=f"Lists are {TOO_DEEP}"))]


def _rendered(documents: list[Document], problems: list[Problem]) -> tuple[list[Document], list[Problem]]:
    """The documents that no template is left in, and the problems with those of the others."""
    sound, problems = [], [*problems]
    for each in documents:
        flaw = None
        if each.origin is not None and not is_foreign(each.data):
            flaw = templated_value(each.data, has_parameters=each.origin.prefix[:1] == ("objects",))
        if each.origin is not None and flaw is not None:
            problems.append(each.origin.problem(flaw))
        else:
            sound.append(each)
    return sound, problems


def _yaml_documents(text: Text, of_kubernetes: bool) -> tuple[list[Document], list[Problem]]:
    sound: list[Document] = []
    problems: list[Problem] = []
    document = 0
    aliases = Aliases() if "*" in text.text else None
    try:
        for root in compose_all(text.text):
            origin = TextOrigin(text, document)
            try:
                sound += _items(document_data(root, aliases=aliases), origin)
            except Misfit as misfit:
                if of_kubernetes and is_foreign(read := identity(root, OURS)):
                    sound.append(Document(read, origin))
                    document += 1
                    continue
                flaws = _told_of(text.text, misfit) if of_kubernetes else misfit.flaws
                problems += [text.problem(flaw, document) for flaw in flaws]
            document += 1
    except (yaml.YAMLError, UnicodeError) as error:
        left, foreign = without_foreign(text.text, _is_readable) if of_kubernetes else ("", [])
        if foreign:
            sound, problems = _yaml_documents(Text(text.file, left), of_kubernetes)
            return [*map(Document, foreign), *sound], problems
        flaw = syntax_flaw(error, text.text)
        template = template_flaw(text.text, flaw.offset or 0, _is_readable) if of_kubernetes else None
        problems.append(text.problem(template or flaw, document))
    return sound, problems


def _told_of(text: str, misfit: Misfit) -> Sequence[Flaw]:
    """The flaws of a document; of a template that happens to be YAML, that alone."""
    braces = next((flaw.offset for flaw in misfit.flaws if is_action(text, flaw.offset or 0)), None)
    template = None if braces is None else template_flaw(text, braces, _is_readable)
    return misfit.flaws if template is None else (template,)


def _is_readable(text: str) -> bool:
    try:
        return all(True for _ in compose_all(text))
    except (yaml.YAMLError, UnicodeError):
        return False


def _items(data: Any, origin: TextOrigin | None) -> Iterator[Document]:
    inner = inner_objects(data)
    if inner is not None:
        for path, each in inner:
            yield from _items(each, evolve(origin, prefix=(*origin.prefix, *path)) if origin else None)
    elif data is not None:
        is_mapping = type(data) is dict or isinstance(data, Mapping)
        is_bare = is_mapping and "kind" not in data and "apiVersion" not in data
        yield Document(data, evolve(origin, bare=True) if origin is not None and is_bare else origin)
