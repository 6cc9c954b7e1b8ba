"""Which instancetype and which preference a machine refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from attrs import frozen

from kvnet.errors import Cause, FieldPath, Problem, Severity
from kvnet.spec import INSTANCETYPE_KINDS, PREFERENCE_KINDS, REFERRING, Instancetype, Machine, Matcher, Preference
from kvnet.target import Target

__all__ = ["Referred", "reference_at", "referred"]

F = TypeVar("F", Instancetype, Preference)

_NAMESPACE = "default"
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
    instancetype = _found(machine.instancetype, INSTANCETYPE_KINDS, target.instancetypes, machine)
    preference = _found(machine.preference, PREFERENCE_KINDS, target.preferences, machine)
    annotations: dict[str, str] = {}
    problems: list[Problem] = []
    for word, matcher, kinds, is_known in (
        ("instancetype", machine.instancetype, INSTANCETYPE_KINDS, instancetype is not None),
        ("preference", machine.preference, PREFERENCE_KINDS, preference is not None),
    ):
        if matcher is not None:
            annotations |= _annotation(word, matcher, kinds)
            problems += _problems(reference_at(machine, word), word, matcher, kinds, is_known)
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


def _found(matcher: Matcher | None, kinds: tuple[str, str], objects: Iterable[F], machine: Machine) -> F | None:
    if matcher is None or not matcher.name:
        return None
    kind, namespace = _kind_of(matcher, kinds), machine.namespace or _NAMESPACE
    found = None
    for each in objects:
        if each.name == matcher.name and each.kind == kind:
            is_near = kind == kinds[0] or (each.namespace or _NAMESPACE) == namespace
            found = each if is_near else found
    return found


def _annotation(word: str, matcher: Matcher, kinds: tuple[str, str]) -> dict[str, str]:
    kind = _kind_of(matcher, kinds)
    if kind is None or not matcher.name:
        return {}
    return {f"kubevirt.io/{'cluster-' if kind == kinds[0] else ''}{word}-name": matcher.name}


def _problems(at: FieldPath, word: str, matcher: Matcher, kinds: tuple[str, str], is_known: bool) -> Iterator[Problem]:
    """What is to be said of a reference: it is malformed, or its object is not known.

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
        hint = f"write {' or '.join(kinds)}; without a kind it is {kinds[0]}"
        yield Problem(at / "kind", "KN213", f"there is no kind '{matcher.kind}' of {word}s", hint=hint)
    elif volume:
        message = f"the {word} is inferred from the volume '{volume}', so {_EFFECTS[word]}"
        yield Problem(at, "KN210", message, hint="name it to have it applied", severity=Severity.WARNING)
    elif not is_known:
        message = f"no document has the {kind} '{name}', so {_EFFECTS[word]}"
        hint = "add its document; --common-instancetypes adds those that KubeVirt deploys"
        yield Problem(at, "KN210", message, hint=hint, severity=Severity.WARNING)
