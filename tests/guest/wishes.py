"""What a manifest asks of its NICs, and the way from there to a domain and to what its guest sees."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import HostFacts, Requirement
from kvnet.device import Device, Interface
from kvnet.facts import PodLink
from kvnet.values import MacAddress

__all__ = ["Compiled", "Wish", "compiled"]


@frozen(kw_only=True)
class Wish:
    """One interface of a manifest; ``mtu`` is its pod link's."""

    name: str
    model: str | None
    mtu: int
    mac: MacAddress
    state: str | None = None
    acpi_index: int | None = None
    pci_address: str | None = None
    boot_order: int | None = None
    binding: str = "bridge"

    def interface(self) -> dict[str, Any]:
        """The entry of the manifest."""
        members = {
            "model": self.model,
            "macAddress": str(self.mac),
            "state": self.state,
            "acpiIndex": self.acpi_index,
            "pciAddress": self.pci_address,
            "bootOrder": self.boot_order,
        }
        return nic(self.name, self.binding, **{key: value for key, value in members.items() if value is not None})

    def network(self) -> dict[str, Any]:
        """A masquerading NIC is on the pod's own network, any other on a secondary one."""
        return pod(self.name) if self.binding == "masquerade" else multus(self.name)


@frozen(kw_only=True)
class Compiled:
    """A domain, and the taps that it wants to find."""

    domain_xml: str
    requirements: tuple[Requirement, ...]


def compiled(wishes: Sequence[Wish], *, cores: int, devices: Mapping[str, Any]) -> Compiled:
    """The way of a manifest through kvnet: load, check, compile, write, build."""
    domain = {"cpu": {"cores": cores}, "memory": {"guest": "384Mi"}}
    interfaces, networks = [wish.interface() for wish in wishes], [wish.network() for wish in wishes]
    machine = kvnet.load(vmi(interfaces, networks, devices=dict(devices), domain=domain))
    errors = [problem for problem in kvnet.check(machine) if problem.is_error]
    assert errors == []
    # each run has its own taps, for several may run at a time
    links = {
        wish.name: PodLink(name=wish.name, mtu=wish.mtu, tap=f"t{os.getpid()}-{n}") for n, wish in enumerate(wishes)
    }
    result = kvnet.compile(machine, kvnet.Target(facts=HostFacts(architecture="amd64", links=links)))
    # emulation, which is everywhere and everywhere the same
    xml = kvnet.build(
        machine,
        kvnet.Target(virt_type="qemu"),
        [kvnet.write(_startable(device)) for device in result.devices],
        name=f"kvnet-guest-{os.getpid()}",
    )
    return Compiled(domain_xml=xml, requirements=result.requirements)


def _startable(device: Device) -> Device:
    """libvirt starts no NIC that asks for vhost where the host has none; the guest sees no difference."""
    if Path("/dev/vhost-net").exists() or not isinstance(device, Interface) or device.driver is None:
        return device
    return attrs.evolve(device, driver=attrs.evolve(device.driver, name="qemu"))
