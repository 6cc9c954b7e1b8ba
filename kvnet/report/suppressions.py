"""Find what the authors of manifests suppress: comments in YAML, and annotations, which JSON has, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Final

from attrs import frozen

from kvnet.errors import FieldPath, Place, Problem, Severity
from kvnet.report.selection import UNAVOIDABLE, is_selected_by, selector

__all__ = ["ANNOTATION", "Suppression", "Suppressions", "suppressions"]

ANNOTATION: Final = "kvnet.io/ignore"
"""The annotation of an object whose value lists what is suppressed in the whole object."""

_UNUSED: Final = "KN031"
_UNREADABLE: Final = "KN032"
_HINT: Final = f"write '# kvnet: ignore[KN906] reason', or 'KN906' in the annotation {ANNOTATION}"


@frozen(kw_only=True)
class Suppression:
    """One comment or annotation.

    - ``place``: where it is
    - ``selectors``: the codes, beginnings of codes and groups that it names
    - ``first``, ``last``: the line and the column of the first place that it is about, and of the first after the last
    """

    place: Place
    selectors: tuple[str, ...]
    first: tuple[int, int]
    last: tuple[int, int]

    @property
    def span(self) -> _Span:
        """The file, and the first and the last place."""
        return self.place.file, self.first, self.last


_Span = tuple[str, tuple[int, int], tuple[int, int]]


@frozen(kw_only=True)
class Suppressions:
    """The suppressions of several files, and in ``problems`` those that cannot be understood.

    >>> import kvnet
    >>> manifest = "domain: {devices: {interfaces: [{name: a, bridge: {}}]}}  # kvnet: ignore[KN906] on purpose"
    >>> manifest += chr(10) + "networks: [{name: a, pod: {}}]"
    >>> problems = kvnet.check(kvnet.loads(manifest, name="vm.yaml"))
    >>> [problem.code for problem in problems], suppressions({"vm.yaml": manifest}).kept(problems)
    (['KN906'], ())
    """

    entries: tuple[Suppression, ...] = ()
    problems: tuple[Problem, ...] = ()

    def kept(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """The problems that nothing suppresses."""
        index = self._index()
        return tuple([each for each in problems if each.code in UNAVOIDABLE or not any(_users(each, index))])

    def unused(self, problems: Iterable[Problem], judged: Callable[[str], bool] | None = None) -> tuple[Problem, ...]:
        """A warning for each selector that suppresses none of the problems.

        ``judged`` says whether a selector can be judged at all: what was not looked for cannot be found.
        """
        index = self._index()
        used = {user for problem in problems for user in _users(problem, index)}
        unused = [(each, name) for each in self.entries for name in each.selectors if (each.span, name) not in used]
        return tuple([_unused(entry, name) for entry, name in unused if judged is None or judged(name)])

    def _index(self) -> _Index:
        """What the spans suppress, by file and line, and those of several lines by file and document."""
        index: dict[tuple[str, str, int], dict[_Span, set[str]]] = {}
        for each in self.entries:
            is_one_line = each.last[0] == each.first[0] or each.last == (each.first[0] + 1, 0)
            key = ("line", each.first[0]) if is_one_line else ("document", each.place.document)
            index.setdefault((each.place.file, *key), {}).setdefault(each.span, set()).update(each.selectors)
        return index


_Index = Mapping[tuple[str, str, int], Mapping[_Span, Iterable[str]]]


def _users(problem: Problem, index: _Index) -> Iterator[tuple[_Span, str]]:
    """The spans that a problem is in, each with the selector that names its code."""
    place = problem.place
    if place is None:
        return
    at = (place.line, place.column)
    for key in ("line", place.line), ("document", place.document):
        for span, names in index.get((place.file, *key), {}).items():
            if span[1] <= at < span[2]:
                yield from ((span, name) for name in names if is_selected_by(problem.code, [name]))


def _unused(entry: Suppression, name: str) -> Problem:
    message = f"nothing is suppressed by '{name}' here"
    return Problem(FieldPath(), _UNUSED, message, hint="take it out", severity=Severity.WARNING, place=entry.place)


def suppressions(sources: Mapping[str, str]) -> Suppressions:
    """What is suppressed in texts, which are given by the names of their files.

    A comment counts for its line; alone on its line, for the next line with content; above the first line of a
    document, for the document. Where a block of text begins in a line, the block belongs to it. An annotation counts
    for the object that has it.
    """
    entries: list[Suppression] = []
    problems: list[Problem] = []
    order = {file: n for n, file in enumerate(sources)}
    for file, text in sources.items():
        if not ("kvnet:" in text or ANNOTATION in text):
            continue
        # the texts of most files have none, and need not be parsed again
        for place, codes, first, last in import_module("kvnet.report._suppression_marks").marks(file, text):
            try:
                names = tuple([selector(each) for each in codes.split(",") if each.strip()])
            except ValueError as error:
                problems.append(_unreadable(place, str(error)))
                continue
            if names:
                entries.append(Suppression(place=place, selectors=names, first=first, last=last))
            else:
                problems.append(_unreadable(place, "nothing says what to ignore here", _HINT))
    entries.sort(key=lambda each: (order[each.place.file], each.place.line, each.place.column))
    return Suppressions(entries=tuple(entries), problems=tuple(problems))


def _unreadable(place: Place, message: str, hint: str = "") -> Problem:
    return Problem(FieldPath(), _UNREADABLE, message, hint=hint, severity=Severity.WARNING, place=place)
