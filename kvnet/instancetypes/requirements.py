"""What a preference requires of a machine at least."""

from __future__ import annotations

from collections.abc import Mapping

from kvnet.defaults import with_cpu_request, with_default_topology
from kvnet.errors import Cause, FieldPath, Problem, Rejected
from kvnet.instancetypes.references import reference_at
from kvnet.instancetypes.topology import preferred_topology, spread_of
from kvnet.spec import Cpu, Instancetype, Machine, Preference, Requirements, Resources
from kvnet.target import Target, architecture_of
from kvnet.values import quantity_ceil, quantity_text

__all__ = ["guest_memory", "unmet_requirement"]

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
