"""Note on disk what each machine uses and only one may, and find what two of them use, in memory that does not grow."""

from __future__ import annotations

import json
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from hashlib import blake2b
from itertools import accumulate, chain, groupby
from operator import itemgetter
from struct import iter_unpack
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from kvnet.bulk.scheduler import results
from kvnet.bulk.workers import Processes, TextInSlot
from kvnet.fleet import Duplicate, Uses

if TYPE_CHECKING:
    from kvnet.bulk.rendering import BulkResult

__all__ = ["Fleet", "LineFile", "Records", "digest", "digests_of", "digests_of_texts", "sorted_records", "starts_of"]

_BUCKETS = 128
_SIZE = 16
"""The bytes of a record."""
_HELD = 32
"""Of how many blocks the records are written together: one by one, that is a tenth of the writing process's time."""
_AT_ONCE = 1 << 17
"""How many records of a bucket are compared in one pass."""
_READ_AT_ONCE = 1 << 20
_STEP = 16


def digest(kind: str, where: str, what: str) -> bytes:
    """8 bytes that stand for one use."""
    return digests_of_texts([f"{kind}\0{where}\0{what}".encode(errors="surrogatepass")])[0]


def digests_of_texts(uses: Iterable[bytes]) -> list[bytes]:
    """8 bytes that stand for each use, whose kind, network or host, and thing are joined by zeros."""
    # to ask for digests of 8 bytes takes longer than to cut off the others
    return [blake2b(use).digest()[:8] for use in uses]


def digests_of(uses: Uses) -> list[bytes]:
    """8 bytes that stand for each use."""
    return [digest(*use) for use in uses]


