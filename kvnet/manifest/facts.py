"""Host facts from JSON or YAML: kvnet's own document, KubeVirt's network-info, Multus' network-status, a pod."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import attrs

from kvnet.errors import FactsError, KvnetError, Problem
from kvnet.facts import HostFacts, Mtu, PodNetwork
from kvnet.manifest import binder
from kvnet.manifest.document import documents
from kvnet.manifest.problems import Flaw, Misfit
from kvnet.manifest.text import Source, Text, given_text
from kvnet.spec.wire import Lenient, Parsed, json_name, named
from kvnet.values import MacAddress, PciAddress

__all__ = ["load_facts", "loads_facts"]

_STATUS = "k8s.v1.cni.cncf.io/network-status"
_INFO = "kubevirt.io/network-info"
_HINT = "see the reference of the facts document"


def load_facts(source: Source) -> HostFacts:
    """Read host facts from a path, an open file, a mapping or a sequence of mappings.

    A document is kvnet's own (``HostFacts`` in camel case, and ``networkInfo`` and ``networkStatus`` as documents
    inside it), KubeVirt's network-info, Multus' network-status, or a pod that carries the two in its annotations.
    Several documents add up, and may not contradict each other. Raises FactsError with every problem.

    >>> load_facts({"links": {"default": {"mtu": 1450}}})
    HostFacts(links={'default': PodLink(mtu=1450)})
    """
    return _facts(source)


def loads_facts(text: str | bytes, *, name: str = "<text>") -> HostFacts:
    """Read host facts from YAML or JSON text; ``name`` is what problems call it. Otherwise as ``load_facts``."""
    try:
        given = given_text(text, name)
    except KvnetError as error:
        raise FactsError(error.problems) from None
    return _facts(given)


def _facts(source: Source | Text) -> HostFacts:
    try:
        read = documents(source)
    except KvnetError as error:
        raise FactsError(error.problems) from None
    problems: list[Problem] = []
    known: dict[str, Any] = {}
    for document in read:
        try:
            found = _known(document.data)
            _add(known, found)
        except Misfit as misfit:
            problems += map(_as_fact, document.problems(misfit))
    if problems:
        raise FactsError(problems)
    return HostFacts(**known)


def _as_fact(problem: Problem) -> Problem:
    """A problem of plain data as one of facts, which have codes of their own."""
    if problem.code >= "KN020":
        return problem
    return attrs.evolve(problem, code="KN022", hint=problem.hint or _HINT)


def _known(data: Any) -> dict[str, Any]:
    """What a document says, by field of HostFacts. Raises Misfit."""
    if isinstance(data, list):
        return _network_status(data)
    if not isinstance(data, Mapping):
        hint = "write a mapping such as `links: {default: {mtu: 1450}}`"
        raise Misfit(Flaw(code="KN020", message="host facts are not a mapping", hint=hint))
    if "interfaces" in data:
        return _network_info(data)
    if data.get("kind") == "Pod":
        return _pod(data)
    return _own(data)


def _own(data: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of kvnet's own document; what it says itself counts more than the documents inside it."""
    flaws: list[Flaw] = []
    inside: dict[str, Any] = {}
    for key, read in _INSIDE.items():
        if data.get(key) is not None:
            try:
                inside |= read(data[key])
            except Misfit as misfit:
                flaws += misfit.under(key)
    try:
        facts = binder.bind(HostFacts, {key: each for key, each in data.items() if key not in _INSIDE})
    except Misfit as misfit:
        raise Misfit(*flaws, *misfit.flaws) from None
    if flaws:
        raise Misfit(*flaws)
    given = (field for field in attrs.fields(HostFacts) if data.get(json_name(field)) is not None)
    own = {field.name: getattr(facts, field.name) for field in given}
    if "pci_addresses" in inside and "pci_addresses" in own:
        own["pci_addresses"] = {**inside["pci_addresses"], **own["pci_addresses"]}
    return inside | own


