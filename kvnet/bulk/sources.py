"""Where the VMs of a run come from: NDJSON, or a directory of manifests; neither is ever held whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import IO, Any, Protocol

from attrs import field, frozen

from kvnet.bulk import files, lines
from kvnet.bulk.batch import Form
from kvnet.bulk.look_ahead import Work
from kvnet.bulk.settings import Settings

__all__ = ["Directory", "Done", "Ndjson", "Source", "Unusable"]

_BLOCK = 256 << 10
_FILES = 16
_BLANK = re.compile(rb"\n[ \t\r]*(?=\n)")


class Unusable(OSError):
    """An input or output that a run cannot go on with."""


@frozen
class Done:
    """What a broken run has left: how many VMs, the last one's line, its file and how many of that were done."""

    count: int = 0
    last: bytes = b""
    file: str | None = None
    of_file: int = 0


class Source(Protocol):
    """An input: chunks of it, and the work to do on them. ``size`` is in the unit of ``Batch.size``."""

    @property
    def size(self) -> int | None: ...

    def work(self, settings: Settings, form: Form) -> Work[Any, Any]:
        """What workers do with a chunk."""

    def chunks(self, done: Done, is_last: Callable[[Any, int], bool]) -> Iterator[Any]:
        """The chunks after what is done already.

        Where something is, ``is_last`` is asked about the chunk of the last VM, and told how much of the input
        is behind; Unusable where it denies.
        """


@frozen
class Ndjson:
    """A stream of lines."""

    stream: IO[bytes] = field(eq=False)
    name: str
    size: int | None = None
    block: int = _BLOCK

    def work(self, settings: Settings, form: Form) -> Work[lines.Block, Any]:
        return Work(
            call=partial(lines.rendered_block, settings.packed(), form),
            halves=lines.halves,
            lost=partial(lines.lost_line, form),
        )

    def chunks(self, done: Done, is_last: Callable[[lines.Block, int], bool]) -> Iterator[lines.Block]:
        behind, size = done.count, 0
        for block in self._blocks():
            if not behind:
                yield block
                continue
            held = _vms(block.text)
            if held < behind:
                behind -= held
                size += len(block.text)
                continue
            number, text = next(islice(block.lines(), behind - 1, None))
            rest = block.text.split(b"\n", number - block.line + 1)[-1]
            if not is_last(lines.Block(block.file, number, text), size + len(block.text) - len(rest)):
                raise _other_input(self.name)
            behind = 0
            if rest and not rest.isspace():
                yield lines.Block(block.file, number + 1, rest)
        if behind:
            raise _other_input(self.name)

    def _blocks(self) -> Iterator[lines.Block]:
        """Whole lines, about ``block`` bytes at once; of a line that is too long, no more than shows that."""
        line, kept = 1, b""
        while read := self.stream.read(self.block):
            end = read.rfind(b"\n") + 1
            if not end:
                kept = (kept + read)[: lines.LONGEST + 1]
                continue
            text, kept = kept + read[:end], read[end:]
            if not text.isspace():
                yield lines.Block(self.name, line, text)
            line += text.count(b"\n")
        if kept and not kept.isspace():
            yield lines.Block(self.name, line, kept)


def _vms(text: bytes) -> int:
    """How many VMs there are in some lines: those that are not blank."""
    ended = text if text.endswith(b"\n") else text + b"\n"
    return ended.count(b"\n") - len(_BLANK.findall(b"\n" + ended))


@frozen
class Directory:
    """The manifests of a directory, in the order of their names."""

    path: str
    names: list[str]

    @classmethod
    def of(cls, path: str) -> Directory:
        with os.scandir(path) as found:
            return cls(path, sorted(each.name for each in found if each.name.endswith(files.SUFFIXES)))

    @property
    def size(self) -> int:
        return len(self.names)

    def work(self, settings: Settings, form: Form) -> Work[files.Files, Any]:
        return Work(
            call=partial(files.rendered_files, settings.packed(), form),
            halves=files.halves,
            lost=partial(files.lost_file, form),
        )

    def chunks(self, done: Done, is_last: Callable[[files.Files, int], bool]) -> Iterator[files.Files]:
        first, skip = 0, 0
        if done.count:
            first, skip = self._place_of(done.file), done.of_file
            if not is_last(files.Files(self.path, (self.names[first],), skip - 1), first):
                raise _other_input(self.path)
        for start in range(first, len(self.names), _FILES):
            yield files.Files(self.path, tuple(self.names[start : start + _FILES]), skip)
            skip = 0

    def _place_of(self, file: str | None) -> int:
        try:
            return self.names.index(file or "")
        except ValueError:
            raise _other_input(self.path) from None


def _other_input(name: str) -> Unusable:
    told = "does not lead to what is in the output already: another input, or other settings"
    return Unusable(f"'{name}' {told}; render it without --resume")
