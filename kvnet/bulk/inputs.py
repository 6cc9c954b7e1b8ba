"""Read the machines of a run from NDJSON or from a directory of manifests, neither of which is ever held whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from attrs import evolve, field, frozen

from kvnet.bulk.lines import Batch, batch
from kvnet.bulk.rendering import BulkResult, Settings, documents_of, lost, refused, render_machine, render_source
from kvnet.bulk.scheduler import Chunk
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.manifest import Document, documents, load, load_all, load_facts, loads_all
from kvnet.pipeline import placed
from kvnet.spec import Nad

__all__ = ["Directory", "Done", "Ndjson", "Resumed", "Source", "Unusable", "other_input", "render_line"]

T = TypeVar("T")

LONGEST = 8 << 20
"""The most bytes of a line; a Kubernetes API server takes no object of that size."""
_SUFFIXES = (".yaml", ".yml", ".json")
_BLOCK = 256 << 10
_FILES = 16
_ENVELOPE = re.compile(rb'\s*\{\s*"(?:vm|facts)"\s*:')


class Unusable(OSError):
    """An input or output that a run cannot go on with."""


@frozen
class Done:
    """What an earlier run has done: how many machines, and of the last its line, its file and its number there."""

    count: int = 0
    last: bytes = b""
    file: str | None = None
    of_file: int = 0


@frozen
class Resumed:
    """Where an input goes on: ``last`` is the last machine of an earlier run, ``chunks`` are what follows it.

    ``size`` is how much of the input lies before the chunks.
    """

    last: Chunk[Batch]
    size: int
    chunks: Iterator[Chunk[Batch]]


class Source(Protocol):
    """An input and its name. ``size`` is that of the whole where it is known: bytes of NDJSON, files of a directory."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int | None: ...

    def chunks(self, settings: Settings) -> Iterator[Chunk[Batch]]:
        """All of the input."""

    def after(self, done: Done, settings: Settings) -> Resumed:
        """The input after what an earlier run has done. Raises Unusable where that cannot be found."""


def other_input(name: str) -> Unusable:
    """The error for an output that belongs to another input."""
    told = "does not lead to what is in the output already: another input, or other settings"
    return Unusable(f"'{name}' {told}; render it without --resume")


@frozen
class Ndjson:
    """A stream of lines, of which ``block`` bytes are read at once. Its chunks are blocks of whole lines."""

    stream: IO[bytes] = field(eq=False)
    name: str
    size: int | None = None
    block: int = _BLOCK

    def chunks(self, settings: Settings) -> Iterator[_Lines]:
        line, kept = 1, b""
        while read := self.stream.read(self.block):
            end = read.rfind(b"\n") + 1
            if not end:
                # of a line that is too long, no more is kept than shows that
                kept = (kept + read)[: LONGEST + 1]
                continue
            text, kept = kept + read[:end], read[end:]
            if not text.isspace():
                yield _Lines(settings, self.name, line, text)
            line += text.count(b"\n")
        if kept and not kept.isspace():
            yield _Lines(settings, self.name, line, kept)

    def after(self, done: Done, settings: Settings) -> Resumed:
        left, size = done.count, 0
        chunks = self.chunks(settings)
        for chunk in chunks:
            machines = list(chunk.machines())
            if len(machines) >= left:
                number, text = machines[left - 1]
                _, rest = chunk.split(number + 1)
                size += len(chunk.text) - len(rest.text)
                return Resumed(
                    evolve(chunk, line=number, text=text), size, chain([rest] if rest.text.strip() else [], chunks)
                )
            left -= len(machines)
            size += len(chunk.text)
        raise other_input(self.name)


