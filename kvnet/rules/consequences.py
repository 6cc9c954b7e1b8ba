"""Problems that follow from another one of the same NIC or network: one mistake is told once."""

from __future__ import annotations

from collections.abc import Iterable

from kvnet.errors import Problem
from kvnet.spec import Machine

__all__ = ["without_consequences"]

_CAUSES = {"KN112": "KN127", "KN116": "KN127", "KN314": "KN928"}
"""By the code of what follows, that of the problem of the same interface from which it follows."""
_FIRST = frozenset(_CAUSES.values())
"""The codes of the problems from which others follow."""
_UNUSED, _NAMELESS = "KN125", "KN127"


def without_consequences(machine: Machine, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of a machine without those that follow from another one.

    Of an interface without a network, no rule can say whether its binding fits; and a network whose name an interface
    misspells is not one without an interface. KubeVirt's webhook tells all of these.
    """
    problems = tuple(problems)
    if _FIRST.isdisjoint([each.code for each in problems]):
        return problems
    told = {(each.code, _entry(each)) for each in problems}
    meant = {each.hint for each in problems if each.code == _NAMELESS}

    def follows(problem: Problem) -> bool:
        if problem.code == _UNUSED:
            return f"did you mean '{_network_name(machine, problem)}'?" in meant
        return (_CAUSES.get(problem.code, ""), _entry(problem)) in told

    return tuple([each for each in problems if not follows(each)])


def _network_name(machine: Machine, problem: Problem) -> str:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    return machine.networks[number].name


def _entry(problem: Problem) -> tuple[str | int, ...]:
    """The path of the interface or network that a problem is about: up to the first number."""
    parts = problem.at.parts
    numbers = [n for n, part in enumerate(parts) if isinstance(part, int)]
    return parts[: numbers[0] + 1] if numbers else parts
