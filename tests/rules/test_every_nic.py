"""What is wrong with one NIC is told wherever it stands: rules go on after NICs that they have nothing to say of."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from advice import BRIDGE, nad
from machines import claim, multus, nic, pod, vmi
from rules.test_admission import REFUSED
from rules.test_advice import WARNED

import kvnet
from kvnet import ClusterConfig, Problem

Json = dict[str, Any]
Found = list[tuple[str, tuple[str | int, ...]]]

NICS, NETWORKS = ("domain", "devices", "interfaces"), ("networks",)
OTHERS = (
    nic("other-plain"),
    nic("other-absent", state="absent", macAddress="02:00:00:00:0f:03"),
    nic("other-sriov", "sriov"),
    nic("other-full", macAddress="02:00:00:00:0f:01", acpiIndex=901, bootOrder=901, pciAddress="0000:09:01.0"),
    nic("other-down", model="e1000", state="down", macAddress="02:00:00:00:0f:02"),
)
"""NICs that nothing is said of; each of them is one that some rule passes by."""

ROWS: dict[str, tuple[Json, ClusterConfig]] = {
    **{name: (row.machine, row.cluster) for name, row in REFUSED.items() if "resourceClaim" not in str(row.machine)},
    **{f"warned: {name}": (machine, ClusterConfig()) for name, (machine, _) in WARNED.items()},
}
"""Bad machines; resource claims are refused beside other networks, and nothing else is said of them then."""


def inner(machine: Json) -> Json:
    """The part of a manifest that has networks."""
    spec: Json = machine["spec"]
    while "networks" not in spec:
        spec = next(spec[key] for key in ("virtualMachineTemplate", "template", "spec") if key in spec)
    return spec


def with_others(machine: Json) -> Json:
    """The machine with the other NICs in front of its own."""
    made = copy.deepcopy(machine)
    spec = inner(made)
    spec["domain"]["devices"]["interfaces"][:0] = copy.deepcopy(OTHERS)
    spec["networks"][:0] = [multus(each["name"]) for each in OTHERS]
    return made


def told(machine: Json, cluster: ClusterConfig) -> Found:
    """The findings on one NIC or one network, with their paths."""
    return [(each.code, each.at.parts) for each in _problems(machine, cluster) if _place(each.at.parts) is not None]


def _problems(machine: Json, cluster: ClusterConfig) -> tuple[Problem, ...]:
    return tuple(kvnet.check(kvnet.load(machine), kvnet.Target(cluster=cluster)))


def _place(parts: tuple[str | int, ...]) -> int | None:
    """Where the number of the NIC or network stands in a path."""
    return next((place for place, part in enumerate(parts) if isinstance(part, int)), None)


def moved(found: Found) -> Found:
    return [(code, _moved(parts)) for code, parts in found]


def _moved(parts: tuple[str | int, ...]) -> tuple[str | int, ...]:
    place = _place(parts)
    assert place is not None
    number = parts[place]
    assert isinstance(number, int)
    return (*parts[:place], number + len(OTHERS), *parts[place + 1 :])


@pytest.mark.parametrize(("machine", "cluster"), ROWS.values(), ids=ROWS)
def test_a_bad_nic_is_told_behind_others_too(machine: Json, cluster: ClusterConfig) -> None:
    expected = moved(told(machine, cluster))
    found = told(with_others(machine), cluster)
    assert [each for each in expected if each not in found] == []


PLUGINS = ClusterConfig(binding_plugins={})
CLAIMS = ClusterConfig(feature_gates=frozenset({"NetworkDevicesWithDRA"}))


def claimed(first: Json, second: Json, *bindings: str) -> Json:
    nics = [nic(name, binding) for name, binding in zip("ab", bindings, strict=True)]
    claims = [{"name": "card", "resourceClaimName": "card"}]
    return vmi(nics, [claim("a", **first), claim("b", **second)], spec={"resourceClaims": claims})


SECONDS: dict[str, tuple[Json, ClusterConfig, str, str]] = {
    "a plugin that is not registered, after a bridge": (
        vmi([nic("a"), {"name": "b", "binding": {"name": "x"}}], [multus("a"), multus("b")]),
        PLUGINS,
        "KN928",
        "domain.devices.interfaces[1].binding.name",
    ),
    "a claim that a bridge cannot bind, after one that sriov binds": (
        claimed(
            {"claimName": "card", "requestName": "a"}, {"claimName": "card", "requestName": "b"}, "sriov", "bridge"
        ),
        CLAIMS,
        "KN120",
        "domain.devices.interfaces",
    ),
    "a claim that is not listed, after one that names no request": (
        claimed({"claimName": "card"}, {"claimName": "other", "requestName": "b"}, "sriov", "sriov"),
        CLAIMS,
        "KN123",
        "networks[1].resourceClaim.claimName",
    ),
    "a port's name that is taken, after a port without a name": (
        vmi(
            [nic(binding="masquerade", ports=[{"port": 1}, {"name": "x", "port": 2}, {"name": "x", "port": 3}])],
            [pod()],
        ),
        ClusterConfig(),
        "KN132",
        "domain.devices.interfaces[0].ports[2].name",
    ),
    "an ACPI index that is taken, after a NIC without one": (
        vmi([nic("a"), nic("b", acpiIndex=3), nic("c", acpiIndex=3)], [multus("a"), multus("b"), multus("c")]),
        ClusterConfig(),
        "KN907",
        "domain.devices.interfaces[2].acpiIndex",
    ),
}


@pytest.mark.parametrize(("machine", "cluster", "code", "field"), SECONDS.values(), ids=SECONDS)
def test_the_second_is_told_as_well(machine: Json, cluster: ClusterConfig, code: str, field: str) -> None:
    assert (code, f"spec.{field}") in [(each.code, each.field) for each in _problems(machine, cluster)]


PTP = nad({"type": "ptp"}, name="ptp")
ON_NADS: dict[str, tuple[Json, str, str]] = {
    "a NAD that is not there, after the pod network": (
        vmi([nic("a", "masquerade"), nic("b")], [pod("a"), multus("b", networkName="missing")]),
        "KN914",
        "spec.networks[1].multus.networkName",
    ),
    "a MAC address that a plugin does not set, after a bridge": (
        vmi([nic("a"), nic("b", macAddress="02:00:00:00:00:01")], [multus("a"), multus("b", networkName="ptp")]),
        "KN916",
        "spec.domain.devices.interfaces[1].macAddress",
    ),
    "a default network without an address, after another network": (
        vmi([nic("a"), nic("b")], [multus("a"), multus("b", default=True)]),
        "KN917",
        "spec.networks[1].multus.networkName",
    ),
}


@pytest.mark.parametrize(("machine", "code", "field"), ON_NADS.values(), ids=ON_NADS)
def test_the_second_network_is_told_as_well(machine: Json, code: str, field: str) -> None:
    target = kvnet.Target(nads=(nad(BRIDGE), PTP))
    assert (code, field) in [(each.code, each.field) for each in kvnet.check(kvnet.load(machine), target)]
