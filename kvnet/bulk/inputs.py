"""Read the machines of a run from NDJSON or from a directory of manifests, neither of which is ever held whole."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NamedTuple, overload

from attrs import evolve, field, frozen

from kvnet.bulk._shared import Slot
from kvnet.bulk.rendering import BulkResult, documents_of, lost, refused, render_source
from kvnet.bulk.settings import Settings
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest import Document, Manifest, is_of_others, load_all, load_facts, loads_all, manifest_files
from kvnet.manifest.document import LONGEST as ENDLESS
from kvnet.manifest.document import Text, bounded_bytes, read_text, sound_documents
from kvnet.manifest.objects import repeated
from kvnet.pipeline import placed
from kvnet.spec import Machine

__all__ = [
    "Block",
    "Directory",
    "Done",
    "File",
    "Item",
    "Line",
    "Ndjson",
    "Resumed",
    "Source",
    "Unusable",
    "check_lines",
    "other_input",
]

LONGEST = 8 << 20
"""The most bytes of a line; a Kubernetes API server takes no object of that size."""
_BLOCK = 1 << 20
_FILES = 32
"""How many files are a chunk."""
_OTHERS = re.compile(rb"NetworkAttachmentDefinition|VirtualMachine(?:Cluster)?(?:Instancetype|Preference)\b")
_NO_LINE = re.compile(
    rb"\xff\xfe|\xfe\xff|(?:\xef\xbb\xbf)?(?:\s|#[^\n]*\n)*"
    rb"(?:---|%YAML|- |\{\{|\{%|[\w.\"'-]{1,64}:[ \r\n]|[{\[][ \t\r]*\n)"
)
"""How YAML in blocks begins, a template of it, JSON over several lines, or what is in UTF-16."""
_ENVELOPE = re.compile(rb'\s*\{\s*"(?:vm|facts)"\s*:')


class Unusable(OSError):
    """An input or output that a run cannot go on with."""


def check_lines(stream: BufferedReader, name: str) -> None:
    """Raise Unusable for what is no NDJSON: a device, and what begins as YAML or as JSON over several lines."""
    if _is_endless(stream):
        raise Unusable(f"'{name}' is a device, and bulk reads a file, a pipe or a terminal")
    if _NO_LINE.match(stream.peek(_BLOCK)[:_BLOCK]):
        reason = "is YAML, or JSON over several lines, and bulk reads one JSON object on each line"
        raise Unusable(f"'{name}' {reason}: use kvnet render, or give bulk the directory of the manifests")


def _is_endless(stream: BufferedReader) -> bool:
    mode = os.fstat(stream.fileno())
    return stat.S_ISCHR(mode.st_mode) and not stream.isatty() and mode.st_rdev != os.stat(os.devnull).st_rdev


@frozen
class Done:
    """What an earlier run has done: how many machines, and of the last its line, its file and its number there."""

    count: int = 0
    last: bytes = b""
    file: str | None = None
    of_file: int = 0


def other_input(name: str) -> Unusable:
    """The error for an output that belongs to another input."""
    reason = "does not lead to what is in the output already: another input, or other settings"
    return Unusable(f"'{name}' {reason}; render it without --resume")


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
    are in the lines; those of white space hold none. The text is sent through ``slot`` where there is one.
    """

    file: str
    number: int
    first: int
    machines: int
    text: bytes
    slot: Slot | None = None

    @classmethod
    def of(cls, file: str, number: int, first: int, texts: Sequence[bytes], text: bytes | None = None) -> Block:
        """The block of these lines, whose ``text`` is given where it is known."""
        text = b"\n".join(texts) if text is None else text
        return cls(file=file, number=number, first=first, machines=sum(map(bool, map(bytes.strip, texts))), text=text)

    def __reduce__(self) -> tuple[Any, ...]:
        fixed = (self.file, self.number, self.first, self.machines)
        if self.slot is not None and self.slot.put(self.text):
            return _block_of_slot, (fixed, self.slot, len(self.text))
        return Block, (*fixed, self.text)

    def __iter__(self) -> Iterator[Line]:
        for number, text in enumerate(self.text.split(b"\n"), self.number):
            if text.strip():
                yield Line(self.file, number, text)

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
        texts = self.text.split(b"\n")[first : last + 1]
        return Block.of(self.file, chosen[0].number, self.first + start, texts)


def _block_of_slot(fixed: tuple[str, int, int, int], slot: Slot, length: int) -> Block:
    return Block(*fixed, slot.get(length), slot)


class File(NamedTuple):
    """A file of a directory, without its first ``skip`` machines."""

    directory: str
    name: str
    skip: int = 0

    @property
    def listed_file(self) -> str:
        """The file that lines of the output name."""
        return self.name

    @property
    def size(self) -> int:
        """One file."""
        return 1

    def results(self, settings: Settings) -> Iterator[BulkResult]:
        """A result for every machine; one for all of them where the text cannot be read."""
        return islice(self._results(settings), self.skip, None)

    def lost(self, error: BaseException) -> BulkResult:
        """The result where no worker could render the file."""
        return lost(None, error, Place(os.path.join(self.directory, self.name), 1, 1))

    def _results(self, settings: Settings) -> Iterator[BulkResult]:
        try:
            read = _documents(Path(self.directory, self.name))
        except Exception as error:
            yield refused(None, error)
            return
        for document in read:
            data = document.data if isinstance(document.data, dict) else [document.data]
            try:
                results = [render_source(each, self.name, settings) for each in load_all(data).machines]
            except Exception as error:
                results = [refused(data, error)]
            for result in results:
                yield evolve(result, problems=placed(document.origin, result.problems))


