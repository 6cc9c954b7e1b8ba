"""Carry a whole run from an input through workers to an output, and report it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from functools import partial
from typing import Any, TextIO

from kvnet.bulk.files import REPORT_BEGINS
from kvnet.bulk.inputs import Done, Item, Source, other_input
from kvnet.bulk.outputs import Batch, Output, Tally, error_dict, file_name, numbered, read_head
from kvnet.bulk.rendering import BulkResult, Settings
from kvnet.bulk.scheduler import results
from kvnet.errors import FieldPath, Problem
from kvnet.fleet import Duplicate

__all__ = ["run", "write_report"]


def run(
    source: Source,
    settings: Settings,
    output: Output,
    executor: Executor | Callable[[], Executor] | None,
    *,
    ahead: int,
    show: Callable[[int, int, bool], None],
) -> None:
    """Render what is not done yet, and show what was done: first by an earlier run, then chunk by chunk.

    ``show`` gets the size in the unit of the input's own, the number of machines, and whether this run rendered them.
    At most ``ahead`` chunks are in work. Raises Unusable where the output belongs to another input.
    """
    done = output.resume()
    chunks: Iterable[Sequence[Item]] = source.chunks()
    if done.count:
        resumed = source.after(done)
        if not _is_same(done, resumed.last, settings, output.run):
            raise other_input(source.name)
        chunks = resumed.chunks
        show(resumed.size, done.count, False)
    output.go_on()
    work, lost = partial(_render_chunk, settings), partial(_lost_item, settings)
    with closing(results(chunks, work, lost, executor, ahead=ahead)) as batches:
        for each in batches:
            output.write(each)
            show(each.size, len(each.lines), True)


def _render_chunk(settings: Settings, chunk: Sequence[Item]) -> Batch:
    found = ((result, item.listed_file) for item in chunk for result in item.results(settings))
    return _batch(settings, found, sum(item.size for item in chunk))


def _lost_item(settings: Settings, item: Item, error: BaseException) -> Batch:
    """The batch of a line or file that no worker could render."""
    return _batch(settings, [(item.lost(error), item.listed_file)], item.size)


def _batch(settings: Settings, found: Iterable[tuple[BulkResult, str | None]], size: int) -> Batch:
    """Put results together, each with the name of its file where the line has that."""
    batch = Batch(size)
    for result, listed_file in found:
        file = file_name(result.namespace, result.name) if settings.files else None
        problems = result.problems
        if settings.files and file is None and not problems:
            problems = (_name_problem(result),)
        line: dict[str, Any] = {"namespace": result.namespace, "name": result.name}
        if listed_file is not None:
            line["file"] = listed_file
        if problems:
            line["problems"] = [error_dict(problem) for problem in problems]
        else:
            line["uses"] = result.uses.as_dict()
            if result.notes:
                line["notes"] = sorted({note.code for note in result.notes})
        batch.count(line)
        if settings.files:
            text = "\n".join(result.devices) + "\n" if result.document is None else result.document
            batch.files.append((file, text) if file and not problems else None)
        elif not problems:
            # the XML is last, so that the head of a line can be cut off
            line |= {"devices": result.devices} if result.document is None else {"xml": result.document}
        batch.lines.append(json.dumps(line).encode())
    return batch


def _name_problem(result: BulkResult) -> Problem:
    message = f"namespace {result.namespace or 'default'!r} and name {result.name!r} do not make the name of a file"
    hint = "use letters, digits, '-' and '.' in both"
    return Problem(FieldPath(("metadata", "name")), "KN704", message, hint=hint)


def _is_same(done: Done, last: Item, settings: Settings, run: str) -> bool:
    """Whether the last machine of an earlier run gives the line that is there, as far as that can be said."""
    before = read_head(done.last)
    codes = {problem["code"] for problem in before.get("problems", ())}
    if codes & {"KN701", "KN702"}:
        # no worker survived this machine, or kvnet has a bug there: it is not rendered again
        return True
    lines = _render_chunk(settings, [last]).lines[:1]
    if numbered(done.count - 1, lines, run) == [done.last]:
        return True
    again = read_head(lines[0]) if lines else {}
    return "KN705" in codes and all(before.get(key) == again.get(key) for key in ("namespace", "name", "file"))


def write_report(file: TextIO, tally: Tally, seconds: float, duplicates: Iterable[Duplicate]) -> None:
    """Write the report as JSON, one duplicate at a time: there may be more of them than memory holds."""
    file.write(REPORT_BEGINS)
    for number, each in enumerate(duplicates):
        entry = {"vms": [each.first, each.again], "index": each.index, **error_dict(each.problem)}
        file.write(("," if number else "") + "\n  " + json.dumps(entry))
    rate = round(tally.machines / seconds, 1) if seconds else None
    counts = {**tally.as_dict(), "seconds": round(seconds, 3), "rate": rate}
    file.write("\n],\n" + json.dumps(counts, indent=1)[2:] + "\n")
