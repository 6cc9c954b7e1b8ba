"""Strategies for libvirt's devices, every element inside them, and whole domains, made from the declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet.device import Backend, Device, Hostdev, Interface, Route, UserSource
from kvnet.spec.nic import MODELS
from kvnet.testing.values import labels, unicast_macs, xml_texts
from kvnet.values import MacAddress, Number, release
from kvnet.xml import write
from kvnet.xml.schema import Branch, Leaf, declaration, plan_of
from kvnet.xml.types import Choice, Flag, Hex, Int, Ip, Mac, Present, Scalar, Text, Token

__all__ = ["devices", "domains", "elements"]

T = TypeVar("T")

_NEWEST = "9999"
_AT_MOST = 3
_MACHINES = (
    "<type>hvm</type>",
    "<type arch='x86_64' machine='q35'>hvm</type>",
    "<type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>",
    "<type arch='aarch64' machine='virt'>hvm</type>",
    "<type arch='s390x' machine='s390-ccw-virtio'>hvm</type>",
)
_BOOTS = ("fd", "hd", "cdrom", "network")
_KNOWN_MODELS = (None, *MODELS, "virtio-transitional", "virtio-non-transitional", "vmxnet3")


def devices(*, libvirt: str | None = None) -> SearchStrategy[Device]:
    """Interfaces of every type and PCI hostdevs; with ``libvirt``, of what that release knows."""
    return st.one_of(elements(Interface, libvirt=libvirt), elements(Hostdev, libvirt=libvirt))


def elements(cls: type[T], *, libvirt: str | None = None) -> SearchStrategy[T]:
    """Objects of any element class of ``kvnet.device``, each field now with a value and now without.

    With ``libvirt`` (a release such as ``9.0``), no field, class or word that came later. Numbers and MAC
    addresses are spelled in several ways.
    """
    found: SearchStrategy[T] = _elements(cls, libvirt or _NEWEST)  # type: ignore[arg-type]
    return found


@cache
def _elements(cls: type, libvirt: str) -> SearchStrategy[Any]:
    if cls is Route:
        return _routes(libvirt)
    parts = [part for part in plan_of(cls).fields() if _is_known(part.since, libvirt)]
    drawn = {part.field: _field(part, libvirt) for part in parts}
    needed = {part.field: drawn[part.field] for part in parts if part.required or _is_needed(part, libvirt)}
    others = {name: drawn[name] for name in drawn if name not in needed}
    values = st.fixed_dictionaries(needed, optional=others)
    if cls is Interface and _is_known(_PASST_KNOWN, libvirt):
        values = st.one_of(values, values, values, values.map(lambda drawn: {**drawn, **_PASST}))
    return values.map(lambda drawn: _agreeing(cls, drawn, libvirt)).filter(lambda made: made is not None)


def _agreeing(cls: type, values: Mapping[str, Any], libvirt: str) -> Any:
    """The object, without those fields that do not go with the others; none where a required one does not."""
    left = dict(values)
    plan = plan_of(cls)
    for wrapper in plan.wrappers():
        if wrapper.key is not None and left.get(wrapper.key.field) is None:
            inside = {each.field for each in wrapper.fields()}
            left = {name: value for name, value in left.items() if name not in inside}
    empty = {part.field: part.empty for part in plan.fields()}
    required = {part.field for part in plan.fields() if part.required}
    while blamed := declaration(cls).contradiction(SimpleNamespace(**(empty | left))):
        if left.pop(blamed[0], None) is None or blamed[0] in required:
            # what is lacking is not made up for
            return None
    for name, since_of in declaration(cls).together_since.items():
        if name in left and not _is_known(since_of(SimpleNamespace(**(empty | left))), libvirt):
            del left[name]
    return cls(**left) if required <= left.keys() else None


@st.composite
def _routes(draw: st.DrawFn, libvirt: str) -> Route:
    """Routes to networks: few texts of addresses, prefixes and gateways would go together by chance."""
    addresses = draw(st.sampled_from((st.ip_addresses(v=4), st.ip_addresses(v=6))))
    start, gateway = draw(addresses), str(draw(addresses))
    version = start.version
    metric = draw(st.none() | st.integers(1, 2**32 - 1))
    if _is_known(_ADDRESSLESS, libvirt) and draw(st.booleans()):
        return Route(gateway=gateway, family=draw(st.sampled_from((None, "ipv4", "ipv6"))), metric=metric)
    network = ip_network((start, draw(st.integers(0, start.max_prefixlen))), strict=False)
    is_masked = version == 4 and draw(st.booleans())
    return Route(
        family=f"ipv{version}" if version == 6 or draw(st.booleans()) else None,
        address=str(network.network_address),
        netmask=str(network.netmask) if is_masked else None,
        prefix=None if is_masked else network.prefixlen,
        gateway=gateway,
        metric=metric,
    )


_ADDRESSLESS = "12.2.0"
_PASST_KNOWN = "9.0.0"
_PASST: Mapping[str, Any] = {"source": UserSource(), "backend": Backend(type="passt")}
"""What ports are forwarded with, and nothing else."""


def _is_known(since: str, libvirt: str) -> bool:
    return not since or release(since) <= release(libvirt)


def _is_needed(part: Leaf | Branch, libvirt: str) -> bool:
    return isinstance(part, Leaf) and not _is_known(part.optional_since, libvirt)


def _field(part: Leaf | Branch, libvirt: str) -> SearchStrategy[Any]:
    if isinstance(part, Leaf):
        scalar = part.scalar
        return _SCALARS[type(scalar)](scalar).filter(lambda value: _is_known(scalar.since(value), libvirt))
    known = [cls for cls in part.classes if _is_known(declaration(cls).since, libvirt)]
    one = st.one_of([st.deferred(lambda cls=cls: _elements(cls, libvirt)) for cls in known])  # type: ignore[misc]
    if part.repeated:
        return st.lists(one, min_size=1, max_size=_AT_MOST).map(tuple)
    return one


def _numbers(scalar: Int) -> SearchStrategy[int]:
    plain = st.integers(scalar.low, scalar.high)
    padded = plain.filter(lambda value: 0 <= value < 10 ** (scalar.width - 1))
    return st.one_of(plain, plain, padded.map(lambda value: Number.spelled(value, f"0{value}")))


def _hexadecimals(scalar: Hex) -> SearchStrategy[int]:
    plain = st.integers(0, scalar.high)
    decimal = st.integers(0, min(scalar.high, scalar.decimals)).map(lambda value: Number.spelled(value, str(value)))
    upper = plain.map(lambda value: Number.spelled(value, f"0x{value:0{scalar.digits}X}"))
    return st.one_of(plain, plain, upper, *([decimal] if scalar.decimals else []))


def _macs(_: Mac) -> SearchStrategy[MacAddress]:
    plain = unicast_macs()
    return st.one_of(plain, plain.map(lambda mac: MacAddress(mac.octets, spelling=str(mac).upper())))


def _ips(scalar: Ip) -> SearchStrategy[str]:
    four = st.ip_addresses(v=4).map(str)
    return four if scalar.only4 else st.one_of(four, st.ip_addresses(v=6).map(str))


def _texts(scalar: Text | Token) -> SearchStrategy[str]:
    drawn = st.from_regex(scalar.pattern, fullmatch=True, alphabet=_PRINTABLE)
    words = sorted(scalar.newer) if isinstance(scalar, Token) else []
    return st.one_of(drawn, st.sampled_from(words)) if words else drawn


_PRINTABLE = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
"""Control characters and line breaks are for tests of their own: XML readers normalise them."""

_SCALARS: Mapping[type[Scalar[Any]], Callable[[Any], SearchStrategy[Any]]] = {
    Choice: lambda scalar: st.sampled_from(scalar.words),
    Flag: lambda _: st.booleans(),
    Present: lambda _: st.just(True),
    Int: _numbers,
    Hex: _hexadecimals,
    Mac: _macs,
    Ip: _ips,
    Text: _texts,
    Token: _texts,
}


@st.composite
def domains(draw: st.DrawFn, *, libvirt: str | None = None, max_devices: int = 4) -> str:
    """The XML of a domain with NICs of every kind, and with PCI devices of the host, of which some are NICs.

    Machine type, boot devices, CPUs, memory and names vary. With ``libvirt``, the devices are what that release knows.
    libvirt would not define all of them: two devices may have one address.
    """
    inside = draw(st.lists(_devices(libvirt), max_size=max_devices))
    name = escape(draw(labels() | xml_texts().filter(str.strip)))
    boots = "".join(
        f"<boot dev='{each}'/>" for each in draw(st.lists(st.sampled_from(_BOOTS), unique=True, max_size=3))
    )
    return (
        f"<domain type='kvm'><name>{name}</name><memory unit='MiB'>{draw(st.integers(1, 4096))}</memory>"
        f"<vcpu>{draw(st.integers(1, 16))}</vcpu><os>{draw(st.sampled_from(_MACHINES))}{boots}</os>"
        f"<devices>{''.join(map(write, inside))}</devices></domain>"
    )


def _devices(libvirt: str | None) -> SearchStrategy[Device]:
    """Devices as they are in domains: most models are KubeVirt's, and most aliases are the user's."""
    return st.builds(_usual, devices(libvirt=libvirt), st.sampled_from(_KNOWN_MODELS), labels(), st.integers(0, 3))


def _usual(device: Device, model: str | None, name: str, kind: int) -> Device:
    if kind == 0:
        return device
    alias = f"ua-{'sriov-' if isinstance(device, Hostdev) and kind > 1 else ''}{name}" if kind < 3 else None
    named = evolve(device, alias=alias)
    try:
        return evolve(named, model=model) if isinstance(named, Interface) else named
    except ValueError:
        # the model does not go with the driver or the source
        return named