Item = Line | File
"""What is sent to a worker.

``size`` is in the unit of the input's own, and ``listed_file`` the file that lines of the output name.
"""


@frozen
class Resumed:
    """Where an input goes on: ``last`` begins with the last machine of an earlier run, ``chunks`` are what follows it.

    ``size`` is how much of the input lies before the chunks.
    """

    last: Item
    size: int
    chunks: Iterator[Sequence[Item]]


@frozen
class Ndjson:
    """A stream of lines, of which ``block`` bytes are read at once; ``size`` is that of the whole where it is known."""

    stream: IO[bytes] = field(eq=False)
    name: str
    size: int | None = None
    block: int = _BLOCK

    @property
    def step(self) -> int:
        """How much of the input a worker is given at once, in the unit of its size."""
        return self.block

    def chunks(self) -> Iterator[Sequence[Item]]:
        """The lines of each block. Lines of white space hold no machine. Raises Unusable for a line without an end."""
        number, index, kept, length = 1, 0, b"", 0
        while read := self.stream.read(self.block):
            text, line_feed, rest = read.rpartition(b"\n")
            if not line_feed:
                length += len(rest)
                if length > ENDLESS:
                    raise Unusable(f"line {number} of '{self.name}' has no end within {ENDLESS >> 20} MiB")
                # of a line that is too long, no more is kept than shows that
                kept = (kept + rest)[: LONGEST + 1]
                continue
            text, kept, length = kept + text, rest, len(rest)
            texts = text.split(b"\n")
            if block := Block.of(self.name, number, index, texts, text):
                yield block
            number += len(texts)
            index += len(block)
        if kept.strip():
            yield Block.of(self.name, number, index, [kept])

    def after(self, done: Done) -> Resumed:
        """The input after what an earlier run has done. Raises Unusable where that cannot be found."""
        left, size, chunks = done.count, 0, self.chunks()
        for chunk in chunks:
            before, after = chunk[:left], chunk[left:]
            size += sum(line.size for line in before)
            left -= len(before)
            if not left:
                return Resumed(before[-1], size, chain([after] if after else [], chunks))
        raise other_input(self.name)


@frozen
class Directory:
    """The manifests of a directory and its sub-folders, in the order of their paths; each may hold several objects."""

    name: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> Directory:
        """The manifests that are in a directory now. Raises OSError."""
        return cls(name, tuple(manifest_files(name)))

    @property
    def size(self) -> int:
        """How many files there are."""
        return len(self.names)

    @property
    def step(self) -> int:
        """How many files a worker is given at once."""
        return _FILES

    def chunks(self, first: int = 0, skip: int = 0) -> Iterator[Sequence[Item]]:
        """The files from the one of a number on, without its first ``skip`` machines."""
        files = (File(self.name, name, 0 if n else skip) for n, name in enumerate(self.names[first:]))
        while chunk := list(islice(files, _FILES)):
            yield chunk

    def after(self, done: Done) -> Resumed:
        """The files after what an earlier run has done. Raises Unusable where that cannot be found."""
        if done.file not in self.names:
            raise other_input(self.name)
        first = self.names.index(done.file)
        last = File(self.name, done.file, done.of_file - 1)
        return Resumed(last, first, self.chunks(first, done.of_file))

    def others(self) -> Manifest:
        """What machines may refer to: the NetworkAttachmentDefinitions, instancetypes and preferences of the files.

        Only files that can be read count; errors come with the results of a file.
        """
        objects: list[Any] = []
        for name in self.names:
            path = Path(self.name, name)
            try:
                text = bounded_bytes(str(path))
                if _OTHERS.search(text):
                    read = loads_all(text, name=str(path)).objects
                    objects += [each for each in read if not isinstance(each, Machine)]
            except (OSError, ValueError, KvnetError):
                continue
        return Manifest(objects=tuple(objects), repeated=repeated((each, each.origin) for each in objects))


Source = Ndjson | Directory


def _documents(path: Path) -> Sequence[Document]:
    """The documents of a file; none where it cannot be read and is not KubeVirt's. Raises Rejected."""
    source: Text | Path = path
    try:
        source = read_text(path)
        sound, problems = sound_documents(source, of_kubernetes=True)
        if problems:
            # raises what is wrong with the other documents, too
            load_all(source)
    except Rejected as error:
        if is_of_others(source, error.problems):
            return ()
        raise
    return sound


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
    return evolve(result, problems=_placed_in(document, "vm", result.problems))


def _envelope_problems(envelope: Mapping[str, Any]) -> Iterator[Problem]:
    hint = 'write {"vm": {...}, "facts": {...}}'
    if not isinstance(envelope.get("vm"), Mapping):
        yield Problem(FieldPath(("vm",)), "KN700", "there is no machine in this envelope", hint=hint)
    for key in envelope:
        if key not in ("vm", "facts"):
            yield Problem(FieldPath((key,)), "KN700", f"an envelope has no field '{key}'", hint=hint)


def _facts(document: Document) -> HostFacts:
    try:
        return load_facts(document.data["facts"])
    except KvnetError as error:
        raise Rejected(_placed_in(document, "facts", error.problems)) from None


def _placed_in(document: Document, key: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Problems of one part of an envelope, with their places in the whole."""
    if document.origin is None:
        return problems
    bare = key == "vm" and "kind" not in document.data[key] and "apiVersion" not in document.data[key]
    return placed(evolve(document.origin, prefix=(key,), bare=bare), problems)
