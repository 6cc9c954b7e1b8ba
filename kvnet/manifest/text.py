"""Sources: files, streams and strings become text with a name and positions."""

from __future__ import annotations

import codecs
import os
from pathlib import Path
from typing import IO, Any, cast

from attrs import frozen

from kvnet.errors import FieldPath, Place, Problem, Rejected
from kvnet.manifest.codes import UNREADABLE

__all__ = ["Text", "read_text"]

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@frozen(slots=False)
class Text:
    """A text, the name to call it by, and the line (from 0) and column at which it begins there."""

    file: str
    text: str
    line: int = 0
    column: int = 0

    def place(self, index: int, document: int = 0) -> Place:
        """The position of the character ``index``."""
        line = self.text.count("\n", 0, index)
        column = index - (self.text.rfind("\n", 0, index) + 1) + (0 if line else self.column)
        return Place(self.file, self.line + line + 1, column + 1, document)

    def part(self, start: int, end: int) -> Text:
        """A stretch of the text that still knows its positions."""
        if start == 0 and end >= len(self.text):
            return self
        before = self.place(start)
        return Text(self.file, self.text[start:end], before.line - 1, before.column - 1)

    def unreadable(self, index: int, message: str, hint: str = "", document: int = 0) -> Problem:
        """The problem of a text that is broken at a character."""
        return Problem(FieldPath(), UNREADABLE, message, hint=hint, place=self.place(index, document))


def read_text(source: object) -> Text:
    """The text of a path, an open text or binary file, a string or bytes.

    A string is text where it has a newline, a ``{`` or a ``: ``, and a path otherwise. Text is UTF-8,
    or UTF-16 with a byte order mark. Raises Rejected where the source cannot be read, TypeError for
    anything that is no source.
    """
    if isinstance(source, (bytes, bytearray)):
        return _decode(bytes(source), "<bytes>")
    if isinstance(source, str) and ("\n" in source or "{" in source or ": " in source):
        return _whole("<text>", source)
    if isinstance(source, (str, os.PathLike)):
        return _read_path(os.fsdecode(source))
    if hasattr(source, "read"):
        return _read_stream(cast(IO[Any], source))
    raise TypeError(f"a manifest is a path, an open file, text or a mapping, not {type(source).__name__}")


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
    return Problem(FieldPath(), UNREADABLE, f"cannot read '{file}': {reason}", place=Place(file, 1, 1))


def _undecodable(file: str, content: bytes, error: UnicodeDecodeError) -> Problem:
    before = Text(file, content[: error.start].decode(error.encoding, "replace").removeprefix("\ufeff"))
    byte = content[error.start] if error.start < len(content) else 0
    return before.unreadable(
        len(before.text), f"byte 0x{byte:02x} is not {error.encoding.upper()}", hint="save the file as UTF-8"
    )
