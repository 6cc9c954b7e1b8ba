"""What two VMs of a fleet take and only one may: found on disk, in memory that does not grow with the fleet."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from struct import iter_unpack, pack
from tempfile import TemporaryFile
from typing import IO, Any

from attrs import frozen

from kvnet.bulk.batch import digest, head
from kvnet.errors import FieldPath, Problem

__all__ = ["Records", "Repeat", "uses_in"]

_BUCKETS = 128
_AT_ONCE = 1 << 17
"""How many records of a bucket are looked at in one go."""
_CODES = {"mac": "KN710", "vf": "KN711", "tap": "KN712"}
_WHAT = {"mac": "the MAC address {what} in network '{where}'", "vf": "the virtual function {what}", "tap": "tap {what}"}


@frozen
class Repeat:
    """One use too many; ``first`` and ``again`` are names of VMs, with their namespaces."""

    kind: str
    where: str
    what: str
    first: str
    again: str
    index: int

    @property
    def problem(self) -> Problem:
        """The repeat as a problem of the second VM."""
        told = _WHAT[self.kind].format(what=self.what, where=self.where)
        host = f" of host '{self.where}'" if self.kind != "mac" and self.where else ""
        message = f"{self.again} has {told}{host}, which {self.first} has too"
        return Problem(FieldPath(), _CODES[self.kind], message, hint="give each its own")


class Records:
    """16 bytes on disk for each use: a digest of what is used, and the number of the VM.

    The files have no name, and are gone with the process however it ends. A context manager.
    """

    def __init__(self, folder: str | None = None) -> None:
        with ExitStack() as opened:
            self._files: list[IO[bytes]] = [opened.enter_context(TemporaryFile(dir=folder)) for _ in range(_BUCKETS)]
            self._opened = opened.pop_all()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the room on disk back."""
        self._opened.close()

    def add(self, first: int, records: bytes) -> None:
        """Add records whose VMs are numbered from ``first`` on."""
        files = self._files
        for key, number in iter_unpack("<QQ", records):
            files[key % _BUCKETS].write(pack("<QQ", key, first + number))

    def repeats(self, line_of: Callable[[int], bytes]) -> Iterator[Repeat]:
        """Every use of what an earlier VM uses; ``line_of`` finds the line of a VM in the output.

        Equal digests are only a suspicion: what counts is what the lines say.
        """
        for file in self._files:
            size = file.seek(0, 2) // 16
            passes = 1 + size // _AT_ONCE
            for turn in range(passes):
                yield from _repeats(file, turn, passes, line_of)


def _repeats(file: IO[bytes], turn: int, passes: int, line_of: Callable[[int], bytes]) -> Iterator[Repeat]:
    again = _again(file, turn, passes)
    if not again:
        return
    seen: dict[tuple[str, str, str], str] = {}
    current, looked_at = -1, set[int]()
    for key, number in _records(file):
        if number != current:
            current = number
            looked_at.clear()
        # a VM that uses a thing twice has two records, and one line
        if key not in again or key in looked_at:
            continue
        looked_at.add(key)
        line = json.loads(head(line_of(number)))
        who = f"{line.get('namespace') or 'default'}/{line.get('name')}"
        for use in uses_in(line):
            if int.from_bytes(digest(*use), "little") != key:
                continue
            if use in seen:
                yield Repeat(*use, seen[use], who, line.get("index", number))
            else:
                seen[use] = who


def _again(file: IO[bytes], turn: int, passes: int) -> set[int]:
    """The digests that come more than once."""
    keys = array("Q", (key for key, _ in _records(file) if key // _BUCKETS % passes == turn))
    if len(set(keys)) == len(keys):
        return set()
    return {key for key, count in Counter(keys).items() if count > 1}


def _records(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    file.seek(0)
    while part := file.read(1 << 16):
        yield from iter_unpack("<QQ", part)


def uses_in(line: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a line of the output says that its VM uses."""
    uses = line.get("uses") or {}
    for kind in _CODES:
        for where, what in uses.get(f"{kind}s", ()):
            yield kind, where, what
