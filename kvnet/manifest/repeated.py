"""Find objects that are given twice: of those with one kind, namespace and name, the last one counts."""

from __future__ import annotations

from collections.abc import Iterable

from kvnet.errors import FieldPath, Problem, Severity
from kvnet.manifest._kinds import KUBEVIRT, NAD
from kvnet.manifest._problems import REPEATED
from kvnet.spec import Instancetype, Machine, Nad, Origin, Preference
from kvnet.spec.cluster import ClusterConfig

__all__ = ["repeated"]

_Object = Machine | Nad | Instancetype | Preference | ClusterConfig
_AT = FieldPath(("metadata", "name"))


def repeated(objects: Iterable[tuple[_Object, Origin | None]]) -> tuple[Problem, ...]:
    """A warning for each object that takes the place of an earlier one, at the place of the later.

    Objects with their origins. Machines are no matter, for each of them is compiled; nor are objects that say the same.
    """
    found: list[Problem] = []
    last: dict[tuple[str, str], tuple[_Object, Origin | None]] = {}
    for each, origin in objects:
        if isinstance(each, Machine):
            continue
        key = _key(each)
        earlier, earlier_origin = last.get(key, (each, None))
        last[key] = each, origin
        if _content(earlier) != _content(each):
            found.append(_problem(key, origin, earlier_origin))
    return tuple(found)


def _key(value: Nad | Instancetype | Preference | ClusterConfig) -> tuple[str, str]:
    """The kind of an object, and its name with the namespace; a cluster has one KubeVirt object, whatever its name."""
    if isinstance(value, ClusterConfig):
        return KUBEVIRT, ""
    if isinstance(value, Nad):
        return NAD, f"{value.namespace or 'default'}/{value.name}"
    is_of_cluster = value.kind.startswith("VirtualMachineCluster")
    return value.kind, value.name if is_of_cluster else f"{value.namespace or 'default'}/{value.name}"


def _content(value: _Object) -> object:
    """What counts of an object."""
    if isinstance(value, Nad):
        return value.config, value.annotations
    return value if isinstance(value, ClusterConfig) else value.spec


def _problem(key: tuple[str, str], origin: Origin | None, earlier: Origin | None) -> Problem:
    kind, name = key
    which = f"{kind} '{name}'" if name else f"{kind} object"
    where = f" ({earlier.place(_AT)})" if earlier else ""
    message = f"this {which} takes the place of an earlier one that says something else{where}"
    hint = "leave one of them out" + (", or give it another name" if name else "")
    place = origin.place(_AT) if origin else None
    return Problem(_AT, REPEATED, message, hint=hint, severity=Severity.WARNING, place=place)
