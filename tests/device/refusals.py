"""Elements that libvirt refuses although its schema has them: what stands beside each other there does not go together.

Each has the path that is blamed. ``DEFINED`` are those that libvirt 9.0 refuses to define on x86 with QEMU, ``BEYOND``
what only a later release refuses, or another machine. ``RIGHT`` are the nearest that it takes.
"""

from __future__ import annotations

__all__ = ["BEYOND", "DEFINED", "RIGHT"]

_SOURCES = {
    "bridge": "<source bridge='b'/>",
    "network": "<source network='n'/>",
    "direct": "<source dev='e'/>",
    "hostdev": "<source><address type='pci' bus='1' slot='2'/></source>",
    "vhostuser": "<source type='unix' path='/x' mode='client'/>",
    "vdpa": "<source dev='/dev/v'/>",
    "server": "<source port='5'/>",
}


def nic(kind: str, inside: str = "") -> str:
    return f"<interface type='{kind}'>{_SOURCES.get(kind, '')}{inside}</interface>"


def host(*parts: str) -> str:
    """An interface of type ethernet with addresses or routes of the host's end."""
    return f"<interface type='ethernet'><source>{''.join(parts)}</source></interface>"


def vf(inside: str, source: str = "<source><address bus='1' slot='2'/></source>") -> str:
    return f"<hostdev mode='subsystem' type='pci'>{source}{inside}</hostdev>"


def limited(rates: str, kind: str = "network") -> str:
    return nic(kind, f"<bandwidth>{rates}</bandwidth>")


def route(attributes: str) -> str:
    return host(f"<route {attributes}/>")


def socket(reconnect: str, mode: str = "client") -> str:
    inside = f"<source type='unix' path='/x' mode='{mode}'>{reconnect}</source><model type='virtio'/>"
    return f"<interface type='vhostuser'>{inside}</interface>"


def forward(span: str) -> str:
    return nic("user", f"<backend type='passt'/><portForward proto='tcp'>{span}</portForward>")


VIRTIO, E1000 = "<model type='virtio'/>", "<model type='e1000'/>"

