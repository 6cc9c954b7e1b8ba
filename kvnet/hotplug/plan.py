"""Plan the changes that make a running domain match its machine, as XML for libvirt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from attrs import evolve, frozen

from kvnet.compiler import Compiled, compile
from kvnet.defaults import defaulted
from kvnet.device import Hostdev, Interface
from kvnet.errors import Problem, Severity
from kvnet.hotplug.live_domain import USER_ALIAS, VF_ALIAS, LiveDomain, is_virtual_function
from kvnet.hotplug.matching import POD_FIELDS, MatchedNic, matched_nics, restart_differences
from kvnet.hotplug.policy import CONDITIONS, Conditions, HotplugPolicy, has_pod_link, policy_of
from kvnet.hotplug.ports import is_express, no_slot
from kvnet.hotplug.steps import Action, Plan, Step
from kvnet.spec import Machine
from kvnet.target import Profile, Target
from kvnet.xml import write

__all__ = ["PlanContext", "plan_changes", "plan_configuration", "plan_next_start", "plan_virtual_functions"]

Outcome = Step | Problem


def plan_changes(
    domain: str | LiveDomain,
    machine: Machine,
    target: Target | None = None,
    *,
    policy: HotplugPolicy | str | None = None,
) -> Plan:
    """Plan which NICs to attach to a running domain, which to detach, and which links to set up or down.

    Steps come in that order, and within each kind in the order of interfaces. NICs are known by their aliases
    (``ua-NAME``, for SR-IOV ``ua-sriov-NAME``). The XML of an attachment is what ``compile(machine, target)`` makes of
    the interface, that of a detachment the element of the domain to the letter, and that of a link update the same
    element with another ``<link>``. After all steps were taken, a new plan has none.

    Args:
        domain: the domain's live configuration, as text or parsed.
        machine: what the domain is to match.
        target: what the machine is compiled against.
        policy: which changes are due; without one, KubeVirt's for a machine with a status in KubeVirt's profile.

    Returns a plan whose problems tell what libvirt does not change in a running domain, and which attachments have no
    PCI slot. Raises XmlError, and ValueError for a policy that does not exist. Source: KubeVirt's
    ``pkg/virt-launcher/virtwrap/network/nichotplug.go``.
    """
    return plan_configuration(PlanContext.of(machine, target, policy), LiveDomain.of(domain), runs=True)


def plan_next_start(
    domain: str | LiveDomain,
    machine: Machine,
    target: Target | None = None,
    *,
    policy: HotplugPolicy | str | None = None,
) -> Plan:
    """Plan the changes of a domain's persistent configuration; arguments and result are those of ``plan_changes``.

    There are two differences. No attachment lacks a PCI slot, because libvirt adds root ports when it starts a domain.
    And a NIC that differs from the machine is replaced, unless the policy is KubeVirt's, which never does that.
    Raises XmlError.
    """
    return plan_configuration(PlanContext.of(machine, target, policy), LiveDomain.of(domain), runs=False)


def plan_virtual_functions(domain: str | LiveDomain, machine: Machine, target: Target | None = None) -> Plan:
    """Plan which virtual functions KubeVirt attaches after a machine has migrated to a pod that has them.

    They are the SR-IOV interfaces that the status finds in the pod (``multus-status``), whatever their state, without
    those that the domain has already. Where the host address of any is not known, there are no steps but problems.
    Raises XmlError. Source: KubeVirt's ``pkg/virt-launcher/virtwrap/device/hostdevice/sriov``.
    """
    in_pod = {
        each.name for each in machine.interfaces if is_virtual_function(each) and has_pod_link(machine, each.name)
    }
    if not in_pod:
        return Plan()
    present = tuple(evolve(each, state=None) if each.name in in_pod else each for each in machine.interfaces)
    machine = machine.with_nics(present, machine.networks)
    conditions = CONDITIONS[HotplugPolicy.KUBEVIRT]
    matched = matched_nics(machine, compile(machine, target), LiveDomain.of(domain), conditions)
    nics = [each for each in matched if each.nic.name in in_pod]
    problems = tuple(problem for each in nics for problem in each.compiled.problems)
    if problems:
        return Plan(problems=problems)
    missing = [each for each in nics if not any(isinstance(live.device, Hostdev) for live in each.found)]
    return Plan(steps=tuple(_attachment(each) for each in missing if each.device is not None))


@frozen(slots=False)
class PlanContext:
    """What a plan is made from: the ``machine`` with its defaults, its ``target``, and the policy's ``conditions``."""

    machine: Machine
    target: Target
    conditions: Conditions

    @classmethod
    def of(cls, machine: Machine, target: Target | None, policy: HotplugPolicy | str | None) -> PlanContext:
        """From the arguments of the public functions. Raises ValueError for a policy that does not exist."""
        target = target or Target()
        chosen = HotplugPolicy(policy) if policy else policy_of(machine, target.profile)
        return cls(defaulted(machine, target), target, CONDITIONS[chosen])

    @cached_property
    def compiled(self) -> Compiled:
        """The machine's NICs as devices, without the absent ones."""
        return compile(self.machine, self.target)


