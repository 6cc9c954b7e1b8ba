"""Plain data ⇄ KubeVirt's objects: machines of every kind, NADs, and the configuration of the cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from kvnet.manifest import binder
from kvnet.manifest._json import parse_json
from kvnet.manifest._problems import MISSING, NAD_CONFIG, NO_KIND, UNKNOWN_FIELD, UNKNOWN_KIND, Flaw, Misfit
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
_CNI_HINT = 'write JSON such as {"cniVersion": "0.3.1", "type": "bridge", "bridge": "br10"}'
_text = binder.reader(str)
_texts = binder.reader(Mapping[str, str])
_configuration = binder.reader(ClusterConfig)
_spec = binder.reader(VmiSpec)
_status = binder.reader(Status)


def object_of(data: Any, origin: Origin | None = None) -> Made | str:
    """The object in a document, or its kind where kvnet does not read objects of that kind. Raises Misfit."""
    if type(data) is not dict and not isinstance(data, Mapping):
        raise Misfit(Flaw(code=NO_KIND, message="a document is a mapping with apiVersion and kind"))
    kind = data.get("kind")
    if kind is None and "apiVersion" not in data and ("domain" in data or "networks" in data):
        return Machine(kind="", spec=_under(_spec, data, ("spec",)), origin=origin)
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
    holder = around
    for n, step in enumerate(template, 1):
        holder[step] = holder = _copied_mapping(holder, step, template[:n])
    if holder.get("spec") is None:
        raise Misfit(Flaw(code=MISSING, path=(*template, "spec"), value="spec"))
    flaws: list[Flaw] = []
    metadata = _metadata(around, (), flaws)
    name, namespace = _taken(metadata, "name", _text, (), flaws), _taken(metadata, "namespace", _text, (), flaws)
    inner = metadata if holder is around else _metadata(holder, template, flaws)
    annotations = _taken(inner, "annotations", _texts, template, flaws) or {}
    spec = _read(_spec, holder.pop("spec"), (*template, "spec"), flaws)
    status = None
    if kind == _VMI and around.get("status") is not None:
        status = _read(_status, around.pop("status"), ("status",), flaws)
    if flaws:
        raise Misfit(*flaws)
    return Machine(
        kind=kind,
        name=name,
        namespace=namespace,
        annotations=annotations,
        spec=spec,
        status=status,
        around=_without_evident(around, _API, template),
        origin=origin,
    )


def _plain_machine(machine: Machine) -> dict[str, Any]:
    body = binder.plain(machine.spec)
    body.setdefault("domain", {}).setdefault("devices", {})
    if not machine.kind:
        return dict(body)
    data: dict[str, Any] = {"apiVersion": _API, "kind": machine.kind} | binder.plain(machine.around)
    _identify(data, machine.name, machine.namespace)
    holder = data
    for step in TEMPLATES[machine.kind]:
        holder = holder.setdefault(step, {})
    if machine.annotations:
        holder["metadata"] = (holder.get("metadata") or {}) | {"annotations": dict(machine.annotations)}
    holder["spec"] = body
    if machine.status is not None:
        data["status"] = binder.plain(machine.status)
    first = [key for key in ("apiVersion", "kind", "metadata", "spec", "status") if key in data]
    return {key: data[key] for key in (*first, *(key for key in data if key not in first))}


def _nad_of(data: Mapping[str, Any], origin: Origin | None) -> Nad:
    """A NetworkAttachmentDefinition; its spec may be absent."""
    around, flaws = dict(data), list[Flaw]()
    body = {} if around.get("spec") is None else _copied_mapping(around, "spec", ("spec",))
    around.pop("spec", None)
    metadata = _metadata(around, (), flaws)
    name, namespace = _taken(metadata, "name", _text, (), flaws), _taken(metadata, "namespace", _text, (), flaws)
    annotations = _taken(metadata, "annotations", _texts, (), flaws) or {}
    if name is None and not flaws:
        flaws.append(Flaw(code=MISSING, path=("metadata", "name"), value="name"))
    flaws += [
        Flaw(code=UNKNOWN_FIELD, path=("spec", key), value=key, known=("config",)) for key in body if key != "config"
    ]
    config = body.get("config")
    flaws += [flaw.under("spec", "config") for flaw in _config_flaws(config)]
    if flaws:
        raise Misfit(*flaws)
    around = _without_evident(around, _NAD_API)
    return Nad(
        name=str(name),
        namespace=namespace,
        annotations=annotations,
        config=config or None,
        around=around,
        origin=origin,
    )


def _plain_nad(nad: Nad) -> dict[str, Any]:
    data: dict[str, Any] = {"apiVersion": _NAD_API, "kind": NAD} | binder.plain(nad.around)
    _identify(data, nad.name, nad.namespace)
    if nad.annotations:
        data["metadata"]["annotations"] = dict(nad.annotations)
    if nad.config is not None:
        data["spec"] = {"config": nad.config}
    return data


def cluster_of(data: Mapping[str, Any]) -> ClusterConfig:
    """The configuration in a KubeVirt object. Raises Misfit with every flaw."""
    holder: Any = dict(data)
    for step, at in (("spec", ("spec",)), ("configuration", ("spec", "configuration"))):
        if holder.get(step) is None:
            return ClusterConfig()
        holder = _copied_mapping(holder, step, at)
    config: ClusterConfig = _under(_configuration, holder, ("spec", "configuration"))
    return config


def plain_cluster(config: ClusterConfig) -> dict[str, Any]:
    """The KubeVirt object of a configuration."""
    return {"apiVersion": _API, "kind": KUBEVIRT, "spec": {"configuration": binder.plain(config)}}


def _under(read: binder.Read, value: Any, at: tuple[str, ...]) -> Any:
    try:
        return read(value)
    except Misfit as misfit:
        raise Misfit(*misfit.under(*at)) from None


def _read(read: binder.Read, value: Any, at: tuple[str, ...], flaws: list[Flaw]) -> Any:
    """What a reader makes of a value; otherwise its flaws are added to those that there are."""
    try:
        return read(value)
    except Misfit as misfit:
        flaws += misfit.under(*at)
        return None


def _copied_mapping(holder: Mapping[str, Any], step: str, at: tuple[str, ...]) -> dict[str, Any]:
    inner = holder.get(step)
    if inner is None:
        raise Misfit(Flaw(code=MISSING, path=at, value=step))
    if not isinstance(inner, Mapping):
        raise Misfit(Flaw(path=at, value=inner, wanted="a mapping"))
    return dict(inner)


def _metadata(holder: dict[str, Any], at: tuple[str, ...], flaws: list[Flaw]) -> dict[str, Any]:
    """The metadata of an object, copied inside it."""
    if holder.get("metadata") is None:
        return {}
    try:
        metadata = holder["metadata"] = _copied_mapping(holder, "metadata", (*at, "metadata"))
    except Misfit as misfit:
        flaws += misfit.flaws
        return {}
    return metadata


def _taken(metadata: dict[str, Any], key: str, read: binder.Read, at: tuple[str, ...], flaws: list[Flaw]) -> Any:
    """A member of the metadata, taken out of it."""
    value = metadata.pop(key, None)
    return None if value is None else _read(read, value, (*at, "metadata", key), flaws)


def _identify(data: dict[str, Any], name: str | None, namespace: str | None) -> None:
    identity = {"name": name, "namespace": namespace}
    given = {key: value for key, value in identity.items() if value is not None}
    # metadata that was written as null may stay so where there is nothing to add
    if given or data.get("metadata") is not None:
        data["metadata"] = given | (data.get("metadata") or {})


def _without_evident(around: dict[str, Any], api: str, template: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is around an object, without what a dump writes by itself: its kind, the usual API, empty mappings."""
    around.pop("kind", None)
    if around.get("apiVersion") == api:
        del around["apiVersion"]
    _without_emptied(around, template)
    if around.get("metadata") == {}:
        del around["metadata"]
    return around


