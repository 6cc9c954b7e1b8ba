"""The models of NICs that KubeVirt admits, and where libvirt puts each in the guest."""

from __future__ import annotations

from typing import Final

__all__ = ["EXPRESS_MODELS", "MODELS"]

MODELS: Final = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
"""KubeVirt's models (``pkg/network/admitter``), as ``interfaces[].model`` spells them."""

EXPRESS_MODELS: Final = ("virtio", "virtio-non-transitional", "e1000e", "igb")
"""libvirt's models that are PCI Express devices and take a root port; the others take a slot of a PCI bridge.

Measured with libvirt 9.0.
"""