def plan_configuration(context: PlanContext, domain: LiveDomain, *, runs: bool) -> Plan:
    """Plan the changes of a live configuration (``runs``) or of a persistent one."""
    conditions, profile = context.conditions, context.target.profile
    waits = conditions.machine_waits(context.machine)
    if waits is not None:
        return Plan(problems=(waits,))
    if context.compiled.general_problems:
        return Plan(problems=context.compiled.general_problems)
    matched = matched_nics(context.machine, context.compiled, domain, conditions)
    unique = [each for each in matched if len(each.found) <= 1]
    differences = {each.nic.number: restart_differences(each, profile) for each in unique}
    replaces = not runs and not conditions.stops_at_error
    replaced = [each for each in unique if replaces and differences[each.nic.number]]
    kept = [each for each in unique if each not in replaced]
    outcomes = [
        *_compile_problems(unique, conditions),
        *_attachments(unique, domain, conditions, runs=runs),
        *_detachments(unique, conditions),
        *_link_updates(kept, conditions),
        *(_replacement(each, profile) for each in replaced),
        *_ambiguous_aliases(matched),
        *(problem for each in kept for problem in differences[each.nic.number]),
        *_unknown_nics(matched, domain),
    ]
    steps, problems = [], []
    for each in outcomes:
        if isinstance(each, Problem):
            problems.append(each)
        elif not (conditions.stops_at_error and any(problem.is_error for problem in problems)):
            steps.append(each)
    return Plan(steps=tuple(steps), problems=tuple(problems))


def _compile_problems(nics: Iterable[MatchedNic], conditions: Conditions) -> Iterator[Problem]:
    """Why interfaces were not compiled; a virtual function needs a host address only when it is to be attached."""
    for each in nics:
        is_due = each.is_new and conditions.attachment_waits(each.nic) is None
        if is_due or not is_virtual_function(each.nic.interface):
            yield from each.compiled.problems


def _attachments(
    nics: Iterable[MatchedNic], domain: LiveDomain, conditions: Conditions, *, runs: bool
) -> Iterator[Outcome]:
    new = [each for each in nics if each.is_new]
    held = [
        conditions.attachment_waits(each.nic) or _no_device(each) or _known_mac(each, domain, conditions)
        for each in new
    ]
    due = [each.device for each, problem in zip(new, held, strict=True) if problem is None and each.device is not None]
    reasons = iter(no_slot(domain, due) if runs else [None] * len(due))
    for each, problem in zip(new, held, strict=True):
        if problem is not None:
            yield problem
            continue
        if each.device is None:
            continue
        reason = next(reasons)
        if reason is not None:
            hint = "detach another NIC, or restart the machine with more root ports (with_hotplug_ports)"
            yield Problem(each.nic.at, "KN853", f"'{each.nic.name}' cannot be attached: {reason}", hint=hint)
            continue
        yield from each.compiled.notes
        yield from _missing_mac(each)
        yield _attachment(each)


def _attachment(matched: MatchedNic) -> Step:
    assert matched.device is not None
    alias = matched.device.alias or ""
    return Step(action=Action.ATTACH, nic=matched.nic.name, alias=alias, xml=write(matched.device))


