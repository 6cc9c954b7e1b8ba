"""Host facts: what is known of the place where a machine will run. Frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from kvnet.spec.cluster import Plugins
from kvnet.spec.wire import Architecture, BriefRepr, Release, UInt32, mapping
from kvnet.values import MacAddress, PciAddress

__all__ = ["MACVTAP_MODES", "Confidential", "HostFacts", "HostNetwork", "Mtu", "PodLink", "PodNetwork"]

MACVTAP_MODES: Final = ("bridge", "passthrough", "private", "vepa")
"""The modes of a macvtap, in libvirt's words."""
Mtu = UInt32
"""A link's MTU in bytes."""


class Confidential(StrEnum):
    """Kinds of confidential computing; TDX counts as an ordinary guest where NICs are concerned."""

    SEV = "sev"
    SNP = "snp"
    TDX = "tdx"
    PV = "pv"

    @property
    def shields_memory(self) -> bool:
        """Whether virtio devices need the IOMMU platform flag (SEV, SNP, s390x Protected Virtualization)."""
        return self is not Confidential.TDX


@frozen(kw_only=True, slots=False, repr=False)
class PodLink(BriefRepr):
    """The link of a network inside the pod.

    - ``name``: of the kernel's link
    - ``mac``: its address, which a NIC on its tap without a ``macAddress`` takes over
    - ``mtu``: in bytes
    - ``tap``: the name of its tap; ``True`` for a tap that is named as KubeVirt does, ``False`` where there is none
    """

    name: str | None = None
    mac: MacAddress | None = None
    mtu: Mtu | None = None
    tap: str | bool = True


@frozen(kw_only=True, slots=False, repr=False)
class PodNetwork(BriefRepr):
    """One entry of Multus' network-status: what a CNI plugin gave the pod.

    - ``name``: of the NetworkAttachmentDefinition, as ``namespace/name``
    - ``interface``: the link's name in the pod
    - ``mac``: its address
    - ``mtu``: in bytes
    - ``ips``: its addresses, as text
    - ``pci_address``: of the virtual function, on the host
    - ``default``: whether it is the pod's primary network
    - ``device_info``: what the device plugin says of the device, in the words of the network-status
    """

    name: str | None = None
    interface: str | None = None
    mac: MacAddress | None = None
    mtu: Mtu | None = None
    ips: tuple[str, ...] = ()
    pci_address: PciAddress | None = None
    default: bool = False
    device_info: Mapping[str, Any] | None = mapping(default=None)


@frozen(kw_only=True, slots=False, repr=False)
class HostNetwork(BriefRepr):
    """What a network is on a plain libvirt host: one of its first five fields.

    - ``bridge``: a Linux bridge
    - ``ovs_bridge``: an Open vSwitch bridge
    - ``libvirt_network``: a network of libvirt; ``portgroup`` of that network
    - ``direct``: a link that gets a macvtap; ``mode`` of the macvtap in libvirt's words, such as ``bridge``
    - ``interface``: anything else, as the XML of an ``<interface>`` with its type, source and virtual port

    Raises ValueError where none of the five is given, or several, and for another mode.
    """

    bridge: str | None = None
    ovs_bridge: str | None = None
    libvirt_network: str | None = None
    direct: str | None = None
    interface: str | None = None
    portgroup: str | None = None
    mode: str | None = None

    def __attrs_post_init__(self) -> None:
        kinds = (self.bridge, self.ovs_bridge, self.libvirt_network, self.direct, self.interface)
        if len([each for each in kinds if each]) != 1:
            raise ValueError("a network is one of bridge, ovsBridge, libvirtNetwork, direct and interface")
        if self.portgroup is not None and self.libvirt_network is None:
            raise ValueError("only a libvirtNetwork has a portgroup")
        if self.mode is not None and self.direct is None:
            raise ValueError("only a direct network has a mode")
        if self.mode is not None and self.mode not in MACVTAP_MODES:
            raise ValueError(f"'{self.mode}' is no mode of a macvtap: it is one of {', '.join(MACVTAP_MODES)}")


@frozen(kw_only=True, slots=False, repr=False)
class HostFacts(BriefRepr):
    """What is known of a host. ``None`` means "not known", and an empty mapping "known to be none".

    - ``architecture``: in Kubernetes' words, such as ``amd64``
    - ``launch_security``: the kind of confidential computing that machines are launched with
    - ``links``: the pod's links, by network name
    - ``pci_addresses``: the host addresses of virtual functions, by network name
    - ``claims``: the host addresses of devices of resource claims, by ``claimName/requestName``
    - ``pod_networks``: the entries of Multus' network-status
    - ``binding_plugins``: by the name they are registered under
    - ``libvirt_version``: such as ``9.0.0``
    - ``qemu_version``: such as ``7.2.0``
    - ``libvirt_networks``: the names of libvirt's own networks on the host
    - ``networks``: what networks are on the host, by ``namespace/name`` of a NAD or by the name in ``spec.networks``
    """

    architecture: Architecture | None = None
    launch_security: Confidential | None = None
    links: Mapping[str, PodLink] | None = mapping(default=None)
    pci_addresses: Mapping[str, PciAddress] | None = mapping(default=None)
    claims: Mapping[str, PciAddress] = mapping()
    pod_networks: tuple[PodNetwork, ...] | None = None
    binding_plugins: Plugins | None = mapping(default=None)
    libvirt_version: Release | None = None
    qemu_version: Release | None = None
    libvirt_networks: tuple[str, ...] | None = None
    networks: Mapping[str, HostNetwork] = mapping()
