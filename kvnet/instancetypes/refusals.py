"""Tell why KubeVirt refuses an instancetype beside a template, a machine for its preference, or the two objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvnet.defaults import with_cpu_request, with_default_topology
from kvnet.errors import Cause, FieldPath, Problem, Rejected, Severity
from kvnet.instancetypes.references import Referred, reference_at
from kvnet.instancetypes.topology import ACROSS, TOPOLOGIES, preferred_topology, spread_fault, spread_of
from kvnet.spec import (
    TEMPLATES,
    Cpu,
    Domain,
    Instancetype,
    InstancetypeSpec,
    Machine,
    Memory,
    Preference,
    Requirements,
    Resources,
)
from kvnet.target import Target, architecture_of
from kvnet.values import quantity_ceil, quantity_text

__all__ = ["guest_memory", "refusals", "refused_objects", "unmet_requirement"]

_NO_CPU, _NO_MEMORY, _NO_RESOURCES = Cpu(), Memory(), Resources()
_Paths = Iterator[tuple[str | int, ...]]
_GENERATION = "kubevirt.io/vm-generation"
_LARGER = "choose a larger instancetype"
_COUNTED = {
    "sockets": ("sockets",),
    "cores": ("cores",),
    "threads": ("threads",),
    "any": ("cores", "sockets", "threads"),
}
"""The factors that count towards the vCPUs of a machine without an instancetype, by the preferred topology."""
_SPREAD = {
    "SocketsCores": ("sockets", "cores"),
    "CoresThreads": ("cores", "threads"),
    "SocketsCoresThreads": ("sockets", "cores", "threads"),
}
_Fault = tuple[str, str, str]
"""The field of the object, the fact, and the remedy."""
_PERCENT = 100
_THREADS_OF_A_CORE = 2


def refusals(machine: Machine, found: Referred) -> Iterator[Problem]:
    """Errors for an instancetype that cannot be applied: the webhook's reasons, else those of the controller alone.

    They are ``KN212`` for vCPUs that cannot be spread, and ``KN211`` for what the template sets, too.
    """
    instancetype = found.instancetype
    if instancetype is None:
        return
    fault = spread_fault(instancetype.spec.cpu.guest, found.preference)
    if fault:
        yield _spread_problem(machine, fault)
        return
    refused = [
        *_conflicts(machine, instancetype),
        *_annotation_conflicts(machine, instancetype, machine.annotations, Cause.INVALID),
    ]
    yield from refused or _controller_conflicts(machine, instancetype, found)


def _controller_conflicts(machine: Machine, instancetype: Instancetype, found: Referred) -> Iterator[Problem]:
    """Conflicts with the annotations that the controller itself has set: the VM is admitted, but never starts."""
    metadata = machine.around.get("metadata") or {}
    # the API server counts the changes of a VM from 1
    generation = {_GENERATION: str(metadata.get("generation", 1))}
    return _annotation_conflicts(machine, instancetype, {**generation, **found.annotations}, None)


def _spread_problem(machine: Machine, fault: str) -> Problem:
    at, hint = reference_at(machine, "instancetype"), "choose another instancetype, or another preference"
    reported_at = FieldPath(("instancetype", "spec", "cpu", "guest"))
    return Problem(at, "KN212", fault, hint=hint, cause=Cause.INVALID, reported_at=reported_at)


def _conflicts(machine: Machine, instancetype: Instancetype) -> Iterator[Problem]:
    """An error (``KN211``) for each field of the spec that both set, as KubeVirt's webhook reports it.

    The fields of CPU topology and CPU resources conflict with any instancetype, those of memory likewise, and of those
    of memory one is told. Sources: KubeVirt's ``pkg/instancetype/apply``.
    """
    spec, domain = instancetype.spec, machine.spec.domain
    for path in (*_cpu_conflicts(domain, spec), *_memory_conflict(domain, spec), *_other_conflicts(machine, spec)):
        at = FieldPath((*machine.root.parts, *path))
        # KubeVirt spells this field as the instancetype has it
        parts = tuple("dedicatedCPUPlacement" if part == "dedicatedCpuPlacement" else part for part in at.parts)
        yield _conflict(at, instancetype, Cause.INVALID, FieldPath(parts))


def _annotation_conflicts(
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


def _cpu_conflicts(domain: Domain, spec: InstancetypeSpec) -> _Paths:
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


def _memory_conflict(domain: Domain, spec: InstancetypeSpec) -> _Paths:
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


def _other_conflicts(machine: Machine, spec: InstancetypeSpec) -> _Paths:
    domain, rest = machine.spec.domain, machine.spec.rest
    devices = domain.devices
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


def unmet_requirement(
    machine: Machine, target: Target, instancetype: Instancetype | None, preference: Preference
) -> Problem | None:
    """The first requirement of a preference that a machine does not meet (``KN212``), or nothing.

    ``machine`` has its instancetype and preference applied. One whose instancetype is not known is asked for its
    architecture alone. Raises Rejected where its CPUs or its memory are no quantity. Sources: KubeVirt's
    ``pkg/instancetype/preference/requirements``.
    """
    wanted = preference.spec.requirements
    if wanted is None:
        return None
    is_unknown = machine.instancetype is not None and instancetype is None
    problem = None if is_unknown else _cpu_problem(machine, target, wanted, instancetype, preference)
    if problem is None and not is_unknown:
        problem = _memory_problem(machine, wanted, instancetype)
    return problem or _architecture_problem(machine, target, wanted)


def guest_memory(machine: Machine) -> str | None:
    """The guest's memory after KubeVirt's defaults, a quantity as written, or nothing where no field says it.

    The memory request stands in for it, else the limit, else the size of a huge page.
    """
    memory, resources = machine.spec.domain.memory, machine.spec.domain.resources or Resources()
    pages = memory.rest.get("hugepages") if memory else None
    given = (
        memory.guest if memory else None,
        resources.requests.get("memory"),
        resources.limits.get("memory"),
        pages.get("pageSize") if isinstance(pages, Mapping) else None,
    )
    return next((quantity_text(each) for each in given if each is not None), None)


def _cpu_problem(
    machine: Machine,
    target: Target,
    wanted: Requirements,
    instancetype: Instancetype | None,
    preference: Preference,
) -> Problem | None:
    if wanted.cpu is None:
        return None
    required = f"the preference requires {wanted.cpu.guest} vCPUs"
    if instancetype is not None:
        count = instancetype.spec.cpu.guest
        message = f"{required}, and the instancetype has {count}"
        at = reference_at(machine, "instancetype")
        return _unmet(at, message, _LARGER) if count < wanted.cpu.guest else None
    names = _counted_factors(preference)
    count = _product(machine, target, names)
    if not names or count >= wanted.cpu.guest:
        return None
    fields = [machine.root / "domain" / "cpu" / name for name in names]
    joined = FieldPath((", ".join(map(str, fields)),)) if len(fields) > 1 else None
    message = f"{required}, and {' times '.join(names)} is {count}"
    return _unmet(fields[0], message, f"raise {' or '.join(names)}; one that is absent counts as 0 here", joined)


def _counted_factors(preference: Preference) -> tuple[str, ...]:
    """The factors that count, none for a topology that does not exist."""
    name = preferred_topology(preference)
    return _SPREAD.get(spread_of(preference).across, ()) if name == "spread" else _COUNTED.get(name, ())


def _product(machine: Machine, target: Target, names: tuple[str, ...]) -> int:
    """The product of factors, of which those that are absent are 0, as KubeVirt computes it."""
    cpu = with_default_topology(with_cpu_request(machine, target.cluster.in_effect)).spec.domain.cpu or Cpu()
    product = 1
    for name in names:
        product *= getattr(cpu, name) or 0
    return product


def _memory_problem(machine: Machine, wanted: Requirements, instancetype: Instancetype | None) -> Problem | None:
    if wanted.memory is None:
        return None
    size = guest_memory(machine)
    if _bytes(machine, size or "0") >= quantity_ceil(str(wanted.memory.guest)):
        return None
    message = f"the preference requires {wanted.memory.guest} of memory, and the machine has {size or 'none'}"
    if instancetype is not None:
        return _unmet(reference_at(machine, "instancetype"), message, _LARGER)
    return _unmet(machine.root / "domain" / "memory", message, "raise the guest's memory")


def _bytes(machine: Machine, memory: str) -> int:
    """The guest's memory in bytes. Raises Rejected where it is no quantity."""
    try:
        return quantity_ceil(memory)
    except ValueError as reason:
        at = machine.root / "domain" / "memory" / "guest"
        raise Rejected([Problem(at, "KN606", str(reason), hint="write 512Mi, or 2Gi")]) from None


