"""Host facts from JSON or YAML: kvnet's own document, KubeVirt's network-info, Multus' network-status."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs
from cattrs import Converter, transform_error
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override
from cattrs.v import format_exception

from kvnet.errors import FactsError, FieldPath, KvnetError, Problem
from kvnet.facts import Confidential, HostFacts, PodLink, PodNetwork
from kvnet.manifest.documents import Document, documents
from kvnet.spec.cluster import BindingPlugin, PluginMigration
from kvnet.spec.wire import json_name
from kvnet.values import MacAddress, PciAddress

__all__ = ["load_facts"]

T = TypeVar("T")
_STATUS = "k8s.v1.cni.cncf.io/network-status"
_INFO = "kubevirt.io/network-info"


def load_facts(source: Any) -> HostFacts:
    """Read host facts from a path, text, an open file or a mapping.

    A document is kvnet's own (``HostFacts`` in camel case, and ``networkInfo`` and ``networkStatus`` as
    documents inside it), KubeVirt's network-info, Multus' network-status, or a pod that carries the two
    in its annotations. Several documents add up. Raises FactsError with every problem.
    """
    try:
        read = documents(source)
    except KvnetError as error:
        raise FactsError(error.problems) from None
    problems: list[Problem] = []
    known: dict[str, Any] = {}
    for document in read:
        try:
            known |= _facts(document.data)
        except _Flaws as flaws:
            problems += [_placed(problem, document) for problem in flaws.problems]
    if problems:
        raise FactsError(problems)
    return HostFacts(**known)


class _Flaws(Exception):
    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)


def _placed(problem: Problem, document: Document) -> Problem:
    return problem.placed(document.origin.place(problem.at)) if document.origin else problem


def _facts(data: Any) -> dict[str, Any]:
    if isinstance(data, list):
        return _network_status(data, FieldPath())
    if not isinstance(data, Mapping):
        hint = "write a mapping such as `links: {default: {mtu: 1450}}`"
        raise _Flaws([Problem(FieldPath(), "KN020", "host facts are not a mapping", hint=hint)])
    if "interfaces" in data:
        return _network_info(data, FieldPath())
    if data.get("kind") == "Pod":
        return _pod(data)
    own = {key: value for key, value in data.items() if key not in _INSIDE and value is not None}
    facts = _structured(HostFacts, own, FieldPath())
    known = {field.name: getattr(facts, field.name) for field in attrs.fields(HostFacts)}
    known = {name: value for name, value in known.items() if json_name_of(name) in own}
    for key, read in _INSIDE.items():
        if data.get(key) is not None:
            known = read(data[key], FieldPath((key,))) | known
    return known


def json_name_of(name: str) -> str:
    """The key of a field of HostFacts in its document."""
    return json_name(getattr(attrs.fields(HostFacts), name))


def _pod(pod: Mapping[str, Any]) -> dict[str, Any]:
    at = FieldPath(("metadata",))
    annotations = _mapping(_mapping(pod.get("metadata"), at).get("annotations"), at / "annotations")
    known: dict[str, Any] = {}
    for key, read in ((_STATUS, _network_status), (_INFO, _network_info)):
        if key in annotations:
            where = at / "annotations" / key
            known |= read(_from_json(annotations[key], where), where)
    return known


def _mapping(value: Any, at: FieldPath) -> Mapping[str, Any]:
    """A mapping, where nothing stands for an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        hint = "see the reference of the facts document"
        raise _Flaws([Problem(at, "KN022", f"{value!r} is no mapping", hint=hint)])
    return value


def _from_json(text: Any, at: FieldPath) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError) as reason:
        raise _Flaws([Problem(at, "KN021", f"this annotation is not JSON: {reason}")]) from None


@attrs.frozen(kw_only=True)
class _NetworkInfo:
    network: str
    device_info: Mapping[str, Any] | None = None
    mac: MacAddress | None = None
    mtu: int | None = None