def _without_emptied(holder: dict[str, Any], template: tuple[str, ...]) -> None:
    """Drop the mappings on the way to a template, and its metadata, where nothing is left in them."""
    if not template:
        return
    step, *further = template
    inner = holder.get(step, {})
    _without_emptied(inner, tuple(further))
    if not further and inner.get("metadata") == {}:
        del inner["metadata"]
    if holder.get(step) == {}:
        del holder[step]


def _config_flaws(config: Any) -> Iterator[Flaw]:
    """Every flaw of a CNI configuration: not text, not JSON, not a plugin, or a plugin without a type."""
    if config is None or config == "":
        return
    if not isinstance(config, str):
        yield Flaw(code=NAD_CONFIG, value=config, wanted="a CNI configuration", hint="put the JSON into quotes")
        return
    try:
        value = parse_json(config)
    except json.JSONDecodeError as error:
        yield _cni(f"the CNI configuration is not JSON: {error.msg}", error.pos)
        return
    except Misfit as misfit:
        for flaw in misfit.flaws:
            yield _cni(f"in the CNI configuration, {flaw.message}", flaw.offset, hint="")
        return
    chain = value.get("plugins", [value]) if isinstance(value, dict) else None
    if not isinstance(chain, list) or not chain or not all(isinstance(each, dict) for each in chain):
        yield _cni("the CNI configuration is neither a plugin nor a list of plugins")
    elif not all(isinstance(each.get("type"), str) for each in chain):
        yield _cni("the CNI configuration has a plugin without a `type`")


def _cni(message: str, offset: int | None = 0, *, hint: str = _CNI_HINT) -> Flaw:
    return Flaw(code=NAD_CONFIG, message=message, hint=hint, offset=offset)


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
