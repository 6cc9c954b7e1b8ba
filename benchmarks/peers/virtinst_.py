"""virtinst, the library of virt-manager and virt-install: objects over a libxml2 document each.

``render`` makes the objects and writes them; setting a property checks nothing, and makes no connection to
libvirt. It is no distribution of PyPI's, and its modules are taken from where Debian puts them, if this is
the Python that Debian's C extensions are made for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from work import Vm

__all__ = ["LEAVES_OUT", "NAME", "render"]

NAME = "virtinst, objects made and written"

LEAVES_OUT = ("/interface/target/@managed", "/interface/rom")

_VIRTINST = Path("/usr/share/virt-manager")
_DEBIAN = Path("/usr/lib/python3/dist-packages")


@contextmanager
def _debians_modules() -> Iterator[None]:
    """Debian's modules come last, and only for what virtinst imports."""
    if not (_VIRTINST / "virtinst").is_dir():
        raise ImportError(f"{_VIRTINST} has no virtinst")
    if not (_DEBIAN / f"gi/_gi{EXTENSION_SUFFIXES[0]}").exists():
        raise ImportError(f"Debian's python3-gi is not made for Python {sys.version_info[0]}.{sys.version_info[1]}")
    before = list(sys.path)
    sys.path += [str(_VIRTINST), str(_DEBIAN)]
    try:
        yield
    except ValueError as error:
        # so gi tells that a typelib is not there
        raise ImportError(str(error)) from error
    finally:
        sys.path[:] = before


with _debians_modules():
    from virtinst import DeviceHostdev, DeviceInterface


def render(vm: Vm) -> list[str]:
    """From the values to virtinst's objects, and on to text."""
    return [nic.get_xml() for nic in (_pod(vm), _lan(vm), _bridge(vm), _sriov(vm))]


def _pod(vm: Vm) -> Any:
    nic = DeviceInterface(None)
    nic.type = "ethernet"
    nic.macaddr = vm.pod_mac
    nic.target_dev = vm.pod_tap
    nic.model = "virtio"
    nic.driver_name = "vhost"
    nic.driver_queues = vm.queues
    nic.link_state = "up"
    nic.mtu_size = vm.pod_mtu
    nic.alias.name = vm.pod_alias
    return nic


def _lan(vm: Vm) -> Any:
    nic = DeviceInterface(None)
    nic.type = "ethernet"
    nic.macaddr = vm.lan_mac
    nic.target_dev = vm.lan_tap
    nic.model = "e1000"
    nic.mtu_size = vm.lan_mtu
    nic.alias.name = vm.lan_alias
    return nic


def _bridge(vm: Vm) -> Any:
    nic = DeviceInterface(None)
    nic.type = "bridge"
    nic.macaddr = vm.bridge_mac
    nic.bridge = vm.bridge
    nic.model = "virtio"
    nic.driver_name = "vhost"
    nic.driver_queues = vm.queues
    nic.link_state = "down"
    nic.address.type = "pci"
    nic.address.domain, nic.address.bus, nic.address.slot, nic.address.function = vm.bridge_guest
    return nic


def _sriov(vm: Vm) -> Any:
    domain, bus, slot, function = vm.sriov_host
    nic = DeviceHostdev(None)
    nic.mode = "subsystem"
    nic.type = "pci"
    nic.managed = False
    nic.domain = f"0x{domain:04x}"
    nic.bus = f"0x{bus:02x}"
    nic.slot = f"0x{slot:02x}"
    nic.function = f"0x{function:x}"
    nic.alias.name = vm.sriov_alias
    nic.address.type = "pci"
    nic.address.domain, nic.address.bus, nic.address.slot, nic.address.function = vm.sriov_guest
    return nic
