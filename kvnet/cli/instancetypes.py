"""``kvnet instancetypes``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, write
from kvnet.cli.report import Report
from kvnet.errors import Rejected
from kvnet.instancetypes.topology import preferred_topology
from kvnet.spec import Instancetype, Preference, PreferenceDevices, Requirements

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """List the instancetypes and preferences that machines may refer to."""
    _, target = inputs.read_manifest(arguments, report)
    found: Sequence[Instancetype | Preference] = (*target.instancetypes, *target.preferences)
    named = [each for each in found if arguments.name in (None, each.name)]
    if found and not named:
        raise Rejected([inputs.not_named("instancetype or preference", "first ones", arguments.name, found)])
    instancetypes = [_of_instancetype(each) for each in named if isinstance(each, Instancetype)]
    preferences = [_of_preference(each) for each in named if isinstance(each, Preference)]
    if arguments.output != "text":
        write({"instancetypes": instancetypes, "preferences": preferences}, arguments.output)
        return CLEAN
    print("\n".join(_tables(instancetypes, preferences)))
    return CLEAN


def _of_instancetype(instancetype: Instancetype) -> dict[str, Any]:
    cpu, memory = instancetype.spec.cpu, instancetype.spec.memory
    return _given(
        kind=instancetype.kind,
        name=instancetype.name,
        namespace=instancetype.namespace,
        vcpus=cpu.guest,
        memory=memory.guest,
        maxSockets=cpu.max_sockets,
        dedicatedCPUPlacement=cpu.dedicated_cpu_placement,
        overcommitPercent=memory.overcommit_percent,
    )


def _of_preference(preference: Preference) -> dict[str, Any]:
    spec = preference.spec
    devices, required = spec.devices or PreferenceDevices(), spec.requirements or Requirements()
    return _given(
        kind=preference.kind,
        name=preference.name,
        namespace=preference.namespace,
        interfaceModel=devices.preferred_interface_model,
        interfaceMasquerade=devices.preferred_interface_masquerade is not None or None,
        networkInterfaceMultiQueue=devices.preferred_network_interface_multi_queue,
        useVirtioTransitional=devices.preferred_use_virtio_transitional,
        autoattachPodInterface=devices.preferred_autoattach_pod_interface,
        cpuTopology=preferred_topology(preference),
        architecture=spec.preferred_architecture,
        requiredVcpus=required.cpu and required.cpu.guest,
        requiredMemory=required.memory and required.memory.guest,
        requiredArchitecture=required.architecture,
    )


def _given(**facts: Any) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


_INSTANCETYPE_COLUMNS = {"INSTANCETYPE": "name", "VCPUS": "vcpus", "MEMORY": "memory"}
_PREFERENCE_COLUMNS = {
    "PREFERENCE": "name",
    "MODEL": "interfaceModel",
    "MASQUERADE": "interfaceMasquerade",
    "MULTIQUEUE": "networkInterfaceMultiQueue",
    "TRANSITIONAL": "useVirtioTransitional",
    "DEFAULT NIC": "autoattachPodInterface",
    "VCPUS AS": "cpuTopology",
    "ARCHITECTURE": "architecture",
}


def _tables(instancetypes: Sequence[dict[str, Any]], preferences: Sequence[dict[str, Any]]) -> Iterator[str]:
    if instancetypes or not preferences:
        yield from _table(instancetypes, _INSTANCETYPE_COLUMNS)
    if instancetypes and preferences:
        yield ""
    if preferences:
        yield from _table(preferences, _PREFERENCE_COLUMNS)


def _table(entries: Sequence[dict[str, Any]], columns: dict[str, str]) -> Iterator[str]:
    rows = [tuple(columns), *(tuple(_cell(entry, key) for key in columns.values()) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key, "-")
    if key == "name" and entry.get("namespace"):
        return f"{entry['namespace']}/{value}"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
