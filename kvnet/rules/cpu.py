"""Rules on CPUs, from which the queues of NICs follow: sockets, requests and limits."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.defaults import counted_cpus, with_cpu_request, with_default_topology
from kvnet.errors import Problem, Rejected
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import CPU_QUANTITIES, DEDICATED, MAX_SOCKETS
from kvnet.spec import Machine, Resources
from kvnet.target import architecture_of
from kvnet.values import quantity_ceil, quantity_milli

__all__ = ["RULES"]


def sockets_within_max(context: RuleContext) -> Iterator[Problem]:
    """CPU sockets do not exceed ``maxSockets``."""
    try:
        cpu = with_default_topology(with_cpu_request(context.machine, context.target.cluster)).spec.domain.cpu
    except Rejected:
        return  # of what is no quantity, cpu_quantities tells
    if cpu is None or not cpu.max_sockets or (cpu.sockets or 0) <= cpu.max_sockets:
        return
    yield refusal(
        context.root / "domain" / "cpu" / "sockets",
        "KN209",
        f"{cpu.sockets} sockets are more than maxSockets, {cpu.max_sockets}",
        "raise maxSockets, or leave it to the cluster",
    )


def cpu_quantities(context: RuleContext) -> Iterator[Problem]:
    """CPU requests and limits are not negative, the request is within the limit, and dedicated CPUs are whole ones."""
    try:
        machine = with_cpu_request(context.machine, context.target.cluster)
        given = machine.spec.domain.resources or Resources()
        request = _milli(machine, "requests", given.requests.get("cpu"))
        limit = _milli(machine, "limits", given.limits.get("cpu"))
    except Rejected as uncountable:
        yield from uncountable.problems
        return
    cpu = machine.spec.domain.cpu
    is_dedicated = cpu is not None and bool(cpu.dedicated_cpu_placement)
    at = context.root / "domain" / "resources"
    if 0 < limit < request:
        message = f"the CPU request {given.requests['cpu']} exceeds the limit {given.limits['cpu']}"
        yield refusal(at / "requests" / "cpu", "KN227", message, "lower the request, or raise the limit")
    for name, milli, quantities in (("requests", request, given.requests), ("limits", limit, given.limits)):
        written = quantities.get("cpu")
        if milli < 0:
            message = f"{written} is not a number of CPUs that KubeVirt can count"
            yield refusal(at / name / "cpu", "KN227", message, "write a quantity from 0, such as 2 or 500m")
        elif is_dedicated and written is not None and quantity_ceil(str(written)) * 1000 != milli:
            message = f"dedicated CPUs are whole ones, not {written}"
            yield refusal(at / name / "cpu", "KN227", message, "write a whole number")


def _milli(machine: Machine, source: str, quantity: object) -> int:
    return 0 if quantity is None else counted_cpus(machine, source, quantity, quantity_milli)


def threads_of_arm64(context: RuleContext) -> Iterator[Problem]:
    """Dedicated CPUs of arm64 have one thread."""
    cpu = context.machine.spec.domain.cpu
    if cpu is None or not cpu.dedicated_cpu_placement or (cpu.threads or 1) == 1:
        return
    if architecture_of(context.machine, context.target) == "arm64":
        yield refusal(
            context.root / "domain" / "cpu" / "threads",
            "KN229",
            f"dedicated CPUs of arm64 have one thread, not {cpu.threads}",
            "write `threads: 1`, and more cores",
            reported_at=context.root / "architecture",
        )


RULES = (
    Rule(sockets_within_max, MAX_SOCKETS),
    Rule(cpu_quantities, CPU_QUANTITIES),
    Rule(threads_of_arm64, DEDICATED),
)
