"""Find what two machines use and only one may: on disk, in memory that does not grow with the number of machines."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from struct import iter_unpack, pack
from tempfile import TemporaryFile
from typing import IO, Any

from attrs import frozen

from kvnet.bulk.lines import LineFile, read_head
from kvnet.bulk.rendering import BulkResult
from kvnet.bulk.uses import Uses, digest
from kvnet.errors import FieldPath, Problem

__all__ = ["Duplicate", "Fleet", "Records"]

_BUCKETS = 128
_AT_ONCE = 1 << 17
"""How many records of a bucket are compared in one pass."""
_KINDS = {
    "mac": ("KN710", "MAC address {what} in network '{where}'"),
    "vf": ("KN711", "virtual function {what}"),
    "tap": ("KN712", "tap {what}"),
}


@frozen
class Duplicate:
    """Something that two machines use and only one may.

    ``kind`` is ``mac``, ``vf`` or ``tap``; ``where`` is its network or host, and ``what`` the address or name.
    ``first`` and ``again`` are the two machines as ``NAMESPACE/NAME``; ``index`` is that of the second in the input.
    """

    kind: str
    where: str
    what: str
    first: str
    again: str
    index: int

    @property
    def problem(self) -> Problem:
        """The duplicate as a problem of the second machine."""
        code, used = _KINDS[self.kind]
        host = f" of host '{self.where}'" if self.kind != "mac" and self.where else ""
        message = f"{self.again} uses {used.format(what=self.what, where=self.where)}{host}, as {self.first} does"
        return Problem(FieldPath(), code, message, hint="give each machine its own")


class Records:
    """16 bytes on disk for each use: its digest, and the number of the machine.

    The files have no names, and are gone when the process ends, however it ends. A context manager; ``folder`` is where
    the files are.
    """

    def __init__(self, folder: str | None = None) -> None:
        with ExitStack() as opened:
            self._files: list[IO[bytes]] = [opened.enter_context(TemporaryFile(dir=folder)) for _ in range(_BUCKETS)]
            self._opened = opened.pop_all()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def add(self, first: int, records: bytes) -> None:
        """Add the records of a batch, whose machines are numbered from ``first``."""
        files = self._files
        for key, number in iter_unpack("<QQ", records):
            files[key % _BUCKETS].write(pack("<QQ", key, first + number))

    def add_uses(self, number: int, uses: Uses) -> None:
        """Add what one machine uses."""
        self.add(number, b"".join([digest(*use) + bytes(8) for use in uses]))

    def duplicates(self, line_of: Callable[[int], Mapping[str, Any]]) -> Iterator[Duplicate]:
        """Every use of what an earlier machine uses; ``line_of`` reads the line of a machine in the output.

        Equal digests are only a suspicion. The lines decide.
        """
        for file in self._files:
            size = file.seek(0, 2) // 16
            passes = 1 + size // _AT_ONCE
            for turn in range(passes):
                yield from _duplicates(file, _repeated(file, turn, passes), line_of)


def _duplicates(
    file: IO[bytes], repeated: set[int], line_of: Callable[[int], Mapping[str, Any]]
) -> Iterator[Duplicate]:
    if not repeated:
        return
    seen: dict[tuple[str, str, str], str] = {}
    current, compared = -1, set[int]()
    for key, number in _read(file):
        if number != current:
            current = number
            compared.clear()
        # a machine that uses a thing twice has two records, and one line
        if key not in repeated or key in compared:
            continue
        compared.add(key)
        line = line_of(number)
        machine = f"{line.get('namespace') or 'default'}/{line.get('name')}"
        for use in Uses.of_line(line):
            if int.from_bytes(digest(*use), "little") != key:
                continue
            if use in seen:
                yield Duplicate(*use, seen[use], machine, line.get("index", number))
            else:
                seen[use] = machine


def _repeated(file: IO[bytes], turn: int, passes: int) -> set[int]:
    """The digests that a bucket holds more than once."""
    keys = array("Q", (key for key, _ in _read(file) if key // _BUCKETS % passes == turn))
    if len(set(keys)) == len(keys):
        return set()
    return {key for key, count in Counter(keys).items() if count > 1}


def _read(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    file.seek(0)
    while part := file.read(1 << 16):
        yield from iter_unpack("<QQ", part)


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
        with ExitStack() as opened:
            self._records = opened.enter_context(Records(folder))
            self._lines = LineFile(opened.enter_context(TemporaryFile(dir=folder)).fileno())
            self._opened = opened.pop_all()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def watch(self, results: Iterable[BulkResult]) -> Iterator[BulkResult]:
        """The same results; each is noted before it is yielded."""
        for result in results:
            line = {"index": result.index, "namespace": result.namespace, "name": result.name}
            self._records.add_uses(self._lines.count, result.uses)
            self._lines.append([json.dumps(line | {"uses": result.uses.as_dict()}).encode() + b"\n"])
            yield result

    def duplicates(self) -> Iterator[Duplicate]:
        """Every use of what another machine uses already."""
        return self._records.duplicates(lambda number: read_head(self._lines.line(number)))
