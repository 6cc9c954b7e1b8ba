"""How libvirt attaches a NIC to the network of a CNI configuration: its source, and the settings that it carries over.

The first plugin of a chain decides what the NIC is plugged into, unless the facts say what the network is on this host.
Every plugin may ask for settings of the NIC. Those that the source can have are carried over; ``compiler.losses`` tells
of all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from attrs import evolve, field, frozen

from kvnet.cni.chain import PLUGINS, Chain, nearest_plugin
from kvnet.cni.plugins import (
    BandwidthPlugin,
    BridgePlugin,
    HostDevicePlugin,
    IpvlanPlugin,
    KubeOvnPlugin,
    MacvlanPlugin,
    MacvtapPlugin,
    OvnPlugin,
    OvsPlugin,
    Plugin,
    PtpPlugin,
    SriovPlugin,
    TuningPlugin,
    VlanPlugin,
)
from kvnet.cni.values import is_link_name
from kvnet.compiler._cni_settings import wishes_of
from kvnet.device import (
    BridgeSource,
    DirectSource,
    EthernetSource,
    HostdevSource,
    Interface,
    NetworkSource,
    Source,
    VhostuserSource,
    VirtualPort,
    read_device,
)
from kvnet.errors import XmlError
from kvnet.facts import HostNetwork
from kvnet.spec import Nad

__all__ = ["CHANGING", "Attachment", "CniProblem", "Plug", "attachment", "carried", "plug_of_facts"]

_DEFAULT_BRIDGE = "cni0"
_MACVTAP_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthru": "passthrough"}
_RESOURCE = "k8s.v1.cni.cncf.io/resourceName"
_OPEN_VSWITCH = VirtualPort(type="openvswitch")

CHANGING = (BandwidthPlugin, TuningPlugin)
"""The plugins that change the link of the first one in ways that libvirt knows, too."""

Setting = tuple[int, str]
"""A field of a plugin's class, after the number of the plugin in its chain."""


@frozen(kw_only=True)
class CniProblem:
    """Why a configuration has no equivalent in libvirt."""

    code: str
    message: str
    hint: str


@frozen(kw_only=True)
class Plug:
    """What a NIC is plugged into, and the fields of the first plugin that say so. ``assumed`` is what was guessed.

    ``others`` are the fields of ``<interface>`` that belong to the plug beside source and virtual port.
    """

    source: Source
    virtualport: VirtualPort | None = None
    others: Mapping[str, Any] = field(factory=dict, hash=False)
    fields: tuple[str, ...] = ()
    assumed: str = ""


@frozen(kw_only=True)
class Attachment:
    """How libvirt attaches a NIC.

    ``settings`` are the fields of its ``<interface>`` that the plugins ask for and its source can have. ``origins``
    says which settings of the plugins each of them comes from, and under ``source`` which ones the plug does.
    ``link_mtu`` is the MTU in bytes of the link under a macvtap, which libvirt does not set.
    """

    plug: Plug
    settings: Mapping[str, Any] = field(factory=dict, hash=False)
    origins: Mapping[str, frozenset[Setting]] = field(factory=dict, hash=False)
    link_mtu: int | None = None

    def under(self, own: Mapping[str, Any]) -> Attachment:
        """The attachment of a NIC that has some settings of its own, which count more than those of the plugins."""
        kept = {
            name: each
            for name, each in self.origins.items()
            if name not in own or name not in self.settings or own[name] == self.settings[name]
        }
        return evolve(self, settings={**self.settings, **own}, origins=kept)

    @property
    def carried(self) -> frozenset[Setting]:
        """The settings of the plugins that the NIC has."""
        return frozenset().union(*self.origins.values())


@lru_cache(maxsize=1024)
def attachment(nad: Nad, chain: Chain, known: HostNetwork | None) -> Attachment | CniProblem:
    """How libvirt attaches a NIC to the network of a NAD; ``known`` is what the facts say of the network.

    The machines of a fleet share few NADs: without the cache, the host profile takes a third more time.
    """
    plug = _plug(chain.first, nad) if known is None else plug_of_facts(known, chain.first)
    return plug if isinstance(plug, CniProblem) else carried(chain, plug)


def carried(chain: Chain, plug: Plug) -> Attachment:
    """What a source of libvirt can have of the settings that plugins ask for; of two wishes, the later counts."""
    plugins = [(n, each) for n, each in enumerate(chain.plugins) if not n or isinstance(each, CHANGING)]
    wishes = [(n, wish) for n, plugin in plugins for wish in wishes_of(plugin)]
    settings = {wish.field: wish.value for _, wish in wishes}
    origins = {"source": frozenset((0, name) for name in plug.fields)}
    for n, wish in wishes:
        if wish.field in _takes(plug):
            origins[wish.field] = origins.get(wish.field, frozenset()) | {(n, name) for name in wish.fields}
    return Attachment(
        plug=plug,
        settings={name: value for name, value in settings.items() if name in origins},
        origins=origins,
        link_mtu=settings.get("mtu") if isinstance(plug.source, DirectSource) else None,
    )


