"""Plan the changes that make a running domain match its machine, as XML for libvirt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from kvnet.compiler import CompiledNic, compile
from kvnet.compiler.pod import USER_ALIAS, VF_ALIAS
from kvnet.defaults import defaulted
from kvnet.device import Device, GuestAddress, Hostdev, Interface, PciGuestAddress
from kvnet.device.diff import Noticed, diff
from kvnet.errors import Problem, Rejected, Severity
from kvnet.hotplug.live_domain import LiveDomain, LiveNic, is_virtual_function
from kvnet.hotplug.policy import HotplugPolicy, has_pod_link, policy_of
from kvnet.hotplug.ports import free_root_slots, is_express, is_on_root_bus, no_slot, stays_plugged
from kvnet.hotplug.steps import Action, Plan, Step
from kvnet.instancetypes import expand
from kvnet.root_complex import is_on_root_complex, without_root_complex
from kvnet.spec import Machine
from kvnet.spec.nic import Nic, nics_of
from kvnet.target import Profile, Target, checked_target
from kvnet.xml import write

__all__ = ["plan_changes", "plan_next_start", "plan_virtual_functions"]

_MORE_PORTS = "detach another NIC, or restart the machine with more root ports"
_AT_THE_START = "restart the machine; on a plain host, make the change while it is off"
_CHANGED_LIVE = ("link.@state", "alias.@name")
_POD_PATHS = ("mtu.@size", "target.@dev", "target.@managed")
_POD_FIELDS = ("mtu", "target", "target_managed")
"""The fields of a NIC that come from its pod in KubeVirt's profile."""

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
    return _plan(LiveDomain.of(domain), machine, checked_target(machine, target), policy, runs=True)


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
    return _plan(LiveDomain.of(domain), machine, checked_target(machine, target), policy, runs=False)


def plan_virtual_functions(domain: str | LiveDomain, machine: Machine, target: Target | None = None) -> Plan:
    """Plan which virtual functions KubeVirt attaches after a machine has migrated to a pod that has them.

    They are the SR-IOV interfaces that the status finds in the pod (``multus-status``), whatever their state, without
    those that the domain has already. Where the host address of any is not known, there are no steps but problems.
    Raises XmlError. Source: KubeVirt's ``pkg/virt-launcher/virtwrap/device/hostdevice/sriov``.
    """
    target = checked_target(machine, target)
    expansion = expand(machine, target)
    if expansion.refusals:
        return Plan(problems=expansion.refusals)
    machine = expansion.machine
    in_pod = {
        each.name for each in machine.interfaces if is_virtual_function(each) and has_pod_link(machine, each.name)
    }
    if not in_pod:
        return Plan()
    present = tuple(evolve(each, state=None) if each.name in in_pod else each for each in machine.interfaces)
    # these KubeVirt makes without the rest of the domain, so it does not place them on bus 0
    machine = without_root_complex(machine.with_nics(present, machine.networks))
    matched = _matched(machine, compile(machine, target).nics, LiveDomain.of(domain), HotplugPolicy.KUBEVIRT)
    nics = [each for each in matched if each.nic.name in in_pod]
    problems = tuple(problem for each in nics for problem in each.compiled.problems)
    if problems:
        return Plan(problems=problems)
    missing = [each for each in nics if not any(isinstance(live.device, Hostdev) for live in each.found)]
    return Plan(steps=tuple(_attachment(each.nic, each.device) for each in missing if each.device is not None))


@frozen(kw_only=True)
class _Matched:
    """A ``nic`` of the machine, what it is ``compiled`` to, and the domain's NICs of its alias: usually one or none."""

    nic: Nic
    compiled: CompiledNic
    found: tuple[LiveNic, ...]

    @property
    def live(self) -> LiveNic | None:
        """The domain's NIC, if there is exactly one."""
        return self.found[0] if len(self.found) == 1 else None

    @property
    def is_new(self) -> bool:
        """Whether the machine has the NIC, and the domain does not."""
        return not self.nic.interface.is_absent and not self.found

    @property
    def device(self) -> Device | None:
        """The device that the machine asks for."""
        return self.compiled.device


