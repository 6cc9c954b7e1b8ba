"""Objects that hold other objects: Lists, Templates of OpenShift, and the machine templates of Cluster API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kvnet.manifest._kinds import API_OF, OURS, skipped_as
from kvnet.manifest._problems import UNSUPPORTED_YAML, Flaw, Misfit

__all__ = ["inner_objects", "is_foreign"]

_CLUSTER_API: Final = "infrastructure.cluster.x-k8s.io/"
_VM: Final = "virtualMachineTemplate"
_MACHINES: Final = {"KubevirtMachine": ("spec",), "KubevirtMachineTemplate": ("spec", "template", "spec")}
"""Where the objects of Cluster API's provider for KubeVirt hold the metadata and spec of a VirtualMachine."""
_PARAMETER: Final = re.compile(r"\$\{\{([A-Za-z0-9_]+)\}\}|\$\{([A-Za-z0-9_]+)\}")
_NAMES: Final = frozenset({"apiVersion", "kind", "name", "namespace", "networkName", "claimName", "requestName"})
"""Keys of which a reference to a parameter without a value stays as it is; of others, the key is left out."""

_MOST_FILLED_IN: Final = 1 << 20
"""Characters that the parameters of a Template may stand for."""

_Path = tuple[str | int, ...]


def inner_objects(data: Any) -> Iterator[tuple[_Path, Any]] | None:
    """The objects that an object holds, each with its path in that; ``None`` where it holds none.

    An item of a typed list (a VirtualMachineList, say) need not repeat its kind. The parameters of a Template stand
    for their values.
    """
    kind = data.get("kind") if type(data) is dict or isinstance(data, Mapping) else None
    if not isinstance(kind, str):
        return None
    if kind.endswith("List") and isinstance(data.get("items"), list):
        return _of_list(data["items"], kind)
    api = data.get("apiVersion")
    if kind == "Template" and isinstance(data.get("objects"), list) and api in ("template.openshift.io/v1", "v1"):
        return _of_template(data)
    if kind in _MACHINES and isinstance(api, str) and api.startswith(_CLUSTER_API):
        return _of_machine_template(data, _MACHINES[kind])
    return None


def is_foreign(data: Any) -> bool:
    """Whether a document is none of those that kvnet reads, and holds none.

    What a template would fill in does not tell.
    """
    said = _said(data) if isinstance(data, Mapping) else data
    kind = said.get("kind") if isinstance(said, Mapping) else None
    if isinstance(kind, str) and _is_container(kind):
        return False
    try:
        return skipped_as(said) is not None
    except Misfit:
        return False


def _said(data: Mapping[str, Any]) -> Mapping[str, Any]:
    templated = {key for key in ("kind", "apiVersion") if "{{" in str(data.get(key))}
    return {key: each for key, each in data.items() if key not in templated} if templated else data


def _is_container(kind: str) -> bool:
    """Whether objects of a kind may hold objects that kvnet reads."""
    is_list = kind.endswith("List") and kind.removesuffix("List") in OURS
    return is_list or kind in ("List", "Template") or kind in _MACHINES


def _of_list(items: list[Any], kind: str) -> Iterator[tuple[_Path, Any]]:
    for n, each in enumerate(items):
        is_silent = kind != "List" and isinstance(each, Mapping) and "kind" not in each
        yield ("items", n), {"kind": kind.removesuffix("List"), **each} if is_silent else each


def _of_template(data: Mapping[str, Any]) -> Iterator[tuple[_Path, Any]]:
    parameters = data.get("parameters")
    values = {
        each["name"]: each["value"]
        for each in (parameters if isinstance(parameters, list) else ())
        if isinstance(each, Mapping) and isinstance(each.get("name"), str) and isinstance(each.get("value"), str)
    }
    if _filled_in(data["objects"], values) > _MOST_FILLED_IN:
        message = f"its parameters stand for over {_MOST_FILLED_IN:,} characters"
        raise Misfit(Flaw(code=UNSUPPORTED_YAML, path=("objects",), message=message))
    for n, each in enumerate(data["objects"]):
        yield ("objects", n), _substituted(each, values)


def _filled_in(data: Any, values: Mapping[str, str]) -> int:
    """How many characters the parameters in plain data stand for."""
    if isinstance(data, str):
        found = _PARAMETER.finditer(data) if "${" in data else ()
        return sum([len(values.get(match[1] or match[2], "")) for match in found])
    inner = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
    return sum([_filled_in(each, values) for each in inner])


def _substituted(data: Any, values: Mapping[str, str]) -> Any:
    if isinstance(data, Mapping):
        return {
            key: _substituted(each, values)
            for key, each in data.items()
            if key in _NAMES or not _is_unknown(each, values)
        }
    if isinstance(data, list):
        return [_substituted(each, values) for each in data]
    return _value(data, values) if isinstance(data, str) and "${" in data else data


def _is_unknown(value: Any, values: Mapping[str, str]) -> bool:
    match = _PARAMETER.fullmatch(value) if isinstance(value, str) and "${" in value else None
    return match is not None and (match[1] or match[2]) not in values


def _value(text: str, values: Mapping[str, str]) -> Any:
    """A text with its parameters filled in; of ``${{NAME}}`` alone, the number or boolean that the value spells."""
    whole = _PARAMETER.fullmatch(text)
    if whole is not None and whole[1] in values:
        value = values[whole[1]]
        spelled = {"true": True, "false": False}
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else spelled.get(value, value)
    return _PARAMETER.sub(lambda match: values.get(match[1] or match[2], match[0]), text)


def _of_machine_template(data: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[_Path, Any]]:
    holder: Any = data
    for step in (*path, _VM):
        holder = holder.get(step) if isinstance(holder, Mapping) else None
    if not isinstance(holder, Mapping):
        return
    outer, metadata = data.get("metadata"), holder.get("metadata") or {}
    if isinstance(outer, Mapping) and isinstance(metadata, Mapping):
        metadata = {key: outer[key] for key in ("name", "namespace") if key in outer} | {**metadata}
    yield (
        (*path, _VM),
        {"apiVersion": API_OF["VirtualMachine"], "kind": "VirtualMachine", **holder, "metadata": metadata},
    )