def _takes(plug: Plug) -> frozenset[str]:
    """The fields of ``<interface>`` that libvirt accepts beside a source, among those that plugins ask for."""
    if _is_on_switch(plug):
        return _TAKES_OVS
    return _TAKES.get(type(plug.source), frozenset({"mac"}))


def _is_on_switch(plug: Plug) -> bool:
    port = plug.virtualport
    return isinstance(plug.source, BridgeSource) and port is not None and port.type is not None


_TAKES_OVS = frozenset({"bandwidth", "mac", "mtu", "vlan"})
_TAKES: dict[type, frozenset[str]] = {
    BridgeSource: frozenset({"bandwidth", "filter", "mac", "mtu", "port", "vlan"}),
    DirectSource: frozenset({"bandwidth", "mac"}),
    EthernetSource: frozenset({"bandwidth", "mac", "mtu"}),
    HostdevSource: frozenset({"mac", "vlan"}),
    NetworkSource: frozenset({"bandwidth", "filter", "mac", "mtu", "port"}),
    VhostuserSource: frozenset({"mac", "mtu"}),
}


def plug_of_facts(known: HostNetwork, first: Plugin | None = None) -> Plug:
    """The source of a network that the facts describe, in place of what its first plugin says."""
    fields = () if first is None else _LOCATING
    if known.libvirt_network:
        source: Source = NetworkSource(network=known.libvirt_network, portgroup=known.portgroup)
    elif known.direct:
        mode = known.mode or (_MACVTAP_MODES.get(first.mode) if isinstance(first, MacvlanPlugin) else None)
        source = DirectSource(dev=known.direct, mode=mode or "bridge")
    elif known.interface:
        return evolve(_plug_of_xml(known.interface), fields=fields)
    elif known.ovs_bridge:
        return Plug(source=BridgeSource(bridge=known.ovs_bridge), virtualport=_OPEN_VSWITCH, fields=fields)
    else:
        source = BridgeSource(bridge=known.bridge or "")
    return Plug(source=source, fields=fields)


@lru_cache(maxsize=1024)
def _plug_of_xml(text: str) -> Plug:
    """The source of the network of an ``<interface>`` in the facts. Raises ValueError for what is none."""
    try:
        device = read_device(text)
    except XmlError as error:
        raise ValueError(f"the interface in the facts cannot be read: {error.problems[0].message}") from None
    others = {name: value for name in _OF_A_PLUG if (value := getattr(device, name, None)) is not None}
    is_bare = isinstance(device, Interface) and device == Interface(source=device.source, **others)
    if not isinstance(device, Interface) or isinstance(device.source, HostdevSource) or not is_bare:
        raise ValueError("the interface in the facts is more than a plug: it may have a source, a backend, a target …")
    return Plug(source=device.source, virtualport=others.pop("virtualport", None), others=others)


_OF_A_PLUG = ("virtualport", "backend", "target", "target_managed", "script", "downscript")

_LOCATING = (
    *("bridge", "master", "mode", "device", "hwaddr", "kernelpath", "pci_bus_id"),
    *("topology", "physical_network_name", "net_attach_def_name", "provider"),
)
"""The fields of plugins that say where a network is, which the facts say better."""


def _plug(first: Plugin, nad: Nad) -> Plug | CniProblem:
    """The source of the network of a chain's first plugin."""
    make = _PLUGS.get(type(first))
    if make is not None:
        return make(first, nad)
    why = _NO_EQUIVALENT.get(type(first), "has no equivalent in libvirt")
    meant = nearest_plugin(first.type) if first.type not in PLUGINS else None
    hint = f"did you mean '{meant}'?" if meant else f"{_HINTS.get(type(first), _USE_ANOTHER)}, or {_by_facts(nad)}"
    return CniProblem(code="KN342", message=f"CNI plugin '{first.type}' of '{nad.name}' {why}", hint=hint)


def _by_facts(nad: Nad, kind: str = "bridge") -> str:
    name = f"{nad.namespace or 'default'}/{nad.name}"
    return f"say in the facts what it is on this host: `networks: {{{name}: {{{kind}: …}}}}`"


def _unnamed(nad: Nad, message: str, member: str, kind: str) -> CniProblem:
    given = f'add `"{member}": …`, or ' if member else ""
    return CniProblem(code="KN343", message=message, hint=given + _by_facts(nad, kind))


def _linux_bridge(plugin: BridgePlugin, _: Nad) -> Plug:
    return Plug(source=BridgeSource(bridge=plugin.bridge or _DEFAULT_BRIDGE), fields=("bridge",))


