"""Rules on boot order and CPU sockets."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.defaults import with_cpu_request, with_default_topology
from kvnet.errors import Problem, Rejected
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import MAX_SOCKETS

__all__ = ["RULES"]


def boot_order_counts_from_one(context: RuleContext) -> Iterator[Problem]:
    """Boot order counts from 1."""
    for n, nic in enumerate(context.nics):
        if nic.interface.boot_order == 0:
            yield refusal(
                nic.at / "bootOrder",
                "KN201",
                f"interface '{nic.interface.name}' has boot order 0",
                "boot order counts from 1; leave it out if the guest does not boot from this NIC",
                reported_at=context.root[n] / "bootOrder",
            )


def unique_boot_order(context: RuleContext) -> Iterator[Problem]:
    """Disks and interfaces share one boot order, in which each number is used once."""
    taken = {disk.boot_order: f"disk '{disk.name}'" for disk in context.machine.spec.domain.devices.disks}
    taken.pop(None, None)
    for nic in context.nics:
        order = nic.interface.boot_order
        if order is None:
            continue
        if order in taken:
            yield refusal(
                nic.at / "bootOrder",
                "KN202",
                f"boot order {order} is taken by {taken[order]}",
                "number disks and interfaces in one sequence",
            )
        taken[order] = f"interface '{nic.interface.name}'"


def sockets_within_max(context: RuleContext) -> Iterator[Problem]:
    """CPU sockets do not exceed ``maxSockets``."""
    try:
        cpu = with_default_topology(with_cpu_request(context.machine, context.target.cluster)).spec.domain.cpu
    except Rejected as uncountable:
        yield from uncountable.problems
        return
    if cpu is None or not cpu.max_sockets or (cpu.sockets or 0) <= cpu.max_sockets:
        return
    yield refusal(
        context.root / "domain" / "cpu" / "sockets",
        "KN209",
        f"{cpu.sockets} sockets are more than maxSockets, {cpu.max_sockets}",
        "raise maxSockets, or leave it to the cluster",
    )


RULES = (
    Rule(boot_order_counts_from_one, "boot_order"),
    Rule(unique_boot_order, "boot_order"),
    Rule(sockets_within_max, MAX_SOCKETS),
)
