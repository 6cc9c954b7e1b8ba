"""Choose which problems are told, and how much each weighs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from attrs import evolve, frozen

from kvnet._spelling import near_word
from kvnet.codes.groups import GROUPS, OPTIONAL_GROUPS, group_of
from kvnet.errors import Problem, Severity

__all__ = ["ALL", "UNAVOIDABLE", "Selection", "is_selected_by", "known_selector", "selector"]

ALL: Final = "ALL"
"""Selects every code, those of optional groups too."""

UNAVOIDABLE: Final = ("KN001", "KN030", "KN033")
"""Codes for what keeps the command from running: they are always told, as what they are."""

_CODE = re.compile(r"KN\d{0,3}")
_WHOLE: Final = 5
"""The length of a whole code."""
_NOT_MATCHED: Final = -1


def selector(text: str) -> str:
    """A code, the beginning of codes, the name of a group, or ``ALL``, in their own letter case.

    Raises ValueError for anything else.

    >>> selector("kn9"), selector("Advice")
    ('KN9', 'advice')
    """
    text = text.strip()
    if text.upper() == ALL or _CODE.fullmatch(text.upper()):
        return text.upper()
    if text.lower() in GROUPS:
        return text.lower()
    near = near_word(text.lower(), GROUPS)
    hint = f"did you mean '{near}'?" if near else f"the groups are {', '.join(GROUPS)}"
    raise ValueError(f"'{text}' is neither a code such as KN906, the beginning of one, nor a group; {hint}")


def known_selector(text: str) -> str:
    """A selector that names something. Raises ValueError also for a code that no problem has.

    Comments in manifests are read without this, for they may name codes of other releases.

    >>> known_selector("KN999")
    Traceback (most recent call last):
    ...
    ValueError: no problem has the code 'KN999'; did you mean KN929?
    """
    found = selector(text)
    if found.startswith("KN") and len(found) == _WHOLE:
        # most checks name no code, and need not look for the pages
        from kvnet.codes.catalogue import UnknownCode, explanation  # noqa: PLC0415

        try:
            explanation(found)
        except UnknownCode as error:
            raise ValueError(str(error)) from None
    return found


def is_selected_by(code: str, selectors: Iterable[str]) -> bool:
    """Whether any of the selectors names a code.

    >>> is_selected_by("KN906", ["admission", "KN9"])
    True
    """
    return _precision(code, selectors) > _NOT_MATCHED


def _precision(code: str, selectors: Iterable[str]) -> int:
    """How precisely the most precise of the selectors names a code: ``ALL``, a group, then longer beginnings."""
    return max((_matched(code, each) for each in selectors), default=_NOT_MATCHED)


def _matched(code: str, selector: str) -> int:
    if selector == ALL:
        return 0
    if selector in GROUPS:
        return 1 if group_of(code) == selector else _NOT_MATCHED
    return len(selector) if code.startswith(selector) else _NOT_MATCHED


@frozen(kw_only=True)
class Selection:
    """Which codes are told, and as what.

    Selectors are codes, beginnings of codes such as ``KN9``, groups, and ``ALL``. Where several name a code, the most
    precise one counts; of two that are equally precise, ``ignore``.

    - ``select``: what is told; where it is empty, everything but the optional groups
    - ``extend_select``: what is told as well
    - ``ignore``: what is not told
    - ``severities``: pairs of a selector and the severity that its problems get

    >>> chosen = Selection(ignore=("KN9", "fleet"), extend_select=("KN906",))
    >>> chosen.has("KN905"), chosen.has("KN906"), chosen.has("KN710"), chosen.has("KN101")
    (False, True, False, True)
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severities: tuple[tuple[str, Severity], ...] = ()

    def has(self, code: str) -> bool:
        """Whether problems with this code are told."""
        if code in UNAVOIDABLE:
            return True
        wanted = _precision(code, (*self.select, *self.extend_select))
        if not self.select and group_of(code) not in OPTIONAL_GROUPS:
            wanted = max(wanted, 0)
        return wanted > _precision(code, self.ignore)

    @property
    def groups(self) -> tuple[str, ...]:
        """The optional groups that are asked for, by name, by ``ALL`` or by a code."""
        asked = (*self.select, *self.extend_select)
        return tuple([group for group in OPTIONAL_GROUPS if any(_asks_for(each, group) for each in asked)])

    def severity(self, problem: Problem) -> Severity:
        """How much a problem weighs here."""
        if problem.code in UNAVOIDABLE:
            return problem.severity
        weighed = [(_matched(problem.code, each), severity) for each, severity in self.severities]
        precision = max((each for each, _ in weighed), default=_NOT_MATCHED)
        if precision == _NOT_MATCHED:
            return problem.severity
        return next(severity for each, severity in reversed(weighed) if each == precision)

    def applied(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """The problems that are told, each with its severity."""
        chosen = [each for each in problems if self.has(each.code)]
        if self.severities:
            chosen = [evolve(each, severity=self.severity(each)) for each in chosen]
        return tuple(chosen)


def _asks_for(selector: str, group: str) -> bool:
    """Whether a selector names an optional group, or a code of one; the beginning of codes of others does not."""
    is_code = selector not in GROUPS and len(selector) == _WHOLE
    return selector in (ALL, group) or (is_code and group_of(selector) == group)
