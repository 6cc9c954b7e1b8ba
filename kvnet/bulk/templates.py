"""Learn how lines of one shape are rendered, and answer further lines of the shape by filling in names and addresses.

The machines of a fleet differ in names and addresses. A line is rendered again with every one of them replaced by a
mark, and the marks are found in what comes out: it is a template then, with a hole for each. A line that differs from
the learnt one in names and addresses alone is matched by one expression over its bytes, and answered by filling the
template. Any other line is rendered in the ordinary way, which is always right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from threading import Lock
from typing import Final

from attrs import define, field

from kvnet.bulk._holes import RUN, paths_of, spots_of, variables_of
from kvnet.bulk._template import Answer, Outline, Render, Slots, Template, template_of
from kvnet.target import Target

__all__ = ["Templates"]

_MOST_TEMPLATES: Final = 256
_MOST_OUTLINES: Final = 4
"""How many outlines of one structure are kept: they differ in where names and addresses stand."""
_LONGEST: Final = 1 << 14
"""The longest line that is learnt from, in bytes."""
_MOST_BYTES: Final = 1 << 19
"""How long the lines are, together, that templates were learnt from. A template takes about ten times its line."""
_OCCURRENCES: Final = 3
_MOST_SEEN: Final = 1024

# What learning may cost, in the time that it takes to render a line: to look at one, and to make a template of it. Each
# line that is rendered, or answered, gives credit for a part of its own time, or of what it saved.
_FIRST_CREDIT: Final = 200.0
_TO_LOOK, _TO_LEARN = 2.0, 20.0
_FOR_A_LINE, _FOR_AN_ANSWER = 0.01, 0.5


@define(eq=False)
class Templates:
    """The templates that were learnt for a target, of which there are at most ``most``.

    ``answer`` gives what is known, and ``learn`` looks at what was rendered instead. The least used template is
    forgotten where there are too many. Only lines that are learnt from take memory, and how many of them are looked at
    is bounded: at first by a fixed number, then by a share of the lines, and of those that were answered.
    """

    target: Target
    most: int = _MOST_TEMPLATES
    _outlines: dict[bytes, list[Outline]] = field(factory=dict, init=False)
    _last: Outline | None = field(default=None, init=False)
    _seen: dict[int, int] = field(factory=dict, init=False)
    _credit: float = field(default=_FIRST_CREDIT, init=False)
    _turn: int = field(default=0, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    @property
    def count(self) -> int:
        """How many templates are known."""
        return sum(1 for _ in self._all())

    @property
    def answered(self) -> int:
        """How many lines were answered."""
        return self._turn

    def answer(self, line: bytes) -> Answer | None:
        """The answer to a line of a known shape, ``None`` for any other."""
        outline = self._last
        found = None if outline is None else outline.match(line)
        if found is None or outline is None:
            outline, found = self._find(line)
            if found is None or outline is None:
                return None
            self._last = outline
        groups = found.groups()
        template = outline.templates.get(outline.key(groups))
        if template is None:
            return None
        values = outline.values(groups)
        if not template.takes(values):
            return None
        self._turn = template.used = self._turn + 1
        self._credit += _FOR_AN_ANSWER
        return template.filled(values)

    def _find(self, line: bytes) -> tuple[Outline | None, re.Match[bytes] | None]:
        if self._outlines and len(line) <= _LONGEST:
            for outline in self._outlines.get(line.translate(None, RUN), ()):
                found = outline.match(line)
                if found is not None:
                    return outline, found
        return None, None

    def learn(self, line: bytes, render: Render) -> None:
        """Look at a line that has no template and was rendered, and learn its shape if it has come often enough."""
        with self._lock:
            self._credit = min(self._credit + _FOR_A_LINE, _FIRST_CREDIT)
            # lines are not looked at with what it takes to learn from one
            if self._credit >= _TO_LOOK + _TO_LEARN and len(line) <= _LONGEST:
                self._credit -= _TO_LOOK
                self._look_at(line, render)

    def _look_at(self, line: bytes, render: Render) -> None:
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            return
        paths = paths_of(data, self.target)
        if paths is None:
            return
        variables, words = variables_of(line, list(spots_of(line, paths)))
        slots = Slots.of(line, variables)
        structure, patterns = line.translate(None, RUN), [each.kind.pattern for each in variables]
        shape = hash((structure, slots.fixed(), tuple(slots.variables.items()), *patterns))
        times = self._seen.pop(shape, 0) + 1
        if len(self._seen) >= _MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[shape] = times
        if times < _OCCURRENCES:
            return
        self._credit -= _TO_LEARN
        # a shape that cannot be learnt is not tried again soon
        self._seen[shape] = -1000 * _OCCURRENCES
        template = template_of(self.target, slots, variables, words, render)
        if template is not None:
            self._keep(structure, slots, patterns, template)

    def _keep(self, structure: bytes, slots: Slots, patterns: list[bytes], template: Template) -> None:
        template.used = self._turn
        outlines = self._outlines.get(structure, [])
        known = next((each for each in outlines if each.is_of(slots, patterns)), None)
        outline = (known or Outline(slots, patterns)).with_template(slots, template)
        others = [each for each in outlines if each is not known]
        # a list that another thread may be going through is not changed
        self._outlines[structure] = [outline, *others][:_MOST_OUTLINES]
        while self.count > self.most or self._size() > _MOST_BYTES:
            self._forget_one()

    def _size(self) -> int:
        return sum(template.size for *_, template in self._all())

    def _all(self) -> Iterator[tuple[bytes, Outline, tuple[bytes, ...], Template]]:
        for structure, outlines in self._outlines.items():
            for outline in outlines:
                for key, template in outline.templates.items():
                    yield structure, outline, key, template

    def _forget_one(self) -> None:
        """Forget the template whose last line is longest ago."""
        structure, outline, key, _ = min(self._all(), key=lambda each: each[-1].used)
        outline.templates = {other: each for other, each in outline.templates.items() if other != key}
        if not outline.templates:
            left = [each for each in self._outlines.pop(structure) if each is not outline]
            self._last = None
            if left:
                self._outlines[structure] = left
