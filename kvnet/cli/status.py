"""What the command's exit status says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kvnet.errors import Problem

__all__ = ["CLEAN", "FAILED", "FINDINGS", "INTERRUPTED", "status_of"]

CLEAN, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130

_STOPPED_BY = ("KN001", "KN401")
"""The codes of what cannot be read, and of a libvirt that cannot be reached."""


def status_of(problems: Iterable[Problem]) -> int:
    """The status that problems amount to: only errors count, and one of those may be that nothing could run."""
    errors = [problem for problem in problems if problem.is_error]
    if any(problem.code in _STOPPED_BY for problem in errors):
        return FAILED
    return FINDINGS if errors else CLEAN
