"""The models of NICs that KubeVirt admits, and where libvirt puts each in the guest.

``newer=`` of the model in ``kvnet/device/devices.py`` has the release of libvirt that came with each younger one.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONVENTIONAL_MODELS", "MODELS"]

MODELS: Final = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
"""KubeVirt's models (``pkg/network/admitter``), as ``interfaces[].model`` spells them."""

CONVENTIONAL_MODELS: Final = (None, "e1000", "rtl8139", "virtio-transitional")
"""libvirt's models that take a slot of a PCI bridge on q35, with no model meaning rtl8139; all others take a root port.

Measured with libvirt 9.0, which puts ne2k_pci and pcnet on root ports too.
"""
