"""Write the lines of the output, count what they tell, and find them again in a file."""

from __future__ import annotations

import json
import os
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from attrs import define, field

from kvnet.bulk.rendering import BulkResult, Settings
from kvnet.bulk.uses import digest
from kvnet.errors import FieldPath, Problem

__all__ = ["Batch", "LineFile", "Tally", "batch", "error_dict", "head", "numbered", "read_head", "unnumbered"]

_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}")
_READ_AT_ONCE = 1 << 20
_STEP = 16


@define(slots=False)
class Tally:
    """What a run counts: machines, duplicates, and by code the ``reasons`` for refusing and the ``notes``.

    A reason has a number of machines, and its first example.
    """

    machines: int = 0
    duplicates: int = 0
    reasons: dict[str, tuple[int, str]] = field(factory=dict)
    notes: Counter[str] = field(factory=Counter)

    @property
    def refused(self) -> int:
        """How many machines were refused."""
        return sum(count for count, _ in self.reasons.values())

    def count(self, line: Mapping[str, Any]) -> None:
        """Count the machine of a line."""
        self.machines += 1
        self.notes.update(line.get("notes", ()))
        for problem in line.get("problems", ())[:1]:
            self._refuse(problem["code"], 1, _example(line, problem))

    def refuse(self, line: Mapping[str, Any], refusal: Mapping[str, Any]) -> None:
        """Count a machine as refused that was counted as rendered."""
        self.machines -= 1
        self.notes.subtract(line.get("notes", ()))
        self.count(refusal)

    def add(self, other: Tally) -> None:
        """Count the machines of another tally."""
        self.machines += other.machines
        self.notes.update(other.notes)
        for code, (count, example) in other.reasons.items():
            self._refuse(code, count, example)

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain data, with the keys of the report."""
        return {
            "vms": self.machines,
            "rendered": self.machines - self.refused,
            "refused": self.refused,
            "reasons": {
                code: {"count": count, "example": told} for code, (count, told) in sorted(self.reasons.items())
            },
            "notes": {code: count for code, count in sorted(self.notes.items()) if count},
            "duplicated": self.duplicates,
        }

    def _refuse(self, code: str, count: int, example: str) -> None:
        before, first = self.reasons.get(code, (0, example))
        self.reasons[code] = (before + count, first)


def _example(line: Mapping[str, Any], problem: Mapping[str, Any]) -> str:
    """Which machine a line is about, and what is wrong with it."""
    name = f"{line.get('namespace') or 'default'}/{line['name']}" if line.get("name") else "a machine without a name"
    place = f" ({problem['file']}:{problem.get('line')}:{problem.get('column')})" if problem.get("file") else ""
    return f"{name}{place}: {problem['message']}"


class Batch(NamedTuple):
    """The results of one chunk, ready to be written.

    ``lines`` are JSON without the index, which workers do not know. ``files`` are names and XML, where a file for each
    machine is wanted. ``records`` hold 16 bytes for each use: its digest, and the number of its machine in the batch.
    ``size`` is how much of the input this was, in the unit of the input's own ``size``.
    """

    lines: list[bytes]
    files: list[tuple[str, str] | None]
    records: bytes
    tally: Tally
    size: int


def batch(results: Iterable[tuple[BulkResult, str | None]], settings: Settings, size: int) -> Batch:
    """Put results together, each with the name of its file where the line tells that."""
    lines: list[bytes] = []
    files: list[tuple[str, str] | None] = []
    records: list[bytes] = []
    tally = Tally()
    for number, (result, source) in enumerate(results):
        file = _file_name(result) if settings.files else None
        problems = result.problems
        if settings.files and file is None and not problems:
            problems = (_name_problem(result),)
        line: dict[str, Any] = {"namespace": result.namespace, "name": result.name}
        if source is not None:
            line["file"] = source
        if problems:
            line["problems"] = [error_dict(problem) for problem in problems]
        else:
            line["uses"] = result.uses.as_dict()
            if result.notes:
                line["notes"] = sorted({note.code for note in result.notes})
            records += [digest(*use) + number.to_bytes(8, "little") for use in result.uses]
        tally.count(line)
        if settings.files:
            files.append((file, _file_text(result)) if file and not problems else None)
        elif not problems:
            # the XML is last, so that head can cut it off
            line |= {"devices": result.devices} if result.document is None else {"xml": result.document}
        lines.append(json.dumps(line).encode())
    return Batch(lines, files, b"".join(records), tally, size)


def error_dict(problem: Problem) -> dict[str, Any]:
    """An error as a line tells it: without its severity, and without a field where it is about the whole."""
    return {key: value for key, value in problem.as_dict().items() if key != "severity" and value != ""}


def numbered(index: int, line: bytes) -> bytes:
    """The line with its index and a line feed."""
    return b'{"index": %d, %b\n' % (index, line[1:])


def unnumbered(line: bytes) -> bytes:
    """The line that was numbered."""
    return b"{" + line.partition(b", ")[2].removesuffix(b"\n")


def head(line: bytes) -> bytes:
    """The line without its XML. It is cut at bytes that no JSON text can hold inside a string."""
    for key in (b', "xml": ', b', "devices": '):
        before, found, _ = line.partition(key)
        if found:
            return before + b"}"
    return line


def read_head(line: bytes) -> dict[str, Any]:
    """What a line tells, without its XML. Raises ValueError where it is no JSON object."""
    told = json.loads(head(line))
    if not isinstance(told, dict):
        raise ValueError(f"a line is an object, not {type(told).__name__}")
    return told


def _file_name(result: BulkResult) -> str | None:
    """The name of a machine's file, or nothing where its names do not make one plain name."""
    parts = (result.namespace or "default", result.name or "vm")
    if not all(_FILE_NAME.fullmatch(part) for part in parts) or len("_".join(parts)) > 240:
        return None
    return f"{'_'.join(parts)}.xml"


