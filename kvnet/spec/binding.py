"""Bindings: how an interface of the guest is joined to its network (KubeVirt's InterfaceBindingMethod).

Most of them have no fields: that they are given is all they say.
"""

from __future__ import annotations

from attrs import frozen

from kvnet.spec.wire import BriefRepr

__all__ = [
    "BINDINGS",
    "REMOVED_BINDINGS",
    "Binding",
    "Bridge",
    "Macvtap",
    "Masquerade",
    "PasstBinding",
    "PasstRemoved",
    "Plugin",
    "RemovedBinding",
    "Slirp",
    "Sriov",
]


@frozen(kw_only=True, slots=False, repr=False)
class Bridge(BriefRepr):
    """A tap on an in-pod Linux bridge; the pod's MAC and IPv4 address move to the guest."""


@frozen(kw_only=True, slots=False, repr=False)
class Masquerade(BriefRepr):
    """A tap behind NAT in the pod; for pod networks only."""


@frozen(kw_only=True, slots=False, repr=False)
class Sriov(BriefRepr):
    """A virtual function passed through with VFIO; it becomes a ``<hostdev>``."""


@frozen(kw_only=True, slots=False, repr=False)
class PasstBinding(BriefRepr):
    """A vhost-user NIC served by passt; for pod networks only."""


@frozen(kw_only=True, slots=False, repr=False)
class Plugin(BriefRepr):
    """A network binding plugin.

    - ``name``: under which it is registered in the KubeVirt object
    """

    name: str


@frozen(kw_only=True, slots=False, repr=False)
class Slirp(BriefRepr):
    """Removed from KubeVirt 1.3; kept as a class so that it can be refused by name."""


@frozen(kw_only=True, slots=False, repr=False)
class Macvtap(BriefRepr):
    """Removed from KubeVirt 1.3; kept as a class so that it can be refused by name."""


@frozen(kw_only=True, slots=False, repr=False)
class PasstRemoved(BriefRepr):
    """The former ``passt`` member, removed from KubeVirt 1.3 in favour of ``passtBinding``."""


RemovedBinding = Slirp | Macvtap | PasstRemoved
REMOVED_BINDINGS: frozenset[type] = frozenset(RemovedBinding.__args__)
Binding = Bridge | Masquerade | Sriov | PasstBinding | Plugin | RemovedBinding

BINDINGS: dict[str, type[Binding]] = {
    "bridge": Bridge,
    "masquerade": Masquerade,
    "sriov": Sriov,
    "passtBinding": PasstBinding,
    "binding": Plugin,
    "slirp": Slirp,
    "macvtap": Macvtap,
    "passt": PasstRemoved,
}
"""The JSON member of an interface that stands for each binding."""
