"""Write the results of a run: NDJSON to a stream or file, or a file for each machine and a journal."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Any, ClassVar

from kvnet.bulk.duplicates import Records
from kvnet.bulk.inputs import Done, Unusable
from kvnet.bulk.lines import Batch, LineFile, Tally, error_dict, head, numbered, read_head
from kvnet.bulk.uses import Uses
from kvnet.errors import FieldPath, Problem

__all__ = ["JOURNAL", "FileOutput", "FolderOutput", "Output", "StreamOutput"]

JOURNAL = "kvnet-bulk.ndjson"
_TEMPORARY = ".kvnet-bulk.tmp"


class Output:
    """Takes the batches of a run in their order, and keeps the lines where they can be read again."""

    def __init__(self, descriptor: int) -> None:
        self._lines = LineFile(descriptor)

    def resume(self, records: Records, tally: Tally) -> Done:
        """Note and count what an earlier run has left, as if it had just been written. Raises Unusable."""
        return Done()

    def write(self, batch: Batch, first: int) -> Batch:
        """Write a batch, whose machines are numbered from ``first``. Returns the batch as it was written."""
        self._lines.append([numbered(index, line) for index, line in enumerate(batch.lines, first)])
        return batch

    def line(self, number: int) -> dict[str, Any]:
        """A line that was written, without its XML."""
        return read_head(self._lines.line(number))

    def close(self) -> None:
        """Close what was opened here."""
        os.close(self._lines.descriptor)


class StreamOutput(Output):
    """NDJSON to a stream. The lines without XML are kept in a file without a name in ``folder``."""

    def __init__(self, stream: IO[bytes], folder: str | None = None) -> None:
        self._stream = stream
        self._kept = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        super().__init__(self._kept.fileno())

    def write(self, batch: Batch, first: int) -> Batch:
        self._stream.write(b"".join([numbered(index, line) for index, line in enumerate(batch.lines, first)]))
        self._stream.flush()
        self._lines.append([head(line) + b"\n" for line in batch.lines])
        return batch

    def close(self) -> None:
        self._kept.close()


class FileOutput(Output):
    """NDJSON to a file, which alone says what is done: whole lines count, and a torn last line is cut off.

    Raises Unusable where the file exists, unless it is to be continued (``resume``) or overwritten (``force``).
    """

    EXISTS: ClassVar[str] = "'{path}' exists: choose another, continue it with --resume, or overwrite it with --force"

    def __init__(self, path: str, *, resume: bool = False, force: bool = False) -> None:
        self._path = path
        file = self._file()
        if os.path.lexists(file) and not (resume or force):
            raise Unusable(self.EXISTS.format(path=path))
        super().__init__(os.open(file, os.O_RDWR | os.O_CREAT, 0o666))
        self._lock()
        if not resume:
            self._clear()

    def resume(self, records: Records, tally: Tally) -> Done:
        done = Done()
        for line in self._lines.recover():
            told = self._told(line, done.count)
            records.add_uses(done.count, Uses.of_line(told))
            tally.count(told)
            file = told.get("file")
            of_file = done.of_file + 1 if file is not None and file == done.file else 1
            done = Done(done.count + 1, line, file, of_file)
        return done

    def _file(self) -> str:
        """The file that holds the lines."""
        return self._path

    def _clear(self) -> None:
        """Remove what an earlier run has written."""
        os.ftruncate(self._lines.descriptor, 0)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._lines.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # not close, which removes what the other run needs
            os.close(self._lines.descriptor)
            raise Unusable(f"another run is writing to '{self._path}'") from None

    def _told(self, line: bytes, index: int) -> dict[str, Any]:
        with suppress(ValueError):
            told = read_head(line)
            if told.get("index") == index:
                return told
        raise Unusable(f"line {index + 1} of '{self._file()}' was not written by kvnet; render it without --resume")


class FolderOutput(FileOutput):
    """A file for each machine, there whole or not at all, and a journal with a line for each, written after its file.

    No file is overwritten: neither that of another machine, nor one that was there before.
    """

    EXISTS = "'{path}' holds a run: choose another, continue it with --resume, or overwrite it with --force"

    def __init__(self, path: str, *, resume: bool = False, force: bool = False) -> None:
        os.makedirs(path, exist_ok=True)
        # a run may have ended between the file of a machine and its line
        self._is_unsure = resume
        super().__init__(path, resume=resume, force=force)

    def write(self, batch: Batch, first: int) -> Batch:
        refused: set[int] = set()
        for number, (line, file) in enumerate(zip(batch.lines, batch.files, strict=True)):
            written = line
            if file is not None and not self._put(*file):
                written = _refused(line, file[0], batch.tally)
                refused.add(number)
            self._lines.append([numbered(first + number, written)])
            self._is_unsure = False
        if not refused:
            return batch
        records = (batch.records[n : n + 16] for n in range(0, len(batch.records), 16))
        kept = [each for each in records if int.from_bytes(each[8:], "little") not in refused]
        return batch._replace(records=b"".join(kept))

    def close(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._path, _TEMPORARY))
        super().close()

    def _file(self) -> str:
        return os.path.join(self._path, JOURNAL)

    def _put(self, name: str, text: str) -> bool:
        """Write a machine's file. Returns whether the file is its own."""
        path, temporary = os.path.join(self._path, name), os.path.join(self._path, _TEMPORARY)
        if os.path.lexists(path):
            return self._is_unsure and self._is_own(path, name, text.encode())
        with open(temporary, "wb") as file:
            file.write(text.encode())
        os.rename(temporary, path)
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


def _refused(line: bytes, file: str, tally: Tally) -> bytes:
    """The line of a machine that was rendered, and is refused because its file exists; it is counted so."""
    rendered = read_head(line)
    problem = Problem(
        FieldPath(("metadata", "name")),
        "KN705",
        f"the file '{file}' exists already",
        hint="give the machine another name, or render into an empty directory",
    )
    refusal: Mapping[str, Any] = {
        **{key: value for key, value in rendered.items() if key in ("namespace", "name", "file")},
        "problems": [error_dict(problem)],
    }
    tally.refuse(rendered, refusal)
    return json.dumps(refusal).encode()


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
