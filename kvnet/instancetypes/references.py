"""Which instancetype and preference a machine refers to, and the objects that KubeVirt deploys for all clusters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from kvnet._spelling import near_word, sure_word
from kvnet.errors import Cause, FieldPath, Problem, Severity
from kvnet.manifest import binder
from kvnet.spec import (
    INSTANCETYPE_KINDS,
    PREFERENCE_KINDS,
    REFERRING,
    Instancetype,
    InstancetypeSpec,
    Machine,
    Matcher,
    Preference,
    PreferenceSpec,
)
from kvnet.target import Target, object_names, objects_named

__all__ = ["Referred", "common_instancetypes", "common_preferences", "reference_at", "referred"]

F = TypeVar("F", Instancetype, Preference)

_NAMESPACE = "default"
_BUNDLE = Path(__file__).with_name("common-instancetypes.json")
_CLUSTER_KINDS = (INSTANCETYPE_KINDS[0], PREFERENCE_KINDS[0])
_ADD = "add its document"
_ADD_COMMON = f"{_ADD}; --common-instancetypes adds those that KubeVirt deploys"
_LIKENESS = 0.8
"""How alike a mistyped name and the right one are at least, as difflib counts: u1.large is not meant by u1.medium."""
_EFFECTS = {
    "instancetype": "vCPUs, queues and memory may differ",
    "preference": "models, bindings and queues may differ",
}


@frozen(kw_only=True)
class Referred:
    """What a machine refers to, as far as the target has it.

    - ``instancetype``, ``preference``: the objects; ``None`` where there is no reference, or its object is not known
    - ``annotations``: those by which KubeVirt's VMI names them
    - ``problems``: references that lead nowhere
    """

    instancetype: Instancetype | None
    preference: Preference | None
    annotations: Mapping[str, str]
    problems: tuple[Problem, ...]


def referred(machine: Machine, target: Target) -> Referred:
    """Look up what a machine refers to.

    The kind of a reference counts in any letter case, in the singular and the plural; without one it is the
    cluster-wide kind. An object of a namespace is looked for in the machine's. Sources: KubeVirt's
    ``pkg/instancetype/find`` and ``pkg/instancetype/preference/find``.
    """
    instancetype = _found(machine.instancetype, INSTANCETYPE_KINDS, Instancetype, machine, target)
    preference = _found(machine.preference, PREFERENCE_KINDS, Preference, machine, target)
    annotations: dict[str, str] = {}
    problems: list[Problem] = []
    for word, matcher, kinds, found in (
        ("instancetype", machine.instancetype, INSTANCETYPE_KINDS, instancetype),
        ("preference", machine.preference, PREFERENCE_KINDS, preference),
    ):
        if matcher is not None:
            annotations |= _annotation(word, matcher, kinds)
            told = [*_problems(reference_at(machine, word), word, matcher, kinds)]
            problems += told if told or found else [_unknown(machine, word, matcher, kinds, target)]
            if found is not None and matcher.revision_name:
                problems.append(_revised(machine, word, matcher))
    return Referred(instancetype=instancetype, preference=preference, annotations=annotations, problems=tuple(problems))


def reference_at(machine: Machine, word: str) -> FieldPath:
    """The path of a machine's ``instancetype`` or ``preference``."""
    return FieldPath((*REFERRING.get(machine.kind, ("spec",)), word))


def _kind_of(matcher: Matcher, kinds: tuple[str, str]) -> str | None:
    """The kind that a reference means, the cluster-wide one being the first; nothing where there is no such kind."""
    if not matcher.kind:
        return kinds[0]
    asked = matcher.kind.lower()
    return next((kind for kind in kinds if asked in (kind.lower(), f"{kind.lower()}s")), None)


def _found(matcher: Matcher | None, kinds: tuple[str, str], cls: type[F], machine: Machine, target: Target) -> F | None:
    if matcher is None or not matcher.name:
        return None
    kind, namespace = _kind_of(matcher, kinds), machine.namespace or _NAMESPACE
    found = None
    for each in objects_named(target, matcher.name):
        if isinstance(each, cls) and each.kind == kind:
            is_near = kind == kinds[0] or (each.namespace or _NAMESPACE) == namespace
            found = each if is_near else found
    return found


def _annotation(word: str, matcher: Matcher, kinds: tuple[str, str]) -> dict[str, str]:
    kind = _kind_of(matcher, kinds)
    if kind is None or not matcher.name:
        return {}
    return {f"kubevirt.io/{'cluster-' if kind == kinds[0] else ''}{word}-name": matcher.name}


