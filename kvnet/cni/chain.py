"""A CNI configuration: a chain of plugins, and the classes of all plugins by their names."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from kvnet._spelling import near_word
from kvnet.cni.ipam import KubeOvnIpam
from kvnet.cni.plugins import (
    BandwidthPlugin,
    BridgePlugin,
    FirewallPlugin,
    HostDevicePlugin,
    IpvlanPlugin,
    KubeOvnPlugin,
    MacvlanPlugin,
    MacvtapPlugin,
    OtherPlugin,
    OvnPlugin,
    OvsPlugin,
    Plugin,
    PortmapPlugin,
    PtpPlugin,
    SriovPlugin,
    TuningPlugin,
    VlanPlugin,
)
from kvnet.spec.wire import BriefRepr, Rest, Tagged, mapping, rest

__all__ = ["PLUGINS", "AnyPlugin", "Chain", "ListMembers", "nearest_plugin"]

PLUGINS: dict[str, type[Plugin]] = {
    "bandwidth": BandwidthPlugin,
    "bridge": BridgePlugin,
    "cnv-bridge": BridgePlugin,
    "cnv-tuning": TuningPlugin,
    "firewall": FirewallPlugin,
    "host-device": HostDevicePlugin,
    "ipvlan": IpvlanPlugin,
    "kube-ovn": KubeOvnPlugin,
    "macvlan": MacvlanPlugin,
    "macvtap": MacvtapPlugin,
    "ovn-k8s-cni-overlay": OvnPlugin,
    "ovs": OvsPlugin,
    "portmap": PortmapPlugin,
    "ptp": PtpPlugin,
    "sriov": SriovPlugin,
    "tuning": TuningPlugin,
    "vlan": VlanPlugin,
}
"""The plugins that kvnet knows, by their ``type``."""

AnyPlugin = Annotated[Plugin, Tagged("type", PLUGINS, OtherPlugin)]
"""The configuration of a plugin, as the class of its ``type``."""


@frozen(kw_only=True, slots=False, repr=False)
class ListMembers(BriefRepr):
    """What a list of plugins has beside them: its name, and the version of CNI's specification."""

    cni_version: str = ""
    name: str = ""
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False, cache_hash=True)
class Chain(BriefRepr):
    """The plugins of a configuration, in the order in which they are called.

    - ``plugins``: one at least
    - ``is_list``: whether the configuration is a list of plugins, and not a plugin itself
    - ``around``: the members of that list beside ``plugins``
    """

    plugins: tuple[Plugin, ...]
    is_list: bool = False
    around: Rest = mapping()

    @property
    def first(self) -> Plugin:
        """The plugin that makes the link."""
        return self.plugins[0]

    @property
    def providers(self) -> tuple[str, ...]:
        """What Kube-OVN calls the network, as its plugin or its IPAM says."""
        made = [each.provider for each in self.plugins if isinstance(each, KubeOvnPlugin)]
        given = [each.ipam.provider for each in self.plugins if isinstance(each.ipam, KubeOvnIpam)]
        return tuple(each for each in (*made, *given) if each)


def nearest_plugin(name: str) -> str | None:
    """The plugin whose name is spelled nearly like this one, or nothing.

    >>> nearest_plugin("brige"), nearest_plugin("calico")
    ('bridge', None)
    """
    return near_word(name.lower(), PLUGINS, cutoff=0.75) or None