def _matched(
    machine: Machine, compiled: Iterable[CompiledNic], domain: LiveDomain, policy: HotplugPolicy
) -> list[_Matched]:
    """Match every interface of a machine with the domain's NICs, in order; an absent one is compiled to nothing."""
    present = iter(compiled)
    return [
        _Matched(
            nic=nic,
            compiled=CompiledNic(name=nic.name) if nic.interface.is_absent else next(present),
            found=domain.nics_of(nic.interface, policy.answers.name_of),
        )
        for nic in nics_of(machine)
    ]


def _plan(
    domain: LiveDomain, machine: Machine, target: Target, policy: HotplugPolicy | str | None, *, runs: bool
) -> Plan:
    """Plan the changes of a live configuration (``runs``) or of a persistent one."""
    expansion, profile = expand(machine, target), target.profile
    if expansion.refusals:
        return Plan(problems=expansion.refusals)
    try:
        machine = defaulted(expansion.machine, target)
    except Rejected as refused:
        return Plan(problems=refused.problems)
    policy = policy_of(policy, machine, profile)
    waits = policy.answers.machine_waits(machine)
    if waits is not None:
        return Plan(problems=(waits,))
    compiled = compile(machine, target)
    if compiled.general_problems:
        return Plan(problems=compiled.general_problems)
    matched = _matched(machine, compiled.nics, domain, policy)
    if policy.answers.replaces and is_on_root_complex(machine, target):
        matched = _around_other_devices(matched, domain)
    return _in_steps(_outcomes(matched, domain, policy, profile, runs=runs), policy)


def _outcomes(
    matched: Sequence[_Matched], domain: LiveDomain, policy: HotplugPolicy, profile: Profile, *, runs: bool
) -> Iterator[Outcome]:
    """What is to be done for each NIC, in order, and what cannot be done while it runs."""
    unique = [each for each in matched if len(each.found) <= 1]
    differences = {each.nic.number: [*_restart_differences(each, profile)] for each in unique}
    replaces = policy.answers.replaces and not runs
    replaced = [each for each in unique if replaces and differences[each.nic.number]]
    kept = [each for each in unique if each not in replaced]
    yield from _compile_problems(unique, policy)
    yield from _attachments(unique, domain, policy, runs=runs)
    yield from _detachments(unique, domain, policy, runs=runs)
    yield from _link_updates(kept, policy)
    yield from (_replacement(each, profile) for each in replaced)
    yield from _ambiguous_aliases(matched)
    yield from (problem for each in kept for problem in differences[each.nic.number])
    yield from _unknown_nics(matched, domain)


def _in_steps(outcomes: Iterable[Outcome], policy: HotplugPolicy) -> Plan:
    """The plan of outcomes: a policy that stops at an error takes no step after it."""
    steps: list[Step] = []
    problems: list[Problem] = []
    for each in outcomes:
        if isinstance(each, Problem):
            problems.append(each)
        elif not (policy.answers.stops_at_error and any(problem.is_error for problem in problems)):
            steps.append(each)
    return Plan(steps=tuple(steps), problems=tuple(problems))


def _around_other_devices(nics: Sequence[_Matched], domain: LiveDomain) -> list[_Matched]:
    """Place devices on bus 0 of a domain as it is: a NIC stays where it is, and a new one gets a slot that is free.

    KubeVirt hands out all slots anew whenever a machine starts; a domain that is kept has other devices on them.
    """
    free = iter(free_root_slots(domain))
    return [_placed(each, next(free, None) if each.is_new else _address_of(each.live)) for each in nics]


def _address_of(live: LiveNic | None) -> GuestAddress | None:
    return None if live is None else live.device.address


