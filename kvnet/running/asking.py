"""A machine whose domain is to be changed, and by whose rule."""

from __future__ import annotations

from functools import cached_property

from attrs import frozen

from kvnet.compiler import CompiledNic, compile
from kvnet.defaults import defaulted
from kvnet.running.gating import RULES, Gating, Rule, gating_of
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["Asking"]


@frozen(slots=False)
class Asking:
    """What plans read: the machine, defaulted, and all that its NICs are made from."""

    machine: Machine
    target: Target
    gating: Gating

    @classmethod
    def of(cls, machine: Machine, target: Target | None, gating: Gating | str | None) -> Asking:
        """From the arguments of those who plan."""
        target = target or Target()
        chosen = Gating(gating) if gating else gating_of(machine, target.profile)
        return cls(defaulted(machine, target), target, chosen)

    @property
    def rule(self) -> Rule:
        return RULES[self.gating]

    @cached_property
    def made(self) -> tuple[CompiledNic, ...]:
        """The machine's NICs, but the absent ones."""
        return compile(self.machine, self.target).nics
