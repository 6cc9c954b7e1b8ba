"""Carry a whole run from an input through workers to an output, and report it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from functools import partial
from typing import Any, TextIO

from attrs import evolve

from kvnet.bulk._template import Answer
from kvnet.bulk.batches import Batch, Tally, error_dict, numbered, read_head, read_without_index, without_index
from kvnet.bulk.duplicates import digests_of_texts
from kvnet.bulk.files import REPORT_BEGINS
from kvnet.bulk.inputs import Done, Item, Ndjson, Source, other_input
from kvnet.bulk.lines import Block, Line
from kvnet.bulk.outputs import Output, file_name
from kvnet.bulk.rendering import BulkResult
from kvnet.bulk.scheduler import results
from kvnet.bulk.settings import Settings, Work, Worker
from kvnet.bulk.workers import Area
from kvnet.errors import FieldPath, Problem
from kvnet.fleet import Duplicate, Uses

__all__ = ["render_chunk", "run", "write_report"]

_ROOM = 4
"""How many times the size of its input the result of a block may be, to be sent through shared memory."""


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
    if executor is not None and isinstance(source, Ndjson):
        # no more than so many chunks are in work: a slot is used again only when its result was written
        source = evolve(source, area=Area(ahead, _ROOM * source.block))
    done = output.resume()
    chunks: Iterable[Sequence[Item]] = source.chunks()
    if done.count:
        resumed = source.after(done)
        if not _is_same(done, resumed.last, settings, output.run):
            raise other_input(source.name)
        chunks = resumed.chunks
        show(resumed.size, done.count, False)
    output.go_on()
    # each machine of a block has its index already, and a file of a directory may hold several machines or none
    render = partial(render_chunk, run=output.run if output.is_packed else None)
    work, lost = Work(render, settings), partial(_lost_item, settings)
    with closing(results(chunks, work, lost, executor, ahead=ahead)) as batches:
        for each in batches:
            output.write(each)
            show(each.size, each.tally.machines, True)


def render_chunk(worker: Worker, chunk: Sequence[Item], *, run: str | None = None) -> Batch:
    """Render the machines of some lines or files, in a worker, and number the lines of a block for a ``run``."""
    if not isinstance(chunk, Block):
        batch = Batch(sum([item.size for item in chunk]))
        for item in chunk:
            _render_item(batch, worker, item)
        return batch
    batch, answered = Batch(chunk.size), []
    for number, text in enumerate(chunk.texts(), chunk.number):
        answer = worker.templates.answer(text) if worker.templates is not None else None
        if answer is not None:
            _add_answer(batch, answer, with_file=worker.settings.files)
            answered.append(answer.rest)
        elif text.strip():
            _render_item(batch, worker, Line(chunk.file, number, text))
    for codes, machines in Counter(answered).items():
        assert isinstance(codes, tuple)
        batch.tally.count_rendered(codes, machines)
    return batch if run is None else batch.packed_by_worker(chunk.first, run, chunk.slot)


def _render_item(batch: Batch, worker: Worker, item: Item) -> None:
    """Render the machines of a line or file in the ordinary way, and learn from a line that is sound."""
    settings, is_sound = worker.settings, False
    for result in item.results(settings):
        is_sound = _add(batch, settings, result, item.listed_file)
    if worker.templates is not None and is_sound and isinstance(item, Line):
        worker.templates.learn(item.text, partial(_answer, settings, item))


def _lost_item(settings: Settings, item: Item, error: BaseException) -> Batch:
    """The batch of a line or file that no worker could render."""
    batch = Batch(item.size)
    _add(batch, settings, item.lost(error), item.listed_file)
    return batch


def _add(batch: Batch, settings: Settings, result: BulkResult, listed_file: str | None) -> bool:
    """Add a result to a batch. Returns whether it is sound."""
    line, file = _told(settings, result, listed_file)
    batch.add(line, result.uses if "uses" in line else Uses())
    if settings.files:
        batch.files.append(file)
    return "problems" not in line


def _told(
    settings: Settings, result: BulkResult, listed_file: str | None
) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """What the line of a result says, and name and content of its file where files are wanted."""
    file = file_name(result.namespace, result.name) if settings.files else None
    problems = result.problems
    if settings.files and file is None and not problems:
        problems = (_name_problem(result),)
    line: dict[str, Any] = {"namespace": result.namespace, "name": result.name}
    if listed_file is not None:
        line["file"] = listed_file
    if problems:
        return line | {"problems": [error_dict(problem) for problem in problems]}, None
    line["uses"] = result.uses.as_dict()
    if result.notes:
        line["notes"] = sorted({note.code for note in result.notes})
    if file is not None:
        text = "\n".join(result.devices) + "\n" if result.document is None else result.document
        return line, (file, text)
    # the XML is last, so that the head of a line can be cut off
    return line | ({"devices": result.devices} if result.document is None else {"xml": result.document}), None


def _answer(settings: Settings, item: Line, text: bytes) -> Answer | None:
    """What rendering a text in place of a line gives, as texts: the line, name and content of the file, the uses."""
    (result,) = item._replace(text=text).results(settings)
    line, file = _told(settings, result, None)
    if "problems" in line:
        return None
    uses = ["\0".join(use) for use in result.uses]
    return Answer.of([without_index(line).decode(), *(file or ()), *uses], tuple(line.get("notes", ())))


def _add_answer(batch: Batch, answer: Answer, *, with_file: bool) -> None:
    """Add an answer to a batch, which does not count it yet."""
    uses = answer.others
    if with_file:
        name, content, *uses = uses
        batch.files.append((name.decode(), content.decode()))
    batch.lines.append(answer.first)
    batch.digests.append(digests_of_texts(uses))


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
    lines = render_chunk(Worker(evolve(settings, templates=False)), [last]).lines[:1]
    if numbered(done.count - 1, lines, run) == [done.last]:
        return True
    again = read_without_index(lines[0]) if lines else {}
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