def _placed(matched: _Matched, address: GuestAddress | None) -> _Matched:
    """With the device at an address on PCI, unless the machine says where it is to be."""
    device = matched.device
    if device is None or matched.nic.interface.pci_address or not isinstance(address, PciGuestAddress):
        return matched
    return evolve(matched, compiled=evolve(matched.compiled, device=evolve(device, address=address)))


def _restart_differences(matched: _Matched, profile: Profile) -> Iterator[Problem]:
    """A warning that lists every difference which only a restart changes.

    In KubeVirt's profile the MTU and the target come from the pod, and count only where they are known.
    """
    if matched.live is None or matched.device is None:
        return
    listed = []
    # a machine cannot ask for what kvnet does not model
    live: Any = matched.live.device
    # from the machine's device to the live one, for what libvirt chose where the machine does not is no difference
    for change in diff(matched.device, evolve(live, verbatim=None)):
        # the path inside the device; a change of the whole device has none
        path = ".".join(map(str, change.at.parts[1:])) or "the device"
        is_unknown = profile is Profile.KUBEVIRT and change.before is None and path in _POD_PATHS
        if change.noticed is not Noticed.NOISE and path not in _CHANGED_LIVE and not is_unknown:
            listed.append(f"{path} {change.after or 'none'} → {change.before or 'none'}")
    if listed:
        message = f"the running NIC '{matched.nic.name}' differs from the machine: {'; '.join(listed)}"
        hint = "restart the machine: libvirt changes none of this while it runs"
        yield Problem(matched.nic.at, "KN851", message, hint=hint, severity=Severity.WARNING)


def _compile_problems(nics: Iterable[_Matched], policy: HotplugPolicy) -> Iterator[Problem]:
    """Why interfaces were not compiled; a virtual function needs a host address only when it is to be attached."""
    for each in nics:
        is_due = each.is_new and policy.answers.attachment_waits(each.nic) is None
        if is_due or not is_virtual_function(each.nic.interface):
            yield from each.compiled.problems


def _attachments(
    nics: Iterable[_Matched], domain: LiveDomain, policy: HotplugPolicy, *, runs: bool
) -> Iterator[Outcome]:
    new = [each for each in nics if each.is_new]
    waits = policy.answers.attachment_waits
    held = [waits(each.nic) or _no_device(each) or _known_mac(each, domain, policy) for each in new]
    devices = [None if problem else each.device for each, problem in zip(new, held, strict=True)]
    reasons = no_slot(domain, devices) if runs else [None] * len(new)
    for each, device, problem, reason in zip(new, devices, held, reasons, strict=True):
        if problem is not None:
            yield problem
        elif reason is not None:
            hint = _AT_THE_START if device and is_on_root_bus(device) else _MORE_PORTS
            yield Problem(each.nic.at, "KN853", f"'{each.nic.name}' cannot be attached: {reason}", hint=hint)
        elif device is not None:
            yield from each.compiled.notes
            yield from _missing_mac(each)
            yield _attachment(each.nic, device)


def _attachment(nic: Nic, device: Device) -> Step:
    return Step(action=Action.ATTACH, nic=nic.name, alias=device.alias or "", xml=write(device))


def _change(action: Action, nic: Nic, live: LiveNic, xml: str) -> Step:
    return Step(action=action, nic=nic.name, alias=live.alias, xml=xml, before=live.text)


def _no_device(matched: _Matched) -> Problem | None:
    if matched.device is not None or matched.compiled.problems:
        return None
    reasons = "; ".join(note.message for note in matched.compiled.notes) or f"'{matched.nic.name}' has no device"
    return Problem(matched.nic.at, "KN850", f"nothing can be attached: {reasons}", hint="restart the machine")