def _network_info(data: Any, at: FieldPath) -> dict[str, Any]:
    """The addresses of virtual functions by network name."""
    listed = _mapping(data, at).get("interfaces") or ()
    at = at / "interfaces"
    entries = _structured(tuple[_NetworkInfo, ...], listed, at)
    addresses = {
        entry.network: address
        for n, entry in enumerate(entries)
        if (address := _pci_address(entry.device_info, at[n] / "deviceInfo"))
    }
    return {"pci_addresses": addresses}


def _network_status(data: Any, at: FieldPath) -> dict[str, Any]:
    """What CNI plugins gave to each link of the pod."""
    if not isinstance(data, list):
        hint = "give the value of the annotation k8s.v1.cni.cncf.io/network-status"
        raise _Flaws([Problem(at, "KN020", "a network-status is a list", hint=hint)])
    networks = []
    for n, each in enumerate(data):
        entry = _mapping(each, at[n])
        known = {key: entry[key] for key in ("name", "interface", "mac", "mtu", "default") if entry.get(key)}
        network = _structured(PodNetwork, known, at[n])
        address = _pci_address(entry.get("device-info"), at[n] / "device-info")
        networks.append(attrs.evolve(network, pci_address=address))
    return {"pod_networks": tuple(networks)}


def _pci_address(device: Any, at: FieldPath) -> PciAddress | None:
    text = _mapping(_mapping(device, at).get("pci"), at / "pci").get("pci-address")
    return _structured(PciAddress, text, at / "pci" / "pci-address") if text else None


_INSIDE: dict[str, Callable[[Any, FieldPath], dict[str, Any]]] = {
    "networkInfo": _network_info,
    "networkStatus": _network_status,
}


def _structured(wanted: type[T], data: Any, at: FieldPath) -> T:
    try:
        return _CONVERTER.structure(data, wanted)
    except Exception as error:  # cattrs raises groups, and what hooks raise
        raise _Flaws(_problem(line, at) for line in transform_error(error, "$", _told)) from None


def _problem(line: str, at: FieldPath) -> Problem:
    told, _, path = line.rpartition(" @ $")
    for name, index in re.findall(r"\.?([A-Za-z_][\w-]*)|\[['\"]?([^\]'\"]*)['\"]?\]", path):
        at = at[int(index)] if index.isdigit() else at / (index or name)
    return Problem(at, "KN022", told, hint="see the reference of the facts document")


def _told(error: BaseException, wanted: type | None) -> str:
    if isinstance(error, ForbiddenExtraKeysError):
        return f"there is no fact named {', '.join(map(repr, sorted(error.extra_fields)))}"
    if isinstance(error, ValueError) and error.args:
        return str(error.args[0])
    return format_exception(error, wanted)


def _exactly(kind: type[T]) -> Callable[[Any, type[T]], T]:
    def structure(value: Any, _: type[T]) -> T:
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        raise ValueError(f"{value!r} is not {'text: quote it' if kind is str else f'of type {kind.__name__}'}")

    return structure


def _tap(value: Any, _: Any) -> str | bool:
    if isinstance(value, str | bool):
        return value
    raise ValueError(f"{value!r} is neither a tap's name nor true or false")


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(Confidential, lambda text, _: Confidential(text))
    converter.register_structure_hook(MacAddress, lambda text, _: MacAddress.parse(str(text)))
    converter.register_structure_hook(PciAddress, lambda text, _: PciAddress.parse(str(text)))
    converter.register_structure_hook(str | bool, _tap)
    for cls in (HostFacts, PodLink, PodNetwork, PluginMigration, BindingPlugin, _NetworkInfo):
        renames = {field.name: override(rename=json_name(field)) for field in attrs.fields(cls)}
        strict = cls not in (BindingPlugin, PluginMigration)
        hook = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=strict, **renames)  # type: ignore[arg-type]
        converter.register_structure_hook(cls, hook)
    return converter


_CONVERTER = _converter()
