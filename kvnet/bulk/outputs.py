"""Where the results of a run go: NDJSON in a file or on a stream, or a file for each VM and a journal."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

from kvnet.bulk.batch import Batch, count_reason, described, digest, example, head, numbered, refused_line
from kvnet.bulk.index import LineIndex
from kvnet.bulk.repeats import Records, uses_in
from kvnet.bulk.sources import Done, Unusable
from kvnet.bulk.tally import Tally
from kvnet.errors import FieldPath, Problem

__all__ = ["JOURNAL", "FileOutput", "FolderOutput", "Output", "StreamOutput"]

JOURNAL = "kvnet-bulk.ndjson"
_TEMPORARY = ".kvnet-bulk.tmp"
_LONGEST_PROBE = 1 << 20


class Output(Protocol):
    """Takes the batches of a run in their order."""

    def resumed(self, records: Records, tally: Tally) -> Done:
        """What is there already, counted and noted as if it had just been written."""

    def write(self, batch: Batch, first: int, tally: Tally) -> bytes:
        """Write the results of a batch, the first of which has an index; the records that still count."""

    def line(self, number: int) -> bytes:
        """A line that was written."""

    def close(self) -> None: ...


class _Lines:
    """Lines in a file that can be read again."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.index = LineIndex()

    def append(self, lines: list[bytes]) -> None:
        self.index.grow(lines)
        written_whole(self.descriptor, b"".join(lines))

    def line(self, number: int) -> bytes:
        return self.index.line(self.descriptor, number)


class FileOutput:
    """NDJSON in a file, which is the truth of what was done: whole lines count, a torn one is cut off."""

    def __init__(self, path: str, *, resume: bool = False, force: bool = False) -> None:
        self._path = path
        if os.path.lexists(path) and not (resume or force):
            raise Unusable(f"'{path}' exists: choose another, or continue it with --resume, or lose it with --force")
        self._lines = _Lines(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
        _lock(self._lines.descriptor, path)
        if not resume:
            os.ftruncate(self._lines.descriptor, 0)

    def resumed(self, records: Records, tally: Tally) -> Done:
        return _resumed(self._lines, self._path, records, tally)

    def write(self, batch: Batch, first: int, tally: Tally) -> bytes:
        self._lines.append([numbered(index, line) for index, line in enumerate(batch.lines, first)])
        return batch.records

    def line(self, number: int) -> bytes:
        return self._lines.line(number)

    def close(self) -> None:
        os.close(self._lines.descriptor)


class StreamOutput:
    """NDJSON on a stream; what two VMs may not both use is kept in a file without a name."""

    def __init__(self, stream: IO[bytes], folder: str | None = None) -> None:
        self._stream = stream
        self._kept = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        self._lines = _Lines(self._kept.fileno())

    def resumed(self, records: Records, tally: Tally) -> Done:
        return Done()

    def write(self, batch: Batch, first: int, tally: Tally) -> bytes:
        self._stream.write(b"".join([numbered(index, line) for index, line in enumerate(batch.lines, first)]))
        self._stream.flush()
        self._lines.append([head(line) + b"\n" for line in batch.lines])
        return batch.records

    def line(self, number: int) -> bytes:
        return self._lines.line(number)

    def close(self) -> None:
        self._kept.close()


class FolderOutput:
    """A file for each VM, there whole or not at all, and a journal of them, each line written after its file.

    No file is written over: not that of another VM, nor one that was there before.
    """

    def __init__(self, path: str, *, resume: bool = False, force: bool = False) -> None:
        self._path = path
        os.makedirs(path, exist_ok=True)
        journal = os.path.join(path, JOURNAL)
        if os.path.lexists(journal) and not (resume or force):
            raise Unusable(f"'{path}' holds a run: choose another, or continue with --resume, or lose it with --force")
        self._lines = _Lines(os.open(journal, os.O_RDWR | os.O_CREAT, 0o666))
        _lock(self._lines.descriptor, path)
        self._is_unsure = resume
        if not resume:
            self._forget()

    def resumed(self, records: Records, tally: Tally) -> Done:
        return _resumed(self._lines, os.path.join(self._path, JOURNAL), records, tally)

    def write(self, batch: Batch, first: int, tally: Tally) -> bytes:
        undone: set[int] = set()
        for number, (line, file) in enumerate(zip(batch.lines, batch.files, strict=True)):
            told = line
            if file is not None and not self._put(*file):
                message = f"there is a file '{file[0]}' already"
                problem = Problem(FieldPath(("metadata", "name")), "KN705", message, hint="give it another name")
                told = refused_line(line, problem)
                tally.refuse(problem.code, example(json.loads(told), described(problem)))
                undone.add(number)
            self._lines.append([numbered(first + number, told)])
            self._is_unsure = False
        if not undone:
            return batch.records
        parts = (batch.records[n : n + 16] for n in range(0, len(batch.records), 16))
        return b"".join(part for part in parts if int.from_bytes(part[8:], "little") not in undone)

    def line(self, number: int) -> bytes:
        return self._lines.line(number)

    def close(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._path, _TEMPORARY))
        os.close(self._lines.descriptor)

    def _put(self, name: str, text: str) -> bool:
        """Write a VM's file, unless there is one that is not of this VM."""
        path, temporary = os.path.join(self._path, name), os.path.join(self._path, _TEMPORARY)
        if os.path.lexists(path):
            # the one VM after the end of the journal may have its file from before
            return self._is_unsure and self._is_own(path, name, text.encode())
        with open(temporary, "wb") as file:
            file.write(text.encode())
        os.rename(temporary, path)
        return True

    def _is_own(self, path: str, name: str, text: bytes) -> bool:
        if os.path.islink(path) or not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            if file.read() != text:
                return False
        return all(_file_of(line) != name for line in _whole_lines(self._lines.descriptor))

    def _forget(self) -> None:
        """Remove what an earlier run has written, and nothing else."""
        for line in _whole_lines(self._lines.descriptor):
            if (name := _file_of(line)) is not None:
                with suppress(OSError):
                    os.unlink(os.path.join(self._path, name))
        os.ftruncate(self._lines.descriptor, 0)


