"""Host facts from JSON or YAML: kvnet's own document, KubeVirt's network-info, Multus' network-status, a pod."""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Annotated, Any

import attrs

from kvnet.errors import FactsError, KvnetError, Problem
from kvnet.facts import HostFacts, Mtu, PodNetwork
from kvnet.manifest import binder
from kvnet.manifest._problems import Flaw, Misfit
from kvnet.manifest._yaml import TOO_DEEP
from kvnet.manifest.document import Source, documents, given_text
from kvnet.spec.wire import Lenient, Parsed, Plain, json_name, named
from kvnet.values import MacAddress, PciAddress

__all__ = ["load_facts", "loads_facts"]

_STATUS = "k8s.v1.cni.cncf.io/network-status"
_INFO = "kubevirt.io/network-info"
_LONGEST = 16 << 10
"""The most bytes of a document that is remembered."""
_MARSHAL = 2
"""The version of marshal's form in which equal data give equal bytes: later ones tell which texts are one object."""
_HINT = "`kvnet schema facts` prints what host facts may say"
_FORMS = {
    "a PCI address": "write domain:bus:slot.function in hexadecimal, as in 0000:81:00.1",
    "a MAC address": "write six bytes in hexadecimal, as in 02:00:00:00:00:01",
}
"""How a value is written, by what it is not."""
_ADDRESS = Parsed(lambda text: PciAddress.parse(text) if text else None, "a PCI address")
_MAC = Parsed(lambda text: MacAddress.parse(text) if text else None, "a MAC address")


def load_facts(source: Source) -> HostFacts:
    """Read host facts from a path, an open file, a mapping or a sequence of mappings.

    A document is kvnet's own (``HostFacts`` in camel case, and ``networkInfo`` and ``networkStatus`` as documents
    inside it), KubeVirt's network-info, Multus' network-status, or a pod that carries the two in its annotations.
    Several documents add up, and may not contradict each other. Raises FactsError with every problem.

    >>> load_facts({"links": {"default": {"mtu": 1450}}})
    HostFacts(links={'default': PodLink(mtu=1450)})
    """
    marshalled = _marshalled(source)
    return _of_plain_data(marshalled) if marshalled else _read(source)


def _marshalled(source: Source) -> bytes:
    """Plain data as marshal writes them, which tells 1 from true; nothing for other sources, and for long ones."""
    try:
        marshalled = marshal.dumps(source, _MARSHAL) if isinstance(source, dict | list) else b""
    except ValueError:  # there is more in it than JSON has
        return b""
    return marshalled if len(marshalled) <= _LONGEST else b""


@lru_cache(maxsize=64)
def _of_plain_data(marshalled: bytes) -> HostFacts:
    """The machines of a fleet often have one host's facts, which are read once."""
    return _read(marshal.loads(marshalled))


def _read(source: Source) -> HostFacts:
    try:
        read = documents(source)
    except KvnetError as error:
        raise FactsError(error.problems) from None
    problems: list[Problem] = []
    known: dict[str, Any] = {}
    for document in read:
        try:
            _add(known, _known(document.data))
        except Misfit as misfit:
            problems += map(_of_facts, document.problems(misfit))
    if problems:
        raise FactsError(problems)
    joined: dict[str, Any] = {
        name: _joined(value) if isinstance(value, list) else value for name, value in known.items()
    }
    return HostFacts(**joined)


def loads_facts(text: str | bytes, *, name: str = "<text>") -> HostFacts:
    """Read host facts from YAML or JSON text; ``name`` is what problems call it. Otherwise as ``load_facts``."""
    try:
        return load_facts(given_text(text, name))
    except KvnetError as error:
        raise FactsError(error.problems) from None


def _of_facts(problem: Problem) -> Problem:
    """A problem of plain data with the code that it has in facts."""
    if problem.code >= "KN020":
        return problem
    form = next((form for what, form in _FORMS.items() if what in problem.message), _HINT)
    return attrs.evolve(problem, code="KN022", hint=problem.hint or form)


