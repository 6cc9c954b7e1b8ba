"""Documents ⇄ objects: machines of every kind, and NetworkAttachmentDefinitions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import attrs
from cattrs.errors import ForbiddenExtraKeysError

from kvnet.errors import FieldPath, Problem
from kvnet.manifest import codes
from kvnet.manifest.cni import config_flaws
from kvnet.manifest.documents import Document
from kvnet.manifest.quick import reader
from kvnet.manifest.scalars import Unfit, plain
from kvnet.manifest.structure import Flaw, Misfit, structure, unstructure
from kvnet.spec import BINDINGS, SOURCES, TEMPLATES, Interface, Machine, Nad, Network, Status, VmiSpec
from kvnet.spec.wire import json_name

__all__ = ["NAD", "Flawed", "machine_of", "nad_of", "plain_machine", "plain_nad"]

NAD = "NetworkAttachmentDefinition"
_VMI = "VirtualMachineInstance"
_API = "kubevirt.io/v1"
_NAD_API = "k8s.cni.cncf.io/v1"
_TOP = FieldPath()
_TEMPLATES_AT = {kind: FieldPath(template) for kind, template in TEMPLATES.items()}
_ROOTS = {kind: at / "spec" for kind, at in _TEMPLATES_AT.items()}


class Flawed(Exception):
    """A document that is no object, and every reason why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def machine_of(document: Document, kind: str) -> Machine:
    """The machine in a document of a kind of ``TEMPLATES``, or in a bare spec (no kind). Raises Flawed."""
    data = document.data
    if not kind:
        made = _structured(document, data, VmiSpec, FieldPath(("spec",)))
        return Machine(kind="", spec=made, origin=document.origin)
    around = dict(data)
    template, at, root = TEMPLATES[kind], _TEMPLATES_AT[kind], _ROOTS[kind]
    holder = around
    for n, step in enumerate(template, 1):
        inner = holder.get(step)
        if not isinstance(inner, Mapping):
            way = FieldPath(template[:n])
            raise Flawed([document.placed(_missing(way, step) if inner is None else _not_mapping(way, inner))])
        holder[step] = dict(inner)
        holder = holder[step]
    if holder.get("spec") is None:
        raise Flawed([document.placed(_missing(root, "spec"))])
    metadata = _metadata(document, around, _TOP)
    name, namespace = _identity(document, metadata)
    annotations = _annotations(document, metadata if holder is around else _metadata(document, holder, at), at)
    made = _structured(document, holder.pop("spec"), VmiSpec, root)
    status = None
    if kind == _VMI and around.get("status") is not None:
        status = _structured(document, around.pop("status"), Status, FieldPath(("status",)))
    return Machine(
        kind=kind,
        name=name,
        namespace=namespace,
        annotations=annotations,
        spec=made,
        status=status,
        around=_without_evident(around, _API, template),
        origin=document.origin,
    )


def plain_machine(machine: Machine) -> dict[str, Any]:
    """The document of a machine."""
    body = unstructure(machine.spec)
    body.setdefault("domain", {}).setdefault("devices", {})
    if not machine.kind:
        return dict(body)
    data: dict[str, Any] = _copied({"apiVersion": _API, "kind": machine.kind} | dict(machine.around))
    _identify(data, machine.name, machine.namespace)
    holder = data
    for step in TEMPLATES[machine.kind]:
        holder = holder.setdefault(step, {})
    if machine.annotations:
        holder["metadata"] = (holder.get("metadata") or {}) | {"annotations": dict(machine.annotations)}
    holder["spec"] = body
    if machine.status is not None:
        data["status"] = unstructure(machine.status)
    first = [key for key in ("apiVersion", "kind", "metadata", "spec", "status") if key in data]
    return {key: data[key] for key in (*first, *(key for key in data if key not in first))}


