"""``spec.networks[]``: named attachments (KubeVirt's v1.Network), and the NetworkAttachmentDefinitions they name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from attrs import field, frozen

from kvnet.spec.wire import BriefRepr, CidrText, Origin, Rest, mapping, members, named
from kvnet.values import DNS_LABEL, DNS_NAME, LONGEST_DNS_NAME

__all__ = [
    "SOURCES",
    "Multus",
    "Nad",
    "Network",
    "NetworkSource",
    "Pod",
    "ResourceClaim",
    "default_network",
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
