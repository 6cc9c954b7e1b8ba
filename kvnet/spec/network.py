"""``spec.networks[]``: named attachments (KubeVirt's v1.Network), and the NetworkAttachmentDefinitions they name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_network
from typing import Any, Final, TypeVar

from attrs import field, frozen

from kvnet.spec.wire import BriefRepr, CidrText, Origin, Rest, mapping, members, named
from kvnet.values import DNS_LABEL, DNS_NAME, LONGEST_DNS_NAME

__all__ = [
    "GUEST_CIDRS",
    "GUEST_CIDR_FIELDS",
    "SOURCES",
    "GuestNetwork",
    "Multus",
    "Nad",
    "Network",
    "NetworkSource",
    "Pod",
    "ResourceClaim",
    "default_network",
    "guest_network_of",
    "is_nad_reference",
    "secondary_networks",
]


@frozen(kw_only=True, slots=False, repr=False)
class Pod(BriefRepr):
    """The pod's own network.

    - ``vm_network_cidr``, ``vm_ipv6_network_cidr``: the guest's side of masquerade, as text
    """

    vm_network_cidr: CidrText | None = named("vmNetworkCIDR", default=None)
    vm_ipv6_network_cidr: str | None = named("vmIPv6NetworkCIDR", default=None)


@frozen(kw_only=True, slots=False, repr=False)
class Multus(BriefRepr):
    """A network that Multus attaches.

    - ``network_name``: ``name`` or ``namespace/name`` of its NetworkAttachmentDefinition
    - ``default``: whether it replaces the pod's network as the primary one
    """

    network_name: str
    default: bool | None = None


@frozen(kw_only=True, slots=False, repr=False)
class ResourceClaim(BriefRepr):
    """A device of a Kubernetes resource claim (feature gate NetworkDevicesWithDRA).

    - ``claim_name``: the name of an entry of ``spec.resourceClaims``
    - ``request_name``: of a request in that claim
    """

    claim_name: str | None = None
    request_name: str | None = None


NetworkSource = Pod | Multus | ResourceClaim
_S = TypeVar("_S", Pod, Multus, ResourceClaim)

SOURCES: dict[str, type[NetworkSource]] = {"pod": Pod, "multus": Multus, "resourceClaim": ResourceClaim}
"""The JSON member of a network that stands for each source."""


def _as_tuple(sources: NetworkSource | tuple[NetworkSource, ...]) -> tuple[NetworkSource, ...]:
    return sources if isinstance(sources, tuple) else (sources,)


@frozen(kw_only=True, slots=False, repr=False)
class Network(BriefRepr):
    """A named attachment.

    - ``name``: that of the interface that is joined to it
    - ``sources``: every source member that was given; an admitted network has exactly one
    """

    name: str
    sources: tuple[NetworkSource, ...] = field(default=(), converter=_as_tuple, metadata=members(SOURCES))

    @property
    def pod(self) -> Pod | None:
        # rules ask it of every NIC: a call of _source would cost 0.5 % of JSON to XML
        for source in self.sources:
            if type(source) is Pod:
                return source
        return None

    @property
    def multus(self) -> Multus | None:
        return self._source(Multus)

    @property
    def resource_claim(self) -> ResourceClaim | None:
        return self._source(ResourceClaim)

    @property
    def is_default(self) -> bool:
        """Whether it can be the machine's primary network: pod, or Multus asked to be the default."""
        multus = self._source(Multus)
        return self._source(Pod) is not None or (multus is not None and bool(multus.default))

    @property
    def is_secondary(self) -> bool:
        for source in self.sources:
            if type(source) is Multus:
                return not source.default
        return False

    def _source(self, kind: type[_S]) -> _S | None:
        for source in self.sources:
            if type(source) is kind:
                return source
        return None


def default_network(networks: Iterable[Network]) -> Network | None:
    """The primary network: the first that is pod, or Multus with ``default``."""
    return next((network for network in networks if network.is_default), None)


def secondary_networks(networks: Iterable[Network]) -> tuple[Network, ...]:
    """The Multus networks that are not the default, in order."""
    return tuple(network for network in networks if network.is_secondary)


