"""xsdata: dataclasses with a name for each attribute and element, written by its XmlSerializer.

``render`` makes the objects and writes them; xsdata checks neither their types nor their values. The classes
are written by hand, as xsdata generates them from a schema, with what the four NICs need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig

from work import Pci, Vm

__all__ = ["NAME", "render"]

NAME = "xsdata, objects made and written"


def _attribute() -> Any:
    return field(default=None, metadata={"type": "Attribute"})


def _element() -> Any:
    return field(default=None, metadata={"type": "Element"})


@dataclass
class Mac:
    address: str | None = _attribute()


@dataclass
class Source:
    bridge: str | None = _attribute()


@dataclass
class Target:
    dev: str | None = _attribute()
    managed: str | None = _attribute()


@dataclass
class Model:
    type: str | None = _attribute()


@dataclass
class Driver:
    name: str | None = _attribute()
    queues: int | None = _attribute()


@dataclass
class Link:
    state: str | None = _attribute()


@dataclass
class Mtu:
    size: int | None = _attribute()


@dataclass
class Alias:
    name: str | None = _attribute()


@dataclass
class Rom:
    enabled: str | None = _attribute()


@dataclass
class Address:
    type: str | None = _attribute()
    domain: str | None = _attribute()
    bus: str | None = _attribute()
    slot: str | None = _attribute()
    function: str | None = _attribute()


@dataclass
class HostdevSource:
    address: Address | None = _element()


@dataclass
class Interface:
    class Meta:
        name = "interface"

    type: str | None = _attribute()
    mac: Mac | None = _element()
    source: Source | None = _element()
    target: Target | None = _element()
    model: Model | None = _element()
    driver: Driver | None = _element()
    link: Link | None = _element()
    mtu: Mtu | None = _element()
    alias: Alias | None = _element()
    rom: Rom | None = _element()
    address: Address | None = _element()


@dataclass
class Hostdev:
    class Meta:
        name = "hostdev"

    mode: str | None = _attribute()
    type: str | None = _attribute()
    managed: str | None = _attribute()
    source: HostdevSource | None = _element()
    alias: Alias | None = _element()
    address: Address | None = _element()


_SERIALIZER = XmlSerializer(config=SerializerConfig(xml_declaration=False))


def render(vm: Vm) -> list[str]:
    """From the values to dataclasses, and on to text."""
    return [_SERIALIZER.render(nic) for nic in (_pod(vm), _lan(vm), _bridge(vm), _sriov(vm))]


def _pod(vm: Vm) -> Interface:
    return Interface(
        type="ethernet",
        mac=Mac(address=vm.pod_mac),
        target=Target(dev=vm.pod_tap, managed="no"),
        model=Model(type="virtio"),
        driver=Driver(name="vhost", queues=vm.queues),
        link=Link(state="up"),
        mtu=Mtu(size=vm.pod_mtu),
        alias=Alias(name=vm.pod_alias),
        rom=Rom(enabled="no"),
    )


def _lan(vm: Vm) -> Interface:
    return Interface(
        type="ethernet",
        mac=Mac(address=vm.lan_mac),
        target=Target(dev=vm.lan_tap, managed="no"),
        model=Model(type="e1000"),
        mtu=Mtu(size=vm.lan_mtu),
        alias=Alias(name=vm.lan_alias),
    )


def _bridge(vm: Vm) -> Interface:
    return Interface(
        type="bridge",
        mac=Mac(address=vm.bridge_mac),
        source=Source(bridge=vm.bridge),
        model=Model(type="virtio"),
        driver=Driver(name="vhost", queues=vm.queues),
        link=Link(state="down"),
        address=_pci(vm.bridge_guest, "pci"),
    )


def _sriov(vm: Vm) -> Hostdev:
    return Hostdev(
        mode="subsystem",
        type="pci",
        managed="no",
        source=HostdevSource(address=_pci(vm.sriov_host)),
        alias=Alias(name=vm.sriov_alias),
        address=_pci(vm.sriov_guest, "pci"),
    )


def _pci(address: Pci, kind: str | None = None) -> Address:
    domain, bus, slot, function = address
    return Address(
        type=kind,
        domain=f"0x{domain:04x}",
        bus=f"0x{bus:02x}",
        slot=f"0x{slot:02x}",
        function=f"0x{function:x}",
    )
