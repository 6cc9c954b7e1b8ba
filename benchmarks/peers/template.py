"""``string.Template`` of the standard library, which has no escape of its own: names go through MarkupSafe's.

Straight from the values to text, as the f-string does; see there for what is escaped.
"""

from __future__ import annotations

from string import Template

from markupsafe._speedups import _escape_inner as escape

from work import Vm

__all__ = ["NAME", "render"]

NAME = "string.Template, escaped in C"

_POD = Template(
    "<interface type='ethernet'><mac address='$mac'/><target dev='$tap' managed='no'/><model type='virtio'/>"
    "<driver name='vhost' queues='$queues'/><link state='up'/><mtu size='$mtu'/><alias name='$alias'/>"
    "<rom enabled='no'/></interface>"
)
_LAN = Template(
    "<interface type='ethernet'><mac address='$mac'/><target dev='$tap' managed='no'/><model type='e1000'/>"
    "<mtu size='$mtu'/><alias name='$alias'/></interface>"
)
_BRIDGE = Template(
    "<interface type='bridge'><mac address='$mac'/><source bridge='$bridge'/><model type='virtio'/>"
    "<driver name='vhost' queues='$queues'/><link state='down'/>"
    "<address type='pci' domain='$domain' bus='$bus' slot='$slot' function='$function'/></interface>"
)
_SRIOV = Template(
    "<hostdev mode='subsystem' type='pci' managed='no'><source>"
    "<address domain='$domain' bus='$bus' slot='$slot' function='$function'/></source><alias name='$alias'/>"
    "<address type='pci' domain='$guest_domain' bus='$guest_bus' slot='$guest_slot' function='$guest_function'/>"
    "</hostdev>"
)


def render(vm: Vm) -> list[str]:
    """Straight from the values to text."""
    return [_pod(vm), _lan(vm), _bridge(vm), _sriov(vm)]


def _pod(vm: Vm) -> str:
    tap, alias = escape(vm.pod_tap), escape(vm.pod_alias)
    return _POD.substitute(mac=vm.pod_mac, tap=tap, queues=vm.queues, mtu=vm.pod_mtu, alias=alias)


def _lan(vm: Vm) -> str:
    return _LAN.substitute(mac=vm.lan_mac, tap=escape(vm.lan_tap), mtu=vm.lan_mtu, alias=escape(vm.lan_alias))


def _bridge(vm: Vm) -> str:
    domain, bus, slot, function = vm.bridge_guest
    return _BRIDGE.substitute(
        mac=vm.bridge_mac,
        bridge=escape(vm.bridge),
        queues=vm.queues,
        domain=f"0x{domain:04x}",
        bus=f"0x{bus:02x}",
        slot=f"0x{slot:02x}",
        function=f"0x{function:x}",
    )


def _sriov(vm: Vm) -> str:
    domain, bus, slot, function = vm.sriov_host
    guest_domain, guest_bus, guest_slot, guest_function = vm.sriov_guest
    return _SRIOV.substitute(
        domain=f"0x{domain:04x}",
        bus=f"0x{bus:02x}",
        slot=f"0x{slot:02x}",
        function=f"0x{function:x}",
        alias=escape(vm.sriov_alias),
        guest_domain=f"0x{guest_domain:04x}",
        guest_bus=f"0x{guest_bus:02x}",
        guest_slot=f"0x{guest_slot:02x}",
        guest_function=f"0x{guest_function:x}",
    )
