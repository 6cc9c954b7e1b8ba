"""Live domains, and what a guest's agent says in them, in short."""

from __future__ import annotations

from typing import Any

__all__ = ["agent_link", "domain", "nic_xml", "vf_xml"]


def domain(*devices: str) -> str:
    """A domain of devices."""
    return f"<domain type='kvm'><name>vm</name><devices>{''.join(devices)}</devices></domain>"


def nic_xml(name: str, mac: str = "", *, queues: int | None = None, link: str | None = None, model: str = "") -> str:
    """An ``<interface>`` as KubeVirt's domains have it."""
    parts = [f"<alias name='ua-{name}'/>"]
    parts += [f"<mac address='{mac}'/>"] if mac else []
    parts += [f"<driver name='vhost' queues='{queues}'/>"] if queues else []
    parts += [f"<link state='{link}'/>"] if link else []
    parts += [f"<model type='{model}'/>"] if model else []
    return f"<interface type='ethernet'>{''.join(parts)}</interface>"


def vf_xml(name: str) -> str:
    """A ``<hostdev>`` of a virtual function."""
    address = "<address domain='0x0000' bus='0x81' slot='0x00' function='0x1'/>"
    return f"<hostdev type='pci' managed='no'><source>{address}</source><alias name='ua-sriov-{name}'/></hostdev>"


def agent_link(name: str, mac: str, *ips: str) -> dict[str, Any]:
    """A link in the agent's report."""
    addresses = [{"ip-address": ip, "ip-address-type": "ipv6" if ":" in ip else "ipv4", "prefix": 24} for ip in ips]
    return {"name": name, "hardware-address": mac, "ip-addresses": addresses}
