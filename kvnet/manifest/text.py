"""Files, streams and strings become text that has a name and knows its positions."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from attrs import frozen

from kvnet.errors import FieldPath, Place, Problem, Rejected
from kvnet.manifest.problems import UNREADABLE

__all__ = ["Source", "Text", "TextSource", "given_text", "read_text"]

TextSource = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A path, or an open file."""
Source = TextSource | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A path, an open file, the mapping of an object, or a sequence of those."""
_LOOKS_LIKE_TEXT = re.compile(r"\s*[{\[]|.*:\s")
_TEXT_READERS = "loads, loads_all, loads_facts or loads_cluster"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@frozen(slots=False)
class Text:
    """A text, and in ``file`` the name to call it by in problems."""

    file: str
    text: str

    def place(self, index: int, document: int = 0) -> Place:
        """The position of the character ``index`` (from 0)."""
        line = self.text.count("\n", 0, index)
        return Place(self.file, line + 1, index - self.text.rfind("\n", 0, index), document)

    def index(self, place: Place) -> int:
        """The character at a position that ``place`` gave."""
        before = self.text.split("\n")[: place.line - 1]
        return sum(len(each) + 1 for each in before) + place.column - 1

    def unreadable(self, index: int, message: str, hint: str = "", document: int = 0) -> Problem:
        """The problem of a text that cannot be read from a character on."""
        return Problem(FieldPath(), UNREADABLE, message, hint=hint, place=self.place(index, document))


def read_text(source: TextSource) -> Text:
    """The text of a path, or of an open text or binary file: UTF-8, or UTF-16 with a byte order mark.

    Raises Rejected where it cannot be read, ValueError for a text in place of a path, and TypeError for anything else.
    """
    if isinstance(source, str) and "\n" in source:
        raise ValueError(f"this is a text of several lines, not a path: use {_TEXT_READERS}")
    if isinstance(source, str | os.PathLike):
        return _read_path(os.fsdecode(source))
    if isinstance(source, bytes | bytearray):
        raise TypeError(f"bytes are a text, not a path: use {_TEXT_READERS}")
    if hasattr(source, "read"):
        return _read_stream(cast(IO[Any], source))
    kinds = "a path, an open file, a mapping or a list of mappings"
    raise TypeError(f"a manifest is {kinds}, not {type(source).__name__}")


def given_text(text: str | bytes | bytearray, name: str = "<text>") -> Text:
    """A text that is given as such, with the name to call it by in problems.

    Raises Rejected where bytes are neither UTF-8 nor UTF-16, and TypeError for anything but text or bytes.
    """
    if isinstance(text, str):
        return _whole(name, text)
    if isinstance(text, bytes | bytearray):
        return _decode(bytes(text), name)
    raise TypeError(f"text is str or bytes, not {type(text).__name__}: to read a file or a mapping, use load")


def _read_path(path: str) -> Text:
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise Rejected([_not_readable(path, error)]) from error
    return _decode(content, path)


def _read_stream(stream: IO[Any]) -> Text:
    name = getattr(stream, "name", None)
    file = name if isinstance(name, str) and name else "<stream>"
    try:
        content = stream.read()
    except UnicodeDecodeError as error:
        raise Rejected([_undecodable(file, bytes(error.object), error)]) from error
    except (OSError, ValueError) as error:
        raise Rejected([_not_readable(file, error)]) from error
    return _whole(file, content) if isinstance(content, str) else _decode(content, file)


def _decode(content: bytes, file: str) -> Text:
    try:
        return _whole(file, content.decode("utf-16" if content.startswith(_UTF16) else "utf-8"))
    except UnicodeDecodeError as error:
        raise Rejected([_undecodable(file, content, error)]) from error


def _whole(file: str, text: str) -> Text:
    return Text(file, text.removeprefix("\ufeff"))


def _not_readable(file: str, error: Exception) -> Problem:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    hint = "to read a text that is not in a file, use loads" if _LOOKS_LIKE_TEXT.match(file) else ""
    return Problem(FieldPath(), UNREADABLE, f"cannot read '{file}': {reason}", hint=hint, place=Place(file, 1, 1))


def _undecodable(file: str, content: bytes, error: UnicodeDecodeError) -> Problem:
    before = Text(file, content[: error.start].decode(error.encoding, "replace").removeprefix("\ufeff"))
    byte = content[error.start] if error.start < len(content) else 0
    return before.unreadable(
        len(before.text), f"byte 0x{byte:02x} is not {error.encoding.upper()}", hint="save the file as UTF-8"
    )
