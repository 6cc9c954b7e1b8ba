"""The results of one chunk as lines of NDJSON, numbered and counted, with digests of what their machines use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from attrs import define, evolve, field

from kvnet.bulk.duplicates import Sorted, digests_of, sorted_records, starts_of
from kvnet.bulk.workers import Slot, TextInSlot
from kvnet.errors import Problem
from kvnet.fleet import Uses

__all__ = [
    "BEGINS",
    "Batch",
    "Packed",
    "Tally",
    "beginning",
    "error_dict",
    "head",
    "numbered",
    "read_head",
    "read_without_index",
    "without_index",
]

BEGINS = b'{"index": '
"""How each line begins."""


@define
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
            count, example = self.reasons.get(problem["code"], (0, _example(line, problem)))
            self.reasons[problem["code"]] = (count + 1, example)

    def count_rendered(self, codes: Iterable[str], machines: int) -> None:
        """Count machines that were rendered, each with notes of these codes."""
        self.machines += machines
        for code in codes:
            self.notes[code] += machines

    def add(self, other: Tally) -> None:
        """Count the machines of another tally, which follow those of this one."""
        self.machines += other.machines
        self.notes.update(other.notes)
        for code, (count, example) in other.reasons.items():
            before, first = self.reasons.get(code, (0, example))
            self.reasons[code] = (before + count, first)

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain data, with the keys of the report."""
        reasons = {code: {"count": count, "example": text} for code, (count, text) in sorted(self.reasons.items())}
        return {
            "vms": self.machines,
            "rendered": self.machines - self.refused,
            "refused": self.refused,
            "reasons": reasons,
            "notes": dict(sorted(self.notes.items())),
            "duplicated": self.duplicates,
        }


def _example(line: Mapping[str, Any], problem: Mapping[str, Any]) -> str:
    """Which machine a line is about, and what is wrong with it."""
    name = f"{line.get('namespace') or 'default'}/{line['name']}" if line.get("name") else "a machine without a name"
    place = f" ({problem['file']}:{problem.get('line')}:{problem.get('column')})" if problem.get("file") else ""
    return f"{name}{place}: {problem['message']}"


class Packed(NamedTuple):
    """The lines of so many machines as they are written, which of them begin where, and what the machines use."""

    text: bytes | TextInSlot
    machines: int
    starts: list[int]
    records: Sorted

    @property
    def whole_text(self) -> bytes | memoryview:
        """The lines, wherever they are kept."""
        return self.text if isinstance(self.text, bytes) else self.text.view

    def sent_through(self, slot: Slot | None) -> Packed:
        """The same with lines and records in a slot, where there is room for them."""
        assert isinstance(self.text, bytes)
        assert isinstance(self.records.text, bytes)
        if slot is None or not (kept := slot.put(self.text, self.records.text)):
            return self
        return self._replace(text=kept[0], records=self.records._replace(text=kept[1]))


@define
class Batch:
    """The results of one chunk, ready to be written.

    - ``size``: how much of the input this was, in the unit of the input's own size
    - ``lines``: JSON as it stands behind the index, see ``without_index``
    - ``digests``: 8 bytes for each thing that a machine uses, and ``tally``: the counts, so that the process that
      writes need not read the lines
    - ``files``: names and XML, where a file for each machine is wanted
    - ``packed``: lines and digests, where the worker knew the index of its first machine
    """

    size: int = 0
    lines: list[bytes] = field(factory=list)
    digests: list[list[bytes]] = field(factory=list)
    tally: Tally = field(factory=Tally)
    files: list[tuple[str, str] | None] = field(factory=list)
    packed: Packed | None = None

    @classmethod
    def of_line(cls, line: bytes) -> Batch:
        """The batch of one line, as it stands behind its index."""
        told = read_without_index(line)
        result = cls(lines=[line], digests=[digests_of(Uses.of_line(told))])
        result.tally.count(told)
        return result

    def add(self, line: Mapping[str, Any], uses: Uses) -> None:
        """Add what is told of a machine in a line, and what the machine uses, where it was rendered."""
        self.lines.append(without_index(line))
        self.digests.append(digests_of(uses))
        self.tally.count(line)

    def pack(self, first: int, run: str) -> Packed:
        """Lines and digests of machines whose first has an index; ``run`` is whose output it is."""
        lines = numbered(first, self.lines, run)
        return Packed(b"".join(lines), len(lines), starts_of(lines, first), sorted_records(first, self.digests))

    def packed_by_worker(self, first: int, run: str, slot: Slot | None) -> Batch:
        """The batch with its lines and digests in one piece, the lines in a slot where there is one."""
        return evolve(self, packed=self.pack(first, run).sent_through(slot), lines=[], digests=[])


def error_dict(problem: Problem) -> dict[str, Any]:
    """An error as a line tells it: without its severity, and without a field where it is about the whole."""
    return {key: value for key, value in problem.as_dict().items() if key != "severity" and value != ""}


def without_index(line: Mapping[str, Any]) -> bytes:
    """What a line tells as it stands behind its index: without the brace that begins it, and with its line feed."""
    return json.dumps(line)[1:].encode() + b"\n"


def numbered(first: int, lines: Iterable[bytes], run: str) -> list[bytes]:
    """Lines with their indexes, counted from ``first``; the first of all names the ``run``."""
    return [
        b'{"index": %d, %b' % (index, line) if index else beginning(run) + line
        for index, line in enumerate(lines, first)
    ]


def beginning(run: str) -> bytes:
    """How the first line of a run's output begins."""
    return b'%b0, "run": "%b", ' % (BEGINS, run.encode())


def head(line: bytes) -> bytes:
    """A line without its XML. It is cut at bytes that no JSON text can hold inside a string."""
    for key in (b', "xml": ', b', "devices": '):
        before, found, _ = line.partition(key)
        if found:
            return before + b"}\n"
    return line


def read_without_index(line: bytes) -> dict[str, Any]:
    """What a line tells, as it stands behind its index. Raises as ``read_head``."""
    return read_head(b"{" + line)


def read_head(line: bytes) -> dict[str, Any]:
    """What a line tells, without its XML. Raises ValueError where it is no JSON object."""
    content = json.loads(head(line))
    if not isinstance(content, dict):
        raise ValueError(f"a line is an object, not {type(content).__name__}")
    return content
