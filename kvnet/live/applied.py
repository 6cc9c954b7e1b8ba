"""What became of a plan."""

from __future__ import annotations

from attrs import frozen

from kvnet.errors import Problem
from kvnet.hotplug import Call, DomainPlan

__all__ = ["Applied", "Failure"]


@frozen(kw_only=True)
class Failure:
    """A call that came to nothing, and why."""

    call: Call
    problem: Problem


@frozen(kw_only=True)
class Applied:
    """The calls that were carried out, those that failed, those that were not begun, and the problems of the plan.

    What failed or was left is planned again by the next ``apply``, and nothing that was done is done twice.
    """

    done: tuple[Call, ...] = ()
    failed: tuple[Failure, ...] = ()
    left: tuple[Call, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def needs_restart(self) -> bool:
        """Whether the running domain has a NIC that will be as it was asked after a restart."""
        return DomainPlan(problems=self.problems).needs_restart

    @property
    def is_complete(self) -> bool:
        """Whether the domain is what was asked: all was done that can be, and nothing waits for a restart."""
        undone = self.failed or self.left or any(problem.is_error for problem in self.problems)
        return not undone and not self.needs_restart and not DomainPlan(problems=self.problems).needs_migration