def _known_mac(matched: _Matched, domain: LiveDomain, policy: HotplugPolicy) -> Problem | None:
    """The domain may have the NIC already, without an alias that names it."""
    mac = matched.device.mac if isinstance(matched.device, Interface) else None
    if mac is None:
        return None
    name = matched.nic.name
    for live in domain.nics:
        has_name = policy.answers.name_of(live.alias) is not None
        if isinstance(live.device, Interface) and live.device.mac == mac and not has_name:
            message = f"{live.at} has the MAC address of '{name}', {mac}, and no alias that names it"
            hint = f"give it the alias ua-{name} (<alias name='ua-{name}'/>), or give '{name}' another MAC address"
            return Problem(matched.nic.at, "KN855", message, hint=hint)
    return None


def _missing_mac(matched: _Matched) -> Iterator[Problem]:
    if isinstance(matched.device, Interface) and matched.device.mac is None:
        name, at = matched.nic.name, matched.nic.at / "macAddress"
        message = f"'{name}' has no MAC address: libvirt generates one now, and another one for the next start"
        yield Problem(at, "KN860", message, hint="write a macAddress", severity=Severity.WARNING)


def _detachments(
    nics: Iterable[_Matched], domain: LiveDomain, policy: HotplugPolicy, *, runs: bool
) -> Iterator[Outcome]:
    for each in nics:
        live = each.live
        if live is None or not each.nic.interface.is_absent:
            continue
        waits = policy.answers.detachment_waits(each.nic, live.device)
        if waits is None and runs and stays_plugged(domain, live.device):
            message = f"'{each.nic.name}' cannot be detached: nothing on bus 0x00 can be while the domain runs"
            waits = Problem(each.nic.at / "state", "KN861", message, hint=_AT_THE_START)
        yield waits or _change(Action.DETACH, each.nic, live, live.text)


def _link_updates(nics: Iterable[_Matched], policy: HotplugPolicy) -> Iterator[Step]:
    for each in nics:
        live = each.live
        if live is None or not isinstance(live.device, Interface) or not isinstance(each.device, Interface):
            continue
        device: Any = live.device
        default = policy.answers.default_link
        if (device.link or default) != (each.device.link or default):
            xml = write(evolve(device, link=each.device.link, verbatim=live.text))
            yield _change(Action.UPDATE_LINK, each.nic, live, xml)


def _replacement(matched: _Matched, profile: Profile) -> Step:
    """The device that the machine asks for, with the addresses of the NIC it replaces where it has none of its own."""
    assert matched.live is not None
    old: Any = matched.live.device
    new: Any = matched.device
    kept = ["address"] if is_express(old) == is_express(new) else []
    if isinstance(old, Interface) and isinstance(new, Interface):
        kept += ["mac", *(_POD_FIELDS if profile is Profile.KUBEVIRT else ())]
    new = evolve(new, **{name: getattr(old, name) for name in kept if getattr(new, name) is None})
    return _change(Action.REPLACE, matched.nic, matched.live, write(new))


def _ambiguous_aliases(nics: Iterable[_Matched]) -> Iterator[Problem]:
    for each in nics:
        if len(each.found) > 1:
            places = " and ".join(str(live.at) for live in each.found)
            message = f"{places} have the same alias, that of '{each.nic.name}', so neither is changed"
            yield Problem(each.nic.at, "KN854", message, hint="give each NIC of the domain its own alias")


def _unknown_nics(nics: Iterable[_Matched], domain: LiveDomain) -> Iterator[Problem]:
    """A note for each NIC of the domain that the machine does not list; other PCI hostdevs are no NICs."""
    known = {live.at for each in nics for live in each.found}
    for live in domain.nics:
        is_other = isinstance(live.device, Hostdev) and not live.alias.startswith(USER_ALIAS + VF_ALIAS)
        if live.at not in known and not is_other:
            alias = live.alias or "none"
            message = f"the domain has a NIC that the machine does not list (alias: {alias}), and it stays"
            hint = "list it with `state: absent` to detach it"
            yield Problem(live.at, "KN856", message, hint=hint, severity=Severity.NOTE)
