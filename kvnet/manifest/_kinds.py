"""Which documents kvnet reads: their kinds, the API versions that KubeVirt has served, and objects that hold others.

Others are held by Lists, Templates of OpenShift, and the machine templates of Cluster API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from kvnet._spelling import near_word, sure_word
from kvnet.facts import HostFacts
from kvnet.manifest._problems import NO_KIND, UNKNOWN_KIND, UNSERVED, UNSUPPORTED_YAML, Flaw, Misfit
from kvnet.spec import INSTANCETYPE_KINDS, PREFERENCE_KINDS, TEMPLATES
from kvnet.spec.keys import VMI_KEYS, is_domain
from kvnet.spec.wire import json_name

__all__ = [
    "API_OF",
    "FACTS",
    "KUBEVIRT",
    "NAD",
    "NO_YAML",
    "OURS",
    "SERVED",
    "XML",
    "inner_objects",
    "is_bare_spec",
    "is_foreign",
    "is_xml",
    "skipped_as",
]

NAD: Final = "NetworkAttachmentDefinition"
KUBEVIRT: Final = "KubeVirt"
FACTS: Final = "host facts"
NO_YAML: Final = "files that are no YAML"
XML: Final = "XML"
_NO_KIND: Final = "documents without a kind"
_CORE = tuple(f"kubevirt.io/{version}" for version in ("v1", "v1alpha3", "v1alpha2", "v1alpha1"))
_POOL = tuple(f"pool.kubevirt.io/{version}" for version in ("v1beta1", "v1alpha1"))
_INSTANCETYPE = tuple(
    f"instancetype.kubevirt.io/{version}" for version in ("v1beta1", "v1", "v1alpha3", "v1alpha2", "v1alpha1")
)
SERVED: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((*TEMPLATES, KUBEVIRT), _CORE),
    "VirtualMachinePool": _POOL,
    **dict.fromkeys((*INSTANCETYPE_KINDS, *PREFERENCE_KINDS), _INSTANCETYPE),
    NAD: ("k8s.cni.cncf.io/v1",),
}
"""The API versions under which each kind has ever been served, the usual one first.

Source: ``register.go`` of the packages of ``staging/src/kubevirt.io/api`` in the releases of KubeVirt.
"""
OURS: Final = tuple(SERVED)
"""The kinds that kvnet reads."""
API_OF: Final = {kind: versions[0] for kind, versions in SERVED.items()}
"""The usual API version of each kind."""
_READ = {(kind, api) for kind, versions in SERVED.items() for api in (*versions, None)}
_FACTS = {"networkInfo", "networkStatus", *(json_name(each) for each in attrs.fields(HostFacts))}
"""The fields of a document of host facts."""
_OWN_GROUP: Final = "kubevirt.io"
_MULTUS_GROUP: Final = API_OF[NAD].rpartition("/")[0]
_UNREAD = frozenset(
    f"VirtualMachine{each}"
    for each in (
        *("Backup", "BackupTracker", "Clone", "Export", "Import", "InstanceMigration", "InstancePreset"),
        *("InstanceGuestAgentInfo", "Restore", "Snapshot", "SnapshotContent", "Template", "TemplateRequest"),
    )
)
"""KubeVirt's kinds that kvnet does not read, and that are spelled somewhat like one that it does."""
_SOURCES = frozenset({"pod", "multus", "resourceClaim"})

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


def is_xml(text: str) -> bool:
    """Whether a text begins as XML does, and no manifest."""
    start = text.lstrip()[:2]
    return start[:1] == "<" and (start[1:].isalpha() or start[1:] in ("?", "!"))


def skipped_as(data: Any) -> str | None:
    """What a document that is not kvnet's is counted as: its kind, with its group where that tells it apart.

    ``None`` for documents that are read. Raises Misfit for those that are meant to be KubeVirt's and cannot be: their
    kind is misspelt or absent, or KubeVirt never served their API version.

    >>> skipped_as({"apiVersion": "vmoperator.vmware.com/v1alpha2", "kind": "VirtualMachine"})
    'VirtualMachine of vmoperator.vmware.com/v1alpha2'
    """
    if type(data) is not dict and not isinstance(data, Mapping):
        return _without_members(data)
    kind, api = data.get("kind"), data.get("apiVersion") or None
    if type(kind) is str and (type(api) is str or api is None) and (kind, api) in _READ:
        return None
    if not isinstance(kind, str) or not kind:
        return _without_kind(data, api)
    group = api.rpartition("/")[0] if isinstance(api, str) else None
    if kind not in SERVED:
        return _of_other_kind(kind, api)
    if not isinstance(api, str):
        raise Misfit(Flaw(path=("apiVersion",), value=api, wanted="text"))
    if kind == NAD:
        return None if group == "k8s.cni.cncf.io" else f"{kind} of {api}"
    if _is_own(api):
        hint = f"did you mean '{_closest(api, SERVED[kind])}'?"
        message = f"KubeVirt never served a {kind} of '{api}'"
        sure = sure_word(api, SERVED[kind], in_digits=True)
        raise Misfit(Flaw(code=UNSERVED, path=("apiVersion",), message=message, hint=hint, instead=sure))
    return f"{kind} of {api}"


