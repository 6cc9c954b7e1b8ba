"""Bad documents, each with the place, the code and the path of all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import pytest
from lxml import etree

import kvnet


def nic(inside: str, attributes: str = "type='user'") -> str:
    return f"<interface {attributes}>\n{inside}</interface>"


def on(kind: str, source: str = "") -> str:
    return f"<interface type='{kind}'>\n{source}</interface>"


def hostdev(inside: str, attributes: str = "mode='subsystem' type='pci'") -> str:
    return f"<hostdev {attributes}>\n{inside}</hostdev>"


VF = "<source><address bus='1' slot='2' function='3'/></source>"
MAC = "<mac address='{}'/>"
RATE = "<inbound average='1'/>"

# name: text, then `line:column code path` of each problem, in the order of the document; the path is below the root
UNKNOWN = {
    "an attribute of an interface": (nic("", "type='user' odd='1'"), "1:24 KN511 @odd"),
    "an attribute in other letters": (nic("", "type='user' Managed='no'"), "1:24 KN511 @Managed"),
    "an attribute of a wrapper": (nic("<mac address='52:54:00:00:00:01' odd=''/>"), "2:34 KN511 mac.@odd"),
    "an attribute of a model": (nic("<model type='virtio' name='x'/>"), "2:22 KN511 model.@name"),
    "an attribute of a target": (nic("<target dev='tap0' mtu='5'/>"), "2:20 KN511 target.@mtu"),
    "an attribute of an alias": (nic("<alias name='ua-a' id='5'/>"), "2:20 KN511 alias.@id"),
    "an attribute of a link": (nic("<link state='up' speed='5'/>"), "2:18 KN511 link.@speed"),
    "an attribute of an MTU": (nic("<mtu size='1500' unit='b'/>"), "2:18 KN511 mtu.@unit"),
    "an attribute of a boot order": (nic("<boot order='1' dev='x'/>"), "2:17 KN511 boot.@dev"),
    "an attribute of a driver": (nic("<driver queue='4'/>"), "2:9 KN511 driver.@queue"),
    "an attribute of an offload": (nic("<driver><host lro='on'/></driver>"), "2:15 KN511 driver.host.@lro"),
    "an attribute of a backend": (nic("<backend typ='passt'/>"), "2:10 KN511 backend.@typ"),
    "an attribute of a filter": (nic("<filterref filter='f' x='1'/>"), "2:23 KN511 filterref.@x"),
    "an attribute of a filter's parameter": (
        nic("<filterref filter='f'><parameter name='a' value='b' c=''/></filterref>"),
        "2:53 KN511 filterref.parameter[0].@c",
    ),
    "an attribute of a guest address": (nic("<address type='pci' port='1'/>"), "2:21 KN511 address.@port"),
    "an attribute of a bandwidth": (nic("<bandwidth average='1'/>"), "2:12 KN511 bandwidth.@average"),
    "an attribute of a rate": (nic("<bandwidth><inbound rate='1'/></bandwidth>"), "2:21 KN511 bandwidth.inbound.@rate"),
    "an attribute of a VLAN": (nic("<vlan native='1'><tag id='1'/></vlan>"), "2:7 KN511 vlan.@native"),
    "an attribute of a VLAN tag": (nic("<vlan><tag id='1' name=''/></vlan>"), "2:19 KN511 vlan.tag[0].@name"),
    "an attribute of the coalescing": (nic("<coalesce max='1'/>"), "2:11 KN511 coalesce.@max"),
    "an attribute of frames": (
        nic("<coalesce><rx><frames min='1'/></rx></coalesce>"),
        "2:23 KN511 coalesce.rx.frames.@min",
    ),
    "an attribute of a ROM": (nic("<rom path='/x'/>"), "2:6 KN511 rom.@path"),
    "an attribute of the ACPI index": (nic("<acpi idx='1'/>"), "2:7 KN511 acpi.@idx"),
    "an attribute of a team": (nic("<teaming type='persistent' x=''/>"), "2:28 KN511 teaming.@x"),
    "an attribute of the send buffer": (
        nic("<tune><sndbuf unit='k'>5</sndbuf></tune>"),
        "2:15 KN511 tune.sndbuf.@unit",
    ),
    "an attribute of an IP address": (nic("<ip address='10.0.0.1' mask='8'/>"), "2:24 KN511 ip[0].@mask"),
    "an attribute of a route": (nic("<route gateway='10.0.0.1' via=''/>"), "2:27 KN511 route[0].@via"),
    "an attribute of forwarded ports": (nic("<portForward proto='tcp' port='1'/>"), "2:26 KN511 portForward[0].@port"),
    "the old form of forwarded ports": (
        nic("<portForward proto='tcp' start='1'><port start='2'/></portForward>"),
        "2:26 KN511 portForward[0].@start",
        "2:36 KN511 portForward[0].port",
    ),
    "an attribute of a span of ports": (
        nic("<portForward proto='tcp'><range start='1' stop='2'/></portForward>"),
        "2:43 KN511 portForward[0].range[0].@stop",
    ),
    "an attribute of a virtual port": (
        on("bridge", "<source bridge='b'/><virtualport kind='x'/>"),
        "2:34 KN511 virtualport.@kind",
    ),
    "another type's attribute of a source": (on("bridge", "<source bridge='b' dev='x'/>"), "2:20 KN511 source.@dev"),
    "a bridge of a macvtap": (on("direct", "<source dev='a' bridge='b'/>"), "2:17 KN511 source.@bridge"),
    "a mode of a network": (on("network", "<source network='a' mode='b'/>"), "2:21 KN511 source.@mode"),
    "an attribute of a USB address": (
        on("hostdev", "<source><address type='usb' bus='1' device='2' slot='3'/></source>"),
        "2:48 KN511 source.address.@slot",
    ),
    "a child of an interface": (nic("<modle type='virtio'/>"), "2:1 KN511 modle"),
    "a child in other letters": (nic("<MTU size='1500'/>"), "2:1 KN511 MTU"),
    "a child of a wrapper": (nic("<model type='virtio'><x/></model>"), "2:22 KN511 model.x"),
    "a grandchild": (nic("<driver><host><x/></host></driver>"), "2:15 KN511 driver.host.x"),
    "a child of a source": (
        on("bridge", "<source bridge='b'><ip address='10.0.0.1'/></source>"),
        "2:20 KN511 source.ip",
    ),
    "a child of a hostdev": (hostdev(VF + "<mac address='52:54:00:00:00:01'/>"), "2:58 KN511 mac"),
    "an attribute of a hostdev": (hostdev(VF, "mode='subsystem' type='pci' sgio='x'"), "1:38 KN511 @sgio"),
    "an attribute of a hostdev's source": (hostdev(VF.replace("<source", "<source x=''")), "2:9 KN511 source.@x"),
    "a vendor of a PCI hostdev": (
        hostdev(VF.replace("<address", "<vendor id='1'/><address")),
        "2:9 KN511 source.vendor",
    ),
    "an element of a live status": (nic("<actual type='bridge'/>"), "2:1 KN511 actual"),
    "an attribute of a namespace": (
        nic("", "type='user' xmlns:x='urn:x' x:y='1'"),
        "1:1 KN511 @{urn:x}y",
    ),
    "an element of a namespace": (nic("<x:mtu xmlns:x='urn:x' size='1500'/>"), "2:1 KN511 {urn:x}mtu"),
    "an element of the default namespace": (
        nic("<mtu xmlns='urn:x' size='1500'/>"),
        "2:1 KN511 {urn:x}mtu",
    ),
    "text before a child": (nic("up<link state='up'/>"), "1:1 KN511"),
    "text between children": (nic("<link state='up'/>x<mtu size='1'/>"), "1:1 KN511"),
    "text after a child": (nic("<link state='up'/>\nx"), "1:1 KN511"),
    "text in a wrapper": (nic("<mtu size='1500'>1500</mtu>"), "2:1 KN511 mtu"),
    "text in a source": (on("bridge", "<source bridge='b'>b</source>"), "2:1 KN511 source"),
    "a section of text": (nic("<![CDATA[x]]>"), "1:1 KN511"),
    "a processing instruction": (nic("<?x y?>"), "1:1 KN511"),
}
TWICE = {
    f"two of <{tag}>": (text, f"2:{column} KN513 {path or tag}")
    for tag, text, column, path in [
        ("mac", nic(MAC.format("52:54:00:00:00:01") * 2), 35, ""),
        ("model", nic("<model type='a'/><model type='a'/>"), 18, ""),
        ("source", on("bridge", "<source bridge='a'/><source bridge='a'/>"), 21, ""),
        ("driver", nic("<driver/><driver/>"), 10, ""),
        ("target", nic("<target dev='a'/><target dev='a'/>"), 18, ""),
        ("backend", nic("<backend/><backend/>"), 11, ""),
        ("vlan", nic("<vlan><tag id='1'/></vlan><vlan><tag id='1'/></vlan>"), 27, ""),
        ("bandwidth", nic("<bandwidth/><bandwidth/>"), 13, ""),
        ("inbound", nic(f"<bandwidth>{RATE}{RATE}</bandwidth>"), 34, "bandwidth.inbound"),
        ("filterref", nic("<filterref filter='a'/><filterref filter='a'/>"), 24, ""),
        ("tune", nic("<tune/><tune/>"), 8, ""),
        ("teaming", nic("<teaming type='persistent'/><teaming type='persistent'/>"), 29, ""),
        ("link", nic("<link state='up'/><link state='up'/>"), 19, ""),
        ("mtu", nic("<mtu size='1'/><mtu size='1'/>"), 16, ""),
        ("coalesce", nic("<coalesce/><coalesce/>"), 12, ""),
        ("boot", nic("<boot order='1'/><boot order='1'/>"), 18, ""),
        ("alias", nic("<alias name='a'/><alias name='a'/>"), 18, ""),
        ("rom", nic("<rom/><rom/>"), 7, ""),
        ("acpi", nic("<acpi/><acpi/>"), 8, ""),
        ("address", nic("<address type='pci'/><address type='pci'/>"), 22, ""),
        ("readonly", hostdev(VF + "<readonly/><readonly/>"), 69, ""),
    ]
}
VALUES = {
    **{
        f"a MAC address {name}": (nic(MAC.format(mac)), "2:6 KN510 mac.@address")
        for name, mac in {
            "of a group": "01:00:5e:00:00:01",
            "of everybody": "ff:ff:ff:ff:ff:ff",
            "of five bytes": "52:54:00:00:01",
            "of seven bytes": "52:54:00:00:00:00:01",
            "with dashes": "52-54-00-00-00-01",
            "without colons": "525400000001",
            "of short bytes": "52:54:0:0:0:1",
            "of other letters": "52:54:00:00:00:0g",
            "of nothing": "",
        }.items()
    },
    **{
        f"an MTU of {size!r}": (nic(f"<mtu size='{size}'/>"), "2:6 KN510 mtu.@size")
        for size in (
            "",
            "-1",
            "65536",
            "1e3",
            "0x5dc",
            "1500b",
            "1 500",
            "1500.0",
            "\N{ARABIC-INDIC DIGIT ONE}",
            "999999999999999999999",
        )
    },
    **{
        f"{count!r} queues": (nic(f"<driver queues='{count}'/>"), "2:9 KN510 driver.@queues")
        for count in ("0", "-5", "4294967296", "auto", "")
    },
    **{
        f"a guest address with {part} {value}": (
            nic(f"<address type='pci' {part}='{value}'/>"),
            f"2:21 KN510 address.@{part}",
        )
        for part, value in [
            ("domain", "0x100000000"),
            ("bus", "0x100"),
            ("bus", "256"),
            ("slot", "0x20"),
            ("slot", "32"),
            ("function", "8"),
            ("function", "-1"),
            ("slot", "1f"),
            ("slot", "08"),
            ("slot", "0x"),
            ("slot", ""),
            ("multifunction", "yes"),
        ]
    },
    "a zPCI number": (nic("<address type='pci'><zpci uid='0x10000'/></address>"), "2:27 KN510 address.zpci.@uid"),
    "a channel subsystem": (
        nic("<address type='ccw' cssid='0xff' ssid='0x0' devno='0x1'/>"),
        "2:21 KN510 address.@cssid",
    ),
    "a port of USB": (nic("<address type='usb' bus='1' port='1.2.3.4.5'/>"), "2:29 KN510 address.@port"),
    "a disk's unit": (nic("<address type='drive' unit='123456'/>"), "2:23 KN510 address.@unit"),
    "a flag in another word": (nic("<target dev='a' managed='on'/>"), "2:17 KN510 target.@managed"),
    "a switch in another word": (nic("<driver iommu='yes'/>"), "2:9 KN510 driver.@iommu"),
    "a flag in other letters": (nic("<port isolated='YES'/>"), "2:7 KN510 port.@isolated"),
    "a trunk that is none": (nic("<vlan trunk='no'><tag id='1'/></vlan>"), "2:7 KN510 vlan.@trunk"),
    "a VLAN number": (nic("<vlan><tag id='4096'/></vlan>"), "2:12 KN510 vlan.tag[0].@id"),
    "a native mode": (nic("<vlan><tag id='1' nativeMode='yes'/></vlan>"), "2:19 KN510 vlan.tag[0].@nativeMode"),
    "a state of a link": (nic("<link state='off'/>"), "2:7 KN510 link.@state"),
    "a model with a space": (nic("<model type='vir tio'/>"), "2:8 KN510 model.@type"),
    "an empty model": (nic("<model type=''/>"), "2:8 KN510 model.@type"),
    "a driver that is none": (nic("<driver name='vhost-user'/>"), "2:9 KN510 driver.@name"),
    "a way to send": (nic("<driver txmode='thread'/>"), "2:9 KN510 driver.@txmode"),
    "a backend that is none": (nic("<backend type='slirp'/>"), "2:10 KN510 backend.@type"),
    "a path that starts nowhere": (nic("<backend tap='dev/net/tun'/>"), "2:10 KN510 backend.@tap"),
    "an empty ROM": (nic("<rom file=''/>"), "2:6 KN510 rom.@file"),
    "an empty path of a script": (nic("<script path=''/>"), "2:9 KN510 script.@path"),
    "a boot order of 0": (nic("<boot order='0'/>"), "2:7 KN510 boot.@order"),
    "a load parameter that is too long": (nic("<boot order='1' loadparm='123456789'/>"), "2:17 KN510 boot.@loadparm"),
    "an ACPI index below 0": (nic("<acpi index='-1'/>"), "2:7 KN510 acpi.@index"),
    "an alias with a space": (nic("<alias name='ua a'/>"), "2:8 KN510 alias.@name"),
    "a target with a space": (nic("<target dev='tap 0'/>"), "2:9 KN510 target.@dev"),
    "a rate of 0": (nic("<bandwidth><inbound average='0'/></bandwidth>"), "2:21 KN510 bandwidth.inbound.@average"),
    "a filter that is no name": (nic("<filterref filter='1 a'/>"), "2:12 KN510 filterref.@filter"),
    "a value of a filter's parameter": (
        nic("<filterref filter='f'><parameter name='a' value='b c'/></filterref>"),
        "2:43 KN510 filterref.parameter[0].@value",
    ),
    "a send buffer that is no number": (nic("<tune><sndbuf>many</sndbuf></tune>"), "2:7 KN510 tune.sndbuf"),
    "an empty send buffer": (nic("<tune><sndbuf/></tune>"), "2:7 KN510 tune.sndbuf"),
    "a protocol": (nic("<portForward proto='sctp'/>"), "2:14 KN510 portForward[0].@proto"),
    "a port above all": (
        nic("<portForward proto='tcp'><range start='65536'/></portForward>"),
        "2:33 KN510 portForward[0].range[0].@start",
    ),
    "an IP address": (nic("<ip address='10.0.0.256'/>"), "2:5 KN510 ip[0].@address"),
    "an IP address with a prefix in it": (nic("<ip address='10.0.0.1/24'/>"), "2:5 KN510 ip[0].@address"),
    "a prefix": (nic("<ip address='10.0.0.1' prefix='129'/>"), "2:24 KN510 ip[0].@prefix"),
    "a family": (nic("<ip address='10.0.0.1' family='inet'/>"), "2:24 KN510 ip[0].@family"),
    "a netmask of IPv6": (nic("<route gateway='::1' netmask='ffff::'/>"), "2:22 KN510 route[0].@netmask"),
    "a group of IPv6": (on("mcast", "<source address='ff02::1' port='1'/>"), "2:9 KN510 source.@address"),
    "a mode of a macvtap": (on("direct", "<source dev='a' mode='passthru'/>"), "2:17 KN510 source.@mode"),
    "a port of a network, no UUID": (on("network", "<source network='a' portid='1'/>"), "2:21 KN510 source.@portid"),
    "the kind of a socket": (on("vhostuser", "<source type='tcp' path='/x' mode='client'/>"), "2:9 KN510 source.@type"),
    "a team's kind": (nic("<teaming type='active'/>"), "2:10 KN510 teaming.@type"),
    "a hostdev of a SCSI disk": (hostdev(VF, "mode='capabilities' type='pci'"), "1:1 KN512"),
    "a start-up policy": (
        hostdev(VF.replace("<source", "<source startupPolicy='x'")),
        "2:9 KN510 source.@startupPolicy",
    ),
    "something in an element that says all": (hostdev(VF + "<readonly>yes</readonly>"), "2:58 KN510 readonly"),
    "a manager's number": (
        on("bridge", "<source bridge='b'/><virtualport type='802.1Qbg'><parameters managerid='256'/></virtualport>"),
        "2:62 KN510 virtualport.parameters.@managerid",
    ),
    "an instance that is no UUID": (
        on("bridge", "<source bridge='b'/><virtualport><parameters instanceid='1'/></virtualport>"),
        "2:46 KN510 virtualport.parameters.@instanceid",
    ),
    "a kind of virtual port": (
        on("bridge", "<source bridge='b'/><virtualport type='ovs'/>"),
        "2:34 KN510 virtualport.@type",
    ),
}
LACKING = {
    "a type": (nic("", ""), "1:1 KN512 @type"),
    "an address of a MAC": (nic("<mac/>"), "2:1 KN514 mac.@address"),
    "an address of a static MAC": (nic("<mac type='static'/>"), "2:1 KN514 mac.@address"),
    "a type of a model": (nic("<model/>"), "2:1 KN514 model.@type"),
    "a name of a target": (nic("<target managed='no'/>"), "2:1 KN514 target.@dev"),
    "a state of a link": (nic("<link/>"), "2:1 KN514 link.@state"),
    "a size of an MTU": (nic("<mtu/>"), "2:1 KN514 mtu.@size"),
    "an order of a boot": (nic("<boot loadparm='a'/>"), "2:1 KN514 boot.@order"),
    "a name of an alias": (nic("<alias/>"), "2:1 KN514 alias.@name"),
    "a path of a script": (nic("<script/>"), "2:1 KN514 script.@path"),
    "a type of a guest address": (nic("<address bus='1'/>"), "2:1 KN512 address"),
    "a tag of a VLAN": (nic("<vlan/>"), "2:1 KN514 vlan.tag"),
    "a number of a tag": (nic("<vlan><tag/></vlan>"), "2:7 KN514 vlan.tag[0].@id"),
    "a filter's name": (nic("<filterref/>"), "2:1 KN514 filterref.@filter"),
    "a protocol of forwarded ports": (nic("<portForward/>"), "2:1 KN514 portForward[0].@proto"),
    "a start of a span": (
        nic("<portForward proto='tcp'><range end='1'/></portForward>"),
        "2:26 KN514 portForward[0].range[0].@start",
    ),
    "a gateway of a route": (nic("<route address='10.0.0.0'/>"), "2:1 KN514 route[0].@gateway"),
    "a kind of a team": (nic("<teaming/>"), "2:1 KN514 teaming.@type"),
    "a source of a bridge": (on("bridge"), "1:1 KN514 source"),
    "a bridge of a source": (on("bridge", "<source/>"), "2:1 KN514 source.@bridge"),
    "a source of a network": (on("network"), "1:1 KN514 source"),
    "a link of a macvtap": (on("direct", "<source mode='bridge'/>"), "2:1 KN514 source.@dev"),
    "a port of a server": (on("server", "<source address='10.0.0.1'/>"), "2:1 KN514 source.@port"),
    "address and port of a client": (on("client", "<source/>"), "2:1 KN514 source.@address", "2:1 KN514 source.@port"),
    "the near end of a tunnel": (on("udp", "<source address='10.0.0.1' port='1'/>"), "2:1 KN514 source.local"),
    "a device of a vDPA": (on("vdpa", "<source/>"), "2:1 KN514 source.@dev"),
    "a name of an internal network": (on("internal", "<source/>"), "2:1 KN514 source.@name"),
    "a switch": (on("vds", "<source/>"), "2:1 KN514 source.@switchid"),
    "whether to reconnect": (
        on("vhostuser", "<source type='unix' path='/x' mode='client'><reconnect timeout='1'/></source>"),
        "2:45 KN514 source.reconnect.@enabled",
    ),
    "a source of a hostdev": (hostdev(""), "1:1 KN514 source.address"),
    "an address of a hostdev's source": (hostdev("<source/>"), "1:1 KN514 source.address"),
}
TOGETHER = {
    "queues of a passed-through NIC": (nic("<driver name='vfio' queues='4'/>"), "2:1 KN515 driver.@queues"),
    "netmask and prefix": (
        nic("<route gateway='10.0.0.1' netmask='255.0.0.0' prefix='8'/>"),
        "2:1 KN515 route[0].@prefix",
    ),
    "a transient NIC without its persistent one": (nic("<teaming type='transient'/>"), "2:1 KN515 teaming.@persistent"),
    "a persistent NIC with another": (
        nic("<teaming type='persistent' persistent='ua-a'/>"),
        "2:1 KN515 teaming.@persistent",
    ),
    "a virtual port of user mode": (nic("<virtualport/>"), "1:1 KN515 virtualport"),
    "a managed bridge": (
        "<interface type='bridge' managed='yes'>\n<source bridge='b'/></interface>",
        "1:1 KN515 @managed",
    ),
    "a port group without a network": (
        on("bridge", "<source bridge='b' portgroup='p'/>"),
        "2:1 KN515 source.@portgroup",
    ),
    "a MAC table without a bridge": (
        on("network", "<source network='n' macTableManager='kernel'/>"),
        "2:1 KN515 source.@macTableManager",
    ),
    "a hostdev that names no device": (on("hostdev", "<source/>"), "2:1 KN515 source.address"),
    "a vendor without a product": (on("hostdev", "<source><vendor id='1'/></source>"), "2:1 KN515 source.product.@id"),
    "half a channel address": (nic("<address type='ccw' devno='1'/>"), "2:1 KN515 address.@cssid"),
    "a parameter of another kind of port": (
        on("bridge", "<source bridge='b'/><virtualport type='802.1Qbh'><parameters managerid='1'/></virtualport>"),
        "2:21 KN515 virtualport.parameters",
    ),
    "midonet without its interface": (
        on("bridge", "<source bridge='b'/><virtualport type='midonet'/>"),
        "2:21 KN515 virtualport.parameters",
    ),
}
KINDS = {
    "a type that is none": (nic("", "type='odd'"), "1:12 KN512 @type"),
    "an empty type": (nic("", "type=''"), "1:12 KN512 @type"),
    "a type in other letters": (nic("", "type='User'"), "1:12 KN512 @type"),
    "a guest address of no kind": (nic("<address type='isapnp'/>"), "2:1 KN512 address"),
    "a device of the host, by SCSI": (
        on("hostdev", "<source><address type='scsi'/></source>"),
        "2:9 KN512 source.address",
    ),
}
ALL_AT_ONCE = {
    "several": (
        "<interface type='bridge' odd='1'>\n  <!-- ö -->\n  <mac address='x'/>\n\n  <source/>\n"
        "  <mtu\n     size='big'/>\n  <mtu size='1'/><rom\tfile=\"size='1'\" bar='maybe'/>\n</interface>",
        "1:26 KN511 @odd",
        "3:8 KN510 mac.@address",
        "5:3 KN514 source.@bridge",
        "7:6 KN510 mtu.@size",
        "8:3 KN513 mtu",
        "8:23 KN510 rom.@file",
        "8:39 KN510 rom.@bar",
    ),
    "a name that is in a value, too": (
        nic("<driver name='queues' queues='x' event_idx = 'y'/>"),
        "2:9 KN510 driver.@name",
        "2:23 KN510 driver.@queues",
        "2:34 KN510 driver.@event_idx",
    ),
}
TABLES: dict[str, Mapping[str, tuple[str, ...]]] = {
    "unknown": UNKNOWN,
    "twice": TWICE,
    "value": VALUES,
    "lacking": LACKING,
    "together": TOGETHER,
    "kind": KINDS,
    "at once": ALL_AT_ONCE,
}
BAD = {
    f"{kind}: {name}": (text, list(problems))
    for kind, table in TABLES.items()
    for name, (text, *problems) in table.items()
}
ROOTS = {
    "a network": "<network/>",
    "a domain": "<domain/>",
    "a hostdev of USB": "<hostdev mode='subsystem' type='usb'/>",
    "a hostdev without a type": "<hostdev mode='subsystem'/>",
    "an interface of a namespace": "<interface xmlns='urn:x' type='user'/>",
}


def test_there_are_more_than_120() -> None:
    assert len(BAD) > 200


@pytest.mark.parametrize(("text", "problems"), BAD.values(), ids=BAD)
def test_strict_reading_tells_all_that_is_wrong_and_where(text: str, problems: list[str]) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        kvnet.read_device(text)
    told = []
    for problem in refused.value.problems:
        assert problem.place is not None
        path = ".".join(str(problem.at).split(".")[1:])
        told.append(f"{problem.place.line}:{problem.place.column} {problem.code} {path}".strip())
    assert told == problems


@pytest.mark.parametrize(("text", "problems"), BAD.values(), ids=BAD)
def test_without_loss_every_one_of_them_is_written_as_it_was(text: str, problems: list[str]) -> None:
    if problems == ["1:1 KN512"]:
        with pytest.raises(kvnet.XmlError):
            kvnet.read_device(text, lossless=True)
        return
    kept = kvnet.read_device(text, lossless=True)
    assert kvnet.write(kept) == text
    changed = kvnet.write(attrs.evolve(kept, boot_order=77))
    before, after = etree.fromstring(text), etree.fromstring(changed)
    for root in (before, after):
        take_out(root.find("boot"))
    assert shape(after) == shape(before)


def take_out(element: etree._Element | None) -> None:
    """Take an element out, and leave the text behind it where it is."""
    if element is None:
        return
    parent, previous, text = element.getparent(), element.getprevious(), element.tail or ""
    assert parent is not None
    if previous is None:
        parent.text = (parent.text or "") + text
    else:
        previous.tail = (previous.tail or "") + text
    parent.remove(element)


def shape(element: etree._Element) -> object:
    """An element but for the white space around it."""
    inside = [shape(each) if isinstance(each.tag, str) else etree.tostring(each).strip() for each in element]
    return element.tag, dict(element.attrib), (element.text or "").strip(), (element.tail or "").strip(), inside


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("text", ROOTS.values(), ids=ROOTS)
def test_what_is_no_network_device_is_refused(text: str, lossless: bool) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        kvnet.read_device(text, lossless=lossless)
    assert [problem.code for problem in refused.value.problems] == ["KN512"]
