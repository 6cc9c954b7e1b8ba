"""Root ports that KubeVirt keeps for hotplug."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

import kvnet
from kvnet.errors import Rejected
from kvnet.hotplug import (
    extra_controllers,
    extra_ports,
    has_hotplug_ports,
    hotplug_off,
    placeholder_nics,
    placeholders,
)
from replays.trees import tree

__all__ = ["hotplug_ports", "pci_hotplug_off"]

Case = dict[str, Any]
Difference = tuple[str, Any, Any]


def hotplug_ports(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine = kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance"} | given["vmi"])
    domain = given["domainXML"]
    yield "supportsPCIeHotplug", expected["supportsPCIeHotplug"], has_hotplug_ports(machine)
    try:
        extra = extra_ports(machine, domain)
        made = placeholders(machine)
    except Rejected:
        yield "error", bool(expected.get("error")), True
        return
    yield "error", bool(expected.get("error")), False
    yield "placeholders", expected["placeholders"], made
    yield "extraControllers", expected["extraControllers"], extra
    wanted = [tree(etree.fromstring(each)) for each in expected.get("placeholderXML") or ()]
    yield "placeholderXML", wanted, [tree(etree.fromstring(each)) for each in placeholder_nics(machine)]
    controllers = [etree.fromstring(each) for each in extra_controllers(domain, extra)]
    yield (
        "appendedRootPortIndices",
        expected.get("appendedRootPortIndices") or [],
        [each.get("index") for each in controllers],
    )


def pci_hotplug_off(case: Case) -> Iterator[Difference]:
    expected = case["expected"]
    ports = hotplug_off(case["input"]["domainXML"])
    yield "hotplugOffIndices", expected.get("hotplugOffIndices") or [], list(map(str, ports.off))
    yield "otherRootPortIndices", expected.get("otherRootPortIndices") or [], list(map(str, ports.on))