DEFINED = {
    "an unmanaged target of a bridge": (nic("bridge", "<target dev='t' managed='no'/>"), "target.@managed"),
    "an unmanaged target of a host device": (nic("hostdev", "<target dev='t' managed='no'/>"), "target.@managed"),
    "an unmanaged target of vhost-user": (
        nic("vhostuser", VIRTIO + "<target dev='t' managed='no'/>"),
        "target.@managed",
    ),
    "a receive queue that is no power of two": (
        nic("bridge", VIRTIO + "<driver rx_queue_size='511'/>"),
        "driver.@rx_queue_size",
    ),
    "a transmit queue that is no power of two": (
        nic("user", VIRTIO + "<driver tx_queue_size='3'/>"),
        "driver.@tx_queue_size",
    ),
    **{
        f"{option} of a model that is not virtio": (nic("bridge", E1000 + f"<driver {option}='on'/>"), "driver")
        for option in ("iommu", "ats", "packed", "page_per_vq")
    },
    "vhost for a host device": (nic("hostdev", "<driver name='vhost'/>"), "driver"),
    "vfio for a tap": (nic("bridge", VIRTIO + "<driver name='vfio'/>"), "driver"),
    "a model of vDPA": (nic("vdpa", E1000), "model.@type"),
    "coalescing of a macvtap": (nic("direct", "<coalesce><rx><frames max='0'/></rx></coalesce>"), "coalesce"),
    "an isolated port of user mode": (nic("user", "<port isolated='yes'/>"), "port"),
    "an isolated port of Open vSwitch": (
        nic("bridge", "<virtualport type='openvswitch'/><port isolated='yes'/>"),
        "port",
    ),
    "a virtual port without a type": (nic("direct", "<virtualport/>"), "virtualport"),
    "802.1Qbg without its manager": (nic("direct", "<virtualport type='802.1Qbg'/>"), "virtualport"),
    "802.1Qbh with an empty profile": (
        nic("bridge", "<virtualport type='802.1Qbh'><parameters profileid=''/></virtualport>"),
        "virtualport",
    ),
    "a transient NIC on a bridge": (
        nic("bridge", VIRTIO + "<teaming type='transient' persistent='ua-x'/>"),
        "teaming",
    ),
    "a floor on a bridge": (limited("<inbound average='5' floor='3'/>", "bridge"), "bandwidth"),
    "a floor from the guest": (limited("<outbound average='5' floor='3'/>"), "bandwidth.outbound.@floor"),
    "a peak without an average": (limited("<inbound floor='5' peak='6'/>"), "bandwidth.inbound.@average"),
    "a burst without an average": (limited("<outbound burst='6'/>"), "bandwidth.outbound.@average"),
    "no rate": (limited("<inbound/>"), "bandwidth.inbound.@average"),
    "two native VLANs": (
        nic("bridge", "<vlan><tag id='1' nativeMode='tagged'/><tag id='2' nativeMode='untagged'/></vlan>"),
        "vlan.tag",
    ),
    "a file of a ROM that is off": (nic("user", "<rom enabled='no' file='/x'/>"), "rom.@file"),
    "a bar of a ROM that is off": (vf("<rom enabled='no' bar='on'/>"), "rom.@bar"),
    "ACPI index 0": (nic("user", "<acpi index='0'/>"), "acpi.@index"),
    "a blank load parameter": (nic("user", "<boot order='1' loadparm='  '/>"), "boot.@loadparm"),
    "an interface that is hidden": (nic("user", "<address type='unassigned'/>"), "address"),
    "memory without a slot": (nic("user", "<address type='dimm'/>"), "address.@slot"),
    "two IPv4 addresses of user mode": (nic("user", "<ip address='10.0.2.1'/><ip address='10.0.2.2'/>"), "ip"),
    "a peer of user mode": (nic("user", "<ip address='10.0.2.1' peer='10.0.2.2'/>"), "ip"),
    "a long prefix of user mode": (nic("user", "<ip address='10.0.2.1' prefix='28' family='ipv4'/>"), "ip"),
    "an IPv6 prefix of user mode": (nic("user", "<ip address='fd00::1' prefix='96' family='ipv6'/>"), "ip"),
    "an address of another family": (host("<ip family='ipv4' address='fd00::1'/>"), "source.ip[0].@family"),
    "an IPv4 prefix beyond 32": (host("<ip address='10.0.0.1' prefix='33'/>"), "source.ip[0].@prefix"),
    "a peer of another family": (host("<ip address='10.0.0.1' peer='fd00::1'/>"), "source.ip[0].@peer"),
    "a route to a host": (route("address='10.0.0.1' prefix='8' gateway='10.0.0.2'"), "source.route[0].@address"),
    "a route without a mask": (route("address='10.0.0.0' gateway='10.0.0.2'"), "source.route[0].@address"),
    "a route of another family": (route("address='fd00::' prefix='8' gateway='fd00::2'"), "source.route[0].@family"),
    "a gateway of another family": (
        route("address='10.0.0.0' prefix='8' gateway='fd00::2'"),
        "source.route[0].@gateway",
    ),
    "a netmask of IPv6": (
        route("family='ipv6' address='fd00::' netmask='255.0.0.0' gateway='fd00::2'"),
        "source.route[0].@netmask",
    ),
    "a long prefix of a route": (
        route("address='10.0.0.0' prefix='33' gateway='10.0.0.2'"),
        "source.route[0].@prefix",
    ),
    "metric 0": (route("address='10.0.0.0' prefix='8' gateway='10.0.0.2' metric='0'"), "source.route[0].@metric"),
    "reconnecting without a timeout": (socket("<reconnect enabled='yes'/>"), "source.reconnect.@timeout"),
    "a server that connects again": (socket("<reconnect enabled='yes' timeout='5'/>", "server"), "source.reconnect"),
    "vendor 0": (
        "<interface type='hostdev'><source><vendor id='0'/><product id='5'/></source></interface>",
        "source.vendor.@id",
    ),
    "a start policy of a PCI device": (
        vf("", "<source startupPolicy='optional'><address bus='1'/></source>"),
        "source.@startupPolicy",
    ),
    "a PCI device on USB": (vf("<address type='usb' bus='0' port='1'/>"), "address"),
}
BEYOND = {
    "forwarded ports without passt": (nic("user", "<portForward proto='tcp'/>"), "portForward"),
    "passt for a bridge": (nic("bridge", "<backend type='passt'/>"), "backend"),
    "a port below 0": (forward("<range start='-1'/>"), "portForward[0].range[0].@start"),
    "a span to port 0": (forward("<range start='5' end='0'/>"), "portForward[0].range[0].@end"),
    "zPCI uid 0": (vf("<address type='pci'><zpci uid='0x0000' fid='0x00000001'/></address>"), "address.zpci.@uid"),
}
RIGHT = {
    "an unmanaged target of ethernet": nic("ethernet", "<target dev='t' managed='no'/>"),
    "a target of a host device": nic("hostdev", "<target dev='t'/>"),
    "a target of vhost-user": nic("vhostuser", VIRTIO + "<target dev='t' managed='yes'/>"),
    "queues of powers of two": nic("bridge", VIRTIO + "<driver rx_queue_size='512' tx_queue_size='1'/>"),
    "options of virtio": nic("bridge", "<model type='ViRtIo'/><driver iommu='on' ats='off' packed='on'/>"),
    "vfio for a host device": nic("hostdev", "<driver name='vfio'/>"),
    "virtio for vDPA": nic("vdpa", VIRTIO),
    "coalescing on a network": nic("network", "<coalesce><rx><frames max='5'/></rx></coalesce>"),
    "an empty coalescing of a macvtap": nic("direct", "<coalesce><rx/></coalesce>"),
    "an isolated port of a bridge": nic("bridge", "<port isolated='yes'/>"),
    "a port of user mode that is not isolated": nic("user", "<port isolated='no'/>"),
    "a virtual port of a network without a type": nic("network", "<virtualport/>"),
    "802.1Qbg on a network": nic("network", "<virtualport type='802.1Qbg'/>"),
    "802.1Qbg with what it needs": nic(
        "direct",
        "<virtualport type='802.1Qbg'><parameters managerid='1' typeid='2' typeidversion='3'/></virtualport>",
    ),
    "a transient NIC that is a host device": nic("hostdev", "<teaming type='transient' persistent='ua-x'/>"),
    "a floor on a network": limited("<inbound floor='3'/><outbound average='5' peak='6' burst='7'/>"),
    "one native VLAN": nic("bridge", "<vlan><tag id='1' nativeMode='tagged'/><tag id='2'/></vlan>"),
    "a ROM that is off": nic("user", "<rom enabled='no'/>"),
    "a ROM from a file": nic("user", "<rom bar='on' file='/x'/>"),
    "ACPI index 1": nic("user", "<acpi index='1'/>"),
    "a load parameter": nic("user", "<boot order='1' loadparm=' A'/>"),
    "a PCI device that is hidden": vf("<address type='unassigned'/>"),
    "an address of each family in user mode": nic(
        "user", "<ip address='10.0.2.1' prefix='27'/><ip family='ipv6' address='fd00::1' prefix='64'/>"
    ),
    "an IPv6 address without a family": host("<ip address='fd00::1' prefix='64' peer='fd00::2'/>"),
    "an IPv4 route": route("address='10.0.0.0' netmask='255.0.0.0' gateway='10.0.0.2' metric='1'"),
    "an IPv6 route": route("family='ipv6' address='fd00::' prefix='64' gateway='fd00::2'"),
    "a default route": route("address='0.0.0.0' gateway='10.0.0.2'"),
    "a client that connects again": socket("<reconnect enabled='yes' timeout='0'/>"),
    "a server that does not": socket("<reconnect enabled='no'/>", "server"),
    "vendor 5": "<interface type='hostdev'><source><vendor id='5'/><product id='0'/></source></interface>",
}
