"""A guest whose memory is so small that its unit must have been forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Problem, Severity
from kvnet.rules.context import Rule, RuleContext
from kvnet.rules.occasions import MEMORY
from kvnet.values import quantity_ceil, quantity_text

__all__ = ["RULES"]

_LEAST = 2**20
"""Bytes that even the firmware of a PC needs, which begins below 1 MiB."""


def memory_has_a_unit(context: RuleContext) -> Iterator[Problem]:
    """Memory is in bytes where it has no unit, and ``m`` is a thousandth."""
    memory = context.machine.spec.domain.memory
    if memory is None or memory.guest is None:
        return
    try:
        size = quantity_ceil(quantity_text(memory.guest))
    except ValueError:
        return
    if 0 < size < _LEAST:
        at = context.root / "domain" / "memory" / "guest"
        counted = "1 byte" if size == 1 else f"{size} bytes"
        message = f"the guest has {counted} of memory, with which nothing boots"
        hint = "write it with a unit, such as 512Mi or 2Gi: a number alone is in bytes, and m is a thousandth"
        yield Problem(at, "KN933", message, hint=hint, severity=Severity.WARNING)


RULES = (Rule(memory_has_a_unit, MEMORY),)
