"""Jinja2 with autoescape: one template for NICs of every kind, compiled beforehand, as launchers keep one.

It asks of each part whether the NIC has it, for a template cannot know. The values of the NICs come as mappings,
which are made from the same plain values that the others take.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment

from work import Pci, Vm

__all__ = ["NAME", "render"]

NAME = "jinja2, autoescape"

_PCI = "".join(
    f" {part}='0x{{{{ '{form}' % NAME.{part} }}}}'"
    for part, form in {"domain": "%04x", "bus": "%02x", "slot": "%02x", "function": "%x"}.items()
)
_SOURCE = """\
{% for nic in nics %}\
{% if nic.host is defined %}\
<hostdev mode='subsystem' type='pci' managed='{{ nic.managed }}'><source><address HOST/></source>\
<alias name='{{ nic.alias }}'/>\
{% if nic.address is defined %}<address type='pci' ADDRESS/>{% endif %}</hostdev>
{% else %}\
<interface type='{{ nic.type }}'>\
{% if nic.mac is defined %}<mac address='{{ nic.mac }}'/>{% endif %}\
{% if nic.bridge is defined %}<source bridge='{{ nic.bridge }}'/>{% endif %}\
{% if nic.tap is defined %}<target dev='{{ nic.tap }}' managed='{{ nic.managed }}'/>{% endif %}\
{% if nic.model is defined %}<model type='{{ nic.model }}'/>{% endif %}\
{% if nic.driver is defined %}<driver name='{{ nic.driver }}' queues='{{ nic.queues }}'/>{% endif %}\
{% if nic.link is defined %}<link state='{{ nic.link }}'/>{% endif %}\
{% if nic.mtu is defined %}<mtu size='{{ nic.mtu }}'/>{% endif %}\
{% if nic.alias is defined %}<alias name='{{ nic.alias }}'/>{% endif %}\
{% if nic.rom is defined %}<rom enabled='{{ nic.rom }}'/>{% endif %}\
{% if nic.address is defined %}<address type='pci' ADDRESS/>{% endif %}\
</interface>
{% endif %}{% endfor %}""".replace(" HOST", _PCI.replace("NAME", "nic.host")).replace(
    " ADDRESS", _PCI.replace("NAME", "nic.address")
)
_TEMPLATE = Environment(autoescape=True).from_string(_SOURCE)

Nic = dict[str, str | int | Pci]


def render(vm: Vm) -> list[str]:
    """From the values to text, by way of a mapping for each NIC."""
    return _TEMPLATE.render(nics=_nics(vm)).splitlines()


def _nics(vm: Vm) -> list[Nic]:
    shared: dict[str, Any] = {"driver": vm.driver, "queues": vm.queues, "managed": vm.managed}
    return [
        {
            "type": "ethernet",
            "mac": vm.pod_mac,
            "tap": vm.pod_tap,
            "model": vm.pod_model,
            "link": vm.pod_link,
            "mtu": vm.pod_mtu,
            "alias": vm.pod_alias,
            "rom": vm.pod_rom,
            **shared,
        },
        {
            "type": "ethernet",
            "mac": vm.lan_mac,
            "tap": vm.lan_tap,
            "managed": vm.managed,
            "model": vm.lan_model,
            "mtu": vm.lan_mtu,
            "alias": vm.lan_alias,
        },
        {
            "type": "bridge",
            "mac": vm.bridge_mac,
            "bridge": vm.bridge,
            "model": vm.bridge_model,
            "link": vm.bridge_link,
            "address": vm.bridge_guest,
            **shared,
        },
        {"managed": vm.managed, "host": vm.sriov_host, "alias": vm.sriov_alias, "address": vm.sriov_guest},
    ]
