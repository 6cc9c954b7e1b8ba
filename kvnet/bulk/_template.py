"""Make a template of what a line was rendered to, with a hole for each name and address, and match further lines.

The line is rendered again with every name and address replaced by a mark, and the marks are found in what comes out.
An outline is one expression that matches lines which differ in names and addresses, and in a few other runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import Any, Final, NamedTuple

from attrs import define, evolve

from kvnet._codegen import function
from kvnet.bulk._holes import RUN, Form, Variable
from kvnet.domain.build import derived_uuid
from kvnet.errors import KvnetError
from kvnet.instancetypes import expand
from kvnet.manifest import load, load_facts
from kvnet.rules.shapes import Shape, shape_of
from kvnet.target import Target

__all__ = ["Answer", "Outline", "Render", "Slots", "Template", "template_of"]

_SLOTS = re.compile(rb"([^%b])" % re.escape(RUN))
_ANYTHING: Final = rb"([%b]*+)" % re.escape(RUN)


class Answer(NamedTuple):
    """What rendering a line gives: texts with names and addresses, the longest of them first, and the rest."""

    first: bytes
    others: Sequence[bytes]
    rest: object

    @classmethod
    def of(cls, texts: Sequence[str], rest: object) -> Answer | None:
        """The answer of these texts; ``None`` where one of them has half a character."""
        try:
            first, *others = [text.encode() for text in texts]
        except UnicodeEncodeError:
            return None
        return cls(first, others, rest)


_Values = tuple[bytes, ...]
_Computed = Callable[[_Values], bytes]
_Getter = Callable[[Sequence[Any]], tuple[Any, ...]]
Render = Callable[[bytes], Answer | None]
"""Renders a line in the ordinary way; ``None`` where the answer is not one to be learnt, as of a refused machine."""


def _getter(places: Sequence[int]) -> _Getter:
    """Gets the items at some places, as a tuple however many there are."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    return lambda items: tuple([items[place] for place in places])


@define(eq=False)
class Template:
    """An answer with holes: ``fill`` is a function that was generated for its texts.

    ``words`` are the strings of the line that are no names or addresses, which none of these may be. ``size`` is that
    of the line that it was learnt from, and ``used`` the turn of the last one.
    """

    fill: Callable[[_Values], tuple[bytes, list[bytes]]]
    rest: object
    words: frozenset[bytes]
    size: int
    used: int = 0

    def takes(self, values: _Values) -> bool:
        """Whether no two names or addresses are the same, and none is another string of the line."""
        return len(set(values)) == len(values) and self.words.isdisjoint(values)

    def filled(self, values: _Values) -> Answer:
        """The answer with these names and addresses."""
        return Answer(*self.fill(values), self.rest)


class Slots(NamedTuple):
    """A line as its structure has it: the runs of characters that names are made of, and what is between them."""

    runs: tuple[bytes, ...]
    between: tuple[bytes, ...]
    variables: dict[int, int]
    """The number of the variable that a run is, by the number of the run."""

    @classmethod
    def of(cls, line: bytes, variables: Sequence[Variable]) -> Slots:
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


class Outline:
    """Lines of one structure with names and addresses at the same places, and their templates.

    One expression matches them all. Its groups are the names and addresses, and the runs in which shapes differ.
    """

    def __init__(self, slots: Slots, patterns: Sequence[bytes], differ: Sequence[int] = ()) -> None:
        self.templates: dict[tuple[bytes, ...], Template] = {}
        self._slots, self._patterns, self._differ = slots, patterns, differ
        groups: list[int] = []
        self.match = re.compile(b"".join(self._parts(groups))).fullmatch
        self.values: _Getter = tuple
        if differ:
            self.values = _getter([place for place, variable in enumerate(groups) if variable >= 0])
        self.key = _getter([place for place, variable in enumerate(groups) if variable < 0])

    def is_of(self, slots: Slots, patterns: Sequence[bytes]) -> bool:
        """Whether a line of the same structure has its names and addresses at the places of this outline."""
        return slots.variables == self._slots.variables and patterns == self._patterns

    def with_template(self, slots: Slots, template: Template) -> Outline:
        """The outline of one more line: this one, or another where the line differs in a new place."""
        runs = zip(slots.runs, self._slots.runs, strict=True)
        differ = {n for n, (run, own) in enumerate(runs) if n not in slots.variables and run != own}
        outline = self
        if not differ.issubset(self._differ):
            outline = Outline(self._slots, self._patterns, sorted(differ.union(self._differ)))
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


def template_of(
    target: Target,
    slots: Slots,
    variables: Sequence[Variable],
    words: frozenset[bytes],
    render: Render,
) -> Template | None:
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
    return template if all(template.filled(values) == each for values, each in others) else None


def _forms(variables: Sequence[Variable]) -> Iterator[_Computed]:
    """What may be computed from the names and addresses of a line."""
    for number, each in enumerate(variables):
        for form in each.forms:
            yield partial(_of_one, form, number)


def _of_one(form: Form, number: int, values: _Values) -> bytes:
    return form(values[number])


def _uuid(line: bytes, values: _Values) -> Iterator[_Computed]:
    """The UUID that is derived from namespace and name of the machine in a line, where one of them is a value."""
    metadata = _machine(json.loads(line)).get("metadata") or {}
    parts = [(metadata.get("namespace") or "default").encode(), (metadata.get("name") or "").encode()]
    numbers = [values.index(each) if each in values else None for each in parts]
    if numbers != [None, None]:
        yield partial(_uuid_of, numbers, parts)


def _uuid_of(numbers: Sequence[int | None], own: Sequence[bytes], values: _Values) -> bytes:
    namespace, name = [each if number is None else values[number] for number, each in zip(numbers, own, strict=True)]
    return derived_uuid(namespace.decode(), name.decode()).encode()


def _with_holes(
    answer: Answer, values: _Values, forms: Sequence[_Computed], words: frozenset[bytes], size: int
) -> Template:
    """The template that an answer is, with a hole wherever one of the values is, or what is computed from them."""
    holes = {form(values): f"c{n}" for n, form in reversed([*enumerate(forms)])}
    holes |= {value: f"v{n}" for n, value in enumerate(values)}
    names: dict[str, Any] = {"join": b"".join} | {f"form{n}": form for n, form in enumerate(forms)}
    first, *others = [_filling(text, holes, names) for text in (answer.first, *answer.others)]
    code = f"{first}, [{', '.join(others)}]"
    lines = [
        "def fill(values):",
        *([f"    {', '.join(f'v{n}' for n in range(len(values)))}, = values"] if values else []),
        *(f"    c{n} = form{n}(values)" for n in range(len(forms)) if f"c{n}," in code),
        f"    return {code}",
    ]
    return Template(fill=function("fill", lines, names, "fill a line"), rest=answer.rest, words=words, size=size)


def _filling(text: bytes, holes: Mapping[bytes, str], names: dict[str, Any]) -> str:
    """The code that joins a text from holes and what is between them, which gets names of its own."""
    alternatives = b"|".join(re.escape(each) for each in sorted(holes, key=len, reverse=True))
    parts = re.split(b"(%b)" % alternatives, text) if holes else [text]
    told = []
    for n, part in enumerate(parts):
        told.append(holes[part] if n % 2 else f"f{len(names)}")
        if not n % 2:
            names[told[-1]] = part
    return f"join(({', '.join(told)},))"


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
