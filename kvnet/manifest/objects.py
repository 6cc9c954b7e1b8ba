"""Plain data ⇄ KubeVirt's objects: machines of every kind, NADs, instancetypes, preferences, and the cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from kvnet._lazy import lazy
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.manifest import binder
from kvnet.manifest._kinds import API_OF, KUBEVIRT, NAD, skipped_as
from kvnet.manifest._problems import MISSING, NAD_CONFIG, NO_KIND, REPEATED, UNKNOWN_FIELD, Flaw, Misfit, collected
from kvnet.spec import (
    INSTANCETYPE_KINDS,
    PREFERENCE_KINDS,
    REFERRING,
    TEMPLATES,
    Instancetype,
    InstancetypeSpec,
    Machine,
    Matcher,
    Nad,
    Origin,
    Preference,
    PreferenceSpec,
    Status,
    VmiSpec,
)
from kvnet.spec.cluster import ClusterConfig

if TYPE_CHECKING:
    from kvnet.manifest import cni
else:
    # the classes of CNI plugins take 17 ms to import, which only those who have NADs pay for
    cni = lazy("kvnet.manifest.cni")

__all__ = ["Made", "cluster_of", "object_of", "plain_cluster", "repeated"]

T = TypeVar("T")
Made = Machine | Nad | Instancetype | Preference | ClusterConfig
_VMI = "VirtualMachineInstance"
_NAME_AT = FieldPath(("metadata", "name"))
_text = binder.reader(str)
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


def _name(value: Any) -> str:
    """A name without control characters, which neither XML nor the names of files and domains can carry."""
    name: str = _text(value)
    # most names are printable, which is quicker to see
    found = None if name.isprintable() else _CONTROL.search(name)
    if found is None:
        return name
    message = f"the character U+{ord(found.group()):04X} cannot be in a name"
    raise Misfit(Flaw(message=message, hint="use lower-case letters, digits, '-' and '.'"))


_NAMES: Mapping[str, binder.Read] = {"name": _name, "namespace": _name}
_made = binder.maker(Machine)
_DEFAULTS: Mapping[str, Any] = attrs.asdict(Machine(), recurse=False)
_ANNOTATIONS = {"annotations": binder.reader(Mapping[str, str])}
_METADATA = {
    kind: {("metadata",): _NAMES, (*template, "metadata"): _ANNOTATIONS}
    if template
    else {("metadata",): {**_NAMES, **_ANNOTATIONS}}
    for kind, template in TEMPLATES.items()
}
"""For each kind of machine, where the metadata are, and what is read of them."""
_SPEC = {"spec": binder.reader(VmiSpec)}
_STATUS = {"status": binder.reader(Status)}
_MATCHERS = {"instancetype": binder.reader(Matcher), "preference": binder.reader(Matcher)}


def object_of(data: Any, origin: Origin | None = None) -> Made | str:
    """The object in a document, or what it is counted as where kvnet does not read such documents. Raises Misfit."""
    skipped = skipped_as(data)
    if skipped is not None:
        if skipped.endswith("List") and data.get("items") is not None and not isinstance(data["items"], list):
            raise Misfit(Flaw(path=("items",), message="the items are not a list"))
        return skipped
    kind = data.get("kind")
    if kind is None:
        [spec] = collected(binder.reader(VmiSpec), [("spec", data)])
        return Machine(kind="", spec=spec, origin=origin)
    return _machine_of(data, kind, origin) if kind in TEMPLATES else _READERS[kind](data, origin)


def _machine_of(data: Mapping[str, Any], kind: str, origin: Origin | None) -> Machine:
    around, template, metadata = dict(data), TEMPLATES[kind], _METADATA[kind]
    flaws: list[Flaw] = []
    fields = _taken(around, template, _SPEC, flaws, required="spec")
    for path, members in metadata.items():
        fields |= _taken(around, path, members, flaws)
    if kind in REFERRING and _refers(around, REFERRING[kind]):
        fields |= _taken(around, REFERRING[kind], _MATCHERS, flaws)
    if kind == _VMI and "status" in around:
        fields |= _taken(around, (), _STATUS, flaws)
    if flaws:
        raise Misfit(*flaws)
    around = _without_evident(around, API_OF[kind], *metadata)
    return _made({**_DEFAULTS, "kind": kind, "annotations": {}, **fields, "around": around, "origin": origin})


def _refers(around: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the mapping at a path holds a reference; few machines do, and the others need no other copy of it."""
    holder: Any = around
    for step in path:
        holder = holder.get(step) if isinstance(holder, dict) else None
    return isinstance(holder, dict) and ("instancetype" in holder or "preference" in holder)


def _plain_machine(machine: Machine) -> dict[str, Any]:
    body = binder.plain(machine.spec)
    body.setdefault("domain", {}).setdefault("devices", {})
    if not machine.kind:
        return dict(body)
    template = TEMPLATES[machine.kind]
    status = None if machine.status is None else binder.plain(machine.status)
    members = {(*template, "spec"): body, ("status",): status}
    for name, matcher in (("instancetype", machine.instancetype), ("preference", machine.preference)):
        if matcher is not None and machine.kind in REFERRING:
            members[*REFERRING[machine.kind], name] = binder.plain(matcher)
    return _plain_object(machine, machine.kind, API_OF[machine.kind], template, members)


