"""Who decides when a NIC may be plugged: KubeVirt by its status, or nobody on a plain host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from attrs import frozen

from kvnet.errors import Problem
from kvnet.running import kubevirt
from kvnet.running.asked import Asked
from kvnet.running.standing import USER_ALIAS
from kvnet.spec import Machine
from kvnet.target import Profile

__all__ = ["RULES", "Gating", "Rule", "gating_of"]


class Gating(StrEnum):
    """Whose rule says which changes are due."""

    KUBEVIRT = "kubevirt"
    """What KubeVirt would do now, by the machine's phase and status, step for step."""
    PLAIN = "plain"
    """What a host without KubeVirt can do at once: attach all that is not there, detach what is absent."""


@frozen(kw_only=True)
class Rule:
    """A rule in its parts. What holds a change back tells why; nothing holds back what is due.

    ``name`` reads an alias, ``link`` says what a link state is compared as, and ``stops`` that an attachment
    which cannot be made ends the plan.
    """

    holds_machine: Callable[[Machine], Problem | None]
    holds_attach: Callable[[Asked], Problem | None]
    holds_detach: Callable[[Asked], Problem | None]
    name: Callable[[str], str | None]
    link: Callable[[str | None], str | None]
    stops: bool


def gating_of(machine: Machine, profile: Profile) -> Gating:
    """KubeVirt's rule for a machine that it has reported on, if KubeVirt's own XML is wanted."""
    return Gating.KUBEVIRT if profile is Profile.KUBEVIRT and kubevirt.has_status(machine) else Gating.PLAIN


def _no_hold(_: object) -> None:
    return None


def _own_name(alias: str) -> str | None:
    """libvirt's own aliases (``net0``) are given anew at every start: they name no NIC."""
    return alias.removeprefix(USER_ALIAS) if alias.startswith(USER_ALIAS) else None


def _any_name(alias: str) -> str | None:
    """KubeVirt takes an alias without its prefix for a name, too."""
    return alias.removeprefix(USER_ALIAS) or None


RULES: Mapping[Gating, Rule] = {
    Gating.KUBEVIRT: Rule(
        holds_machine=kubevirt.machine_is_held,
        holds_attach=kubevirt.attach_is_held,
        holds_detach=kubevirt.detach_is_held,
        name=_any_name,
        # a link that is said to be up differs from one that nothing is said of
        link=lambda state: state,
        stops=True,
    ),
    Gating.PLAIN: Rule(
        holds_machine=_no_hold,
        holds_attach=_no_hold,
        holds_detach=_no_hold,
        name=_own_name,
        link=lambda state: state or "up",
        stops=False,
    ),
}
