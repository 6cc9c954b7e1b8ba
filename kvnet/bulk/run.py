"""A whole run: from a source through workers into an output."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from typing import Any, NamedTuple

from attrs import frozen

from kvnet.bulk.batch import Form, head, unnumbered
from kvnet.bulk.look_ahead import results
from kvnet.bulk.outputs import Output
from kvnet.bulk.repeats import Records, Repeat
from kvnet.bulk.settings import Settings
from kvnet.bulk.sources import Source
from kvnet.bulk.tally import Tally

__all__ = ["Run", "Step"]


class Step(NamedTuple):
    """How much of the input was done, and how many VMs; not new is what an earlier run had done."""

    size: int
    vms: int
    is_new: bool = True


@frozen(kw_only=True)
class Run:
    """What to render, how, with which workers, and where to; ``ahead`` is in chunks."""

    source: Source
    settings: Settings
    form: Form
    executor: Executor | Callable[[], Executor] | None
    ahead: int
    output: Output
    records: Records
    tally: Tally

    def progress(self) -> Generator[Step, None, None]:
        """Render what is not done yet, and tell of each chunk; before them, of what was done already.

        Raises Unusable where the output belongs to another input.
        """
        work = self.source.work(self.settings, self.form)
        done = self.output.resumed(self.records, self.tally)
        behind: list[int] = []

        def is_last(chunk: Any, size: int) -> bool:
            behind.append(size)
            return _is_beyond_repeating(done.last) or _matches(work.call(chunk).lines, done.last)

        index = done.count
        batches = results(work, self.source.chunks(done, is_last), self.executor, ahead=self.ahead)
        try:
            for batch in batches:
                self.tally.add(batch)
                self.records.add(index, self.output.write(batch, index, self.tally))
                index += len(batch.lines)
                if behind:
                    yield Step(behind.pop(), done.count, is_new=False)
                yield Step(batch.size, len(batch.lines))
        finally:
            batches.close()

    def repeats(self) -> Iterator[Repeat]:
        """What two VMs use and only one may."""
        for repeat in self.records.repeats(self.output.line):
            self.tally.repeats += 1
            yield repeat


def _is_beyond_repeating(last: bytes) -> bool:
    """Whether the last VM is one that no worker survived, or that kvnet failed at."""
    return any(problem["code"] in ("KN701", "KN702") for problem in json.loads(head(last)).get("problems", ()))


def _matches(made: list[bytes], last: bytes) -> bool:
    """Whether the first of some lines is the last one of an output, but for what only the output knows."""
    if not made:
        return False
    if made[0] == unnumbered(last):
        return True
    there, here = json.loads(head(last)), json.loads(head(made[0]))
    refused_late = any(problem["code"] == "KN705" for problem in there.get("problems", ()))
    return refused_late and all(there.get(key) == here.get(key) for key in ("namespace", "name", "file"))
