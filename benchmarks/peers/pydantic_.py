"""pydantic-xml: pydantic models with a place for each attribute and element, written through an lxml tree.

``render`` makes the models, whose types pydantic checks (its core is Rust), and writes them.
"""

from __future__ import annotations

from pydantic_xml import BaseXmlModel, attr, element

from work import Pci, Vm

__all__ = ["NAME", "render"]

NAME = "pydantic-xml, models made and written"


class Mac(BaseXmlModel):
    address: str | None = attr(default=None)


class Source(BaseXmlModel):
    bridge: str | None = attr(default=None)


class Target(BaseXmlModel):
    dev: str | None = attr(default=None)
    managed: str | None = attr(default=None)


class Model(BaseXmlModel):
    type: str | None = attr(default=None)


class Driver(BaseXmlModel):
    name: str | None = attr(default=None)
    queues: int | None = attr(default=None)


class Link(BaseXmlModel):
    state: str | None = attr(default=None)


class Mtu(BaseXmlModel):
    size: int | None = attr(default=None)


class Alias(BaseXmlModel):
    name: str | None = attr(default=None)


class Rom(BaseXmlModel):
    enabled: str | None = attr(default=None)


class Address(BaseXmlModel):
    type: str | None = attr(default=None)
    domain: str | None = attr(default=None)
    bus: str | None = attr(default=None)
    slot: str | None = attr(default=None)
    function: str | None = attr(default=None)


class HostdevSource(BaseXmlModel):
    address: Address | None = element(default=None)


class Interface(BaseXmlModel, tag="interface"):
    type: str | None = attr(default=None)
    mac: Mac | None = element(default=None)
    source: Source | None = element(default=None)
    target: Target | None = element(default=None)
    model: Model | None = element(default=None)
    driver: Driver | None = element(default=None)
    link: Link | None = element(default=None)
    mtu: Mtu | None = element(default=None)
    alias: Alias | None = element(default=None)
    rom: Rom | None = element(default=None)
    address: Address | None = element(default=None)


class Hostdev(BaseXmlModel, tag="hostdev"):
    mode: str | None = attr(default=None)
    type: str | None = attr(default=None)
    managed: str | None = attr(default=None)
    source: HostdevSource | None = element(default=None)
    alias: Alias | None = element(default=None)
    address: Address | None = element(default=None)


def render(vm: Vm) -> list[str]:
    """From the values to models, and on to text."""
    return [
        str(nic.to_xml(skip_empty=True, encoding="unicode")) for nic in (_pod(vm), _lan(vm), _bridge(vm), _sriov(vm))
    ]


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