@frozen
class _Lines:
    """Whole lines of a file; ``line`` numbers the first from 1. Lines of white space hold no machine."""

    settings: Settings
    file: str
    line: int
    text: bytes

    def render(self) -> Batch:
        results = ((render_line(text, self.file, number, self.settings), None) for number, text in self.machines())
        return batch(results, self.settings, len(self.text))

    def halves(self) -> tuple[_Lines, ...]:
        numbers = [number for number, _ in self.machines()]
        return self.split(numbers[len(numbers) // 2]) if len(numbers) > 1 else ()

    def lost(self, error: BaseException) -> Batch:
        ((number, text),) = self.machines()
        return batch([(lost(text, error, Place(self.file, number, 1)), None)], self.settings, len(self.text))

    def machines(self) -> Iterator[tuple[int, bytes]]:
        """Each line that holds a machine, with its number."""
        for number, text in enumerate(self.text.split(b"\n"), self.line):
            if text and not text.isspace():
                yield number, text

    def split(self, line: int) -> tuple[_Lines, _Lines]:
        """The lines before a line, and the others."""
        lines = self.text.split(b"\n")
        before, after = lines[: line - self.line], lines[line - self.line :]
        return evolve(self, text=b"\n".join(before) + b"\n"), evolve(self, line=line, text=b"\n".join(after))


def render_line(text: bytes, file: str, number: int, settings: Settings) -> BulkResult:
    """Render the machine of one line, an object or an envelope. Places are those in the whole file."""
    if len(text) > LONGEST:
        told = f"line {number} is longer than {LONGEST >> 20} MiB"
        hint = "write one KubeVirt object on each line"
        return BulkResult(problems=(Problem(FieldPath(), "KN703", told, place=Place(file, number, 1), hint=hint),))
    result = (_render_envelope if _ENVELOPE.match(text) else render_source)(text, file, settings)
    if not result.problems:
        return result
    return evolve(result, problems=tuple([_moved(each, number - 1) for each in result.problems]))


def _moved(problem: Problem, lines: int) -> Problem:
    place = problem.place
    return problem.placed(evolve(place, line=place.line + lines)) if place and lines else problem


def _render_envelope(text: bytes, file: str, settings: Settings) -> BulkResult:
    """Render the machine of ``{"vm": {...}, "facts": {...}}``."""
    source: Any = None
    try:
        (document,) = documents_of(text, file)
        source = document.data.get("vm")
        problems = [*_envelope_problems(document.data)]
        if problems:
            raise Rejected(placed(document.origin, problems))
        target = settings.target
        if document.data.get("facts") is not None:
            target = _part(document, "facts", lambda facts: evolve(target, facts=load_facts(facts)))
        machine = _part(document, "vm", load)
        result = render_machine(machine, target, whole=settings.whole)
    except Exception as error:
        return refused(source, error)
    if not result.problems:
        return result
    return evolve(result, problems=tuple(_placed_in(document, "vm", result.problems)))


def _envelope_problems(envelope: Mapping[str, Any]) -> Iterator[Problem]:
    hint = 'write {"vm": {...}, "facts": {...}}'
    if not isinstance(envelope.get("vm"), Mapping):
        yield Problem(FieldPath(("vm",)), "KN700", "there is no machine in this envelope", hint=hint)
    for key in envelope:
        if key not in ("vm", "facts"):
            yield Problem(FieldPath((key,)), "KN700", f"an envelope has no field '{key}'", hint=hint)


def _part(document: Document, key: str, load: Callable[[Any], T]) -> T:
    """What one part of an envelope holds. Raises Rejected with places in the whole."""
    try:
        return load(document.data[key])
    except KvnetError as error:
        raise Rejected(_placed_in(document, key, error.problems)) from None


def _placed_in(document: Document, key: str, problems: tuple[Problem, ...]) -> Iterator[Problem]:
    """Problems of one part of an envelope, with their places in the whole."""
    bare = key == "vm" and "kind" not in document.data[key] and "apiVersion" not in document.data[key]
    for problem in problems:
        parts = problem.at.parts[1:] if bare and problem.at.parts[:1] == ("spec",) else problem.at.parts
        place = document.origin.place(FieldPath((key, *parts))) if document.origin else None
        yield problem if problem.place else problem.placed(place)


@frozen
class Directory:
    """The manifests of a directory in the order of their names; each may hold several objects."""

    name: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> Directory:
        """The manifests that are in a directory now. Raises OSError."""
        with os.scandir(name) as found:
            return cls(name, tuple(sorted(each.name for each in found if each.name.endswith(_SUFFIXES))))

    @property
    def size(self) -> int:
        return len(self.names)

    def chunks(self, settings: Settings) -> Iterator[_Files]:
        return self._from(0, 0, settings)

    def after(self, done: Done, settings: Settings) -> Resumed:
        if done.file not in self.names:
            raise other_input(self.name)
        first = self.names.index(done.file)
        last = _Files(settings, self.name, (done.file,), done.of_file - 1)
        return Resumed(last, first, self._from(first, done.of_file, settings))

    def nads(self) -> tuple[Nad, ...]:
        """The NetworkAttachmentDefinitions of the files that can be read; errors come with the results of a file."""
        found: list[Nad] = []
        for name in self.names:
            try:
                text = Path(self.name, name).read_bytes()
                if b"NetworkAttachmentDefinition" in text:
                    found += loads_all(text).nads
            except (OSError, KvnetError):
                continue
        return tuple(found)

    def _from(self, first: int, skip: int, settings: Settings) -> Iterator[_Files]:
        for start in range(first, len(self.names), _FILES):
            yield _Files(settings, self.name, self.names[start : start + _FILES], skip)
            skip = 0


@frozen
class _Files:
    """Some files of a directory, without the first ``skip`` machines of the first file."""

    settings: Settings
    directory: str
    names: tuple[str, ...]
    skip: int = 0

    def render(self) -> Batch:
        return batch(self._results(), self.settings, len(self.names))

    def halves(self) -> tuple[_Files, ...]:
        middle = len(self.names) // 2
        if not middle:
            return ()
        return evolve(self, names=self.names[:middle]), evolve(self, names=self.names[middle:], skip=0)

    def lost(self, error: BaseException) -> Batch:
        name = self.names[0]
        result = lost(None, error, Place(os.path.join(self.directory, name), 1, 1))
        return batch([(result, name)], self.settings, 1)

    def _results(self) -> Iterator[tuple[BulkResult, str]]:
        skip = self.skip
        for name in self.names:
            for result in islice(_of_file(Path(self.directory, name), self.settings), skip, None):
                yield result, name
            skip = 0


def _of_file(path: Path, settings: Settings) -> Iterator[BulkResult]:
    """A result for every machine of a file; one for all of them where its text cannot be read."""
    try:
        machines = load_all(path).machines
    except KvnetError as error:
        yield from _of_bad_file(path, error, settings)
    except Exception as error:
        yield refused(None, error)
    else:
        for machine in machines:
            yield render_source(machine, path.name, settings)


def _of_bad_file(path: Path, error: KvnetError, settings: Settings) -> Iterator[BulkResult]:
    """The machines of a file in which some document is bad, each document by itself."""
    try:
        read = documents(path)
    except KvnetError:
        yield refused(None, error)
        return
    for document in read:
        data = document.data if isinstance(document.data, dict) else [document.data]
        try:
            machines = load_all(data).machines
        except KvnetError as bad:
            yield _placed(document, refused(data, bad))
            continue
        for machine in machines:
            yield _placed(document, render_source(machine, path.name, settings))


def _placed(document: Document, result: BulkResult) -> BulkResult:
    return evolve(result, problems=placed(document.origin, result.problems))
