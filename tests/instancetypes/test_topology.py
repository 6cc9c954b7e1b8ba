"""The vCPUs of an instancetype as sockets, cores and threads, and memory as bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instancetypes.given import expansion, given_vm, told
from tables import rows

from kvnet.instancetypes.topology import Factors, factors_of, spread_fault
from kvnet.spec import Preference, PreferenceCpu, PreferenceSpec, SpreadOptions

ACROSS = ("SocketsCores", "CoresThreads", "SocketsCoresThreads")


def preference(
    topology: str | None, across: str | None = None, ratio: int | None = None, older: int | None = None
) -> Preference:
    options = SpreadOptions(across=across, ratio=ratio)
    cpu = PreferenceCpu(preferred_cpu_topology=topology, spread_options=options)
    return Preference(name="p", spec=PreferenceSpec(cpu=cpu, prefer_spread_socket_to_core_ratio=older))


FACTORS: dict[str, tuple[int, Preference | None, tuple[int, int, int]]] = {
    "without a preference, vCPUs are sockets": (8, None, (8, 1, 1)),
    "without a topology, vCPUs are sockets": (8, preference(None), (8, 1, 1)),
    "sockets": (8, preference("sockets"), (8, 1, 1)),
    "cores": (8, preference("cores"), (1, 8, 1)),
    "threads": (8, preference("threads"), (1, 1, 8)),
    "any means sockets": (8, preference("any"), (8, 1, 1)),
    "an older name": (8, preference("preferCores"), (1, 8, 1)),
    "spread over sockets and cores, two cores each": (8, preference("spread"), (4, 2, 1)),
    "spread in the ratio of the options": (8, preference("spread", ratio=4, older=8), (2, 4, 1)),
    "spread in the older ratio": (8, preference("preferSpread", older=4), (2, 4, 1)),
    "a ratio of 0 counts as none": (8, preference("spread", ratio=0, older=0), (4, 2, 1)),
    "spread over cores and threads": (8, preference("spread", "CoresThreads"), (1, 4, 2)),
    "spread over all three": (16, preference("spread", "SocketsCoresThreads", 4), (2, 4, 2)),
    "a single vCPU is not spread": (1, preference("spread"), (1, 1, 1)),
    "a topology that does not exist gives one vCPU": (8, preference("towers"), (1, 1, 1)),
    "an empty topology does not exist": (8, preference(""), (1, 1, 1)),
    "a spread that does not exist gives one vCPU": (8, preference("spread", "Towers"), (1, 1, 1)),
}


@pytest.mark.parametrize(("guest", "preferred", "factors"), rows(FACTORS))
def test_vcpus_become_what_the_preference_says(
    guest: int, preferred: Preference | None, factors: tuple[int, int, int]
) -> None:
    sockets, cores, threads = factors
    assert factors_of(guest, preferred) == Factors(sockets=sockets, cores=cores, threads=threads)


@given(st.integers(2, 512), st.sampled_from(ACROSS), st.integers(1, 8))
def test_what_can_be_spread_has_as_many_vcpus_as_the_instancetype(guest: int, across: str, ratio: int) -> None:
    preferred = preference("spread", across, ratio)
    factors = factors_of(guest, preferred)
    assert (factors.sockets * factors.cores * factors.threads == guest) is (spread_fault(guest, preferred) is None)


def test_one_vcpu_cannot_be_spread_although_it_would_not_be() -> None:
    assert spread_fault(1, preference("spread"))
    assert not spread_fault(1, preference("spread", "CoresThreads", 1))
    assert spread_fault(1, preference("spread", "SocketsCoresThreads", 1))


def test_vcpus_that_cannot_be_spread_are_told_alone() -> None:
    given = given_vm(
        {"domain": {"cpu": {"cores": 2}}},
        instancetype={"cpu": {"guest": 3}},
        preference={"cpu": {"preferredCPUTopology": "spread"}},
    )
    assert told(given) == [("KN212", "instancetype.spec.cpu.guest", "FieldValueInvalid")]


def test_an_instancetype_of_no_vcpus_keeps_its_zero() -> None:
    cpu = expansion(given_vm(instancetype={"cpu": {"guest": 0}})).machine.spec.domain.cpu
    assert cpu is not None
    assert (cpu.sockets, cpu.cores, cpu.threads) == (0, 1, 1)


MEMORY: dict[str, tuple[dict[str, Any], str | None]] = {
    "no overcommit": ({"guest": "1Gi"}, None),
    "an overcommit of nothing": ({"guest": "1Gi", "overcommitPercent": 0}, None),
    "a third less, to the byte": ({"guest": "1500M", "overcommitPercent": 33}, "1005000000"),
    "everything": ({"guest": "1Gi", "overcommitPercent": 100}, "0"),
}


@pytest.mark.parametrize(("memory", "request_"), rows(MEMORY))
def test_the_memory_request_is_less_by_the_overcommitted_part(memory: dict[str, Any], request_: str | None) -> None:
    domain = expansion(given_vm(instancetype={"memory": memory})).machine.spec.domain
    assert domain.memory is not None
    assert domain.memory.guest == memory["guest"]
    assert (domain.resources.requests.get("memory") if domain.resources else None) == request_
