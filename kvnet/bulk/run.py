"""Carry a whole run from an input through workers to an output, and report it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from typing import Any, NamedTuple, TextIO

from attrs import frozen

from kvnet.bulk.duplicates import Duplicate, Records
from kvnet.bulk.inputs import Done, Source, other_input
from kvnet.bulk.lines import Batch, Tally, error_dict, head, read_head, unnumbered
from kvnet.bulk.outputs import Output
from kvnet.bulk.rendering import Settings
from kvnet.bulk.scheduler import Chunk, results

__all__ = ["Run", "Step", "write_report"]


class Step(NamedTuple):
    """How much of the input was done, and how many machines; ``is_new`` unless an earlier run did it."""

    size: int
    machines: int
    is_new: bool = True


@frozen(kw_only=True)
class Run:
    """What to render and how, with which workers, and where to; ``ahead`` is a number of chunks."""

    source: Source
    settings: Settings
    executor: Executor | Callable[[], Executor] | None
    ahead: int
    output: Output
    records: Records
    tally: Tally

    def steps(self) -> Generator[Step, None, None]:
        """Render what is not done yet, and yield what was done: first by an earlier run, then chunk by chunk.

        Raises Unusable where the output belongs to another input.
        """
        done = self.output.resume(self.records, self.tally)
        chunks: Iterable[Chunk[Batch]] = self.source.chunks(self.settings)
        if done.count:
            resumed = self.source.after(done, self.settings)
            if not _is_same(resumed.last, done):
                raise other_input(self.source.name)
            chunks = resumed.chunks
            yield Step(resumed.size, done.count, is_new=False)
        index = done.count
        with closing(results(chunks, self.executor, ahead=self.ahead)) as batches:
            for batch in batches:
                written = self.output.write(batch, index)
                self.tally.add(written.tally)
                self.records.add(index, written.records)
                index += len(batch.lines)
                yield Step(batch.size, len(batch.lines))

    def duplicates(self) -> Iterator[Duplicate]:
        """What two machines use and only one may."""
        for duplicate in self.records.duplicates(self.output.line):
            self.tally.duplicates += 1
            yield duplicate


def _is_same(chunk: Chunk[Batch], done: Done) -> bool:
    """Whether the last machine of an earlier run gives the line that is there, as far as that can be said."""
    before = read_head(done.last)
    codes = {problem["code"] for problem in before.get("problems", ())}
    if codes & {"KN701", "KN702"}:
        # no worker survived this machine, or kvnet has a bug there: it is not rendered again
        return True
    lines = chunk.render().lines
    if not lines:
        return False
    if lines[0] == unnumbered(done.last):
        return True
    again = json.loads(head(lines[0]))
    return "KN705" in codes and all(before.get(key) == again.get(key) for key in ("namespace", "name", "file"))


def write_report(file: TextIO, tally: Tally, seconds: float, duplicates: Iterable[Duplicate]) -> None:
    """Write the report as JSON, one duplicate at a time: there may be more of them than memory holds."""
    file.write('{"duplicates": [')
    for number, duplicate in enumerate(duplicates):
        file.write(("," if number else "") + "\n  " + json.dumps(_duplicate_dict(duplicate)))
    told = tally.as_dict()
    told["seconds"] = round(seconds, 3)
    told["rate"] = round(tally.machines / seconds, 1) if seconds else None
    file.write("\n],\n" + json.dumps(told, indent=1)[2:] + "\n")


def _duplicate_dict(duplicate: Duplicate) -> dict[str, Any]:
    machines = [duplicate.first, duplicate.again]
    return {"vms": machines, "index": duplicate.index, **error_dict(duplicate.problem)}
