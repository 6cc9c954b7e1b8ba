"""Plain data ⇄ KubeVirt's objects: machines of every kind, NADs, and the configuration of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from kvnet.manifest import binder
from kvnet.manifest._problems import MISSING, NAD_CONFIG, NO_KIND, UNKNOWN_FIELD, UNKNOWN_KIND, Flaw, Misfit, collected
from kvnet.spec import TEMPLATES, Machine, Nad, Origin, Status, VmiSpec
from kvnet.spec.cluster import ClusterConfig

__all__ = ["KUBEVIRT", "NAD", "Made", "cluster_of", "object_of", "plain_cluster"]

T = TypeVar("T")
NAD = "NetworkAttachmentDefinition"
KUBEVIRT = "KubeVirt"
Made = Machine | Nad | ClusterConfig
_VMI = "VirtualMachineInstance"
_API = "kubevirt.io/v1"
_NAD_API = "k8s.cni.cncf.io/v1"
_NAMES = {"name": binder.reader(str), "namespace": binder.reader(str)}
_ANNOTATIONS = {"annotations": binder.reader(Mapping[str, str])}
_SPEC = {"spec": binder.reader(VmiSpec)}
_STATUS = {"status": binder.reader(Status)}


def object_of(data: Any, origin: Origin | None = None) -> Made | str:
    """The object in a document, or its kind where kvnet does not read objects of that kind. Raises Misfit."""
    if type(data) is not dict and not isinstance(data, Mapping):
        raise Misfit(Flaw(code=NO_KIND, message="a document is a mapping with apiVersion and kind"))
    kind = data.get("kind")
    if kind is None and "apiVersion" not in data and ("domain" in data or "networks" in data):
        [spec] = collected(binder.reader(VmiSpec), [("spec", data)])
        return Machine(kind="", spec=spec, origin=origin)
    if not isinstance(kind, str) or not kind:
        hint = f"write `kind: {next(iter(TEMPLATES))}`"
        raise Misfit(Flaw(code=NO_KIND, path=("kind",), message="the document does not say its kind", hint=hint))
    if kind in TEMPLATES:
        return _machine_of(data, kind, origin)
    if kind == NAD:
        return _nad_of(data, origin)
    if kind == KUBEVIRT:
        return cluster_of(data)
    meant = next((each for each in (*TEMPLATES, NAD) if each.lower() == kind.lower()), None)
    if meant is not None:
        hint = f"did you mean '{meant}'?"
        raise Misfit(Flaw(code=UNKNOWN_KIND, path=("kind",), message=f"there is no kind '{kind}'", hint=hint))
    if kind.endswith("List") and data.get("items") is not None:
        raise Misfit(Flaw(path=("items",), message="the items are not a list"))
    return kind


def _machine_of(data: Mapping[str, Any], kind: str, origin: Origin | None) -> Machine:
    around, template = dict(data), TEMPLATES[kind]
    flaws: list[Flaw] = []
    fields = _taken(around, ("metadata",), _NAMES, flaws)
    fields |= _taken(around, (*template, "metadata"), _ANNOTATIONS, flaws)
    fields |= _taken(around, template, _SPEC, flaws, required="spec")
    if kind == _VMI and "status" in around:
        fields |= _taken(around, (), _STATUS, flaws)
    if flaws:
        raise Misfit(*flaws)
    around = _without_evident(around, _API, ("metadata",), (*template, "metadata"))
    return Machine(kind=kind, **fields, around=around, origin=origin)


def _plain_machine(machine: Machine) -> dict[str, Any]:
    body = binder.plain(machine.spec)
    body.setdefault("domain", {}).setdefault("devices", {})
    if not machine.kind:
        return dict(body)
    template = TEMPLATES[machine.kind]
    status = None if machine.status is None else binder.plain(machine.status)
    return _plain_object(machine, machine.kind, _API, template, {(*template, "spec"): body, ("status",): status})


def _nad_of(data: Mapping[str, Any], origin: Origin | None) -> Nad:
    """A NetworkAttachmentDefinition; its spec may be absent."""
    around = dict(data)
    flaws: list[Flaw] = []
    fields = _taken(around, ("metadata",), _NAMES | _ANNOTATIONS, flaws)
    if "name" not in fields and not flaws:
        flaws.append(Flaw(code=MISSING, path=("metadata", "name"), value="name"))
    fields |= _taken(around, ("spec",), {"config": _cni_config}, flaws)
    if isinstance(around.get("spec"), Mapping):
        flaws += [Flaw(code=UNKNOWN_FIELD, path=("spec", key), value=key, known=("config",)) for key in around["spec"]]
    if flaws:
        raise Misfit(*flaws)
    return Nad(**fields, around=_without_evident(around, _NAD_API, ("metadata",), ("spec",)), origin=origin)


def _plain_nad(nad: Nad) -> dict[str, Any]:
    return _plain_object(nad, NAD, _NAD_API, (), {("spec", "config"): nad.config})


def cluster_of(data: Mapping[str, Any]) -> ClusterConfig:
    """The configuration in a KubeVirt object. Raises Misfit with every flaw."""
    flaws: list[Flaw] = []
    fields = _taken(dict(data), ("spec",), {"configuration": binder.reader(ClusterConfig)}, flaws)
    if flaws:
        raise Misfit(*flaws)
    return fields.get("configuration") or ClusterConfig()


def plain_cluster(config: ClusterConfig) -> dict[str, Any]:
    """The KubeVirt object of a configuration."""
    return {"apiVersion": _API, "kind": KUBEVIRT, "spec": {"configuration": binder.plain(config)}}


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
    value: Machine | Nad, kind: str, api: str, template: tuple[str, ...], members: Mapping[tuple[str, ...], Any]
) -> dict[str, Any]:
    """An object with its members at their paths; those that are ``None`` are left out."""
    data: dict[str, Any] = {"apiVersion": api, "kind": kind} | binder.plain(value.around)
    identity = {"name": value.name, "namespace": value.namespace}
    metadata = {key: name for key, name in identity.items() if name is not None} | (data.get("metadata") or {})
    annotations = dict(value.annotations) or None
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
    if isinstance(inner, dict):
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
    # to import the plugins' classes takes 10 ms, which only those who have NADs pay for
    import_module("kvnet.manifest.cni").chain_of(config)
    return config


def _only(kind: type[T], wanted: str) -> Callable[[Any], T]:
    """The reader of objects of one class."""

    def read(data: Any) -> T:
        made = object_of(data)
        if not isinstance(made, kind):
            raise Misfit(Flaw(path=("kind",), value=data.get("kind", ""), wanted=wanted))
        return made

    return read


binder.register(Machine, _only(Machine, f"one of {', '.join(TEMPLATES)}"), _plain_machine)
binder.register(Nad, _only(Nad, NAD), _plain_nad)