def _architecture_problem(machine: Machine, target: Target, wanted: Requirements) -> Problem | None:
    has = architecture_of(machine, target)
    if wanted.architecture is None or wanted.architecture == has:
        return None
    message = f"the preference requires the architecture '{wanted.architecture}', and the machine is for {has}"
    return _unmet(machine.root / "architecture", message, "choose a preference for the machine's architecture")


def _unmet(at: FieldPath, message: str, hint: str, reported_at: FieldPath | None = None) -> Problem:
    return Problem(at, "KN212", message, hint=hint, cause=Cause.NOT_FOUND, reported_at=reported_at)


def refused_objects(machine: Machine, found: Referred) -> Iterator[Problem]:
    """A warning (``KN214``) for each field for which KubeVirt refuses what a machine refers to, at the reference.

    The machine is expanded all the same, as KubeVirt would do with an object that it stored before it checked this.
    Sources: KubeVirt's ``pkg/instancetype/webhooks`` and ``pkg/instancetype/preference/webhooks``.
    """
    if found.instancetype is not None:
        for fault in _instancetype_faults(found.instancetype):
            yield _warning(machine, "instancetype", found.instancetype.name, fault)
    if found.preference is not None:
        for fault in _preference_faults(found.preference):
            yield _warning(machine, "preference", found.preference.name, fault)


