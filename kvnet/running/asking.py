"""A machine whose domain is to be changed, and by whose rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from attrs import frozen

from kvnet.compile import CompiledNic, Profile, compile
from kvnet.facts import HostFacts
from kvnet.running.gating import RULES, Gating, Rule, gating_of
from kvnet.spec import Machine, Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.defaults import defaulted

__all__ = ["Asking"]


@frozen(slots=False)
class Asking:
    """What plans read: the machine, defaulted, and all that its NICs are made from."""

    machine: Machine
    facts: HostFacts
    nads: Sequence[Nad]
    cluster: ClusterConfig
    profile: Profile
    gating: Gating

    @classmethod
    def of(
        cls,
        vmi: Machine,
        *,
        facts: HostFacts | None,
        nads: Sequence[Nad],
        cluster: ClusterConfig | None,
        profile: Profile | str,
        gating: Gating | str | None,
    ) -> Asking:
        """From the arguments of those who plan."""
        facts, cluster, profile = facts or HostFacts(), cluster or ClusterConfig(), Profile(profile)
        machine = defaulted(vmi, cluster, facts.architecture or "amd64")
        chosen = Gating(gating) if gating else gating_of(vmi, profile)
        return cls(machine, facts, nads, cluster, profile, chosen)

    @property
    def rule(self) -> Rule:
        return RULES[self.gating]

    @cached_property
    def made(self) -> tuple[CompiledNic, ...]:
        """The machine's NICs, but the absent ones."""
        return compile(self.machine, self.facts, nads=self.nads, cluster=self.cluster, profile=self.profile).nics
