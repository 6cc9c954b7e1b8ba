"""What rendering in bulk gives for each VM."""

from __future__ import annotations

from attrs import evolve, field, frozen

from kvnet.bulk.uses import Uses
from kvnet.errors import Problem

__all__ = ["Rendered"]


@frozen(kw_only=True)
class Rendered:
    """One VM of many: its XML, or the problems for which there is none.

    ``index`` counts the VMs of the input from 0. ``devices`` are texts without white space between
    their elements; where whole domains were asked for, ``domain`` is there instead. ``problems`` are errors, each with
    its place where the VM was a text; ``notes`` are warnings and notes, which name the field alone.
    """

    index: int
    namespace: str | None = None
    name: str | None = None
    devices: tuple[str, ...] = ()
    domain: str | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    uses: Uses = field(factory=Uses)

    @property
    def refused(self) -> bool:
        """Whether there is no XML."""
        return bool(self.problems)

    def at(self, index: int) -> Rendered:
        """The same of another place in the input."""
        return evolve(self, index=index)
