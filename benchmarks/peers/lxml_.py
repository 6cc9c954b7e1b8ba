"""lxml: a tree of SubElements, serialised by libxml2. Straight from the values to the tree; no object, no check."""

from __future__ import annotations

from lxml import etree
from lxml.etree import SubElement

from work import Pci, Vm

__all__ = ["NAME", "render"]

NAME = "lxml, SubElement and tostring"


def render(vm: Vm) -> list[str]:
    """From the values to a tree, and on to text."""
    return [etree.tostring(tree, encoding="unicode") for tree in (_pod(vm), _lan(vm), _bridge(vm), _sriov(vm))]


def _pod(vm: Vm) -> etree._Element:
    root = etree.Element("interface", type="ethernet")
    SubElement(root, "mac", address=vm.pod_mac)
    SubElement(root, "target", dev=vm.pod_tap, managed="no")
    SubElement(root, "model", type="virtio")
    SubElement(root, "driver", name="vhost", queues=str(vm.queues))
    SubElement(root, "link", state="up")
    SubElement(root, "mtu", size=str(vm.pod_mtu))
    SubElement(root, "alias", name=vm.pod_alias)
    SubElement(root, "rom", enabled="no")
    return root


def _lan(vm: Vm) -> etree._Element:
    root = etree.Element("interface", type="ethernet")
    SubElement(root, "mac", address=vm.lan_mac)
    SubElement(root, "target", dev=vm.lan_tap, managed="no")
    SubElement(root, "model", type="e1000")
    SubElement(root, "mtu", size=str(vm.lan_mtu))
    SubElement(root, "alias", name=vm.lan_alias)
    return root


def _bridge(vm: Vm) -> etree._Element:
    root = etree.Element("interface", type="bridge")
    SubElement(root, "mac", address=vm.bridge_mac)
    SubElement(root, "source", bridge=vm.bridge)
    SubElement(root, "model", type="virtio")
    SubElement(root, "driver", name="vhost", queues=str(vm.queues))
    SubElement(root, "link", state="down")
    SubElement(root, "address", {"type": "pci"} | _pci(vm.bridge_guest))
    return root


def _sriov(vm: Vm) -> etree._Element:
    root = etree.Element("hostdev", mode="subsystem", type="pci", managed="no")
    SubElement(SubElement(root, "source"), "address", _pci(vm.sriov_host))
    SubElement(root, "alias", name=vm.sriov_alias)
    SubElement(root, "address", {"type": "pci"} | _pci(vm.sriov_guest))
    return root


def _pci(address: Pci) -> dict[str, str]:
    domain, bus, slot, function = address
    return {
        "domain": f"0x{domain:04x}",
        "bus": f"0x{bus:02x}",
        "slot": f"0x{slot:02x}",
        "function": f"0x{function:x}",
    }
