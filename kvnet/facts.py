"""Host facts: what is known of the place where a machine will run. Frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from kvnet.spec.cluster import BindingPlugin
from kvnet.values import MacAddress, PciAddress

__all__ = ["Confidential", "HostFacts", "PodLink", "PodNetwork"]


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


@frozen(kw_only=True, slots=False)
class PodLink:
    """The link of a network inside the pod; ``tap`` names its tap, or says whether KubeVirt's is there."""

    name: str | None = None
    mac: MacAddress | None = None
    mtu: int | None = None
    tap: str | bool = True


@frozen(kw_only=True, slots=False)
class PodNetwork:
    """One entry of Multus' network-status: what the CNI plugin of ``name`` gave the pod on ``interface``."""

    name: str | None = None
    interface: str | None = None
    mac: MacAddress | None = None
    mtu: int | None = None
    pci_address: PciAddress | None = None
    default: bool = False


@frozen(kw_only=True, slots=False)
class HostFacts:
    """What is known. ``None`` is "not known", and an empty mapping "known to be none".

    ``links`` and ``pci_addresses`` are by network name, ``claims`` (devices of resource claims) by
    ``claimName/requestName``, ``binding_plugins`` by the name they are registered under.
    """

    architecture: str | None = None
    launch_security: Confidential | None = None
    links: Mapping[str, PodLink] | None = None
    pci_addresses: Mapping[str, PciAddress] | None = None
    claims: Mapping[str, PciAddress] = field(factory=dict)
    pod_networks: tuple[PodNetwork, ...] | None = None
    binding_plugins: Mapping[str, BindingPlugin] | None = None
    libvirt_version: str | None = None
    libvirt_networks: tuple[str, ...] | None = None