def _without_members(data: Any) -> str:
    """How a document that is no mapping is counted. Raises Misfit for a list of objects that kvnet reads."""
    if isinstance(data, list) and any(map(_is_ours, data)):
        message = "a document is one object, and this is a list of them"
        hint = "put them into `items` of an object with `apiVersion: v1` and `kind: List`"
        raise Misfit(Flaw(code=NO_KIND, message=message, hint=hint))
    return XML if isinstance(data, str) and is_xml(data) else _NO_KIND


def _is_ours(data: Any) -> bool:
    """Whether an object is of a kind that kvnet reads."""
    kind, api = (data.get(key) for key in ("kind", "apiVersion")) if isinstance(data, Mapping) else (None, None)
    return isinstance(kind, str) and isinstance(api, str | None) and (kind, api or None) in _READ


def _without_kind(data: Mapping[str, Any], api: Any) -> str | None:
    """How a mapping without a kind is counted; ``None`` for a bare VMI spec. Raises Misfit for one of KubeVirt's."""
    if "kind" not in data and is_bare_spec(data):
        return None
    if (isinstance(api, str) and _is_own(api)) or (api is None and _is_shaped_like_a_machine(data)):
        hint = f"write `kind: {next(iter(TEMPLATES))}`"
        raise Misfit(Flaw(code=NO_KIND, path=("kind",), message="the document does not say its kind", hint=hint))
    if isinstance(data.get("items"), list) and any(map(_is_ours, data["items"])):
        hint = "write `apiVersion: v1` and `kind: List`"
        raise Misfit(Flaw(code=NO_KIND, path=("kind",), message="the document does not say its kind", hint=hint))
    return FACTS if data and data.keys() <= _FACTS else _NO_KIND


def _of_other_kind(kind: str, api: Any) -> str:
    """How a document of another kind is counted. Raises Misfit for one of KubeVirt's whose kind is misspelt."""
    group = api.rpartition("/")[0] if isinstance(api, str) else None
    if group is not None and group != _MULTUS_GROUP and not _is_own(api):
        return kind
    meant = _meant(kind)
    if meant is not None:
        message = f"there is no kind '{kind}'"
        hint, sure = f"did you mean '{meant}'?", sure_word(kind, (*SERVED, *_UNREAD))
        raise Misfit(Flaw(code=UNKNOWN_KIND, path=("kind",), message=message, hint=hint, instead=sure))
    return kind


@lru_cache(maxsize=64)
def _meant(kind: str) -> str | None:
    """The kind that kvnet reads and that another one is nearly spelled like, if any."""
    if kind in _UNREAD or kind.endswith("List"):
        return None
    folded = {each.lower(): each for each in (*_UNREAD, *SERVED)}
    nearest = near_word(kind.lower(), folded, cutoff=0.9)
    meant = folded.get(nearest)
    return meant if meant in SERVED else None


def _is_own(api: str) -> bool:
    """Whether an API version is of KubeVirt's own groups, in any letter case, or of one that is nearly spelled so."""
    group = (api.rpartition("/")[0] or api).lower()
    is_near = "." in group and bool(near_word(group, [_OWN_GROUP], cutoff=0.85))
    return group == _OWN_GROUP or group.endswith(f".{_OWN_GROUP}") or is_near


def _closest(api: str, served: tuple[str, ...]) -> str:
    return near_word(api.lower(), served, cutoff=0.9) or served[0]


def is_bare_spec(data: Mapping[str, Any]) -> bool:
    """Whether a mapping without kind and API version is the spec of a VMI, and not other YAML with such keys.

    >>> is_bare_spec({"domain": {"devices": {}}}), is_bare_spec({"domain": "example.com", "replicas": 2})
    (True, False)
    """
    if "apiVersion" in data or ("domain" not in data and "networks" not in data):
        return False
    domain, networks = data.get("domain"), data.get("networks")
    if isinstance(domain, Mapping):
        return not domain or is_domain(domain) or _are_networks(networks)
    return _are_networks(networks) or ("domain" in data and not isinstance(domain, str) and data.keys() <= VMI_KEYS)


def _are_networks(data: Any) -> bool:
    entries = data if isinstance(data, list | tuple) else ()
    return any(isinstance(each, Mapping) and not each.keys().isdisjoint(_SOURCES) for each in entries)


def _is_shaped_like_a_machine(data: Mapping[str, Any]) -> bool:
    """Whether the spec of a VMI is where a machine has it."""
    for path in TEMPLATES.values():
        holder: Any = data
        for step in (*path, "spec"):
            holder = holder.get(step) if isinstance(holder, Mapping) else None
        if isinstance(holder, Mapping) and isinstance(holder.get("domain"), Mapping) and is_domain(holder["domain"]):
            return True
    return False


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
