"""What a template must leave to its instancetype, and does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvnet.errors import Cause, FieldPath, Problem
from kvnet.spec import TEMPLATES, Cpu, Devices, Domain, Instancetype, InstancetypeSpec, Machine, Memory, Resources

__all__ = ["annotation_conflicts", "conflicts"]

_NO_CPU, _NO_MEMORY, _NO_RESOURCES = Cpu(), Memory(), Resources()
_Found = Iterator[tuple[str | int, ...]]


def conflicts(machine: Machine, instancetype: Instancetype) -> Iterator[Problem]:
    """An error (``KN211``) for each field of the spec that both set, as KubeVirt's webhook reports it.

    The fields of CPU topology and CPU resources conflict with any instancetype, those of memory likewise, and of those
    of memory one is told. Sources: KubeVirt's ``pkg/instancetype/apply``.
    """
    spec, domain = instancetype.spec, machine.spec.domain
    for path in (*_of_cpu(domain, spec), *_of_memory(domain, spec), *_of_others(machine, spec)):
        at = FieldPath((*machine.root.parts, *path))
        # KubeVirt spells this field as the instancetype has it
        parts = tuple("dedicatedCPUPlacement" if part == "dedicatedCpuPlacement" else part for part in at.parts)
        yield _conflict(at, instancetype, Cause.INVALID, FieldPath(parts))


def annotation_conflicts(
    machine: Machine, instancetype: Instancetype, annotations: Mapping[str, str], cause: Cause | None
) -> Iterator[Problem]:
    """An error (``KN211``) for each annotation of the instancetype that ``annotations`` have with another value."""
    at = FieldPath((*TEMPLATES[machine.kind], "metadata", "annotations"))
    for key, value in instancetype.spec.annotations.items():
        if annotations.get(key, value) != value:
            yield _conflict(at / key, instancetype, cause, FieldPath(("annotations", key)))


def _conflict(at: FieldPath, instancetype: Instancetype, cause: Cause | None, reported_at: FieldPath) -> Problem:
    message = f"{at.parts[-1]} conflicts with the instancetype '{instancetype.name}'"
    hint = "remove it, or the instancetype"
    return Problem(at, "KN211", message, hint=hint, cause=cause, reported_at=reported_at if reported_at != at else None)


def _of_cpu(domain: Domain, spec: InstancetypeSpec) -> _Found:
    cpu, resources = domain.cpu or _NO_CPU, domain.resources or _NO_RESOURCES
    for name, quantities in (("requests", resources.requests), ("limits", resources.limits)):
        if "cpu" in quantities:
            yield ("domain", "resources", name, "cpu")
    both = (
        ("sockets", cpu.sockets, True),
        ("cores", cpu.cores, True),
        ("threads", cpu.threads, True),
        ("model", cpu.model, spec.cpu.model is not None),
        ("dedicatedCpuPlacement", cpu.dedicated_cpu_placement, spec.cpu.dedicated_cpu_placement is not None),
        ("isolateEmulatorThread", cpu.rest.get("isolateEmulatorThread"), spec.cpu.isolate_emulator_thread is not None),
        ("numa", cpu.rest.get("numa") is not None, spec.cpu.numa is not None),
        ("realtime", cpu.rest.get("realtime") is not None, spec.cpu.realtime is not None),
    )
    for name, asked, given in both:
        if asked and given:
            yield ("domain", "cpu", name)


def _of_memory(domain: Domain, spec: InstancetypeSpec) -> _Found:
    """The first field of memory that conflicts; KubeVirt tells no other."""
    memory, resources = domain.memory or _NO_MEMORY, domain.resources or _NO_RESOURCES
    if memory.guest is not None:
        yield ("domain", "memory", "guest")
    elif memory.rest.get("hugepages") is not None and spec.memory.hugepages is not None:
        yield ("domain", "memory", "hugepages")
    elif memory.rest.get("maxGuest") is not None and spec.memory.max_guest is not None:
        yield ("domain", "memory", "maxGuest")
    elif "memory" in resources.requests:
        yield ("domain", "resources", "requests", "memory")
    elif "memory" in resources.limits:
        yield ("domain", "resources", "limits", "memory")


def _of_others(machine: Machine, spec: InstancetypeSpec) -> _Found:
    domain, rest = machine.spec.domain, machine.spec.rest
    devices: Devices = domain.devices
    threads = "supplementalPoolThreadCount"
    both: tuple[tuple[tuple[str, ...], Any, Any], ...] = (
        (("nodeSelector",), rest.get("nodeSelector") is not None, spec.node_selector is not None),
        (("schedulerName",), rest.get("schedulerName"), spec.scheduler_name),
        (("domain", "devices", "gpus"), devices.rest.get("gpus"), spec.gpus),
        (("domain", "devices", "hostDevices"), devices.rest.get("hostDevices"), spec.host_devices),
        (
            ("domain", "ioThreadsPolicy"),
            domain.rest.get("ioThreadsPolicy") is not None,
            spec.io_threads_policy is not None,
        ),
        (("domain", "ioThreads", threads), _has(domain.rest.get("ioThreads"), threads), _has(spec.io_threads, threads)),
        (("domain", "launchSecurity"), domain.launch_security is not None, spec.launch_security is not None),
    )
    for path, asked, given in both:
        if asked and given:
            yield path


def _has(holder: Any, key: str) -> bool:
    return isinstance(holder, Mapping) and holder.get(key) is not None
