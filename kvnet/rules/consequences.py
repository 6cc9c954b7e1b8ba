"""Problems that follow from another one of the same NIC or network: one mistake is told once."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from kvnet.errors import Problem, Severity
from kvnet.spec import Machine
from kvnet.spec.keys import odd_keys

__all__ = ["without_consequences"]

_CAUSES = {"KN112": "KN127", "KN116": "KN127", "KN314": "KN928"}
"""By the code of what follows, that of the problem of the same interface from which it follows."""
_ODD_KEY = "KN016"
_UNUSED, _NAMELESS, _UNBOUND, _DEFAULT_NIC = "KN125", "KN127", "KN111", "KN906"
_REMOVED = ("KN150", "KN151", "KN152")
"""The codes of bindings that were removed."""
_FIRST = frozenset({*_CAUSES.values(), *_REMOVED, _ODD_KEY})
"""The codes of the problems from which others follow."""
_OF_KEYS = {
    "interfaces": (_UNUSED, _DEFAULT_NIC),
    "networks": (_NAMELESS,),
    "autoattachPodInterface": (_DEFAULT_NIC,),
}
"""By the key that a misspelt or misplaced one was meant to be, what follows from its absence."""


def without_consequences(machine: Machine, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems of a machine without those that follow from another one.

    Of an interface without a network, no rule can say whether its binding fits; and a network whose name an interface
    misspells is not one without an interface. An interface with a removed binding is not one without a binding. Where
    ``interfaces`` or ``networks`` is misspelt or misplaced, its entries are not missing; then the key is an error, if
    KubeVirt refuses the machine for it. KubeVirt's webhook tells all of these.
    """
    problems = tuple(problems)
    if _FIRST.isdisjoint([each.code for each in problems]):
        return problems
    told = {(each.code, _entry(each)) for each in problems}
    meant = {each.hint for each in problems if each.code == _NAMELESS}
    of_keys = _following_from_keys(machine) if any(each.code == _ODD_KEY for each in problems) else {}

    def follows(problem: Problem) -> bool:
        if any(problem.code in codes for codes in of_keys.values()):
            return True
        if problem.code == _UNUSED:
            return f"did you mean '{_network_name(machine, problem)}'?" in meant
        if problem.code == _UNBOUND:
            return not _is_bound(machine, problem) and any((code, _entry(problem)) in told for code in _REMOVED)
        return (_CAUSES.get(problem.code, ""), _entry(problem)) in told

    left = [each for each in problems if not follows(each)]
    refused = {each.code for each in problems if each.is_error}
    return tuple([_refusing(each) if not refused.isdisjoint(of_keys.get(each.at.parts, ())) else each for each in left])


def _following_from_keys(machine: Machine) -> dict[tuple[str | int, ...], tuple[str, ...]]:
    """The codes of what follows from each key that was meant to be another one, by its path."""
    given = {"interfaces": machine.interfaces, "networks": machine.networks}
    found = {path.parts: meant.key for path, _, meant in odd_keys(machine)}
    return {
        path: _OF_KEYS[key] for path, key in found.items() if key in _OF_KEYS and not given.get(key, machine.interfaces)
    }


def _refusing(problem: Problem) -> Problem:
    """The problem of a key for which KubeVirt refuses the machine."""
    return evolve(problem, severity=Severity.ERROR)


def _network_name(machine: Machine, problem: Problem) -> str:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    return machine.networks[number].name


def _is_bound(machine: Machine, problem: Problem) -> bool:
    number = next(part for part in problem.at.parts if isinstance(part, int))
    return machine.interfaces[number].binding is not None


def _entry(problem: Problem) -> tuple[str | int, ...]:
    """The path of the interface or network that a problem is about: up to the first number."""
    parts = problem.at.parts
    numbers = [n for n, part in enumerate(parts) if isinstance(part, int)]
    return parts[: numbers[0] + 1] if numbers else parts
