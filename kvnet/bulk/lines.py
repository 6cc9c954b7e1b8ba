"""NDJSON: one KubeVirt object a line, or an envelope of a VM and facts of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from attrs import evolve

from kvnet.bulk.batch import Batch, Form, batch
from kvnet.bulk.rendered import Rendered
from kvnet.bulk.rendering import lost_worker
from kvnet.bulk.settings import Settings
from kvnet.bulk.single import NamedText, guarded, identity, read, rendered_machine
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.manifest import Document, documents, load, load_facts
from kvnet.pipeline import placed

__all__ = ["LONGEST", "Block", "halves", "lost_line", "rendered_block", "rendered_line"]

LONGEST = 8 << 20
"""The most bytes of a line; a Kubernetes API server takes no object of such a size."""
_ENVELOPE = re.compile(rb'\s*\{\s*"(?:vm|facts)"\s*:')
_KEYS = ("vm", "facts")


class Block(NamedTuple):
    """Whole lines of an input; ``line`` numbers the first from 1. Lines of white space hold no VM."""

    file: str
    line: int
    text: bytes

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line that holds a VM, with its number."""
        for number, text in enumerate(self.text.split(b"\n"), self.line):
            if text and not text.isspace():
                yield number, text


def rendered_block(settings: bytes, form: Form, block: Block) -> Batch:
    """Render every line of a block."""
    known = Settings.unpacked(settings)
    made = ((rendered_line(text, block.file, number, known), None) for number, text in block.lines())
    return batch(made, form, len(block.text))


def rendered_line(text: bytes, file: str, number: int, settings: Settings) -> Rendered:
    """Render the VM of one line; the places of its problems are those in the whole input."""
    if len(text) > LONGEST:
        told = f"line {number} is longer than {LONGEST >> 20} MiB"
        at = Place(file, number, 1)
        return Rendered(index=0, problems=(Problem(FieldPath(), "KN703", told, place=at, hint="one object a line"),))
    if _ENVELOPE.match(text):
        made = _opened(text, file, settings)
    else:
        made = guarded(lambda: rendered_machine(read(text, file), settings.target, whole=settings.whole), text)
    return evolve(made, problems=tuple(_moved(each, number - 1) for each in made.problems)) if made.problems else made


def _opened(text: bytes, file: str, settings: Settings) -> Rendered:
    """Render the VM of an envelope."""
    data: Any = None

    def made() -> Rendered:
        nonlocal data
        (document,) = documents(NamedText(text, file))
        data = document.data
        problems = list(_envelope_flaws(data))
        if problems:
            raise Rejected(placed(document.origin, problems))
        target = settings.target
        try:
            if data.get("facts") is not None:
                target = evolve(target, facts=load_facts(data["facts"]))
        except KvnetError as error:
            raise Rejected(_inside(document, "facts", error.problems)) from None
        try:
            machine = load(data["vm"])
        except KvnetError as error:
            raise Rejected(_inside(document, "vm", error.problems)) from None
        one = rendered_machine(machine, target, whole=settings.whole)
        return evolve(one, problems=tuple(_inside(document, "vm", one.problems))) if one.problems else one

    one = guarded(made)
    if one.problems and one.name is None and isinstance(data, Mapping):
        namespace, name = identity(data.get("vm"))
        return evolve(one, namespace=namespace, name=name)
    return one


def _envelope_flaws(data: Mapping[str, Any]) -> Iterator[Problem]:
    hint = 'write {"vm": {...}, "facts": {...}}'
    if not isinstance(data.get("vm"), Mapping):
        yield Problem(FieldPath(("vm",)), "KN700", "there is no VM in this envelope", hint=hint)
    for key in data:
        if key not in _KEYS:
            yield Problem(FieldPath((key,)), "KN700", f"an envelope has no '{key}'", hint=hint)


def _inside(document: Document, key: str, problems: tuple[Problem, ...]) -> Iterator[Problem]:
    """Problems of one part of an envelope, with their places in the whole."""
    bare = key == "vm" and "kind" not in document.data[key] and "apiVersion" not in document.data[key]
    for problem in problems:
        parts = problem.at.parts[1:] if bare and problem.at.parts[:1] == ("spec",) else problem.at.parts
        place = document.origin.place(FieldPath((key, *parts))) if document.origin else None
        yield problem if problem.place else problem.placed(place)


def _moved(problem: Problem, lines: int) -> Problem:
    place = problem.place
    return problem.placed(evolve(place, line=place.line + lines)) if place and lines else problem


def halves(block: Block) -> tuple[Block, ...]:
    """A block in two, or nothing where it has one VM alone."""
    lines = list(block.lines())
    if len(lines) < 2:
        return ()
    middle = lines[len(lines) // 2][0]
    texts = block.text.split(b"\n")
    first, second = texts[: middle - block.line], texts[middle - block.line :]
    return (
        Block(block.file, block.line, b"\n".join(first) + b"\n"),
        Block(block.file, middle, b"\n".join(second)),
    )


def lost_line(form: Form, block: Block, error: BaseException) -> Batch:
    """The result of a line that no worker could render."""
    ((number, text),) = block.lines()
    namespace, name = identity(text)
    problem = lost_worker(error).placed(Place(block.file, number, 1))
    made = Rendered(index=0, namespace=namespace, name=name, problems=(problem,))
    return batch([(made, None)], form, len(block.text))