class Records:
    """16 bytes on disk for each use: its digest, and the number of the machine.

    The files are in ``folder``. They have no names, and are gone when the process ends, however it ends.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._files: list[IO[bytes]] = [TemporaryFile(dir=folder) for _ in range(_BUCKETS)]  # noqa: SIM115
        self._held: list[Sorted] = []

    def close(self) -> None:
        """Remove the files."""
        for file in self._files:
            file.close()

    def add(self, number: int, digests: Iterable[bytes]) -> None:
        """Add what the machine of a number uses."""
        self.write(sorted_records(number, [digests]))

    def write(self, records: Sorted) -> None:
        """Add the records of several machines."""
        text = records.text
        self._held.append(records if isinstance(text, bytes) else records._replace(text=bytes(text.view)))
        if len(self._held) >= _HELD:
            self._write_held()

    def _write_held(self) -> None:
        parts: list[list[bytes]] = [[] for _ in self._files]
        for files, ends, text in self._held:
            assert isinstance(text, bytes)
            for number, start, end in zip(files, (0, *ends), ends, strict=False):
                parts[number].append(text[start:end])
        self._held = []
        for file, of_file in zip(self._files, parts, strict=True):
            if of_file:
                file.write(b"".join(of_file))

    def duplicates(self, line_of: Callable[[int], Mapping[str, Any]], jobs: int = 1) -> Iterator[Duplicate]:
        """Every use of what an earlier machine uses; ``line_of`` reads the line of a machine in the output.

        Equal digests are only a suspicion, for which so many forked processes look where there is enough to do. The
        lines decide.
        """
        self._write_held()
        for file in self._files:
            file.flush()
        parts = [part for file in self._files for part in _Part.all_of(file.fileno())]
        is_much = sum(os.fstat(file.fileno()).st_size for file in self._files) > _SIZE * _AT_ONCE
        executor = partial(Processes, jobs) if jobs > 1 and is_much else None
        chunks = [[part] for part in parts]
        with closing(
            results(chunks, _repeated_in, lambda part, _: _repeated_in([part]), executor, ahead=2 * jobs)
        ) as found:
            for part, repeated in zip(parts, found, strict=True):
                if repeated:
                    yield from _duplicates(part.descriptor, repeated, line_of)


class _Part(NamedTuple):
    """The records of a file that are compared in one of several turns. Forked processes have the same files."""

    descriptor: int
    turns: int
    turn: int

    @classmethod
    def all_of(cls, descriptor: int) -> list[_Part]:
        """All parts of a file."""
        turns = 1 + os.fstat(descriptor).st_size // _SIZE // _AT_ONCE
        return [cls(descriptor, turns, turn) for turn in range(turns)]

    def keys(self) -> list[int]:
        """The digests of the records."""
        if self.turns == 1:
            return memoryview(b"".join(_pieces(self.descriptor))).cast("Q")[::2].tolist()
        return [key for key, _ in _read(self.descriptor) if key // _BUCKETS % self.turns == self.turn]


def _repeated_in(parts: Sequence[_Part]) -> set[int]:
    """The digests in a part that there are several of."""
    keys = parts[0].keys()
    # most often there are none, which a set tells four times as fast
    if len(set(keys)) == len(keys):
        return set()
    return {key for key, count in Counter(keys).items() if count > 1}


class Sorted(NamedTuple):
    """Records by the files that they belong into: the numbers of these, where the records of each end, and all."""

    files: bytes
    ends: list[int]
    text: bytes | TextInSlot


def sorted_records(first: int, digests: Iterable[Iterable[bytes]]) -> Sorted:
    """The records of what machines use, of which the first has this number."""
    records: dict[int, list[bytes]] = {}
    for number, keys in enumerate(digests, first):
        last = number.to_bytes(8, "little")
        for key in keys:
            records.setdefault(key[0] % _BUCKETS, []).append(key + last)
    ends = [*accumulate([_SIZE * len(each) for each in records.values()])]
    return Sorted(bytes(records), ends, b"".join(chain.from_iterable(records.values())))


def _duplicates(
    descriptor: int, repeated: set[int], line_of: Callable[[int], Mapping[str, Any]]
) -> Iterator[Duplicate]:
    seen: dict[tuple[str, str, str], str] = {}
    suspects = (record for record in _read(descriptor) if record[0] in repeated)
    for number, records in groupby(suspects, itemgetter(1)):
        line = line_of(number)
        machine = f"{line.get('namespace') or 'default'}/{line.get('name')}"
        # a machine that uses a thing twice has two records, and one line
        for key in dict.fromkeys(key for key, _ in records):
            for use in Uses.of_line(line):
                if int.from_bytes(digest(*use), "little") != key:
                    continue
                if use in seen:
                    yield Duplicate(*use, seen[use], machine, line.get("index", number))
                else:
                    seen[use] = machine


def _read(descriptor: int) -> Iterator[tuple[int, int]]:
    """The records of a file, each a digest and the number of a machine."""
    for piece in _pieces(descriptor):
        yield from iter_unpack("<QQ", piece)


def _pieces(descriptor: int) -> Iterator[bytes]:
    """What is in a file, whose place several processes share, and which is therefore not used."""
    start = 0
    while piece := os.pread(descriptor, 1 << 16, start):
        yield piece
        start += len(piece)


def starts_of(lines: Iterable[bytes], first: int) -> list[int]:
    """Where those of several lines begin, of which the first has this number, that a ``LineFile`` remembers."""
    starts, end = [], 0
    for number, line in enumerate(lines, first):
        if not number % _STEP:
            starts.append(end)
        end += len(line)
    return starts


class LineFile:
    """Lines in a file, found by their numbers from 0 with half a byte of memory for each."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.count = 0
        self._end = 0
        self._starts = array("Q")  # of every sixteenth line

    def append(self, lines: list[bytes]) -> None:
        """Write lines, each with its line feed."""
        self.write(b"".join(lines), len(lines), starts_of(lines, self.count))

    def write(self, text: bytes | memoryview, count: int, starts: Iterable[int]) -> None:
        """Write so many lines, whose ``starts`` in the text are those of ``starts_of``."""
        self._starts.extend([self._end + start for start in starts])
        self.count += count
        self._end += len(text)
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def line(self, number: int) -> bytes:
        """The line of a number."""
        step, place = divmod(number, _STEP)
        start = self._starts[step]
        end = self._starts[step + 1] if step + 1 < len(self._starts) else self._end
        return os.pread(self.descriptor, end - start, start).split(b"\n", place + 1)[place]

    def recover(self) -> Iterator[bytes]:
        """The lines that the file holds already; not the last one where that is torn, which ``cut`` cuts off."""
        for line in self.whole_lines():
            self._note([line])
            yield line

    def rest(self, size: int) -> bytes:
        """So many bytes behind the lines that are known."""
        return os.pread(self.descriptor, size, self._end)

    def cut(self) -> None:
        """Cut off what is behind the lines that are known, and stand where the next belongs."""
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


class Fleet:
    """Notes what machines use while their results pass, and finds what two of them use and only one may.

    A context manager. ``folder`` is where there is room for about 200 bytes for each machine.

    >>> interface = "{name: lan, bridge: {}, macAddress: '52:54:00:00:00:01'}"
    >>> spec = "{domain: {devices: {interfaces: [%s]}}, networks: [{name: lan, pod: {}}]}" % interface
    >>> from kvnet.bulk import Fleet, render
    >>> with Fleet() as fleet:
    ...     results = list(fleet.watch(render([spec, spec])))
    ...     [duplicate.problem.code for duplicate in fleet.duplicates()]
    ['KN710']
    """

    def __init__(self, folder: str | None = None) -> None:
        self._records = Records(folder)
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115
        self._lines = LineFile(self._file.fileno())

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._records.close()

    def watch(self, results: Iterable[BulkResult]) -> Iterator[BulkResult]:
        """The same results; each is noted before it is yielded."""
        for result in results:
            line = {"index": result.index, "namespace": result.namespace, "name": result.name}
            self._records.add(self._lines.count, digests_of(result.uses))
            self._lines.append([json.dumps(line | {"uses": result.uses.as_dict()}).encode() + b"\n"])
            yield result

    def duplicates(self) -> Iterator[Duplicate]:
        """Every use of what another machine uses already."""
        return self._records.duplicates(lambda number: json.loads(self._lines.line(number)))