def _problems(at: FieldPath, word: str, matcher: Matcher, kinds: tuple[str, str]) -> Iterator[Problem]:
    """What is to be said of a reference itself: it is malformed, or leads to no object by name.

    The webhook refuses a reference without a name, or with two; one of an unknown kind fails in the controller.
    """
    name, volume, kind = matcher.name, matcher.infer_from_volume, _kind_of(matcher, kinds)
    if not name and not volume:
        message = f"the {word} has neither a name nor a volume to infer it from"
        yield Problem(at, "KN213", message, hint="give its name", cause=Cause.NOT_FOUND)
    elif name and volume:
        message = f"the {word} has both a name and a volume to infer it from"
        yield Problem(at / "name", "KN213", message, hint="leave one of them out", cause=Cause.INVALID)
    elif kind is None:
        sure = sure_word(matcher.kind or "", kinds)
        hint = f"write {sure or ' or '.join(kinds)}; without a kind it is {kinds[0]}"
        yield Problem(at / "kind", "KN213", f"there is no kind '{matcher.kind}' of {word}s", hint=hint, instead=sure)
    elif volume:
        message = f"the {word} is inferred from the volume '{volume}', so {_EFFECTS[word]}"
        yield Problem(at, "KN210", message, hint="name it to have it applied", severity=Severity.WARNING)


def _unknown(machine: Machine, word: str, matcher: Matcher, kinds: tuple[str, str], target: Target) -> Problem:
    """The warning that no document has the object that a reference names, with the object that may be meant."""
    kind, name, namespace = _kind_of(matcher, kinds), matcher.name or "", machine.namespace or _NAMESPACE
    where = "" if kind in _CLUSTER_KINDS else f" in namespace '{namespace}'"
    message = f"no document has the {kind} '{name}'{where}, so {_EFFECTS[word]}"
    hint = _meant(name, kind, namespace, kinds, target)
    return Problem(reference_at(machine, word), "KN210", message, hint=hint, severity=Severity.WARNING)


def _revised(machine: Machine, word: str, matcher: Matcher) -> Problem:
    """The warning that KubeVirt applies a stored revision of an object, and not the object that is there now."""
    message = f"KubeVirt takes revision '{matcher.revision_name}' of the {word}, which is not read, so {_EFFECTS[word]}"
    hint = f"leave revisionName out, or see that the ControllerRevision has the same {word}"
    at = reference_at(machine, word) / "revisionName"
    return Problem(at, "KN210", message, hint=hint, severity=Severity.WARNING)


def _meant(name: str, kind: str | None, namespace: str, kinds: tuple[str, str], target: Target) -> str:
    """What to do about a name that leads nowhere: mend the reference if an object seems to be meant, or add one."""
    objects = [each for each in objects_named(target, name) if each.kind in kinds]
    near = [each for each in objects if each.kind in _CLUSTER_KINDS or (each.namespace or _NAMESPACE) == namespace]
    if near:
        return f"write `kind: {near[0].kind}` for the one that is there"
    far = next((each for each in objects if each.kind == kind), None)
    if far is not None:
        return f"the one in namespace '{far.namespace or _NAMESPACE}' does not count: it has to be in the machine's"
    names = object_names(target, kind or "", _NAMESPACE if kind in _CLUSTER_KINDS else namespace)
    close = near_word(name, names, cutoff=_LIKENESS)
    if close:
        return f"did you mean '{close}'? else add its document"
    return _ADD_COMMON if kind in _CLUSTER_KINDS else _ADD


@cache
def common_instancetypes() -> tuple[Instancetype, ...]:
    """The cluster-wide instancetypes that KubeVirt deploys, by their names in order.

    The bundle has what decides vCPUs, memory and NICs. Source: https://github.com/kubevirt/common-instancetypes, at the
    commit that ``source`` in the bundle names.

    >>> import kvnet
    >>> target = kvnet.Target(instancetypes=common_instancetypes(), preferences=common_preferences())
    >>> [each.spec.cpu.guest for each in target.instancetypes if each.name == "u1.2xlarge"]
    [8]
    """
    specs = _bundle()["instancetypes"].items()
    return tuple(Instancetype(name=name, spec=binder.bind(InstancetypeSpec, spec)) for name, spec in specs)


@cache
def common_preferences() -> tuple[Preference, ...]:
    """The cluster-wide preferences that KubeVirt deploys; otherwise as ``common_instancetypes``."""
    specs = _bundle()["preferences"].items()
    return tuple(Preference(name=name, spec=binder.bind(PreferenceSpec, spec)) for name, spec in specs)


def _bundle() -> Mapping[str, Any]:
    bundle: Mapping[str, Any] = json.loads(_BUNDLE.read_text(encoding="utf-8"))
    return bundle