def nad_of(document: Document) -> Nad:
    """The NetworkAttachmentDefinition in a document; its spec may be absent. Raises Flawed."""
    around = dict(document.data)
    metadata = _metadata(document, around, _TOP)
    name, namespace = _identity(document, metadata)
    annotations = _annotations(document, metadata, _TOP)
    body, at = around.pop("spec", None), FieldPath(("spec",))
    body = {} if body is None else body
    if not isinstance(body, Mapping):
        raise Flawed([document.placed(_not_mapping(at, body))])
    unknown = [key for key in body if key != "config"]
    problems = [document.placed(_unknown(at / key, key, ["config"]), key=True) for key in unknown]
    config = body.get("config")
    problems += _config_problems(document, config, at / "config")
    if name is None:
        problems.append(document.placed(_missing(FieldPath(("metadata", "name")), "name")))
    if problems:
        raise Flawed(problems)
    return Nad(
        name=str(name),
        namespace=namespace,
        annotations=annotations,
        config=config or None,
        around=_without_evident(around, _NAD_API),
        origin=document.origin,
    )


def plain_nad(nad: Nad) -> dict[str, Any]:
    """The document of a NetworkAttachmentDefinition."""
    data: dict[str, Any] = _copied({"apiVersion": _NAD_API, "kind": NAD} | dict(nad.around))
    _identify(data, nad.name, nad.namespace)
    if nad.annotations:
        data["metadata"]["annotations"] = dict(nad.annotations)
    if nad.config is not None:
        data["spec"] = {"config": nad.config}
    return data


def _structured(document: Document, data: Any, cls: Any, at: FieldPath) -> Any:
    try:
        return reader(cls)(data)
    except Exception:
        made, flaws = structure(data, cls)
    if flaws:
        raise Flawed(list(_problems(document, flaws, at)))
    return made


def _problems(document: Document, flaws: Iterable[Flaw], root: FieldPath) -> Iterator[Problem]:
    for path, around, flaw in flaws:
        at = FieldPath((*root.parts, *path))
        if isinstance(flaw, ForbiddenExtraKeysError):
            known = _known_keys(around)
            for key in sorted(flaw.extra_fields):
                yield document.placed(_unknown(at / key, key, known), key=True)
        elif isinstance(flaw, KeyError):
            yield document.placed(_missing(at, str(flaw.args[0])))
        elif isinstance(flaw, Misfit):
            yield document.placed(_misfit(document, at, flaw))
        else:
            yield document.placed(Problem(at, codes.WRONG_TYPE, str(flaw)))


def _known_keys(cls: type) -> list[str]:
    members: list[str] = [*BINDINGS] if cls is Interface else [*SOURCES] if cls is Network else []
    names = [json_name(field) for field in attrs.fields(cls)] if attrs.has(cls) else []
    return [name for name in names if name not in ("bindings", "sources")] + members


def _misfit(document: Document, at: FieldPath, flaw: Misfit) -> Problem:
    if flaw.too_many:
        return Problem(at, codes.TOO_MANY, f"{len(flaw.value)} entries are too many", hint=f"give {flaw.wanted}")
    if flaw.out_of_range:
        return Problem(at, codes.OUT_OF_RANGE, f"{flaw.value} is not {flaw.wanted}")
    if flaw.value is None:
        return Problem(at, codes.WRONG_TYPE, f"an entry is empty, not {flaw.wanted}", hint="drop it, or fill it in")
    written = document.origin.scalar(at) if document.origin else None
    shown = written if written is not None else json.dumps(flaw.value, ensure_ascii=False, default=repr)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    if isinstance(flaw.value, str):
        shown = json.dumps(flaw.value[:60], ensure_ascii=False)
    told = f"{shown} is {_kind(flaw.value)}, not {flaw.wanted}"
    return Problem(at, codes.WRONG_TYPE, told, hint=_remedy(flaw, shown))


