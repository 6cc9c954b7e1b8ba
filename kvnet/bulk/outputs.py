"""Write batches to a stream or a file, or a file for each machine and a journal, and count machines."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Any, ClassVar

from attrs import evolve

from kvnet.bulk.batches import (
    BEGINS,
    Batch,
    Tally,
    beginning,
    error_dict,
    head,
    numbered,
    read_head,
    read_without_index,
    without_index,
)
from kvnet.bulk.duplicates import LineFile, Records
from kvnet.bulk.files import created, locked, sync_folder
from kvnet.bulk.inputs import Done, Unusable
from kvnet.errors import FieldPath, Problem
from kvnet.fleet import Duplicate

__all__ = ["JOURNAL", "FileOutput", "FolderOutput", "Output", "StreamOutput", "file_name"]

JOURNAL = "kvnet-bulk.ndjson"
_TEMPORARY = ".kvnet-bulk.tmp"
_ODD_SHAPES = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What is raised for a line of another shape than those that a run writes."""
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}")


def file_name(namespace: str | None, name: str | None) -> str | None:
    """The name of a machine's file, or nothing where its names do not make one plain name."""
    parts = (namespace or "default", name or "vm")
    if not all(_FILE_NAME.fullmatch(part) for part in parts) or len("_".join(parts)) > 240:
        return None
    return f"{'_'.join(parts)}.xml"


class Output:
    """Takes the batches of a run in their order, counts machines, and finds what two of them use and only one may.

    ``descriptor`` is of the file that keeps the lines, and ``folder`` is where temporary files go. ``tally`` counts.
    ``run`` says whose the output is: a digest of settings and release. ``is_packed`` tells workers to number lines.
    """

    is_packed: ClassVar[bool] = False

    def __init__(self, descriptor: int, folder: str | None = None, *, run: str = "") -> None:
        self.run = run
        self.tally = Tally()
        self._lines = LineFile(descriptor)
        self._records = Records(folder)

    def resume(self) -> Done:
        """Count what an earlier run has left, as if it had just been written, and change nothing. Raises Unusable."""
        return Done()

    def go_on(self) -> None:
        """Make ready to write behind what an earlier run has left."""

    def write(self, batch: Batch) -> None:
        """Write a batch."""
        packed = batch.packed or batch.pack(self.tally.machines, self.run)
        self._lines.write(packed.whole_text, packed.machines, packed.starts)
        self._records.write(packed.records)
        self.tally.add(batch.tally)

    def duplicates(self, jobs: int = 1) -> Iterator[Duplicate]:
        """What two machines use and only one may; each is counted before it is yielded.

        Where there is much, ``jobs`` processes look for it.
        """
        for duplicate in self._records.duplicates(lambda number: read_head(self._lines.line(number)), jobs):
            self.tally.duplicates += 1
            yield duplicate

    def close(self) -> None:
        """Close what was opened here."""
        self._records.close()
        os.close(self._lines.descriptor)


class StreamOutput(Output):
    """NDJSON to a stream. The lines without XML are kept in a file without a name."""

    def __init__(self, stream: IO[bytes], *, run: str = "") -> None:
        self._stream = stream
        with TemporaryFile() as kept:
            super().__init__(os.dup(kept.fileno()), run=run)

    def write(self, batch: Batch) -> None:
        text = memoryview(b"".join(numbered(self.tally.machines, batch.lines, self.run)))
        while text:  # an unbuffered stream takes what there is room for
            text = text[self._stream.write(text) :]
        self._stream.flush()
        super().write(evolve(batch, lines=[head(line) for line in batch.lines]))