def _no_device(matched: MatchedNic) -> Problem | None:
    if matched.device is not None or matched.compiled.problems:
        return None
    reasons = "; ".join(note.message for note in matched.compiled.notes) or f"'{matched.nic.name}' has no device"
    return Problem(matched.nic.at, "KN850", f"nothing can be attached: {reasons}", hint="restart the machine")


def _known_mac(matched: MatchedNic, domain: LiveDomain, conditions: Conditions) -> Problem | None:
    """The domain may have the NIC already, without an alias that names it."""
    mac = matched.device.mac if isinstance(matched.device, Interface) else None
    if mac is None:
        return None
    name = matched.nic.name
    for live in domain.nics:
        has_name = conditions.name_of(live.alias) is not None
        if isinstance(live.device, Interface) and live.device.mac == mac and not has_name:
            told = f"{live.at} has the MAC address of '{name}', {mac}, and no alias that names it"
            hint = f"give it the alias ua-{name} (<alias name='ua-{name}'/>), or give '{name}' another MAC address"
            return Problem(matched.nic.at, "KN855", told, hint=hint)
    return None


def _missing_mac(matched: MatchedNic) -> Iterator[Problem]:
    if isinstance(matched.device, Interface) and matched.device.mac is None:
        name, at = matched.nic.name, matched.nic.at / "macAddress"
        told = f"'{name}' has no MAC address: libvirt generates one now, and another one for the next start"
        yield Problem(at, "KN860", told, hint="write a macAddress", severity=Severity.WARNING)


def _detachments(nics: Iterable[MatchedNic], conditions: Conditions) -> Iterator[Outcome]:
    for each in nics:
        live = each.live
        if live is not None and each.nic.interface.is_absent:
            step = Step(action=Action.DETACH, nic=each.nic.name, alias=live.alias, xml=live.text, before=live.text)
            yield conditions.detachment_waits(each.nic, live) or step


def _link_updates(nics: Iterable[MatchedNic], conditions: Conditions) -> Iterator[Step]:
    for each in nics:
        live = each.live
        if live is None or not isinstance(live.device, Interface) or not isinstance(each.device, Interface):
            continue
        device: Any = live.device
        if conditions.link_state(device.link) != conditions.link_state(each.device.link):
            xml = write(evolve(device, link=each.device.link, verbatim=live.text))
            yield Step(action=Action.UPDATE_LINK, nic=each.nic.name, alias=live.alias, xml=xml, before=live.text)


def _replacement(matched: MatchedNic, profile: Profile) -> Step:
    """The device that the machine asks for, with the addresses of the NIC it replaces where it has none of its own."""
    assert matched.live is not None
    old: Any = matched.live.device
    new: Any = matched.device
    kept = ["address"] if is_express(old) == is_express(new) else []
    if isinstance(old, Interface) and isinstance(new, Interface):
        kept += ["mac", *(POD_FIELDS if profile is Profile.KUBEVIRT else ())]
    new = evolve(new, **{name: getattr(old, name) for name in kept if getattr(new, name) is None})
    live = matched.live
    return Step(action=Action.REPLACE, nic=matched.nic.name, alias=live.alias, xml=write(new), before=live.text)


def _ambiguous_aliases(nics: Iterable[MatchedNic]) -> Iterator[Problem]:
    for each in nics:
        if len(each.found) > 1:
            places = " and ".join(str(live.at) for live in each.found)
            told = f"{places} have the same alias, that of '{each.nic.name}', so neither is changed"
            yield Problem(each.nic.at, "KN854", told, hint="give each NIC of the domain its own alias")


def _unknown_nics(nics: Iterable[MatchedNic], domain: LiveDomain) -> Iterator[Problem]:
    """A note for each NIC of the domain that the machine does not list; other PCI hostdevs are no NICs."""
    known = {live.at for each in nics for live in each.found}
    for live in domain.nics:
        is_other = isinstance(live.device, Hostdev) and not live.alias.startswith(USER_ALIAS + VF_ALIAS)
        if live.at in known or is_other:
            continue
        told = f"the domain has a NIC that the machine does not list (alias: {live.alias or 'none'}), and it stays"
        hint = "list it with `state: absent` to detach it"
        yield Problem(live.at, "KN856", told, hint=hint, severity=Severity.NOTE)
