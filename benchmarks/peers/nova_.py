"""OpenStack nova's classes for libvirt's XML: objects with a ``format_dom`` each, which make an lxml tree.

``render`` makes the objects and writes them, without the line breaks that nova adds for its log. They are
written without any check. Importing them imports nova's whole driver, which is why nova is not among what the
other peers need.
"""

from __future__ import annotations

import warnings

from work import Vm

with warnings.catch_warnings():
    # nova's libraries warn of each other
    warnings.simplefilter("ignore")
    from nova.virt.libvirt.config import LibvirtConfigGuestHostdevPCI, LibvirtConfigGuestInterface

__all__ = ["LEAVES_OUT", "NAME", "render"]

NAME = "nova, objects made and written"

# It reads them and drops them, or does not know them.
LEAVES_OUT = ("/*/alias", "/*/address", "/interface/link", "/interface/rom")


def render(vm: Vm) -> list[str]:
    """From the values to nova's objects, and on to text."""
    nics = (_pod(vm), _lan(vm), _bridge(vm), _sriov(vm))
    return [nic.to_xml(pretty_print=False) for nic in nics]


def _pod(vm: Vm) -> LibvirtConfigGuestInterface:
    nic = LibvirtConfigGuestInterface()
    nic.net_type = "ethernet"
    nic.mac_addr = vm.pod_mac
    nic.target_dev = vm.pod_tap
    nic.managed = "no"
    nic.model = "virtio"
    nic.driver_name = "vhost"
    nic.vhost_queues = vm.queues
    nic.mtu = vm.pod_mtu
    return nic


def _lan(vm: Vm) -> LibvirtConfigGuestInterface:
    nic = LibvirtConfigGuestInterface()
    nic.net_type = "ethernet"
    nic.mac_addr = vm.lan_mac
    nic.target_dev = vm.lan_tap
    nic.managed = "no"
    nic.model = "e1000"
    nic.mtu = vm.lan_mtu
    return nic


def _bridge(vm: Vm) -> LibvirtConfigGuestInterface:
    nic = LibvirtConfigGuestInterface()
    nic.net_type = "bridge"
    nic.mac_addr = vm.bridge_mac
    nic.source_dev = vm.bridge
    nic.model = "virtio"
    nic.driver_name = "vhost"
    nic.vhost_queues = vm.queues
    return nic


def _sriov(vm: Vm) -> LibvirtConfigGuestHostdevPCI:
    domain, bus, slot, function = vm.sriov_host
    nic = LibvirtConfigGuestHostdevPCI()
    nic.managed = "no"
    nic.domain = f"{domain:04x}"
    nic.bus = f"{bus:02x}"
    nic.slot = f"{slot:02x}"
    nic.function = f"{function:x}"
    return nic