def _file_of(line: bytes) -> str | None:
    """The name of the file that a line of a journal tells of."""
    try:
        told = json.loads(line)
        if "problems" in told:
            return None
        name = f"{told['namespace'] or 'default'}_{told['name'] or 'vm'}.xml"
    except (ValueError, TypeError, KeyError):
        return None
    return name if "/" not in name else None


def written_whole(descriptor: int, text: bytes) -> None:
    """Write all of a text, however often it takes."""
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _lock(descriptor: int, path: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unusable(f"another run is writing to '{path}'") from None


def _whole_lines(descriptor: int) -> Iterator[bytes]:
    """The lines of a file from its start, each with its line feed; not the last where that is torn."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    kept = b""
    while read := os.read(descriptor, _LONGEST_PROBE):
        *whole, kept = (kept + read).split(b"\n")
        for line in whole:
            yield line + b"\n"


def _resumed(lines: _Lines, path: str, records: Records, tally: Tally) -> Done:
    """Read what an earlier run left, cut off a torn end, and go to where the next line belongs."""
    done = Done()
    for line in _whole_lines(lines.descriptor):
        told = _told(line, done.count, path)
        uses = [digest(*use) + bytes(8) for use in uses_in(told)]
        records.add(done.count, b"".join(uses))
        tally.add(_counted(told))
        lines.index.grow([line])
        file = told.get("file")
        of_file = done.of_file + 1 if file is not None and file == done.file else 1
        done = Done(done.count + 1, line, file, of_file)
    os.ftruncate(lines.descriptor, lines.index.end)
    os.lseek(lines.descriptor, lines.index.end, os.SEEK_SET)
    return done


def _told(line: bytes, index: int, path: str) -> dict[str, Any]:
    try:
        told = json.loads(head(line))
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.get("index") != index:
        raise Unusable(f"line {index + 1} of '{path}' is not what kvnet wrote there; render it without --resume")
    return told


def _counted(told: dict[str, Any]) -> Batch:
    """What a line counts for in the report."""
    reasons: dict[str, tuple[int, str]] = {}
    for problem in told.get("problems", ())[:1]:
        count_reason(reasons, problem["code"], example(told, problem))
    return Batch([b""], [], b"", len(reasons), reasons, dict.fromkeys(told.get("notes", ()), 1))
