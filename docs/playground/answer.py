"""Answer the playground's page: what kvnet makes of a manifest, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kvnet.checks import told_of
from kvnet.errors import KvnetError, Problem
from kvnet.facts import HostFacts
from kvnet.fleet import duplicates
from kvnet.manifest.document import Text
from kvnet.manifest.facts import loads_facts
from kvnet.manifest.loading import Reading, load_partly
from kvnet.pictures import FORMATS, Picture, picture
from kvnet.pipeline import Rendered, render
from kvnet.report.suppressions import suppressions
from kvnet.report.text import excerpt
from kvnet.target import Target

__all__ = ["answer"]

_MANIFEST, _FACTS = "manifest", "facts"
"""What places call the two texts."""


def answer(manifest: str, facts: str = "", profile: str = "kubevirt") -> str:
    """Render every machine of a manifest. Returns a JSON object, also where there is nothing but problems.

    - ``machines``: the ``name`` of each, and its ``xml``, null where it has errors
    - ``picture``: an ``svg`` document and its ``summary`` in words, or null without a machine
    - ``problems``: those of ``Problem.as_dict``, with ``file`` ``manifest`` or ``facts``, and with ``from`` and ``to``,
      the columns of the first character it is about and of the first after it, which count UTF-16 units from 0, as
      JavaScript does
    """
    sources = {_MANIFEST: manifest, _FACTS: facts}
    made: list[Rendered] = []
    drawn: list[Picture] = []
    try:
        reading = load_partly(Text(_MANIFEST, manifest))
        target = reading.manifest.target(profile=profile, facts=_facts(facts))
        made = [render(machine, target) for machine in reading.manifest.machines]
        drawn = [picture(machine, target) for machine in reading.manifest.machines]
        found = [*reading.problems, *_found(reading, made, target)]
    except KvnetError as error:
        found = list(error.problems)
    described = {
        "machines": [{"name": each.name, "xml": each.document} for each in made],
        "picture": _described(drawn),
        "problems": [_located(each, sources) for each in _unsuppressed(found, manifest)],
    }
    return json.dumps(described)


def _facts(text: str) -> HostFacts:
    """The facts in a text; without anything but comments there are none."""
    lines = (line.strip() for line in text.split("\n"))
    return loads_facts(text, name=_FACTS) if any(line and not line.startswith("#") for line in lines) else HostFacts()


def _found(reading: Reading, made: Sequence[Rendered], target: Target) -> Iterator[Problem]:
    """What there is to say of each machine, and of all together; as far as flaws of documents do not explain it."""
    yield from reading.manifest.repeated
    for machine, each in zip(reading.manifest.machines, made, strict=True):
        told = (*each.problems, *each.notes)
        yield from (problem for problem in told if not reading.explains(problem, machine))
    for partial in reading.partial:
        told = filter(partial.stands, told_of(partial.machine, target))
        yield from (problem for problem in told if not reading.explains(problem, partial.machine))
    machines = [*reading.manifest.machines, *(each.machine for each in reading.partial)]
    if len(machines) > 1:
        yield from duplicates(machines, target)


def _unsuppressed(found: Iterable[Problem], manifest: str) -> Sequence[Problem]:
    """What no comment suppresses, and the comments that cannot be understood, in the order of their places."""
    suppressed = suppressions({_MANIFEST: manifest})
    return sorted([*suppressed.kept(found), *suppressed.problems], key=_order)


def _order(problem: Problem) -> tuple[bool, int, int]:
    place = problem.place
    return (place.file != _FACTS, place.line, place.column) if place else (True, 0, 0)


def _described(drawn: Sequence[Picture]) -> dict[str, str] | None:
    if not drawn:
        return None
    return {"svg": FORMATS["svg"](*drawn), "summary": " ".join(each.summary for each in drawn)}


def _located(problem: Problem, sources: Mapping[str, str]) -> dict[str, Any]:
    """A problem as plain data, with the columns that it is about where it is in a text."""
    place = excerpt(problem, sources)
    if place is None:
        return problem.as_dict()
    start = place.column - 1
    begin, end = _utf16(place.line[:start]), _utf16(place.line[: start + place.length])
    return problem.as_dict() | {"from": begin, "to": end}


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