def _add(known: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Add what one more document says to what is known. Raises Misfit where the two contradict each other.

    Mappings grow in place, and the sequences of all documents are listed: there may be many.
    """
    _check_agreement(known, found)
    for name, value in found.items():
        before = known.get(name)
        if isinstance(value, Mapping):
            known[name] = {**value} if before is None else before
            known[name].update(value)
        elif isinstance(value, tuple):
            known.setdefault(name, []).append(value)
        else:
            known[name] = value


def _joined(sequences: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Each sequence without what an earlier one has."""
    joined: list[Any] = []
    seen: set[Any] = set()
    for each in sequences:
        joined += [value for value in each if value not in seen]
        seen.update(each)
    return tuple(joined)


def _check_agreement(known: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    if not known:
        return
    paths: list[tuple[str, ...]] = []
    for name, value in found.items():
        key, before = json_name(getattr(attrs.fields(HostFacts), name)), known.get(name)
        if isinstance(value, Mapping):
            paths += [(key, each) for each in value if before and before.get(each, value[each]) != value[each]]
        elif not isinstance(value, tuple) and before not in (None, value):
            paths.append((key,))
    if paths:
        told, hint = "this contradicts an earlier document", "leave one of them out"
        raise Misfit(*(Flaw(code="KN024", path=path, message=told, hint=hint) for path in paths))


def _known(data: Any) -> dict[str, Any]:
    """What a document says, by field of HostFacts. Raises Misfit."""
    if isinstance(data, list):
        return _network_status(data)
    if not isinstance(data, Mapping):
        hint = "write a mapping such as `links: {default: {mtu: 1450}}`"
        raise Misfit(Flaw(code="KN020", message="host facts are not a mapping", hint=hint))
    if "interfaces" in data:
        return _network_info(data)
    kind = data.get("kind")
    if kind == "Pod":
        return _pod(data)
    if isinstance(kind, str):
        hint = "give it among the manifests, and what is known of the host here"
        raise Misfit(Flaw(code="KN022", path=("kind",), message=f"host facts have no kind '{kind}'", hint=hint))
    return _own(data)


def _network_info(data: Any) -> dict[str, Any]:
    """The addresses of virtual functions by network name, from KubeVirt's network-info."""
    interfaces = binder.bind(_NetworkInfo, data).interfaces
    return {"pci_addresses": {each.network: each.pci_address for each in interfaces if each.pci_address}}


def _network_status(data: Any) -> dict[str, Any]:
    """What CNI plugins gave to each link of the pod, from Multus' network-status; what is empty there is absent."""
    if not isinstance(data, list):
        hint = f"give the value of the annotation {_STATUS}"
        raise Misfit(Flaw(code="KN020", message="a network-status is a list", hint=hint))
    given = [attrs.asdict(each, recurse=False) for each in binder.reader(tuple[_Attached, ...])(data)]
    networks = (PodNetwork(**{name: value for name, value in each.items() if value}) for each in given)
    return {"pod_networks": tuple(networks)}


def _pod(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the annotations of a pod say."""
    annotations = binder.bind(_Pod, data).annotations
    known: dict[str, Any] = {}
    flaws: tuple[Flaw, ...] = ()
    for key, read in ((_STATUS, _network_status), (_INFO, _network_info)):
        try:
            known |= read(_from_json(annotations[key])) if annotations.get(key) is not None else {}
        except Misfit as misfit:
            flaws += misfit.under("metadata", "annotations", key)
    if flaws:
        raise Misfit(*flaws)
    return known


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise Misfit(Flaw(code="KN021", message=f"this annotation is {TOO_DEEP}")) from None
    except (TypeError, ValueError) as reason:
        raise Misfit(Flaw(code="KN021", message=f"this annotation is not JSON: {reason}")) from None


def _own(data: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of kvnet's own document; what it says itself counts more than the documents inside it."""
    read = binder.bind(_Document, data)
    known = {**(read.network_info or {}), **(read.network_status or {})}
    for key, name in _keys():
        if data.get(key) is not None:
            value = getattr(read, name)
            known[name] = {**known.get(name, {}), **value} if isinstance(value, Mapping) else value
    return known


@cache
def _keys() -> tuple[tuple[str, str], ...]:
    """The key and the name of each field of HostFacts."""
    return tuple([(json_name(field), field.name) for field in attrs.fields(HostFacts)])


@attrs.frozen(kw_only=True, slots=False)
class _Document(HostFacts):
    network_info: Annotated[dict[str, Any], Parsed(_network_info, "a network-info")] | None = None
    network_status: Annotated[dict[str, Any], Parsed(_network_status, "a network-status")] | None = None


@attrs.frozen(kw_only=True)
class _Pod(Lenient):
    annotations: Mapping[str, Any] = named("metadata.annotations", factory=dict)


@attrs.frozen(kw_only=True)
class _Interface(Lenient):
    network: str
    pci_address: Annotated[PciAddress, _ADDRESS] | None = named("deviceInfo.pci.pci-address", default=None)


@attrs.frozen(kw_only=True)
class _NetworkInfo(Lenient):
    interfaces: tuple[_Interface, ...] = ()


@attrs.frozen(kw_only=True)
class _Attached(Lenient):
    name: str | None = None
    interface: str | None = None
    mac: Annotated[MacAddress, _MAC] | None = None
    mtu: Mtu | None = None
    ips: tuple[str, ...] = ()
    pci_address: Annotated[PciAddress, _ADDRESS] | None = named("device-info.pci.pci-address", default=None)
    default: bool = False
    device_info: Plain | None = named("device-info", default=None)
