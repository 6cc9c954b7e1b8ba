"""The changes of a domain that runs, that will start again, or both: no more calls to libvirt than it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from kvnet.device import Interface, read_device
from kvnet.device.diff import Change, Noticed, diff
from kvnet.domain.read import read_domain
from kvnet.errors import Problem, Severity
from kvnet.running.applied import applied
from kvnet.running.asking import Asking
from kvnet.running.decided import decided
from kvnet.running.gating import Gating
from kvnet.running.plan import planned
from kvnet.running.standing import live_nics
from kvnet.running.step import Action, Plan, Step
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["Call", "DomainPlan", "DomainTexts", "plan_domain"]

_ORDER = tuple(Action)


@frozen(kw_only=True)
class DomainTexts:
    """A domain's UUID, its XML while it runs, and what it will have at its next start; ``None`` for what is not."""

    uuid: str
    live: str | None
    config: str | None


@frozen(kw_only=True)
class Call:
    """A step, and whether it is for the running domain, for its next start, or for both at once."""

    step: Step
    live: bool
    config: bool

    def __str__(self) -> str:
        halves = {"running": self.live, "next start": self.config}
        return f"{self.step} [{', '.join(half for half, is_meant in halves.items() if is_meant)}]"


@frozen(kw_only=True)
class DomainPlan:
    """The calls that a domain takes, in order, and what they leave undone; ``texts`` are the domain's before them."""

    texts: DomainTexts = DomainTexts(uuid="", live=None, config=None)
    calls: tuple[Call, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def needs_restart(self) -> bool:
        """Whether the running domain has a NIC that will be as it was asked after a restart."""
        return Plan(problems=self.problems).needs_restart

    @property
    def needs_migration(self) -> bool:
        """Whether KubeVirt would have to migrate the machine."""
        return Plan(problems=self.problems).needs_migration

    def half(self, *, live: bool) -> Plan:
        """The steps for the running domain, or for its next start."""
        return Plan(steps=tuple(each.step for each in self.calls if (each.live if live else each.config)))

    def changes(self, *, live: bool) -> tuple[Change, ...]:
        """What the steps change in the running domain, or in its next start, but for noise."""
        text = self.texts.live if live else self.texts.config
        if text is None:
            return ()
        before, after = (read_domain(each, lossless=True) for each in (text, applied(text, self.half(live=live))))
        return tuple(change for change in diff(before, after) if change.noticed is not Noticed.NOISE)


def plan_domain(
    texts: DomainTexts,
    machine: Machine,
    target: Target | None = None,
    *,
    gating: Gating | str | None = None,
) -> DomainPlan:
    """Plan the changes of a domain, running or not, so that what runs and what will start next agree.

    This is ``plan_changes`` of the running domain and ``plan_next_start``, and a step that both have in the same
    words is one call. Where only one of them lacks something, the call is for that one alone: what was left half
    done is completed. A NIC that the running domain has no place for is attached to neither. MAC addresses and places
    that nobody gave are decided here, alike for both. Raises XmlError.
    """
    asking = Asking.of(machine, target, gating)
    known = tuple(text for text in (texts.live, texts.config) if text is not None)
    asking = evolve(asking, machine=decided(asking.machine, asking.made, known, texts.uuid, asking.rule.name))
    live = planned(asking, texts.live, runs=True) if texts.live is not None else Plan()
    config = planned(asking, texts.config, runs=False) if texts.config is not None else Plan()
    if texts.live is not None:
        config = _without_unattachable(config, live, texts.live, asking)
    told = (each for each in config.problems if texts.live is None or each.severity is not Severity.NOTE)
    return DomainPlan(
        texts=texts,
        calls=tuple(_calls(live.steps, config.steps)),
        problems=tuple(dict.fromkeys((*live.problems, *told))),
    )


def _without_unattachable(config: Plan, live: Plan, live_xml: str, asking: Asking) -> Plan:
    """What will start next gets no NIC that the running domain neither has nor gets."""
    there = {asking.rule.name(nic.alias) for nic in live_nics(live_xml)}
    coming = {(step.alias, step.action) for step in live.steps}
    kept = tuple(
        step
        for step in config.steps
        if step.action is not Action.ATTACH
        or (step.alias, step.action) in coming
        or asking.rule.name(step.alias) in there
    )
    return evolve(config, steps=kept)


def _calls(live: Iterable[Step], config: Iterable[Step]) -> list[Call]:
    halves = [{(step.action, step.nic): step for step in steps} for steps in (live, config)]
    keys = sorted(dict.fromkeys((*halves[0], *halves[1])), key=lambda key: _ORDER.index(key[0]))
    return [call for key in keys for call in _of_step(key, *halves)]


def _of_step(
    key: tuple[Action, str], live: Mapping[tuple[Action, str], Step], config: Mapping[tuple[Action, str], Step]
) -> list[Call]:
    one, other = live.get(key), config.get(key)
    if one is not None and other is not None and _is_same(one, other):
        # libvirt takes from what will start next no more than it says, and of the rest of a running NIC what that has
        return [Call(step=other, live=True, config=True)]
    found = [] if one is None else [Call(step=one, live=True, config=False)]
    return found if other is None else [*found, Call(step=other, live=False, config=True)]


def _is_same(one: Step, other: Step) -> bool:
    """Whether libvirt knows the NIC by the same alias, MAC address and guest address in both."""
    return one.xml == other.xml or _identity(one) == _identity(other)


def _identity(step: Step) -> tuple[object, ...]:
    device = read_device(step.before or step.xml, lossless=True)
    mac = device.mac if isinstance(device, Interface) else None
    return (type(device), step.alias, mac, device.address)
