"""Learn how lines of one shape are rendered, and answer further lines of the shape by filling in names and addresses.

The machines of a fleet differ in names and addresses. A line is rendered again with every one of them replaced by a
mark, and the marks are found in what comes out: it is a template then, with a hole for each. A line that differs from
the learnt one in names and addresses alone is matched by one expression over its bytes, and answered by filling the
template. Any other line is rendered in the ordinary way, which is always right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from itertools import count as numbers
from operator import itemgetter
from threading import Lock
from typing import Any, Final, NamedTuple

from attrs import define, evolve, field

from kvnet.bulk._holes import RUN, Form, Variable, paths_of, spots_of, variables_of
from kvnet.domain.build import derived_uuid
from kvnet.errors import KvnetError
from kvnet.instancetypes import expand
from kvnet.manifest import load, load_facts
from kvnet.rules.shapes import Shape, shape_of
from kvnet.target import Target

__all__ = ["SEPARATOR", "Answer", "Templates"]

SEPARATOR: Final = b"\x1e"
"""What is between the texts of an answer: neither JSON nor XML has it in a text."""
_MOST_TEMPLATES: Final = 256
_MOST_OUTLINES: Final = 4
"""How many outlines of one structure are kept: they differ in where names and addresses stand."""
_LONGEST: Final = 1 << 14
"""The longest line that is learnt from, in bytes."""
_MOST_BYTES: Final = 1 << 19
"""How long the lines are, together, that templates were learnt from. A template takes about ten times its line."""
_OCCURRENCES: Final = 3
_MOST_SEEN: Final = 1024
_SLOTS = re.compile(rb"([^%b])" % re.escape(RUN))
_ANYTHING: Final = rb"([%b]*+)" % re.escape(RUN)

# What learning may cost, in the time that it takes to render a line: to look at one, and to make a template of it. Each
# line that is rendered, or answered, gives credit for a part of its own time, or of what it saved.
_FIRST_CREDIT: Final = 200.0
_TO_LOOK, _TO_LEARN = 2.0, 20.0
_FOR_A_LINE, _FOR_AN_ANSWER = 0.01, 0.5


class Answer(NamedTuple):
    """What rendering a line gives: ``texts`` with names and addresses, ``SEPARATOR`` between them, and the rest."""

    texts: bytes
    rest: object

    @classmethod
    def of(cls, texts: Sequence[str], rest: object) -> Answer | None:
        """The answer of these texts; ``None`` where one of them has what separates texts, or half a character."""
        separator = SEPARATOR.decode()
        if any(separator in text for text in texts):
            return None
        try:
            return cls(separator.join(texts).encode(), rest)
        except UnicodeEncodeError:
            return None


_Computed = Callable[[tuple[bytes, ...]], bytes]
Render = Callable[[bytes], Answer | None]
"""Renders a line in the ordinary way; ``None`` where the answer is not one to be learnt, as of a refused machine."""


def _getter(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Gives the items at some places, as a tuple however many there are."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    return lambda items: tuple([items[place] for place in places])


@define(eq=False)
class _Template:
    """An answer with holes.

    ``order`` chooses from names and addresses, what ``forms`` compute from them, and ``fixed`` texts. ``words`` are the
    other strings of the line, which no name or address may be. ``size`` is that of the line that it was learnt from,
    and ``used`` the turn of the last one.
    """

    forms: tuple[_Computed, ...]
    fixed: tuple[bytes, ...]
    order: Callable[[Sequence[Any]], tuple[Any, ...]]
    rest: object
    words: frozenset[bytes]
    size: int
    used: int = 0

    def filled(self, values: tuple[bytes, ...]) -> bytes:
        made = [form(values) for form in self.forms]
        return b"".join(self.order((*values, *made, *self.fixed)))


class _Slots(NamedTuple):
    """A line as its structure has it: the runs of characters that names are made of, and what is between them."""

    runs: tuple[bytes, ...]
    between: tuple[bytes, ...]
    variables: dict[int, int]
    """The number of the variable that a run is, by the number of the run."""

    @classmethod
    def of(cls, line: bytes, variables: Sequence[Variable]) -> _Slots:
        parts = _SLOTS.split(line)
        runs = parts[::2]
        # each part between two runs is one byte
        starts = accumulate((len(run) + 1 for run in runs), initial=0)
        numbers_of = {start: n for n, each in enumerate(variables) for start in each.starts}
        variables_of_runs = {n: numbers_of[start] for n, start in enumerate(starts) if start in numbers_of}
        return cls(tuple(runs), tuple(parts[1::2]), variables_of_runs)

    def fixed(self) -> tuple[bytes, ...]:
        return tuple([run for n, run in enumerate(self.runs) if n not in self.variables])

    def with_values(self, values: Sequence[bytes]) -> bytes:
        """The line with other names and addresses."""
        runs = [values[self.variables[n]] if n in self.variables else run for n, run in enumerate(self.runs)]
        return b"".join([part for pair in zip(runs, (*self.between, b""), strict=True) for part in pair])


class _Outline:
    """Lines of one structure with names and addresses at the same places, and their templates.

    One expression matches them all. Its groups are the names and addresses, and the runs in which shapes differ.
    """

    def __init__(self, slots: _Slots, patterns: Sequence[bytes], differ: Sequence[int] = ()) -> None:
        self.templates: dict[tuple[bytes, ...], _Template] = {}
        self._slots, self._patterns, self._differ = slots, patterns, differ
        groups: list[int] = []
        self.match = re.compile(b"".join(self._parts(groups))).fullmatch
        self.values = _getter([place for place, variable in enumerate(groups) if variable >= 0])
        self.key = _getter([place for place, variable in enumerate(groups) if variable < 0])

    def is_of(self, slots: _Slots, patterns: Sequence[bytes]) -> bool:
        """Whether a line of the same structure has its names and addresses at the places of this outline."""
        return slots.variables == self._slots.variables and patterns == self._patterns

    def with_template(self, slots: _Slots, template: _Template) -> _Outline:
        """The outline of one more line: this one, or another where the line differs in a new place."""
        runs = zip(slots.runs, self._slots.runs, strict=True)
        differ = {n for n, (run, own) in enumerate(runs) if n not in slots.variables and run != own}
        outline = self
        if not differ.issubset(self._differ):
            outline = _Outline(self._slots, self._patterns, sorted(differ.union(self._differ)))
            for key, each in self.templates.items():
                runs_of_key = {**dict(enumerate(self._slots.runs)), **dict(zip(self._differ, key, strict=True))}
                outline.templates[outline._key(runs_of_key)] = each
        outline.templates[outline._key(slots.runs)] = template
        return outline

    def _key(self, runs: Sequence[bytes] | Mapping[int, bytes]) -> tuple[bytes, ...]:
        return tuple([runs[n] for n in self._differ])

    def _parts(self, groups: list[int]) -> Iterator[bytes]:
        """The expression, whose every part matches at one place in one way, so that it never goes back.

        ``groups`` gets the number of the variable of each group, -1 for a run in which shapes differ.
        """
        for n, run in enumerate(self._slots.runs):
            variable = self._slots.variables.get(n)
            if variable is not None and variable in groups:
                yield b"(?P=v%d)" % variable
            elif variable is not None:
                groups.append(variable)
                yield b"(?P<v%d>%b)" % (variable, self._patterns[variable])
            elif n in self._differ:
                groups.append(-1)
                yield _ANYTHING
            else:
                yield re.escape(run)
            if n < len(self._slots.between):
                yield re.escape(self._slots.between[n])


@define(eq=False)
class Templates:
    """The templates that were learnt for a target, of which there are at most ``most``.

    ``answer`` gives what is known, and ``learn`` looks at what was rendered instead. The least used template is
    forgotten where there are too many. Only lines that are learnt from take memory, and how many of them are looked at
    is bounded: at first by a fixed number, then by a share of the lines, and of those that were answered.
    """

    target: Target
    most: int = _MOST_TEMPLATES
    _outlines: dict[bytes, list[_Outline]] = field(factory=dict, init=False)
    _last: _Outline | None = field(default=None, init=False)
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
        if len(set(values)) != len(values) or not template.words.isdisjoint(values):
            return None
        self._turn = template.used = self._turn + 1
        self._credit += _FOR_AN_ANSWER
        return Answer(template.filled(values), template.rest)

    def _find(self, line: bytes) -> tuple[_Outline | None, re.Match[bytes] | None]:
        if len(line) <= _LONGEST:
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
        slots = _Slots.of(line, variables)
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
        template = _template(self.target, slots, variables, words, render)
        if template is not None:
            self._keep(structure, slots, patterns, template)

    def _keep(self, structure: bytes, slots: _Slots, patterns: list[bytes], template: _Template) -> None:
        template.used = self._turn
        outlines = self._outlines.get(structure, [])
        known = next((each for each in outlines if each.is_of(slots, patterns)), None)
        outline = (known or _Outline(slots, patterns)).with_template(slots, template)
        others = [each for each in outlines if each is not known]
        # a list that another thread may be going through is not changed
        self._outlines[structure] = [outline, *others][:_MOST_OUTLINES]
        while self.count > self.most or self._size() > _MOST_BYTES:
            self._forget_one()

    def _size(self) -> int:
        return sum(template.size for *_, template in self._all())

    def _all(self) -> Iterator[tuple[bytes, _Outline, tuple[bytes, ...], _Template]]:
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


def _template(
    target: Target,
    slots: _Slots,
    variables: Sequence[Variable],
    words: frozenset[bytes],
    render: Render,
) -> _Template | None:
    """The template of a line; ``None`` where not everything in its answer can be told from its names and addresses.

    It is made of the answer to a line with marks, and has to give the answers to the line itself and to one with other
    marks.
    """
    marks = [each.kind.marks(n) for n, each in enumerate(variables)]
    if not all(each.kind.fits(mark.encode()) for each, pair in zip(variables, marks, strict=True) for mark in pair):
        return None
    given = tuple([each.value for each in variables])
    first, second = (tuple([pair[n].encode() for pair in marks]) for n in (0, 1))
    lines = [slots.with_values(values) for values in (given, first, second)]
    shapes = {_shape(line, target) for line in lines}
    if len(shapes) != 1 or None in shapes or words.intersection(given, first, second):
        return None
    answers = [each for each in map(render, lines) if each is not None]
    if len(answers) != len(lines) or any(each.rest != answers[0].rest for each in answers):
        return None
    marked = answers[1]
    template = _with_holes(marked, first, [*_forms(variables), *_uuid(lines[1], first)], words, len(lines[0]))
    others = zip((given, second), (answers[0], answers[2]), strict=True)
    is_right = all(template.filled(values) == each.texts for values, each in others)
    return template if is_right else None


def _forms(variables: Sequence[Variable]) -> Iterator[_Computed]:
    """What may be computed from the names and addresses of a line."""
    for number, each in enumerate(variables):
        for form in each.forms:
            yield partial(_of_one, form, number)


def _of_one(form: Form, number: int, values: tuple[bytes, ...]) -> bytes:
    return form(values[number])


def _uuid(line: bytes, values: tuple[bytes, ...]) -> Iterator[_Computed]:
    """The UUID that is derived from namespace and name of the machine in a line, where one of them is a value."""
    metadata = _machine(json.loads(line)).get("metadata") or {}
    parts = [(metadata.get("namespace") or "default").encode(), (metadata.get("name") or "").encode()]
    numbers = [values.index(each) if each in values else None for each in parts]
    if numbers != [None, None]:
        yield partial(_uuid_of, numbers, parts)


def _uuid_of(numbers: Sequence[int | None], own: Sequence[bytes], values: tuple[bytes, ...]) -> bytes:
    namespace, name = [each if number is None else values[number] for number, each in zip(numbers, own, strict=True)]
    return derived_uuid(namespace.decode(), name.decode()).encode()


def _with_holes(
    answer: Answer, values: tuple[bytes, ...], forms: Sequence[_Computed], words: frozenset[bytes], size: int
) -> _Template:
    """The template that an answer is, with a hole wherever one of the values is, or what is computed from them."""
    computed = [form(values) for form in forms]
    place = {text: n for n, text in reversed([*enumerate((*values, *computed))])}
    alternatives = b"|".join(re.escape(each) for each in sorted(place, key=len, reverse=True))
    parts = re.split(b"(%b)" % alternatives, answer.texts) if place else [answer.texts]
    used = sorted({place[part] for part in parts[1::2] if place[part] >= len(values)})
    renumbered = {old: len(values) + new for new, old in enumerate(used)}
    fixed = numbers(len(values) + len(used))
    order = [next(fixed) if not n % 2 else renumbered.get(place[part], place[part]) for n, part in enumerate(parts)]
    return _Template(
        forms=tuple([forms[n - len(values)] for n in used]),
        fixed=tuple(parts[::2]),
        order=_getter(order),
        rest=answer.rest,
        words=words,
        size=size,
    )


def _machine(data: Any) -> Any:
    """The machine of a line that was learnt from: in an envelope, or by itself."""
    return data.get("vm", data)


def _shape(line: bytes, target: Target) -> Shape | None:
    """The shape of the machine in a line, as rules see it; ``None`` where one could mind a name or an address.

    The pod's links and virtual functions are left out: rules read of them only the MTU, which is no name.
    """
    data = json.loads(line)
    try:
        machine = load(_machine(data))
        if "vm" in data and data.get("facts") is not None:
            facts = evolve(load_facts(data["facts"]), links=None, pci_addresses=None)
            target = evolve(target, facts=facts)
        return shape_of(expand(machine, target).machine, target)
    except (KvnetError, TypeError):
        return None
