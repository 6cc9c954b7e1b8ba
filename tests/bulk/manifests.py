"""VMIs as plain data, and one of each kind that cannot be rendered."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["BAD", "lines", "vmi"]


def vmi(n: int, *, mac: str | None = None, network: str = "default/lan", **status: Any) -> dict[str, Any]:
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


def lines(vmis: list[Any]) -> bytes:
    """The VMIs as NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in vmis)


def _without(data: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}


BAD: dict[str, tuple[Any, str]] = {
    "neither YAML nor JSON": ('{"kind": "Virtual', "KN001"),
    "no text at all": (b"\xff\xfe\xfa", "KN001"),
    "half a character": ("\ud800: 1", "KN001"),
    "empty": ("", "KN009"),
    "a path": ("/etc/hostname", "KN009"),
    "a key twice": ('{"kind": "VirtualMachine", "kind": "VirtualMachine"}', "KN002"),
    "an unknown field": (
        vmi(1) | {"spec": {"domain": {"devices": {}}, "networks": [{"name": "n", "pod": {"cidr": ""}}]}},
        "KN003",
    ),
    "without spec": (_without(vmi(1), "spec"), "KN005"),
    "another kind": ({"apiVersion": "v1", "kind": "Pod"}, "KN009"),
    "two in one": ([vmi(1), vmi(2)], "KN700"),
    "nothing": (None, "KN700"),
    "a number": (7, "KN700"),
    "refused by admission": (vmi(1, mac="not a MAC"), "KN130"),
    "not compiled": (vmi(1) | {"spec": {**vmi(1)["spec"], "domain": {"devices": {"interfaces": [
        {"name": "pod", "masquerade": {}}, {"name": "lan", "sriov": {}}]}}}}, "KN302"),
    "with facts that are none": ((vmi(1), {"linsk": {}}), "KN022"),
    "with facts of no type": ((vmi(1), 7), "KN700"),
}  # fmt: skip
"""By what is wrong: a machine in some form, and the code of its first problem."""
