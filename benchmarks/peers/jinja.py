"""Jinja2 with autoescape: one template for each NIC, compiled beforehand. Straight from the values to text."""

from __future__ import annotations

from jinja2 import Environment

from work import Vm

__all__ = ["NAME", "render"]

NAME = "jinja2, autoescape"


def _pci(name: str) -> str:
    """The attributes of an address; a macro would cost a call of its own."""
    digits = {"domain": "%04x", "bus": "%02x", "slot": "%02x", "function": "%x"}
    return " ".join(f"{part}='0x{{{{ '{form}' % {name}.{part} }}}}'" for part, form in digits.items())


_SOURCES = {
    "pod": (
        "<interface type='ethernet'><mac address='{{ vm.pod_mac }}'/>"
        "<target dev='{{ vm.pod_tap }}' managed='no'/><model type='virtio'/>"
        "<driver name='vhost' queues='{{ vm.queues }}'/><link state='up'/><mtu size='{{ vm.pod_mtu }}'/>"
        "<alias name='{{ vm.pod_alias }}'/><rom enabled='no'/></interface>"
    ),
    "lan": (
        "<interface type='ethernet'><mac address='{{ vm.lan_mac }}'/>"
        "<target dev='{{ vm.lan_tap }}' managed='no'/><model type='e1000'/>"
        "<mtu size='{{ vm.lan_mtu }}'/><alias name='{{ vm.lan_alias }}'/></interface>"
    ),
    "bridge": (
        "<interface type='bridge'><mac address='{{ vm.bridge_mac }}'/><source bridge='{{ vm.bridge }}'/>"
        "<model type='virtio'/><driver name='vhost' queues='{{ vm.queues }}'/><link state='down'/>"
        f"<address type='pci' {_pci('vm.bridge_guest')}/></interface>"
    ),
    "sriov": (
        "<hostdev mode='subsystem' type='pci' managed='no'><source>"
        f"<address {_pci('vm.sriov_host')}/></source>"
        "<alias name='{{ vm.sriov_alias }}'/>"
        f"<address type='pci' {_pci('vm.sriov_guest')}/></hostdev>"
    ),
}
_ENVIRONMENT = Environment(autoescape=True)
_TEMPLATES = [_ENVIRONMENT.from_string(source) for source in _SOURCES.values()]


def render(vm: Vm) -> list[str]:
    """Straight from the values to text."""
    return [template.render(vm=vm) for template in _TEMPLATES]
