"""The work that is measured: virtual machines with four NICs, no two of them alike.

NIC 1 is virtio on a tap, NIC 2 an e1000 on a tap, NIC 3 virtio on a bridge with its link down, and NIC 4 a
virtual function of an SR-IOV card. Names, MAC addresses and PCI addresses are each machine's own, so that keeping
whole texts is of no use.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from attrs import frozen

import kvnet
from kvnet.compiler.pod import PRIMARY_LINK, hashed_name
from kvnet.device import (
    BridgeSource,
    Device,
    Driver,
    EthernetSource,
    Hostdev,
    Interface,
    PciGuestAddress,
    PciHostAddress,
    Rom,
)
from kvnet.facts import PodLink
from kvnet.values import MacAddress, PciAddress

__all__ = ["Pci", "Vm", "devices", "facts", "manifest", "vms"]


class Pci(NamedTuple):
    """A PCI address, in numbers; written as ``0x0000``, ``0x00``, ``0x00`` and ``0x0``."""

    domain: int
    bus: int
    slot: int
    function: int

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function:x}"


@frozen(kw_only=True)
class Vm:
    """What one machine does not share with the others, and what it could say in another way than they.

    ``networks`` names the four networks of the manifest; the rest stands in the XML.
    """

    name: str
    networks: tuple[str, str, str, str]
    driver: str = "vhost"
    queues: int = 4
    managed: str = "no"
    pod_tap: str
    pod_mac: str
    pod_model: str = "virtio"
    pod_mtu: int = 1410
    pod_link: str = "up"
    pod_alias: str
    pod_rom: str = "no"
    lan_tap: str
    lan_mac: str
    lan_model: str = "e1000"
    lan_mtu: int = 1500
    lan_alias: str
    bridge: str = "br10"
    bridge_mac: str
    bridge_model: str = "virtio"
    bridge_link: str = "down"
    bridge_guest: Pci
    sriov_alias: str
    sriov_host: Pci
    sriov_guest: Pci


def vms(count: int) -> list[Vm]:
    """The first ``count`` machines; always the same. At most 65,536, for then the virtual functions run out."""
    if count > 0x10000:
        raise ValueError(f"{count} machines are more than there are virtual functions")
    return [_vm(n) for n in range(count)]


def _vm(n: int) -> Vm:
    networks = (f"pod-{n:05}", f"lan-{n:05}", f"bridge-{n:05}", f"vf-{n:05}")
    return Vm(
        name=f"vm-{n:05}",
        networks=networks,
        pod_tap=f"tap{n:05}p",
        pod_mac=_mac(3 * n),
        pod_alias=f"ua-{networks[0]}",
        lan_tap=f"tap{n:05}l",
        lan_mac=_mac(3 * n + 1),
        lan_alias=f"ua-{networks[1]}",
        bridge_mac=_mac(3 * n + 2),
        bridge_guest=Pci(0, 1 + n % 120, 0, 0),
        sriov_alias=f"ua-sriov-{networks[3]}",
        sriov_host=Pci(0, n >> 8, n >> 3 & 0x1F, n & 7),
        sriov_guest=Pci(0, 121 + n // 120 % 120, 0, 0),
    )


def _mac(n: int) -> str:
    return (0x525400000000 + n).to_bytes(6, "big").hex(":")


def devices(vm: Vm) -> tuple[Device, ...]:
    """The four NICs as kvnet's devices."""
    return (
        Interface(
            mac=MacAddress.parse(vm.pod_mac),
            source=EthernetSource(),
            target=vm.pod_tap,
            target_managed=False,
            model="virtio",
            driver=Driver(name="vhost", queues=vm.queues),
            link="up",
            mtu=vm.pod_mtu,
            alias=vm.pod_alias,
            rom=Rom(enabled=False),
        ),
        Interface(
            mac=MacAddress.parse(vm.lan_mac),
            source=EthernetSource(),
            target=vm.lan_tap,
            target_managed=False,
            model="e1000",
            mtu=vm.lan_mtu,
            alias=vm.lan_alias,
        ),
        Interface(
            mac=MacAddress.parse(vm.bridge_mac),
            source=BridgeSource(bridge=vm.bridge),
            model="virtio",
            driver=Driver(name="vhost", queues=vm.queues),
            link="down",
            address=PciGuestAddress(**vm.bridge_guest._asdict()),
        ),
        Hostdev(
            managed=False,
            source=PciHostAddress(**vm.sriov_host._asdict()),
            alias=vm.sriov_alias,
            address=PciGuestAddress(**vm.sriov_guest._asdict()),
        ),
    )


def manifest(vm: Vm) -> dict[str, Any]:
    """A VirtualMachineInstance with four such NICs."""
    pod, lan, bridge, sriov = vm.networks
    interfaces: list[dict[str, Any]] = [
        {"name": pod, "masquerade": {}, "model": "virtio", "macAddress": vm.pod_mac},
        {"name": lan, "bridge": {}, "model": "e1000", "macAddress": vm.lan_mac},
        {
            "name": bridge,
            "bridge": {},
            "model": "virtio",
            "macAddress": vm.bridge_mac,
            "state": "down",
            "pciAddress": str(vm.bridge_guest),
        },
        {"name": sriov, "sriov": {}, "pciAddress": str(vm.sriov_guest)},
    ]
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": vm.name, "namespace": "default"},
        "spec": {
            "domain": {
                "cpu": {"cores": vm.queues},
                "memory": {"guest": "1Gi"},
                "devices": {"networkInterfaceMultiqueue": True, "interfaces": interfaces},
            },
            "networks": [
                {"name": pod, "pod": {}},
                *({"name": name, "multus": {"networkName": f"default/{name}"}} for name in (lan, bridge, sriov)),
            ],
        },
    }


def facts(vm: Vm) -> kvnet.HostFacts:
    """What the host knows of that machine: the links of its pod, and its virtual function."""
    pod, lan, bridge, sriov = vm.networks
    return kvnet.HostFacts(
        architecture="amd64",
        links={
            pod: PodLink(name=PRIMARY_LINK, mac=MacAddress.parse(vm.pod_mac), mtu=vm.pod_mtu),
            lan: PodLink(name=hashed_name(lan), mac=MacAddress.parse(vm.lan_mac), mtu=vm.lan_mtu),
            bridge: PodLink(name=hashed_name(bridge), mac=MacAddress.parse(vm.bridge_mac), mtu=vm.lan_mtu),
        },
        pci_addresses={sriov: PciAddress.parse(str(vm.sriov_host))},
    )
