"""VMs for many to be made of, and some of each kind that cannot be rendered."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["BAD", "lines", "vm"]


def vm(n: int, *, mac: str | None = None, network: str = "default/lan", **status: Any) -> dict[str, Any]:
    """A VMI with two NICs; its MAC address in the secondary network is its own unless one is given."""
    mac = mac or f"52:54:00:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
    made = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": f"vm-{n}", "namespace": "fleet"},
        "spec": {
            "domain": {
                "memory": {"guest": "1Gi"},
                "devices": {
                    "interfaces": [
                        {"name": "pod", "masquerade": {}},
                        {"name": "lan", "bridge": {}, "macAddress": mac},
                    ]
                },
            },
            "networks": [{"name": "pod", "pod": {}}, {"name": "lan", "multus": {"networkName": network}}],
        },
    }
    return made | ({"status": status} if status else {})


def lines(vms: list[Any]) -> bytes:
    """The VMs as NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in vms)


def _without(vm: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in vm.items() if name != key}


BAD: dict[str, tuple[Any, str]] = {
    "neither YAML nor JSON": ('{"kind": "Virtual', "KN001"),
    "no text at all": (b"\xff\xfe\xfa", "KN001"),
    "half a character": ("\ud800: 1", "KN701"),
    "empty": ("", "KN009"),
    "a path": ("/etc/hostname", "KN011"),
    "a key twice": ('{"kind": "VirtualMachine", "kind": "VirtualMachine"}', "KN002"),
    "an unknown field": (vm(1) | {"spec": {"domain": {}, "networks": [{"name": "pod", "pod": {"cidr": ""}}]}}, "KN003"),
    "without spec": (_without(vm(1), "spec"), "KN005"),
    "another kind": ({"apiVersion": "v1", "kind": "Pod"}, "KN009"),
    "two in one": ([vm(1), vm(2)], "KN700"),
    "nothing": (None, "KN700"),
    "a number": (7, "KN700"),
    "refused by admission": (vm(1, mac="not a MAC"), "KN130"),
    "not compiled": (vm(1) | {"spec": {**vm(1)["spec"], "domain": {"devices": {"interfaces": [
        {"name": "pod", "masquerade": {}}, {"name": "lan", "sriov": {}}]}}}}, "KN302"),
    "with facts that are none": ((vm(1), {"linsk": {}}), "KN022"),
    "with facts of no type": ((vm(1), 7), "KN700"),
}  # fmt: skip
"""By what is wrong: a VM, and the code of its first problem."""