def _add(known: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Add the facts of one more document. Raises Misfit where they contradict what is known."""
    again = [name for name in found if name in known]
    flaws = [flaw for name in again for flaw in _contradictions(name, known[name], found[name])]
    if flaws:
        raise Misfit(*flaws)
    for name, value in found.items():
        before = known.get(name)
        if isinstance(value, Mapping):
            known[name] = {**(before or {}), **value}
        elif isinstance(value, tuple):
            known[name] = (*(before or ()), *(each for each in value if each not in (before or ())))
        else:
            known[name] = value


def _contradictions(name: str, before: Any, value: Any) -> Iterator[Flaw]:
    key = json_name(getattr(attrs.fields(HostFacts), name))
    if isinstance(value, Mapping):
        for each in value:
            if each in before and before[each] != value[each]:
                yield _contradiction((key, each))
    elif not isinstance(value, tuple) and before != value:
        yield _contradiction((key,))


def _contradiction(path: tuple[str, ...]) -> Flaw:
    told = f"this contradicts what an earlier document says of {' '.join(map(repr, path))}"
    return Flaw(code="KN024", path=path, message=told, hint="leave one of them out")


def _pod(pod: Mapping[str, Any]) -> dict[str, Any]:
    annotations = binder.bind(_Annotated, pod).annotations or {}
    known: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for key, read in ((_STATUS, _network_status), (_INFO, _network_info)):
        if annotations.get(key) is not None:
            try:
                known |= read(_from_json(annotations[key]))
            except Misfit as misfit:
                flaws += misfit.under("metadata", "annotations", key)
    if flaws:
        raise Misfit(*flaws)
    return known


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError) as reason:
        raise Misfit(Flaw(code="KN021", message=f"this annotation is not JSON: {reason}")) from None


@attrs.frozen(kw_only=True)
class _Annotated(Lenient):
    annotations: Mapping[str, Any] | None = named("metadata.annotations", default=None)


def _address(text: Any) -> PciAddress | None:
    """A PCI address, or nothing for no text, as these documents have it where there is none."""
    return PciAddress.parse(str(text)) if text else None


def _mac(text: Any) -> MacAddress | None:
    return MacAddress.parse(str(text)) if text else None


_Address = Annotated[PciAddress | None, Parsed(_address, "a PCI address")]
_Mac = Annotated[MacAddress | None, Parsed(_mac, "a MAC address")]


@attrs.frozen(kw_only=True)
class _Info(Lenient):
    """An interface of KubeVirt's network-info."""

    network: str
    pci_address: _Address = named("deviceInfo.pci.pci-address", default=None)
    mac: _Mac = None
    mtu: Mtu | None = None


@attrs.frozen(kw_only=True)
class _Infos(Lenient):
    interfaces: tuple[_Info, ...] = ()


def _network_info(data: Any) -> dict[str, Any]:
    """The addresses of virtual functions by network name."""
    interfaces = binder.bind(_Infos, data).interfaces
    return {"pci_addresses": {each.network: each.pci_address for each in interfaces if each.pci_address}}


@attrs.frozen(kw_only=True)
class _Attached(Lenient):
    """An entry of Multus' network-status."""

    name: str | None = None
    interface: str | None = None
    mac: _Mac = None
    mtu: Mtu | None = None
    pci_address: _Address = named("device-info.pci.pci-address", default=None)
    default: bool = False


_attached = binder.reader(tuple[_Attached, ...])


def _network_status(data: Any) -> dict[str, Any]:
    """What CNI plugins gave to each link of the pod."""
    if not isinstance(data, list):
        hint = f"give the value of the annotation {_STATUS}"
        raise Misfit(Flaw(code="KN020", message="a network-status is a list", hint=hint))
    networks = tuple(
        PodNetwork(
            name=each.name or None,
            interface=each.interface or None,
            mac=each.mac,
            mtu=each.mtu or None,
            pci_address=each.pci_address,
            default=each.default,
        )
        for each in _attached(data)
    )
    return {"pod_networks": networks}


_INSIDE: dict[str, Callable[[Any], dict[str, Any]]] = {"networkInfo": _network_info, "networkStatus": _network_status}
