"""The changes that bring a running machine to what is asked, as XML for libvirt. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import evolve

from kvnet.compiler import compile
from kvnet.device import Hostdev, Interface
from kvnet.errors import Problem, Severity
from kvnet.running.asked import Asked, asked_of, is_virtual_function
from kvnet.running.asking import Asking
from kvnet.running.budget import is_express, lacking
from kvnet.running.gating import RULES, Gating, Rule
from kvnet.running.kubevirt import has_pod_link
from kvnet.running.leftover import OF_THE_POD, left_to_restart
from kvnet.running.standing import USER_ALIAS, VF_ALIAS, LiveNic, live_nics
from kvnet.running.step import Action, Plan, Step
from kvnet.spec import Machine
from kvnet.target import Profile, Target
from kvnet.xml import write

__all__ = ["plan_changes", "plan_next_start", "plan_virtual_functions", "planned"]

Outcome = Step | Problem


def plan_changes(
    current_domain_xml: str,
    machine: Machine,
    target: Target | None = None,
    *,
    gating: Gating | str | None = None,
) -> Plan:
    """Plan what is to be attached to a live domain, detached from it, and which links go up or down.

    Steps come in that order, and within each kind in the order of interfaces. The XML of an attachment is what
    ``compile`` makes of the interface with the same arguments; to detach, it is the live element as it stands;
    to update a link, the live element with nothing changed but ``<link>``. NICs are known by their aliases
    (``ua-NAME``, SR-IOV ``ua-sriov-NAME``). Planned again after all steps were taken, there are none.

    ``gating`` says which changes are due (see ``Gating``); without it, KubeVirt's rule applies to machines that
    have a status of KubeVirt, and to the others none. An attachment for which the domain has no free place is no
    step but a problem, and so is all that libvirt does not change in a running domain. Raises XmlError.
    """
    return planned(
        Asking.of(machine, target, gating),
        current_domain_xml,
        runs=True,
    )


def plan_next_start(
    inactive_domain_xml: str,
    machine: Machine,
    target: Target | None = None,
    *,
    gating: Gating | str | None = None,
) -> Plan:
    """Plan the changes of what a domain will have at its next start, as ``plan_changes`` does for one that runs.

    Two things differ: no place is lacking, for libvirt adds root ports; and a NIC that differs from what is
    asked is replaced, unless KubeVirt decides, which never does that. Raises XmlError.
    """
    return planned(
        Asking.of(machine, target, gating),
        inactive_domain_xml,
        runs=False,
    )


def planned(asking: Asking, domain_xml: str, *, runs: bool) -> Plan:
    """The plan of a domain that runs, or of what it will have at its next start. Raises XmlError."""
    rule, machine, profile = asking.rule, asking.machine, asking.target.profile
    live = live_nics(domain_xml)
    held = rule.holds_machine(machine)
    if held is not None:
        return Plan(problems=(held,))
    nics = asked_of(machine, asking.made, [(rule.name(nic.alias), nic) for nic in live])
    clear = [nic for nic in nics if len(nic.standing) <= 1]
    outdated = [] if runs or rule.stops else [nic for nic in clear if any(left_to_restart(nic, profile))]
    kept = [nic for nic in clear if nic not in outdated]
    outcomes = [
        *_unmade(clear, rule),
        *_attachments(clear, live, rule, domain_xml if runs else None),
        *_detachments(clear, rule),
        *_link_updates(kept, rule),
        *(_replacement(nic, profile) for nic in outdated),
        *_twins(nics),
        *(problem for nic in kept for problem in left_to_restart(nic, profile)),
        *_strangers(nics, live),
    ]
    return _plan(_cut(outcomes) if rule.stops else outcomes)


def plan_virtual_functions(current_domain_xml: str, machine: Machine, target: Target | None = None) -> Plan:
    """Plan which virtual functions KubeVirt attaches once a machine has migrated to a pod that has them.

    Those are the SR-IOV interfaces that the status finds in the pod (``multus-status``), whatever their state,
    less those that stand in the domain. Where the host address of any is not known, there are no steps.
    Raises XmlError.
    """
    plugged = {
        each.name for each in machine.interfaces if is_virtual_function(each) and has_pod_link(machine, each.name)
    }
    if not plugged:
        return Plan()
    present = tuple(evolve(each, state=None) if each.name in plugged else each for each in machine.interfaces)
    machine = machine.with_nics(present, machine.networks)
    rule = RULES[Gating.KUBEVIRT]
    live = [(rule.name(nic.alias), nic) for nic in live_nics(current_domain_xml) if isinstance(nic.device, Hostdev)]
    asked = asked_of(machine, compile(machine, target).nics, live)
    nics = [nic for nic in asked if nic.name in plugged]
    problems = tuple(problem for nic in nics for problem in nic.made.problems)
    if problems:
        return Plan(problems=problems)
    return _plan(_attachment(nic) for nic in nics if nic.is_new and nic.device is not None)


def _plan(outcomes: Iterable[Outcome]) -> Plan:
    found = tuple(outcomes)
    return Plan(
        steps=tuple(each for each in found if isinstance(each, Step)),
        problems=tuple(each for each in found if isinstance(each, Problem)),
    )


def _cut(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """No steps after the first error, as in KubeVirt."""
    failed = False
    for each in outcomes:
        failed |= isinstance(each, Problem) and each.is_error
        if isinstance(each, Problem) or not failed:
            yield each


def _unmade(nics: Iterable[Asked], rule: Rule) -> Iterator[Problem]:
    """Why interfaces could not be compiled; virtual functions need no address once they stand, or while they wait."""
    for nic in nics:
        if not is_virtual_function(nic.interface) or (nic.is_new and rule.holds_attach(nic) is None):
            yield from nic.made.problems


def _attachments(
    nics: Iterable[Asked], live: Sequence[LiveNic], rule: Rule, current_domain_xml: str | None
) -> Iterator[Outcome]:
    """``current_domain_xml`` is that of a domain that runs: elsewhere places are no matter."""
    new = [nic for nic in nics if nic.is_new]
    refused = [rule.holds_attach(nic) or _without_device(nic) or _without_name(nic, live, rule) for nic in new]
    fit = [nic.device for nic, refusal in zip(new, refused, strict=True) if refusal is None and nic.device is not None]
    lacks = iter([None] * len(fit) if current_domain_xml is None else lacking(current_domain_xml, fit))
    for nic, refusal in zip(new, refused, strict=True):
        if refusal is not None:
            yield refusal
            continue
        if nic.device is None:
            continue
        lack = next(lacks)
        if lack is not None:
            told = f"'{nic.name}' cannot be attached: {lack}"
            hint = "detach another one, or restart the machine with more ports (with_hotplug_ports)"
            yield Problem(nic.at, "KN853", told, hint=hint)
            continue
        yield from nic.made.notes
        yield from _without_mac(nic)
        yield _attachment(nic)


def _attachment(nic: Asked) -> Step:
    assert nic.device is not None
    return Step(action=Action.ATTACH, nic=nic.name, alias=nic.device.alias or "", xml=write(nic.device))


def _without_device(nic: Asked) -> Problem | None:
    if nic.device is not None or nic.made.problems:
        return None
    told = "; ".join(note.message for note in nic.made.notes) or f"there is no device for '{nic.name}'"
    return Problem(nic.at, "KN850", f"nothing can be attached: {told}", hint="restart the machine")


def _without_name(nic: Asked, live: Iterable[LiveNic], rule: Rule) -> Problem | None:
    """The NIC may be there already, under an alias that says nothing."""
    mac = nic.device.mac if isinstance(nic.device, Interface) else None
    for each in live:
        nameless = rule.name(each.alias) is None and isinstance(each.device, Interface)
        if mac is not None and nameless and getattr(each.device, "mac", None) == mac:
            told = f"{each.at} has the MAC address of '{nic.name}', {mac}, and no alias to know it by"
            hint = f"name it with <alias name='ua-{nic.name}'/>, or give '{nic.name}' another address"
            return Problem(nic.at, "KN855", told, hint=hint)
    return None


def _without_mac(nic: Asked) -> Iterator[Problem]:
    if isinstance(nic.device, Interface) and nic.device.mac is None:
        told = f"'{nic.name}' has no MAC address: libvirt invents one, and another one for the domain's next start"
        yield Problem(nic.at / "macAddress", "KN860", told, hint="write one", severity=Severity.WARNING)


def _detachments(nics: Iterable[Asked], rule: Rule) -> Iterator[Outcome]:
    for nic in nics:
        if nic.interface.is_absent and nic.live is not None:
            held = rule.holds_detach(nic)
            yield held or Step(
                action=Action.DETACH, nic=nic.name, alias=nic.live.alias, xml=nic.live.text, before=nic.live.text
            )


def _link_updates(nics: Iterable[Asked], rule: Rule) -> Iterator[Step]:
    for nic in nics:
        live = nic.live
        if live is None or not isinstance(live.device, Interface) or not isinstance(nic.device, Interface):
            continue
        if rule.link(live.device.link) != rule.link(nic.device.link):
            xml = write(_with_link(live.device, nic.device.link))
            yield Step(action=Action.UPDATE_LINK, nic=nic.name, alias=live.alias, xml=xml, before=live.text)


def _with_link(device: Any, state: str | None) -> Any:
    return evolve(device, link=state)


def _replacement(nic: Asked, profile: Profile) -> Step:
    """The NIC as it is asked for, in the place of the one that stands, where that suits it."""
    assert nic.live is not None
    assert nic.device is not None
    old: Any = nic.live.device
    new: Any = nic.device
    kept = ["address"] if is_express(old) == is_express(new) else []
    if isinstance(old, Interface) and isinstance(new, Interface):
        kept += ["mac", *(OF_THE_POD if profile is Profile.KUBEVIRT else ())]
    new = evolve(new, **{name: getattr(old, name) for name in kept if getattr(new, name) is None})
    return Step(action=Action.REPLACE, nic=nic.name, alias=nic.live.alias, xml=write(new), before=nic.live.text)


def _twins(nics: Iterable[Asked]) -> Iterator[Problem]:
    for nic in nics:
        if len(nic.standing) > 1:
            places = " and ".join(str(each.at) for each in nic.standing)
            told = f"{places} both have the alias of '{nic.name}': there is no saying which one is meant"
            yield Problem(nic.at, "KN854", told, hint="give each NIC of the domain its own alias")


def _strangers(nics: Iterable[Asked], live: Iterable[LiveNic]) -> Iterator[Problem]:
    known = [each for nic in nics for each in nic.standing]
    for each in live:
        passed_through = isinstance(each.device, Hostdev) and not each.alias.startswith(USER_ALIAS + VF_ALIAS)
        if each in known or passed_through:
            continue
        told = f"the domain has a NIC that is none of the machine's, {each.alias or 'without an alias'}: it stays"
        hint = "list it with `state: absent` to take it out"
        yield Problem(each.at, "KN856", told, hint=hint, severity=Severity.NOTE)