def _file_text(result: BulkResult) -> str:
    return "\n".join(result.devices) + "\n" if result.document is None else result.document


def _name_problem(result: BulkResult) -> Problem:
    message = f"namespace {result.namespace or 'default'!r} and name {result.name!r} do not make the name of a file"
    hint = "use letters, digits, '-' and '.' in both"
    return Problem(FieldPath(("metadata", "name")), "KN704", message, hint=hint)


class LineFile:
    """Lines in a file, found by their numbers from 0 with half a byte of memory for each."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.count = 0
        self._end = 0
        self._starts = array("Q")  # of every sixteenth line

    def append(self, lines: list[bytes]) -> None:
        """Write lines, each with its line feed."""
        self._note(lines)
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def line(self, number: int) -> bytes:
        """The line of a number."""
        step, place = divmod(number, _STEP)
        start = self._starts[step]
        end = self._starts[step + 1] if step + 1 < len(self._starts) else self._end
        return os.pread(self.descriptor, end - start, start).split(b"\n", place + 1)[place]

    def recover(self) -> Iterator[bytes]:
        """The lines that the file holds already; at their end, cut off a torn line and stand where the next belongs."""
        for line in self.whole_lines():
            self._note([line])
            yield line
        os.ftruncate(self.descriptor, self._end)
        os.lseek(self.descriptor, self._end, os.SEEK_SET)

    def whole_lines(self) -> Iterator[bytes]:
        """The lines of the file from its start, each with its line feed; not the last one where that is torn."""
        start, kept = 0, b""
        while text := os.pread(self.descriptor, _READ_AT_ONCE, start):
            start += len(text)
            *whole, kept = (kept + text).split(b"\n")
            for line in whole:
                yield line + b"\n"

    def _note(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            if not self.count % _STEP:
                self._starts.append(self._end)
            self.count += 1
            self._end += len(line)