def _instancetype_of(data: Mapping[str, Any], origin: Origin | None) -> Instancetype:
    fields = _named_fields(data, InstancetypeSpec, required="spec")
    return Instancetype(kind=data["kind"], **fields, origin=origin)


def _preference_of(data: Mapping[str, Any], origin: Origin | None) -> Preference:
    return Preference(kind=data["kind"], **_named_fields(data, PreferenceSpec), origin=origin)


def _named_fields(data: Mapping[str, Any], spec: type, *, required: str = "") -> dict[str, Any]:
    """Name, namespace and spec of an object, and what is around them. Raises Misfit with every flaw."""
    around = dict(data)
    flaws: list[Flaw] = []
    fields = _taken(around, ("metadata",), _NAMES, flaws)
    if "name" not in fields and not flaws:
        flaws.append(Flaw(code=MISSING, path=("metadata", "name"), value="name"))
    # the reader is made when the first of these objects is read: most streams hold none
    fields |= _taken(around, (), {"spec": binder.reader(spec)}, flaws, required=required)
    if flaws:
        raise Misfit(*flaws)
    return fields | {"around": _without_evident(around, API_OF[data["kind"]], ("metadata",))}


def _plain_named(value: Instancetype | Preference) -> dict[str, Any]:
    return _plain_object(value, value.kind, API_OF[value.kind], (), {("spec",): binder.plain(value.spec)})


def _nad_of(data: Mapping[str, Any], origin: Origin | None) -> Nad:
    """A NetworkAttachmentDefinition; its spec may be absent."""
    around = dict(data)
    flaws: list[Flaw] = []
    fields = _taken(around, ("metadata",), {**_NAMES, **_ANNOTATIONS}, flaws)
    if "name" not in fields and not flaws:
        flaws.append(Flaw(code=MISSING, path=("metadata", "name"), value="name"))
    fields |= _taken(around, ("spec",), {"config": _cni_config}, flaws)
    if isinstance(around.get("spec"), Mapping):
        flaws += [Flaw(code=UNKNOWN_FIELD, path=("spec", key), value=key, known=("config",)) for key in around["spec"]]
    if flaws:
        raise Misfit(*flaws)
    return Nad(**fields, around=_without_evident(around, API_OF[NAD], ("metadata",), ("spec",)), origin=origin)


def _plain_nad(nad: Nad) -> dict[str, Any]:
    return _plain_object(nad, NAD, API_OF[NAD], (), {("spec", "config"): nad.config})


def cluster_of(data: Mapping[str, Any]) -> ClusterConfig:
    """The configuration in a KubeVirt object. Raises Misfit with every flaw."""
    flaws: list[Flaw] = []
    fields = _taken(dict(data), ("spec",), {"configuration": binder.reader(ClusterConfig)}, flaws)
    if flaws:
        raise Misfit(*flaws)
    return fields.get("configuration") or ClusterConfig()


def plain_cluster(config: ClusterConfig) -> dict[str, Any]:
    """The KubeVirt object of a configuration."""
    return {"apiVersion": API_OF[KUBEVIRT], "kind": KUBEVIRT, "spec": {"configuration": binder.plain(config)}}


def _taken(
    around: dict[str, Any],
    path: tuple[str, ...],
    members: Mapping[str, binder.Read],
    flaws: list[Flaw],
    *,
    required: str = "",
) -> dict[str, Any]:
    """What readers make of members of the mapping at a path, which are taken out of copies of the mappings on the way.

    Members that are absent or null are left out; the flaws of others are added to those that there are.
    """
    holder = around
    values: dict[str, Any] = {}
    for n, step in enumerate(path, 1):
        inner = holder.get(step)
        if type(inner) is dict or isinstance(inner, Mapping):
            holder[step] = holder = dict(inner)
            continue
        if inner is not None:
            flaw = Flaw(path=path[:n], value=inner, wanted="a mapping")
            flaws += [] if flaw in flaws else [flaw]
        elif required:
            flaws.append(Flaw(code=MISSING, path=path[:n], value=step))
        return {}
    for key, read in members.items():
        value = holder.pop(key, None)
        if value is not None:
            try:
                values[key] = read(value)
            except Misfit as misfit:
                flaws += misfit.under(*path, key)
        elif key == required:
            flaws.append(Flaw(code=MISSING, path=(*path, key), value=key))
    return values


