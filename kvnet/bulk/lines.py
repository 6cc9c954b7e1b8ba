"""Lines of NDJSON, each with a machine or an envelope of a machine and its facts, and blocks of lines for workers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from mmap import mmap
from typing import Any, NamedTuple, overload

from attrs import evolve, frozen

from kvnet.bulk.rendering import BulkResult, documents_of, lost, refused, render_source
from kvnet.bulk.settings import Settings
from kvnet.bulk.workers import Slot, TextInSlot
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest import Document, load_facts
from kvnet.pipeline import placed

__all__ = ["LONGEST", "Block", "Line", "counted"]

LONGEST = 8 << 20
"""The most bytes of a line; a Kubernetes API server takes no object of that size."""
_ENVELOPE = re.compile(rb'\s*\{\s*"(?:vm|facts)"\s*:')


class Line(NamedTuple):
    """A line of NDJSON that holds a machine: its file, its number from 1, and its text without the line feed."""

    file: str
    number: int
    text: bytes

    @property
    def listed_file(self) -> None:
        """No line of the output names its file."""

    @property
    def size(self) -> int:
        """The bytes of the line."""
        return len(self.text) + 1

    def results(self, settings: Settings) -> list[BulkResult]:
        """Render the machine, an object or an envelope. Places are those in the whole file."""
        if len(self.text) > LONGEST:
            message = f"line {self.number} is longer than {LONGEST >> 20} MiB"
            place, hint = Place(self.file, self.number, 1), "write one KubeVirt object on each line"
            return [BulkResult(problems=(Problem(FieldPath(), "KN703", message, place=place, hint=hint),))]
        result = (_render_envelope if _ENVELOPE.match(self.text) else render_source)(self.text, self.file, settings)
        moved = tuple([self._moved(each) for each in result.problems])
        return [evolve(result, problems=moved) if moved else result]

    def lost(self, error: BaseException) -> BulkResult:
        """The result where no worker could render the machine."""
        return lost(self.text, error, Place(self.file, self.number, 1))

    def _moved(self, problem: Problem) -> Problem:
        place = problem.place
        return problem.placed(evolve(place, line=place.line + self.number - 1)) if place else problem


@frozen(eq=False)
class Block(Sequence[Line]):
    """Lines of a file that follow each other, as they are sent to a worker.

    ``number`` is that of the first line, from 1, and ``first`` the index of its machine, from 0. So many ``machines``
    are in the lines; those of white space hold none. The text is ``kept`` here, or where workers find it.
    """

    file: str
    number: int
    first: int
    machines: int
    kept: bytes | TextInSlot

    @classmethod
    def of(cls, file: str, number: int, first: int, texts: Sequence[bytes]) -> Block:
        """The block of these lines."""
        text = b"\n".join(texts)
        return cls(file=file, number=number, first=first, machines=sum(1 for each in texts if each.strip()), kept=text)

    @property
    def text(self) -> bytes:
        """The lines, without the last line feed."""
        return self.kept if isinstance(self.kept, bytes) else bytes(self.kept.view)

    @property
    def size(self) -> int:
        """The bytes of the lines."""
        return 1 + (len(self.kept) if isinstance(self.kept, bytes) else self.kept.length)

    @property
    def slot(self) -> Slot | None:
        """Where the text is, and the result may be."""
        return None if isinstance(self.kept, bytes) else self.kept.slot

    def __iter__(self) -> Iterator[Line]:
        for number, text in enumerate(self.texts(), self.number):
            if text.strip():
                yield Line(self.file, number, text)

    def texts(self) -> Iterator[bytes]:
        """The text of each line, those of white space among them."""
        memory: bytes | mmap
        if isinstance(self.kept, bytes):
            memory, start, length = self.kept, 0, len(self.kept)
        else:
            memory, start, length = self.kept.slot.room(), self.kept.start, self.kept.length
        end = start + length
        # bytes.split looks at each byte, and takes three times as long
        while (stop := memory.find(b"\n", start, end)) >= 0:
            yield memory[start:stop]
            start = stop + 1
        yield memory[start:end]

    def __len__(self) -> int:
        return self.machines

    @overload
    def __getitem__(self, index: int) -> Line: ...

    @overload
    def __getitem__(self, index: slice) -> Block: ...

    def __getitem__(self, index: int | slice) -> Line | Block:
        lines = list(self)
        if isinstance(index, int):
            return lines[index]
        start, stop, _ = index.indices(len(lines))
        chosen = lines[start:stop]
        if not chosen:
            return Block(self.file, self.number, self.first + start, 0, b"")
        # the lines between them that hold no machine are counted, too
        first, last = (line.number - self.number for line in (chosen[0], chosen[-1]))
        texts = [*self.texts()][first : last + 1]
        return Block.of(self.file, chosen[0].number, self.first + start, texts)


def counted(room: mmap, end: int) -> tuple[int, int]:
    """How many lines are in memory up to an end, where a line feed is, and how many of them hold a machine."""
    lines = blank = 0
    room.seek(0)
    while end >= 0:
        line = room.readline()
        lines += 1
        blank += line.isspace()
        end -= len(line)
    return lines, lines - blank


def _render_envelope(text: bytes, file: str, settings: Settings) -> BulkResult:
    """Render the machine of ``{"vm": {...}, "facts": {...}}``."""
    source: Any = None
    try:
        (document,) = documents_of(text, file)
        source, facts = document.data.get("vm"), document.data.get("facts")
        if problems := [*_envelope_problems(document.data)]:
            raise Rejected(placed(document.origin, problems))
        if facts is not None:
            facts = _facts(document)
    except Exception as error:
        return refused(source, error)
    result = render_source(source, file, settings, facts)
    return evolve(result, problems=_placed_in(document, "vm", result.problems)) if result.problems else result


def _envelope_problems(envelope: Mapping[str, Any]) -> Iterator[Problem]:
    hint = 'write {"vm": {...}, "facts": {...}}'
    if not isinstance(envelope.get("vm"), Mapping):
        yield Problem(FieldPath(("vm",)), "KN700", "there is no machine in this envelope", hint=hint)
    for key in envelope:
        if key not in ("vm", "facts"):
            yield Problem(FieldPath((key,)), "KN700", f"an envelope has no field '{key}'", hint=hint)


def _facts(document: Document) -> HostFacts:
    """The facts of an envelope: data, and never the path of a file. Raises Rejected."""
    facts = document.data["facts"]
    if not all(isinstance(each, Mapping) for each in (facts if isinstance(facts, list) else [facts])):
        hint = "write a mapping such as `links: {default: {mtu: 1450}}`"
        problem = Problem(FieldPath(("facts",)), "KN020", "host facts are not a mapping", hint=hint)
        raise Rejected(placed(document.origin, [problem]))
    try:
        return load_facts(facts)
    except KvnetError as error:
        raise Rejected(_placed_in(document, "facts", error.problems)) from None


def _placed_in(document: Document, key: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Problems of one part of an envelope, with their places in the whole."""
    if document.origin is None:
        return problems
    bare = key == "vm" and "kind" not in document.data[key] and "apiVersion" not in document.data[key]
    return placed(evolve(document.origin, prefix=(key,), bare=bare), problems)
