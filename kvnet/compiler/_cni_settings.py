"""What CNI plugins ask for in the ``<interface>`` of a NIC: VLANs, MTU, MAC address, rates, filter, isolation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from kvnet.cni.plugins import BandwidthPlugin, BridgePlugin, OvnPlugin, OvsPlugin, Plugin, SriovPlugin
from kvnet.cni.values import Trunk, vlans_of
from kvnet.device import Bandwidth, Filter, Inbound, Outbound, Port, Vlan, VlanTag
from kvnet.values import MacAddress

__all__ = ["Wish", "wishes_of"]

_NO_SPOOFING = "no-mac-spoofing"
_BITS_OF_KB, _BITS_OF_KIB = 1000 * 8, 1024 * 8


@frozen(kw_only=True)
class Wish:
    """The value that a plugin wants in a field of ``<interface>``, and the fields of the plugin that it comes from."""

    field: str
    value: Any
    fields: tuple[str, ...]


def wishes_of(plugin: Plugin) -> Iterator[Wish]:
    """What a plugin asks for in the NIC's ``<interface>``."""
    mtu, mac = getattr(plugin, "mtu", 0), getattr(plugin, "mac", "")
    if mtu:
        yield Wish(field="mtu", value=mtu, fields=("mtu",))
    if mac:
        yield Wish(field="mac", value=MacAddress.parse(mac).canonical(), fields=("mac",))
    of_class = _WISHES.get(type(plugin))
    if of_class is not None:
        yield from of_class(plugin)


def _bridge_wishes(plugin: BridgePlugin) -> Iterator[Wish]:
    if plugin.vlan_trunk:
        yield Wish(field="vlan", value=_trunk(plugin.vlan_trunk, native=plugin.vlan), fields=("vlan", "vlan_trunk"))
    elif plugin.vlan:
        yield Wish(field="vlan", value=_access(plugin.vlan), fields=("vlan",))
    if plugin.macspoofchk:
        yield Wish(field="filter", value=Filter(filter=_NO_SPOOFING), fields=("macspoofchk",))
    if plugin.port_isolation:
        yield Wish(field="port", value=Port(isolated=True), fields=("port_isolation",))


def _ovs_wishes(plugin: OvsPlugin) -> Iterator[Wish]:
    if plugin.trunk:
        yield Wish(field="vlan", value=_trunk(plugin.trunk), fields=("trunk",))
    elif plugin.vlan:
        yield Wish(field="vlan", value=_access(plugin.vlan), fields=("vlan",))


def _sriov_wishes(plugin: SriovPlugin) -> Iterator[Wish]:
    if plugin.vlan:
        yield Wish(field="vlan", value=_access(plugin.vlan), fields=("vlan",))


def _ovn_wishes(plugin: OvnPlugin) -> Iterator[Wish]:
    if plugin.vlan_id:
        yield Wish(field="vlan", value=_access(plugin.vlan_id), fields=("vlan_id",))


def _bandwidth_wishes(plugin: BandwidthPlugin) -> Iterator[Wish]:
    """CNI counts bits, libvirt rates in kB/s and bursts in KiB, as tc reads them; ingress is towards the guest."""
    inbound = outbound = None
    if plugin.ingress_rate:
        inbound = Inbound(average=_rate(plugin.ingress_rate), burst=_burst(plugin.ingress_burst))
    if plugin.egress_rate:
        outbound = Outbound(average=_rate(plugin.egress_rate), burst=_burst(plugin.egress_burst))
    if inbound is not None or outbound is not None:
        fields = ("ingress_rate", "ingress_burst", "egress_rate", "egress_burst")
        yield Wish(field="bandwidth", value=Bandwidth(inbound=inbound, outbound=outbound), fields=fields)


def _rate(bits: int) -> int:
    """Bits a second as the nearest rate of libvirt, which has none below 1 kB/s."""
    return max(1, (bits + _BITS_OF_KB // 2) // _BITS_OF_KB)


def _burst(bits: int) -> int:
    """Bits as the nearest burst of libvirt, which has none below 1 KiB."""
    return max(1, (bits + _BITS_OF_KIB // 2) // _BITS_OF_KIB)


_WISHES: dict[type, Callable[[Any], Iterator[Wish]]] = {
    BandwidthPlugin: _bandwidth_wishes,
    BridgePlugin: _bridge_wishes,
    OvnPlugin: _ovn_wishes,
    OvsPlugin: _ovs_wishes,
    SriovPlugin: _sriov_wishes,
}


def _access(vlan: int) -> Vlan:
    return Vlan(tags=(VlanTag(id=vlan),))


def _trunk(trunk: Trunk, *, native: int = 0) -> Vlan:
    """The VLANs of a trunk; the frames of the native one are untagged."""
    first = (VlanTag(id=native, native_mode="untagged"),) if native else ()
    others = [each for each in vlans_of(trunk) if not native or each != native]
    return Vlan(trunk=True, tags=(*first, *(VlanTag(id=each) for each in others)))