@lru_cache(maxsize=1024)
def is_nad_reference(text: str) -> bool:
    """Whether a ``networkName`` is ``name`` or ``namespace/name`` of an object that Kubernetes could hold.

    >>> is_nad_reference("net.1"), is_nad_reference("prod/net"), is_nad_reference("a/b/c"), is_nad_reference("Net")
    (True, True, False, False)
    """
    namespace, slash, name = text.rpartition("/")
    is_named = len(name) <= LONGEST_DNS_NAME and DNS_NAME.fullmatch(name) is not None
    return is_named and (not slash or DNS_LABEL.fullmatch(namespace) is not None)


@frozen(kw_only=True, slots=False, repr=False)
class Nad(BriefRepr):
    """One NetworkAttachmentDefinition: a name for a CNI configuration (the Multus de-facto standard).

    - ``name``, ``namespace``: of the object
    - ``annotations``: of the object
    - ``config``: the text of ``spec.config``, which is JSON; ``None`` where the CNI configuration lies on the node
    - ``around``: the rest of the object
    - ``origin``: finds fields in the text, and does not count when NADs are compared
    """

    name: str
    namespace: str | None = None
    annotations: Mapping[str, str] = mapping()
    config: str | None = None
    around: Rest = mapping(repr=False)
    origin: Origin | None = field(default=None, eq=False, repr=False)

    @property
    def plugins(self) -> tuple[Mapping[str, Any], ...]:
        """The chain of CNI plugin configurations; a single plugin is a chain of one.

        Raises ValueError where ``config`` is not JSON, which the loader has refused already.
        """
        config = json.loads(self.config) if self.config else {}
        chain = config.get("plugins", [config] if config else [])
        return tuple(chain)


GUEST_CIDRS: Final[Mapping[int, str]] = {4: "10.0.2.0/24", 6: "fd10:0:2::/120"}


"""The network of each IP version where a machine names none."""


GUEST_CIDR_FIELDS: Final[Mapping[int, str]] = {4: "vmNetworkCIDR", 6: "vmIPv6NetworkCIDR"}


"""The field of a pod network that names the network of each IP version."""


_LONGEST_PREFIX: Final[Mapping[int, int]] = {4: 30, 6: 126}


"""The prefix of the smallest network with two addresses beside its own."""


@frozen(kw_only=True)
class GuestNetwork:
    """The addresses of one family behind masquerade.

    - ``gateway``: of the bridge in the pod
    - ``guest``: of the guest's NIC
    """

    gateway: IPv4Interface | IPv6Interface
    guest: IPv4Interface | IPv6Interface


def guest_network_of(pod: Pod | None, version: int) -> GuestNetwork:
    """The addresses of IP version 4 or 6 behind masquerade on a pod network.

    The network is that of ``vmNetworkCIDR`` or ``vmIPv6NetworkCIDR``, by default ``10.0.2.0/24`` and
    ``fd10:0:2::/120``. Host bits count for nothing. Source: KubeVirt's ``pkg/network/link/address.go``.

    Raises ValueError with the reason where the text is no network of that version, or one of fewer than four addresses.

    >>> guest_network_of(Pod(vm_network_cidr="192.168.7.77/28"), 4).guest
    IPv4Interface('192.168.7.66/28')
    """
    given = None if pod is None else pod.vm_network_cidr if version == 4 else pod.vm_ipv6_network_cidr
    return _addresses(given or GUEST_CIDRS[version], version)


@lru_cache(maxsize=256)
def _addresses(text: str, version: int) -> GuestNetwork:
    """The addresses of a network. The machines of a fleet give the same few."""
    network = _network(text)
    if network is None or network.version != version:
        raise ValueError(f"'{text}' is not an IPv{version} network")
    if network.prefixlen > _LONGEST_PREFIX[version]:
        raise ValueError(f"'{text}' has no room for a gateway and a guest")
    made = IPv4Interface if version == 4 else IPv6Interface
    return GuestNetwork(gateway=made((network[1], network.prefixlen)), guest=made((network[2], network.prefixlen)))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """The network of a text, as Go's net.ParseCIDR reads it: the length of the prefix is a number, and there is one."""
    address, _, length = text.partition("/")
    if not (length.isascii() and length.isdecimal()) or "%" in address:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