class FileOutput(Output):
    """NDJSON to a file, which alone says what is done: whole lines count, and a torn last line is cut off.

    With ``fsync``, what was written is on the disk before the next chunk is. Raises Unusable where the file exists,
    unless it is to be continued (``resume``) or overwritten (``force``).
    """

    is_packed = True
    EXISTS: ClassVar[str] = "'{path}' exists: choose another, continue it with --resume, or overwrite it with --force"

    def __init__(
        self, path: str, *, run: str = "", resume: bool = False, force: bool = False, fsync: bool = False
    ) -> None:
        self._path = path
        self._fsync = fsync
        file = self._file()
        try:
            descriptor = locked(file, path, is_new=not (resume or force))
        except FileExistsError:
            raise Unusable(self.EXISTS.format(path=path)) from None
        super().__init__(descriptor, os.path.dirname(file) or ".", run=run)
        if not resume:
            self._clear()

    def resume(self) -> Done:
        self._check_run()
        done = Done()
        for line in self._lines.recover():
            file = self._checked(line, done.count).get("file")
            try:
                before = Batch.of_line(line[1:])
            except _ODD_SHAPES:
                raise self._foreign(done.count) from None
            self._records.add(done.count, before.digests[0])
            self.tally.add(before.tally)
            of_file = done.of_file + 1 if file is not None and file == done.file else 1
            done = Done(done.count + 1, line, file, of_file)
        torn = self._lines.rest(len(BEGINS))
        if not BEGINS.startswith(torn):
            raise self._foreign(done.count)
        return done

    def go_on(self) -> None:
        self._lines.cut()
        if self._fsync:
            sync_folder(os.path.dirname(self._file()) or ".")

    def write(self, batch: Batch) -> None:
        super().write(batch)
        if self._fsync:
            os.fsync(self._lines.descriptor)

    def _check_run(self) -> None:
        """Raise Unusable where the file was not begun by a run with these settings."""
        wanted = beginning(self.run)
        found = self._lines.rest(len(wanted))
        if found == wanted or (wanted.startswith(found) and b"\n" not in found):
            return
        if not found.startswith(BEGINS):
            raise self._foreign(0)
        reason = "was written with another input, or other settings, or by another release of kvnet"
        raise Unusable(f"'{self._file()}' {reason}; render it without --resume")

    def _foreign(self, index: int) -> Unusable:
        return Unusable(f"line {index + 1} of '{self._file()}' was not written by kvnet; render it without --resume")

    def _file(self) -> str:
        """The file that holds the lines."""
        return self._path

    def _clear(self) -> None:
        """Remove what an earlier run has written."""
        os.ftruncate(self._lines.descriptor, 0)

    def _checked(self, line: bytes, index: int) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            content = read_head(line)
            if content.get("index") == index:
                return content
        raise self._foreign(index)


class FolderOutput(FileOutput):
    """A file for each machine, there whole or not at all, and a journal with a line for each, written after its file.

    No file is overwritten: neither that of another machine, nor one that was there before.
    """

    is_packed = False
    EXISTS = "'{path}' holds a run: choose another, continue it with --resume, or overwrite it with --force"

    def __init__(
        self, path: str, *, run: str = "", resume: bool = False, force: bool = False, fsync: bool = False
    ) -> None:
        os.makedirs(path, exist_ok=True)
        # a run may have ended between the file of a machine and its line
        self._is_unsure = resume
        super().__init__(path, run=run, resume=resume, force=force, fsync=fsync)

    def write(self, batch: Batch) -> None:
        for line, file in zip(batch.lines, batch.files, strict=True):
            written = line if file is None or self._put(*file) else _refused(line, file[0])
            super().write(Batch.of_line(written))
            self._is_unsure = False

    def close(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._path, _TEMPORARY))
        super().close()

    def _file(self) -> str:
        return os.path.join(self._path, JOURNAL)

    def _put(self, name: str, text: str) -> bool:
        """Write a machine's file. Returns whether the file is its own."""
        path, temporary, content = os.path.join(self._path, name), os.path.join(self._path, _TEMPORARY), text.encode()
        if os.path.lexists(path):
            return self._is_unsure and self._is_own(path, name, content)
        with open(created(temporary), "wb") as file:
            file.write(content)
            if self._fsync:
                file.flush()
                os.fsync(file.fileno())
        os.rename(temporary, path)
        if self._fsync:
            sync_folder(self._path)
        return True

    def _is_own(self, path: str, name: str, text: bytes) -> bool:
        """Whether a file is that of the machine after the end of the journal, left by the earlier run."""
        if os.path.islink(path) or not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            if file.read() != text:
                return False
        return all(_file_of(line) != name for line in self._lines.whole_lines())

    def _clear(self) -> None:
        for line in self._lines.whole_lines():
            if (name := _file_of(line)) is not None:
                with suppress(OSError):
                    os.unlink(os.path.join(self._path, name))
        super()._clear()


def _refused(line: bytes, file: str) -> bytes:
    """The line of a machine that was rendered, and is refused because its file exists."""
    problem = Problem(
        FieldPath(("metadata", "name")),
        "KN705",
        f"the file '{file}' exists already",
        hint="give the machine another name, or render into an empty directory",
    )
    identity = {key: value for key, value in read_without_index(line).items() if key in ("namespace", "name", "file")}
    return without_index({**identity, "problems": [error_dict(problem)]})


def _file_of(line: bytes) -> str | None:
    """The name of the file that belongs to a line of a journal."""
    try:
        content = json.loads(line)
        return None if "problems" in content else file_name(content["namespace"], content["name"])
    except _ODD_SHAPES:
        return None
