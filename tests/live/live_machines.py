"""Machines for domains that run: NICs in user mode, which any host has, and root ports to plug them into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from machines import nic, pod, vmi

import kvnet
from kvnet import HostFacts, Profile
from kvnet.device import Interface
from kvnet.spec import Machine

__all__ = ["FACTS", "HOST", "devices", "domain", "links", "machine"]

FACTS = HostFacts(libvirt_networks=())
HOST = Profile.HOST
_NATIVE = (
    "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-global'/>"
    "<qemu:arg value='ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'/></qemu:commandline>"
)
"""PCI Express' own hotplug: what was plugged into a port that no guest has switched on is unplugged without a guest."""


def machine(*nics: dict[str, Any], name: str = "vm") -> Machine:
    """A machine of 64 MiB; libvirt does not mind how many NICs are on the pod network."""
    networks = [pod(each["name"]) for each in nics]
    devices = {} if nics else {"autoattachPodInterface": False}
    loaded = kvnet.load(vmi(list(nics), networks, devices=devices, domain={"memory": {"guest": "64Mi"}}))
    return attrs.evolve(loaded, name=name)


def domain(asked: Machine, *, ports: int = 4) -> str:
    """A domain that starts on any host, with this many free root ports."""
    compiled = kvnet.compile(asked, kvnet.Target(facts=FACTS, profile=HOST))
    text = kvnet.build(asked, kvnet.Target(virt_type="qemu"), compiled.xml(), name=asked.name)
    express = sum(isinstance(each, Interface) and each.model != "e1000" for each in compiled.devices)
    controllers = "<controller type='pci' index='0' model='pcie-root'/>" + "".join(
        f"<controller type='pci' index='{n}' model='pcie-root-port'/>" for n in range(1, 1 + ports + express)
    )
    others = "<controller type='usb' model='none'/><memballoon model='none'/>"
    return text.replace("</devices>", f"{controllers}{others}</devices>").replace("</domain>", f"{_NATIVE}</domain>")


def devices(domain_xml: str) -> dict[str, Interface]:
    """A domain's NICs by their names."""
    found = kvnet.read_domain(domain_xml, lossless=True)
    return {str(each.alias).removeprefix("ua-"): each for each in found if isinstance(each, Interface)}


def links(found: Iterable[Interface]) -> list[str]:
    return [each.link or "up" for each in found]


def plugged(name: str, **members: Any) -> dict[str, Any]:
    return nic(name, "masquerade", **members)
