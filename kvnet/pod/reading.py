"""Read what was found in a pod from JSON or YAML."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any, TypeVar

import attrs

from kvnet.errors import FactsError, KvnetError, Problem
from kvnet.manifest import binder
from kvnet.manifest._problems import Flaw, Misfit
from kvnet.manifest.document import Source, documents, given_text
from kvnet.pod.found import PodFound

__all__ = ["load_found", "loads_found"]

T = TypeVar("T")
_HINT = "see the page on the network of a pod"
_ONE = "write one mapping such as `links: [{name: eth0, ipv4: [10.244.0.10/24]}]`"


def load_found(source: Source) -> PodFound:
    """Read what was found in a pod from a path, an open file or a mapping: the fields of PodFound in camel case.

    Raises FactsError with every problem and its place.

    >>> load_found({"links": [{"name": "eth0", "mtu": 1450, "ipv4": ["10.244.0.10/24"]}]})
    PodFound(links=(FoundLink(name='eth0', mtu=1450, ipv4=(IPv4Interface('10.244.0.10/24'),)),))
    """
    try:
        read = documents(source)
    except KvnetError as error:
        raise FactsError(error.problems) from None
    if not read:
        return PodFound()
    if len(read) > 1:
        flaw = Flaw(code="KN020", message="a pod is described by one document", hint=_ONE)
        raise FactsError(read[1].problems(Misfit(flaw)))
    try:
        return binder.bind(PodFound, read[0].data)
    except Misfit as misfit:
        raise FactsError(map(_of_facts, read[0].problems(misfit))) from None


def loads_found(text: str | bytes, *, name: str = "<text>") -> PodFound:
    """Read what was found in a pod from YAML or JSON text; problems call it ``name``. Otherwise as ``load_found``."""
    try:
        return load_found(given_text(text, name))
    except KvnetError as error:
        raise FactsError(error.problems) from None


def _of_facts(problem: Problem) -> Problem:
    """A problem of plain data with the code that it has in facts."""
    return attrs.evolve(problem, code="KN022", hint=problem.hint or _HINT)


def _register(kind: type[T], read: Callable[[str], T], wanted: str) -> None:
    """Have addresses of a kind read from text."""

    def bound(value: Any) -> T:
        if not isinstance(value, str):
            raise Misfit(Flaw(value=value, wanted=wanted))
        try:
            made = read(value)
        except ValueError:
            raise Misfit(Flaw(value=value, message=f"'{value}' is not {wanted}")) from None
        if getattr(made, "scope_id", None) is not None:
            raise Misfit(Flaw(value=value, message=f"'{value}' has a zone", hint=f"write {wanted}"))
        return made

    binder.register(kind, bound, str)


_register(IPv4Address, IPv4Address, "an IPv4 address such as 10.244.0.1")
_register(IPv6Address, IPv6Address, "an IPv6 address such as fd10:244::1")
_register(IPv4Interface, IPv4Interface, "an IPv4 address with its prefix, such as 10.244.0.10/24")
_register(IPv6Interface, IPv6Interface, "an IPv6 address with its prefix, such as fd10:244::10/64")
_register(IPv4Network, IPv4Network, "an IPv4 network such as 10.244.0.0/24")
_register(IPv6Network, IPv6Network, "an IPv6 network such as fd10:244::/64")