def _open_vswitch(plugin: OvsPlugin, nad: Nad) -> Plug | CniProblem:
    if not plugin.bridge:
        return _unnamed(nad, "the ovs CNI configuration names no bridge", "bridge", "ovsBridge")
    return Plug(source=BridgeSource(bridge=plugin.bridge), virtualport=_OPEN_VSWITCH, fields=("bridge",))


def _macvlan(plugin: MacvlanPlugin, nad: Nad) -> Plug | CniProblem:
    if not plugin.master:
        message = "the macvlan CNI configuration names no master, and a host may have several links"
        return _unnamed(nad, message, "master", "direct")
    mode = _MACVTAP_MODES.get(plugin.mode or "bridge")
    if mode is None:
        message = f"macvlan mode '{plugin.mode}' has no equivalent in libvirt"
        return CniProblem(code="KN344", message=message, hint=f"use one of {', '.join(_MACVTAP_MODES)}")
    return Plug(source=DirectSource(dev=plugin.master, mode=mode), fields=("master", "mode"))


def _macvtap(_: MacvtapPlugin, nad: Nad) -> Plug | CniProblem:
    """The name of the resource is that of the link, unless the device plugin was configured otherwise."""
    resource = nad.annotations.get(_RESOURCE, "")
    link = resource.rpartition("/")[2]
    if not link or not is_link_name(link):
        message = f"'{nad.name}' does not name the link of its macvtaps in the annotation {_RESOURCE}"
        return _unnamed(nad, message, "", "direct")
    assumed = f"assumed that macvtaps of the resource '{resource}' are on the link '{link}'"
    return Plug(source=DirectSource(dev=link, mode="bridge"), assumed=assumed)


def _host_device(plugin: HostDevicePlugin, nad: Nad) -> Plug | CniProblem:
    """The guest has the link to itself, as macvtap's mode passthrough gives it."""
    if not plugin.device:
        found_by = {"hwaddr": plugin.hwaddr, "kernelpath": plugin.kernelpath, "pciBusID": plugin.pci_bus_id}
        keys = " and ".join(key for key, value in found_by.items() if value)
        how = f"finds its device by {keys}, which does not tell its name" if keys else "names no device"
        return _unnamed(nad, f"the host-device CNI configuration {how}", "device", "direct")
    return Plug(source=DirectSource(dev=plugin.device, mode="passthrough"), fields=("device",))


def _vlan_link(plugin: VlanPlugin, nad: Nad) -> Plug | CniProblem:
    """libvirt makes no links of VLANs: the host's own one has its usual name, such as ``eth1.100``."""
    link = f"{plugin.master}.{plugin.vlan_id}"
    if not plugin.master or not is_link_name(link):
        message = f"the vlan CNI configuration of '{nad.name}' does not name a link of the host"
        return _unnamed(nad, message, "master", "direct")
    assumed = f"assumed that VLAN {plugin.vlan_id} of '{plugin.master}' is the link '{link}' of the host"
    return Plug(source=DirectSource(dev=link, mode="bridge"), fields=("master", "vlan_id"), assumed=assumed)


def _ovn(plugin: OvnPlugin, nad: Nad) -> CniProblem:
    if plugin.topology == "localnet":
        message = f"the localnet of '{nad.name}' is on an Open vSwitch bridge that OVN-Kubernetes alone knows"
        return _unnamed(nad, message, "", "ovsBridge")
    what = f"topology '{plugin.topology}'" if plugin.topology else "network without a topology"
    message = f"the {what} of '{nad.name}' is an overlay, which only OVN-Kubernetes makes"
    return CniProblem(code="KN342", message=message, hint=_by_facts(nad))


_PLUGS: dict[type, Callable[[Any, Nad], Plug | CniProblem]] = {
    BridgePlugin: _linux_bridge,
    HostDevicePlugin: _host_device,
    MacvlanPlugin: _macvlan,
    MacvtapPlugin: _macvtap,
    OvnPlugin: _ovn,
    OvsPlugin: _open_vswitch,
    VlanPlugin: _vlan_link,
}
_NO_EQUIVALENT: dict[type, str] = {
    BandwidthPlugin: "makes no link: it changes the one of the plugin before it",
    IpvlanPlugin: "has no equivalent in libvirt: its links share one MAC address, and each guest needs its own",
    KubeOvnPlugin: "makes an overlay, which only Kube-OVN has",
    PtpPlugin: "has no equivalent in libvirt: it routes addresses to a pair of links in the pod",
    SriovPlugin: "gives a virtual function, which the interface does not take",
    TuningPlugin: "makes no link: it changes the one of the plugin before it",
}
_HINTS: dict[type, str] = {
    IpvlanPlugin: "use macvlan",
    PtpPlugin: "use a bridge",
    SriovPlugin: "write `sriov: {}` as the interface's binding",
}
_USE_ANOTHER = "use one of " + ", ".join(name for name, cls in PLUGINS.items() if cls in _PLUGS)
