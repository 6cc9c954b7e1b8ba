"""The exit status of the command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kvnet.errors import Problem

__all__ = ["CLEAN", "CLOSED", "FAILED", "FINDINGS", "INTERRUPTED", "status_of"]

CLEAN, FINDINGS, FAILED, INTERRUPTED, CLOSED = 0, 1, 2, 130, 141
"""Nothing found, problems found, could not run, Ctrl-C, and a reader that left, as a shell tells of SIGPIPE."""

_COULD_NOT_RUN = ("KN001", "KN030", "KN033", "KN401", "KN870", "KN871", "KN874", "KN877", "KN88")
"""The codes for what cannot be read, a libvirt or domain that cannot be reached, and a wrong option."""


def status_of(problems: Iterable[Problem]) -> int:
    """The exit status for problems: only errors count, and some of them mean that the command could not run."""
    errors = [problem for problem in problems if problem.is_error]
    if any(problem.code.startswith(_COULD_NOT_RUN) for problem in errors):
        return FAILED
    return FINDINGS if errors else CLEAN
