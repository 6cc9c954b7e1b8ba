"""The floor: one f-string for each NIC, with MarkupSafe's escape, which is written in C.

Whatever a device can say in another way is a value here, and every text is escaped, as an author who does not know
where the texts come from has to do. ``escape`` itself gives a Markup, whose formatting costs more than all the rest,
so the function beneath it is called, from str to str. There is no object, no check, and nothing optional: another
shape of NIC would be another f-string.
"""

from __future__ import annotations

from markupsafe._speedups import _escape_inner as escape

from work import Vm

__all__ = ["NAME", "render"]

NAME = "f-string, escaped in C"


def render(vm: Vm) -> list[str]:
    """Straight from the values to text."""
    return [_pod(vm), _lan(vm), _bridge(vm), _sriov(vm)]


def _pod(vm: Vm) -> str:
    return (
        f"<interface type='ethernet'><mac address='{escape(vm.pod_mac)}'/>"
        f"<target dev='{escape(vm.pod_tap)}' managed='{escape(vm.managed)}'/><model type='{escape(vm.pod_model)}'/>"
        f"<driver name='{escape(vm.driver)}' queues='{vm.queues}'/><link state='{escape(vm.pod_link)}'/>"
        f"<mtu size='{vm.pod_mtu}'/>"
        f"<alias name='{escape(vm.pod_alias)}'/><rom enabled='{escape(vm.pod_rom)}'/></interface>"
    )


def _lan(vm: Vm) -> str:
    return (
        f"<interface type='ethernet'><mac address='{escape(vm.lan_mac)}'/>"
        f"<target dev='{escape(vm.lan_tap)}' managed='{escape(vm.managed)}'/><model type='{escape(vm.lan_model)}'/>"
        f"<mtu size='{vm.lan_mtu}'/><alias name='{escape(vm.lan_alias)}'/></interface>"
    )


def _bridge(vm: Vm) -> str:
    domain, bus, slot, function = vm.bridge_guest
    return (
        f"<interface type='bridge'><mac address='{escape(vm.bridge_mac)}'/><source bridge='{escape(vm.bridge)}'/>"
        f"<model type='{escape(vm.bridge_model)}'/><driver name='{escape(vm.driver)}' queues='{vm.queues}'/>"
        f"<link state='{escape(vm.bridge_link)}'/>"
        f"<address type='pci' domain='0x{domain:04x}' bus='0x{bus:02x}' slot='0x{slot:02x}'"
        f" function='0x{function:x}'/></interface>"
    )


def _sriov(vm: Vm) -> str:
    domain, bus, slot, function = vm.sriov_host
    guest_domain, guest_bus, guest_slot, guest_function = vm.sriov_guest
    return (
        f"<hostdev mode='subsystem' type='pci' managed='{escape(vm.managed)}'><source><address domain='0x{domain:04x}'"
        f" bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x{function:x}'/></source>"
        f"<alias name='{escape(vm.sriov_alias)}'/><address type='pci' domain='0x{guest_domain:04x}'"
        f" bus='0x{guest_bus:02x}' slot='0x{guest_slot:02x}' function='0x{guest_function:x}'/></hostdev>"
    )
