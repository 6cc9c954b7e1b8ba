"""Read the machines of a run from NDJSON or from a directory of manifests, neither of which is ever held whole."""

from __future__ import annotations

import os
import re
import select
import stat
from collections.abc import Iterator, Sequence
from io import BufferedReader, BytesIO
from itertools import chain, islice
from mmap import mmap
from pathlib import Path
from typing import Any, NamedTuple

from attrs import evolve, field, frozen

from kvnet.bulk.lines import LONGEST, Block, Line, counted
from kvnet.bulk.rendering import BulkResult, lost, refused, render_source
from kvnet.bulk.settings import Settings
from kvnet.bulk.workers import Area, TextInSlot
from kvnet.errors import KvnetError, Place, Rejected
from kvnet.manifest import Document, Manifest, is_of_others, load_all, loads_all, manifest_files
from kvnet.manifest.document import LONGEST as ENDLESS
from kvnet.manifest.document import Text, bounded_bytes, read_text, sound_documents
from kvnet.manifest.objects import repeated
from kvnet.pipeline import placed
from kvnet.spec import Machine

__all__ = [
    "Directory",
    "Done",
    "File",
    "Item",
    "Ndjson",
    "Resumed",
    "Source",
    "Unusable",
    "check_lines",
    "other_input",
]

_SHOWN = 1 << 13
"""How many bytes of a stream show what it is."""
_LEAST_BLOCK, _BLOCK, _MOST_BLOCK = 1 << 18, 1 << 20, 1 << 21
_BLOCKS = 8
"""So many blocks, or more, are an input of a known size: workers have something to share, however small it is."""
_FILES = 32
"""How many files are a chunk."""
_OTHERS = re.compile(rb"NetworkAttachmentDefinition|VirtualMachine(?:Cluster)?(?:Instancetype|Preference)\b")
_NO_LINE = re.compile(
    rb"\xff\xfe|\xfe\xff|(?:\xef\xbb\xbf)?(?:\s|#[^\n]*\n)*"
    rb"(?:---|%YAML|- |\{\{|\{%|[\w.\"'-]{1,64}:[ \r\n]|[{\[][ \t\r]*\n)"
)
"""How YAML in blocks begins, a template of it, JSON over several lines, or what is in UTF-16."""


class Unusable(OSError):
    """An input or output that a run cannot go on with."""


def check_lines(stream: BufferedReader, name: str) -> None:
    """Raise Unusable for what is no NDJSON: a device, and what begins as YAML or as JSON over several lines."""
    if _is_endless(stream):
        raise Unusable(f"'{name}' is a device, and bulk reads a file, a pipe or a terminal")
    if _NO_LINE.match(stream.peek(_SHOWN)[:_SHOWN]):
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
    """A stream of lines, of which ``block`` bytes are read at once; ``size`` is that of the whole where it is known.

    A large input has large blocks, for the process that reads and writes takes a part of its time for each block.
    Blocks are put into ``area`` by turns, where there is one. A chunk's place is used again after so many other chunks.
    """

    stream: BufferedReader | BytesIO = field(eq=False)
    name: str
    size: int | None = None
    block: int = field()
    area: Area | None = None

    @block.default
    def _block(self) -> int:
        return _BLOCK if self.size is None else min(max(self.size // _BLOCKS, _LEAST_BLOCK), _MOST_BLOCK)

    @property
    def step(self) -> int:
        """How much of the input a worker is given at once, in the unit of its size."""
        return self.block

    def chunks(self) -> Iterator[Sequence[Item]]:
        """The lines of each block. Lines of white space hold no machine. Raises Unusable for a line without an end."""
        index = 0
        for number, machines, text in self._texts():
            if machines:
                yield Block(self.name, number, index, machines, text)
                index += machines

    def _texts(self) -> Iterator[tuple[int, int, bytes | TextInSlot]]:
        """Whole lines that follow each other, without the last line feed.

        With the number of the first of them, and how many machines they hold. Raises as ``chunks``.
        """
        area = self.area or Area(1, 2 * self.block)
        number, kept, length, turn = 1, b"", 0, 0
        while True:
            slot, most = area.slot(turn), len(kept) + self.block
            has_room = most <= len(slot.room())
            room = slot.room() if has_room else mmap(-1, most)
            room[: len(kept)] = kept
            read = len(kept) + _read_into(memoryview(room)[len(kept) : most], self.stream)
            if read == len(kept):
                break
            length += read - len(kept)
            end = room.rfind(b"\n", len(kept), read)
            if end >= 0:
                lines, machines = counted(room, end)
                yield number, machines, TextInSlot(slot, 0, end) if self.area and has_room else room[:end]
                number += lines
                turn += bool(machines)
                kept = room[end + 1 : read]
                length = len(kept)
            elif length > ENDLESS:
                raise Unusable(f"line {number} of '{self.name}' has no end within {ENDLESS >> 20} MiB")
            else:
                # of a line that is too long, no more is kept than shows that, and whether it is blank
                kept = room[: min(read, LONGEST)] + (room[LONGEST:read].strip() or room[LONGEST:read])[:1]
        if kept.strip():
            yield number, 1, kept

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


def _read_into(room: memoryview, stream: BufferedReader | BytesIO) -> int:
    """Read until the memory is full or the input ends, and wait at a pipe that does not block. Returns the size."""
    read: int | None = stream.readinto(room)
    while read is None:
        select.select([stream], [], [])
        read = stream.readinto(room)
    return read


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
