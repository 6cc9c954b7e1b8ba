"""Apply an instancetype to a machine that does not conflict with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from kvnet.instancetypes.topology import factors_of
from kvnet.spec import (
    Cpu,
    Domain,
    Instancetype,
    InstancetypeCpu,
    InstancetypeMemory,
    InstancetypeSpec,
    Machine,
    Memory,
    Preference,
    Resources,
)
from kvnet.values import quantity_ceil

__all__ = ["with_instancetype"]


def with_instancetype(machine: Machine, instancetype: Instancetype, preference: Preference | None) -> Machine:
    """The machine with the size and the annotations of an instancetype, its vCPUs as the preference has them.

    Sources: KubeVirt's ``pkg/instancetype/apply``.
    """
    spec, old = instancetype.spec, machine.spec
    domain = evolve(
        _with_memory(old.domain, spec.memory),
        cpu=_cpu(old.domain.cpu or Cpu(), spec.cpu, preference),
        launch_security=spec.launch_security or old.domain.launch_security,
        devices=evolve(old.domain.devices, rest=_with(old.domain.devices.rest, _of_devices(spec))),
        rest=_with(old.domain.rest, {"ioThreads": spec.io_threads, "ioThreadsPolicy": spec.io_threads_policy}),
    )
    rest = _with(old.rest, {"nodeSelector": spec.node_selector, "schedulerName": spec.scheduler_name or None})
    annotations = {**machine.annotations, **spec.annotations}
    return evolve(machine, annotations=annotations, spec=evolve(old, domain=domain, rest=rest))


def _with(rest: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {**rest, **{key: value for key, value in given.items() if value is not None}}


def _of_devices(spec: InstancetypeSpec) -> dict[str, Any]:
    return {"gpus": list(spec.gpus) or None, "hostDevices": list(spec.host_devices) or None}


def _cpu(cpu: Cpu, given: InstancetypeCpu, preference: Preference | None) -> Cpu:
    factors = factors_of(given.guest, preference)
    kept = {
        "isolateEmulatorThread": given.isolate_emulator_thread,
        "numa": given.numa,
        "realtime": given.realtime,
    }
    placement = given.dedicated_cpu_placement
    return evolve(
        cpu,
        sockets=factors.sockets,
        cores=factors.cores,
        threads=factors.threads,
        model=cpu.model if given.model is None else given.model,
        max_sockets=cpu.max_sockets if given.max_sockets is None else given.max_sockets,
        dedicated_cpu_placement=cpu.dedicated_cpu_placement if placement is None else placement,
        rest=_with(cpu.rest, kept),
    )


def _with_memory(domain: Domain, given: InstancetypeMemory) -> Domain:
    old = domain.memory or Memory()
    rest = _with(old.rest, {"maxGuest": given.max_guest, "hugepages": given.hugepages})
    memory = evolve(old, guest=given.guest, rest=rest)
    percent = given.overcommit_percent or 0
    if percent <= 0:
        return evolve(domain, memory=memory)
    resources = domain.resources or Resources()
    requests = {**resources.requests, "memory": _overcommitted(given.guest, percent)}
    return evolve(domain, memory=memory, resources=evolve(resources, requests=requests))


def _overcommitted(guest: str | int, percent: int) -> str:
    """The bytes that the pod requests. KubeVirt computes them with 32-bit floats, whose error is in the 7th digit."""
    return str(quantity_ceil(str(guest)) * (100 - percent) // 100)
