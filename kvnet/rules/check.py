"""Check a machine: KubeVirt's admission, what libvirt would refuse, and advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

from attrs import evolve

from kvnet._arguments import checked_items
from kvnet.defaults import default_nic_refusal, with_default_nic
from kvnet.errors import Place, Problem, Severity
from kvnet.instancetypes import Expansion, expand
from kvnet.rules import (
    advice,
    bindings,
    guest_network,
    interfaces,
    libvirt,
    machine,
    nad_advice,
    networks,
    queue_advice,
    reach_advice,
)
from kvnet.rules.bindings import REMOVED_BINDING_CODES
from kvnet.rules.context import Rule, RuleContext, Rules, refusal
from kvnet.rules.shapes import remembered
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.keys import odd_keys
from kvnet.target import ARCHITECTURES, Profile, Target, architecture_conflict, checked_target, known_architecture

__all__ = ["ADMISSION", "GROUPS", "RULES", "check", "checked_groups", "findings", "without_consequences"]

_NO_GROUPS: frozenset[str] = frozenset()


def check(machine: Machine, target: Target | None = None, *, groups: Iterable[str] = ()) -> tuple[Problem, ...]:
    """Give a machine its instancetype, its preference and its default NIC, and ask every rule about it.

    First what there is to say of its instancetype and preference. What a profile adds, ``kvnet.check`` says, and what
    ``groups`` are. Each problem has its place where the machine was read from text.
    """
    target, chosen = checked_target(machine, target), checked_groups(groups)
    if machine.refers:
        return findings(expand(machine, target), target, chosen)
    return _placed(machine, remembered(machine, target, chosen, _findings))


def checked_groups(groups: Iterable[str]) -> frozenset[str]:
    """The names of groups of rules, each a key of ``GROUPS``.

    Raises TypeError for what is not a sequence of texts, and ValueError for the name of a group that does not exist.
    """
    if groups == () or groups is _NO_GROUPS:
        return _NO_GROUPS
    hint = f"write groups=[{', '.join(map(repr, GROUPS))}]"
    chosen = checked_items(groups, "a sequence of groups of rules", hint)
    for each in chosen:
        if not isinstance(each, str):
            raise TypeError(f"the name of a group is a text, not {type(each).__name__}: {hint}")
        if each not in GROUPS:
            raise ValueError(f"there is no group of rules '{each}': {hint}")
    return frozenset(chosen)


def findings(expansion: Expansion, target: Target, groups: frozenset[str] = _NO_GROUPS) -> tuple[Problem, ...]:
    """The findings of ``check`` about a machine whose references were applied, after the problems of applying them.

    Where they could not be applied, there is no machine to judge, and only those problems are told.
    """
    machine, problems = expansion
    found = () if expansion.refusals else remembered(machine, target, groups, _findings)
    return _placed(machine, [*problems, *found] if problems else found)


def _placed(machine: Machine, found: Sequence[Problem]) -> tuple[Problem, ...]:
    origin = machine.origin
    if origin is None or not found:
        return tuple(found)
    return tuple(
        problem
        if problem.place
        else problem.placed(Place.later(partial(origin.place, problem.at, key=problem.code == "KN016")))
        for problem in found
    )


def _findings(machine: Machine, target: Target, groups: frozenset[str]) -> list[Problem]:
    given, cluster = target.cluster, target.cluster.in_effect
    if cluster is not given:
        target = evolve(target, cluster=cluster)
    refused = None if machine.interfaces else _default_nic_problem(machine, cluster)
    if refused is not None:
        found = [refused]
    else:
        whole = machine if machine.interfaces else with_default_nic(machine, cluster)
        found = _rules(target.profile, groups).findings(RuleContext(whole, target, whole is not machine))
        if found and machine.kind == "VirtualMachine":
            found = [problem for problem in found if problem.code in REMOVED_BINDING_CODES] or found
    if cluster is not given:
        found.append(_given_up(machine, given))
    architecture = known_architecture(machine, target)
    if architecture is not None:
        found += _architecture_problems(machine, target, architecture)
    return found


def _default_nic_problem(machine: Machine, cluster: ClusterConfig) -> Problem | None:
    """Why KubeVirt would refuse a machine while giving it its defaults, before any rule is applied."""
    reason = default_nic_refusal(machine, cluster)
    if reason is None:
        return None
    hint = "list networks and interfaces, or set autoattachPodInterface: false"
    return refusal(machine.root, "KN100", reason, hint)


_OTHER_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What libvirt calls the architectures that Kubernetes calls otherwise."""


def _architecture_problems(machine: Machine, target: Target, architecture: str) -> Iterator[Problem]:
    if architecture not in ARCHITECTURES:
        message = f"KubeVirt does not run on {architecture}"
        folded = architecture.lower()
        meant = _OTHER_NAMES.get(folded, folded)
        hint = f"did you mean '{meant}'?" if meant in ARCHITECTURES else f"write one of {', '.join(ARCHITECTURES)}"
        instead = meant if meant in ARCHITECTURES else ""
        yield refusal(machine.root / "architecture", "KN226", message, hint, instead=instead)
        return
    conflict = architecture_conflict(machine, target)
    if conflict is not None:
        yield conflict


def _given_up(machine: Machine, cluster: ClusterConfig) -> Problem:
    """The warning that KubeVirt's stock configuration counts, because the cluster's is not valid."""
    return Problem(
        machine.root,
        "KN930",
        f"KubeVirt works with its stock configuration: it knows no default interface "
        f"'{cluster.default_network_interface}'",
        hint="write bridge or masquerade as network.defaultNetworkInterface of the KubeVirt object",
        severity=Severity.WARNING,
    )


ADMISSION = (
    *bindings.CREATION_RULES,
    *networks.RULES,
    *bindings.RULES,
    *interfaces.RULES,
    *machine.RULES,
    *guest_network.RULES,
)
"""The rules of KubeVirt's admission, in its order."""

_IN_THE_POD = (*nad_advice.RULES, *reach_advice.RULES)
_NOT_OF_A_HOST = frozenset((*advice.IN_THE_POD, *_IN_THE_POD))
"""Advice on what happens in the pod, which a plain host does not have."""

GROUPS: Mapping[str, tuple[Rule, ...]] = {"security": nad_advice.SECURITY}
"""The rules that are asked only where their group is chosen."""

RULES = (*ADMISSION, *libvirt.RULES, *advice.RULES, *machine.ADVICE, *queue_advice.RULES, *_IN_THE_POD)
"""Every rule of no group, in the order of its findings."""


@lru_cache(64)
def _rules(profile: Profile, groups: frozenset[str]) -> Rules:
    """The rules for a profile, then those of the chosen groups."""
    usual = [rule for rule in RULES if profile is Profile.KUBEVIRT or rule not in _NOT_OF_A_HOST]
    return Rules((*usual, *(rule for name, rules in GROUPS.items() if name in groups for rule in rules)))


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