def _warning(machine: Machine, word: str, name: str, fault: _Fault) -> Problem:
    field, fact, hint = fault
    message = f"KubeVirt refuses the {word} '{name}' for its {field}: {fact}"
    return Problem(reference_at(machine, word), "KN214", message, hint=hint, severity=Severity.WARNING)


def _instancetype_faults(instancetype: Instancetype) -> Iterator[_Fault]:
    memory = instancetype.spec.memory
    percent = memory.overcommit_percent or 0
    if not 0 <= percent <= _PERCENT:
        yield "spec.memory.overcommitPercent", f"{percent} is not between 0 and {_PERCENT}", "write 0 to 100"
    elif percent and memory.hugepages is not None:
        fact = "memory of huge pages cannot be overcommitted"
        yield "spec.memory.overcommitPercent", fact, "leave overcommitPercent or hugepages out"


def _preference_faults(preference: Preference) -> Iterator[_Fault]:
    topology, spread = preferred_topology(preference), spread_of(preference)
    if topology not in TOPOLOGIES:
        fact = f"there is no topology '{topology}', so the vCPUs of an instancetype become one"
        yield "spec.cpu.preferredCPUTopology", fact, f"write one of {', '.join(TOPOLOGIES)}"
    if topology != "spread":
        return
    if spread.across not in ACROSS:
        fact = f"vCPUs are not spread across '{spread.across}', so those of an instancetype become one"
        yield "spec.cpu.spreadOptions.across", fact, f"write one of {', '.join(ACROSS)}"
    elif spread.across == "CoresThreads" and spread.ratio != _THREADS_OF_A_CORE:
        fact = f"a core has {_THREADS_OF_A_CORE} threads, not {spread.ratio}"
        yield "spec.cpu.spreadOptions.ratio", fact, f"write `ratio: {_THREADS_OF_A_CORE}`"