def _plain_object(
    value: Machine | Nad | Instancetype | Preference,
    kind: str,
    api: str,
    template: tuple[str, ...],
    members: Mapping[tuple[str, ...], Any],
) -> dict[str, Any]:
    """An object with its members at their paths; those that are ``None`` are left out."""
    data: dict[str, Any] = {"apiVersion": api, "kind": kind} | binder.plain(value.around)
    identity = {"name": value.name, "namespace": value.namespace}
    metadata = {key: name for key, name in identity.items() if name is not None} | (data.get("metadata") or {})
    annotations = dict(value.annotations) or None if isinstance(value, Machine | Nad) else None
    placed = {("metadata",): metadata or None, (*template, "metadata", "annotations"): annotations} | dict(members)
    for (*outer, last), each in placed.items():
        holder = data
        for step in outer if each is not None else ():
            holder[step] = holder = holder.get(step) or {}
        if each is not None:
            holder[last] = each
    first = [key for key in ("apiVersion", "kind", "metadata", "spec", "status") if key in data]
    return {key: data[key] for key in (*first, *(key for key in data if key not in first))}


def _without_evident(around: dict[str, Any], api: str, *paths: tuple[str, ...]) -> dict[str, Any]:
    """What is around an object, without what a dump writes by itself: its kind, the usual API, empty mappings."""
    around.pop("kind", None)
    if around.get("apiVersion") == api:
        del around["apiVersion"]
    for path in paths:
        _without_emptied(around, path)
    return around


def _without_emptied(holder: dict[str, Any], path: tuple[str, ...]) -> None:
    """Drop the mappings on a path in which nothing is left."""
    if not path or path[0] not in holder:
        return
    inner = holder[path[0]]
    if inner and isinstance(inner, dict):
        _without_emptied(inner, path[1:])
    if not inner:
        del holder[path[0]]


def _cni_config(config: Any) -> str | None:
    """The text of a CNI configuration. Raises Misfit where it is not text, or for what ``chain_of`` refuses."""
    if not isinstance(config, str):
        wanted, hint = "a CNI configuration", "put the JSON into quotes"
        raise Misfit(Flaw(code=NAD_CONFIG, value=config, wanted=wanted, hint=hint))
    if not config:
        return None
    cni.chain_of(config)
    return config


def _only(kind: type[T], wanted: str) -> Callable[[Any], T]:
    """The reader of objects of one class."""

    def read(data: Any) -> T:
        if not isinstance(data, Mapping):
            raise Misfit(Flaw(code=NO_KIND, message="a document is a mapping with apiVersion and kind"))
        made = object_of(data)
        if not isinstance(made, kind):
            raise Misfit(Flaw(path=("kind",), value=data.get("kind", ""), wanted=wanted))
        return made

    return read


_READERS: dict[str, Callable[[Mapping[str, Any], Origin | None], Made]] = {
    NAD: _nad_of,
    KUBEVIRT: lambda data, _: cluster_of(data),
    **dict.fromkeys(INSTANCETYPE_KINDS, _instancetype_of),
    **dict.fromkeys(PREFERENCE_KINDS, _preference_of),
}
"""The readers of objects that are no machines, by their kinds."""

binder.register(Machine, _only(Machine, f"one of {', '.join(TEMPLATES)}"), _plain_machine)
binder.register(Nad, _only(Nad, NAD), _plain_nad)
binder.register(Instancetype, _only(Instancetype, f"one of {', '.join(INSTANCETYPE_KINDS)}"), _plain_named)
binder.register(Preference, _only(Preference, f"one of {', '.join(PREFERENCE_KINDS)}"), _plain_named)


def repeated(objects: Iterable[tuple[Made, Origin | None]]) -> tuple[Problem, ...]:
    """A warning for each object that takes the place of an earlier one, at the place of the later.

    Objects with their origins. Machines are no matter, for each of them is compiled; nor are objects that say the same.
    """
    found: list[Problem] = []
    last: dict[tuple[str, str], tuple[Made, Origin | None]] = {}
    for each, origin in objects:
        if isinstance(each, Machine):
            continue
        key = _identity(each)
        earlier, earlier_origin = last.get(key, (each, None))
        last[key] = each, origin
        if _content(earlier) != _content(each):
            found.append(_taken_place(key, origin, earlier_origin))
    return tuple(found)


def _identity(value: Nad | Instancetype | Preference | ClusterConfig) -> tuple[str, str]:
    """The kind of an object, and its name with the namespace; a cluster has one KubeVirt object, whatever its name."""
    if isinstance(value, ClusterConfig):
        return KUBEVIRT, ""
    if isinstance(value, Nad):
        return NAD, f"{value.namespace or 'default'}/{value.name}"
    is_of_cluster = value.kind.startswith("VirtualMachineCluster")
    return value.kind, value.name if is_of_cluster else f"{value.namespace or 'default'}/{value.name}"


def _content(value: Made) -> object:
    """What counts of an object."""
    if isinstance(value, Nad):
        return value.config, value.annotations
    return value if isinstance(value, ClusterConfig) else value.spec


def _taken_place(key: tuple[str, str], origin: Origin | None, earlier: Origin | None) -> Problem:
    kind, name = key
    which = f"{kind} '{name}'" if name else f"{kind} object"
    where = f" ({earlier.place(_NAME_AT)})" if earlier else ""
    message = f"this {which} takes the place of an earlier one that says something else{where}"
    hint = "leave one of them out" + (", or give it another name" if name else "")
    place = origin.place(_NAME_AT) if origin else None
    return Problem(_NAME_AT, REPEATED, message, hint=hint, severity=Severity.WARNING, place=place)