def _remedy(flaw: Misfit, shown: str) -> str:
    if flaw.wanted == "text" and not isinstance(flaw.value, dict | list):
        return f'quote it: "{shown}"'
    meant = {"a whole number": int, "true or false": bool}.get(flaw.wanted)
    if meant is not None and isinstance(flaw.value, str) and type(_unquoted(flaw.value)) is meant:
        return f"drop the quotes: {flaw.value}"
    return ""


def _unquoted(text: str) -> Any:
    try:
        return plain(text)
    except Unfit:
        return None


def _kind(value: Any) -> str:
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text", type(None): "null"}
    return kinds.get(type(value), "a mapping" if isinstance(value, Mapping) else "a list")


def _unknown(at: FieldPath, key: str, known: list[str]) -> Problem:
    folded = {name.lower(): name for name in known}
    close = folded.get(key.lower()) or next(iter(get_close_matches(key, known, n=1)), None)
    hint = f"did you mean '{close}'?" if close else f"the fields are {', '.join(known)}" if known else "write {}"
    return Problem(at, codes.UNKNOWN_FIELD, f"there is no field '{key}' here", hint=hint)


def _missing(at: FieldPath, name: str) -> Problem:
    return Problem(at, codes.MISSING, f"the field '{name}' is missing")


def _not_mapping(at: FieldPath, value: Any) -> Problem:
    return Problem(at, codes.WRONG_TYPE, f"{json.dumps(value, default=repr)[:60]} is no mapping")


def _identity(document: Document, metadata: dict[str, Any]) -> tuple[str | None, str | None]:
    """Take name and namespace out of the metadata."""
    return _text(document, metadata, "name"), _text(document, metadata, "namespace")


def _text(document: Document, metadata: dict[str, Any], key: str) -> str | None:
    value = metadata.pop(key, None)
    if value is None or isinstance(value, str):
        return value
    raise Flawed([document.placed(_misfit(document, FieldPath(("metadata", key)), Misfit(value, "text")))])


def _annotations(document: Document, metadata: dict[str, Any], at: FieldPath) -> dict[str, str]:
    """Take the annotations out of the metadata."""
    annotations = metadata.pop("annotations", None)
    if annotations is None:
        return {}
    at = at / "metadata" / "annotations"
    if not isinstance(annotations, Mapping):
        raise Flawed([document.placed(_not_mapping(at, annotations))])
    wrong = {key: value for key, value in annotations.items() if not isinstance(value, str)}
    if wrong:
        raise Flawed(
            [document.placed(_misfit(document, at / key, Misfit(value, "text"))) for key, value in wrong.items()]
        )
    return dict(annotations)


def _metadata(document: Document, holder: dict[str, Any], at: FieldPath) -> dict[str, Any]:
    """The metadata of an object, copied in it."""
    metadata = holder.get("metadata")
    if metadata is None:
        return {}
    if type(metadata) is not dict and not isinstance(metadata, Mapping):
        raise Flawed([document.placed(_not_mapping(at / "metadata", metadata))])
    holder["metadata"] = dict(metadata)
    copied: dict[str, Any] = holder["metadata"]
    return copied


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


def _config_problems(document: Document, config: Any, at: FieldPath) -> Iterator[Problem]:
    if config is None or config == "":
        return
    if not isinstance(config, str):
        told = f"{_kind(config)} is not a CNI configuration"
        yield document.placed(Problem(at, codes.NAD_CONFIG, told, hint="put the JSON into quotes"))
        return
    for flaw in config_flaws(config):
        problem = Problem(at, codes.NAD_CONFIG, flaw.message, hint=flaw.hint)
        yield document.placed_inside(problem, flaw.offset)


def _identify(data: dict[str, Any], name: str | None, namespace: str | None) -> None:
    identity = {"name": name, "namespace": namespace}
    given = {key: value for key, value in identity.items() if value is not None}
    # written as null, it may stay so where there is nothing to add
    if given or data.get("metadata") is not None:
        data["metadata"] = given | (data.get("metadata") or {})


def _copied(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(each) for each in data] if isinstance(data, list) else data
