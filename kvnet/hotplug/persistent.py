"""Plan the changes of a domain's live and persistent configuration at once, or of a definition that does not run."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

from attrs import evolve, field, frozen

from kvnet.compiler import compile
from kvnet.compiler.pod import VF_ALIAS
from kvnet.defaults import defaulted
from kvnet.device import Device, EthernetSource, Interface, PciGuestAddress
from kvnet.device.diff import Change, Noticed, diff
from kvnet.domain.edit import Edit, edited
from kvnet.domain.patch import conflicts
from kvnet.errors import Problem, Rejected, Severity
from kvnet.hotplug.live_domain import LiveDomain, LiveNic
from kvnet.hotplug.plan import plan_changes, plan_next_start
from kvnet.hotplug.policy import HotplugPolicy, policy_of
from kvnet.hotplug.ports import PciSlot, free_slots, is_express
from kvnet.hotplug.steps import Action, Plan, Remaining, Step, preview
from kvnet.instancetypes import expand
from kvnet.spec import Machine
from kvnet.target import Target, checked_target
from kvnet.values import MacAddress, PciAddress
from kvnet.xml import write
from kvnet.xml.parser import parse

__all__ = [
    "Call",
    "DomainPlan",
    "DomainState",
    "Redefinition",
    "mac_from_uuid",
    "plan_domain",
    "redefine",
    "with_fixed_addresses",
]

_QEMU_PREFIX = bytes((0x52, 0x54, 0x00))
"""QEMU's MAC prefix, from which libvirt generates addresses too; it is locally administered."""


def _parsed(domain: str | LiveDomain | None) -> LiveDomain | None:
    return None if domain is None else LiveDomain.of(domain)


@frozen(kw_only=True)
class DomainState:
    """A domain as libvirt has it: its ``uuid``, and its configurations, given as text or parsed.

    ``live`` is the configuration of the running domain, ``None`` where it does not run. ``persistent`` is that of its
    next start, ``None`` where it is transient. Raises XmlError.
    """

    uuid: str
    live: LiveDomain | None = field(converter=_parsed)
    persistent: LiveDomain | None = field(converter=_parsed)


@frozen(kw_only=True)
class Call:
    """A ``step``, and whether it is made on the ``live`` configuration, the ``persistent`` one, or both at once."""

    step: Step
    live: bool
    persistent: bool

    def __str__(self) -> str:
        parts = {"running": self.live, "next start": self.persistent}
        return f"{self.step} [{', '.join(part for part, is_meant in parts.items() if is_meant)}]"


@frozen(kw_only=True)
class DomainPlan(Remaining):
    """The ``calls`` to libvirt, in order, the ``problems`` they leave undone, and the ``state`` they change."""

    state: DomainState = DomainState(uuid="", live=None, persistent=None)
    calls: tuple[Call, ...] = ()
    problems: tuple[Problem, ...] = ()

    def part(self, *, live: bool) -> Plan:
        """The steps of the live configuration, or of the persistent one."""
        return Plan(steps=tuple(each.step for each in self.calls if (each.live if live else each.persistent)))

    def changes(self, *, live: bool) -> tuple[Change, ...]:
        """What the steps change in the live configuration, or in the persistent one, without noise."""
        domain = self.state.live if live else self.state.persistent
        if domain is None:
            return ()
        after = LiveDomain.parse(preview(domain, self.part(live=live)))
        old, new = ([nic.device for nic in each.nics] for each in (domain, after))
        return tuple(change for change in diff(old, new) if change.noticed is not Noticed.NOISE)


def plan_domain(
    state: DomainState,
    machine: Machine,
    target: Target | None = None,
    *,
    policy: HotplugPolicy | str | None = None,
) -> DomainPlan:
    """Plan the changes of a domain's configurations, so that the live and the persistent one agree.

    It is ``plan_changes`` of the live configuration and ``plan_next_start`` of the persistent one. A step that both
    need is one call, and a step that one of them needs is a call for that one, so a change that was half done is
    completed. A NIC for which the running domain has no PCI slot is attached to neither. MAC and PCI addresses that
    are not given are fixed here, the same for both.

    ``machine``, ``target`` and ``policy`` are those of ``plan_changes``. Raises XmlError.
    """
    target = checked_target(machine, target)
    expansion = expand(machine, target)
    if expansion.refusals:
        return DomainPlan(state=state, problems=expansion.refusals)
    try:
        machine = defaulted(expansion.machine, target)
    except Rejected as refused:
        return DomainPlan(state=state, problems=refused.problems)
    policy = policy_of(policy, machine, target.profile)
    machine = with_fixed_addresses(machine, target, state, policy)
    live = persistent = Plan()
    if state.persistent is not None:
        persistent = plan_next_start(state.persistent, machine, target, policy=policy)
    if state.live is not None:
        live = plan_changes(state.live, machine, target, policy=policy)
        persistent = _without_unattachable(persistent, live, state.live, policy)
    # on a running domain, the notes of its live configuration say enough
    added = (each for each in persistent.problems if state.live is None or each.severity is not Severity.NOTE)
    return DomainPlan(
        state=state,
        calls=tuple(_calls(live.steps, persistent.steps, state)),
        problems=tuple(dict.fromkeys((*live.problems, *added))),
    )


def mac_from_uuid(uuid: str, nic: str, taken: Container[MacAddress] = ()) -> MacAddress:
    """Derive the MAC address of a NIC that has none from the domain's UUID and the NIC's name; always the same.

    It is 52:54:00 and the first three bytes of the SHA-256 of ``UUID/NAME``, with the UUID in lower case. Where that
    address is ``taken``, ``UUID/NAME/1`` and so on are tried. libvirt itself would generate one address for the running
    domain and another one for its next start.

    >>> str(mac_from_uuid("3b4a7195-549c-5bd7-b0c1-fffc5d533a77", "red"))
    '52:54:00:a5:2b:aa'
    """
    seed = f"{uuid.lower()}/{nic}"
    seeds = (seed if n == 0 else f"{seed}/{n}" for n in count())
    macs = (MacAddress(_QEMU_PREFIX + sha256(each.encode(errors="surrogatepass")).digest()[:3]) for each in seeds)
    return next(mac for mac in macs if mac not in taken)


def with_fixed_addresses(machine: Machine, target: Target, state: DomainState, policy: HotplugPolicy) -> Machine:
    """Fix MAC and PCI address of each NIC so that the live and the persistent configuration agree.

    A NIC that one configuration has gets the same addresses in the other one, the live before the persistent. A new NIC
    gets ``mac_from_uuid``, and the first PCI slot that is free in both; with one configuration, libvirt assigns it.
    Without any, for a domain that is to be defined, each NIC is new.
    """
    domains = [domain for domain in (state.live, state.persistent) if domain is not None]
    found = [_devices_by_name(domain, policy) for domain in domains]
    devices = {nic.name: nic.device for nic in compile(machine, target).nics}
    macs = _macs([*devices.values(), *(device for named in found for device in named.values())])
    slots: set[PciSlot] = set()
    interfaces = []
    for interface in machine.interfaces:
        device = devices.get(interface.name)
        there = [named.get(interface.name) for named in found]
        fixed: dict[str, Any] = {}
        known = _macs(there)
        if isinstance(device, Interface) and device.mac is None:
            mac = known[0] if known else mac_from_uuid(state.uuid, interface.name, macs)
            macs.append(mac)
            fixed["mac_address"] = str(mac)
        differ = None in there or len({each.address for each in there if each is not None}) > 1
        if device is not None and device.address is None and len(domains) > 1 and differ:
            slot = _common_slot(device, domains, there, slots)
            if slot is not None:
                slots.add(slot)
                fixed["pci_address"] = str(PciAddress(0, slot.bus, slot.slot, 0))
        interfaces.append(evolve(interface, **fixed))
    return machine.with_nics(tuple(interfaces), machine.networks)


def _devices_by_name(domain: LiveDomain, policy: HotplugPolicy) -> dict[str, Device]:
    named = ((policy.answers.name_of(nic.alias), nic.device) for nic in domain.nics)
    return {name.removeprefix(VF_ALIAS): device for name, device in named if name is not None}


def _macs(devices: Iterable[Device | None]) -> list[MacAddress]:
    return [each.mac for each in devices if isinstance(each, Interface) and isinstance(each.mac, MacAddress)]


def _common_slot(
    device: Device, domains: Sequence[LiveDomain], there: Sequence[Device | None], taken: Container[PciSlot]
) -> PciSlot | None:
    """The slot of a NIC that a configuration has, if the other has it free; for a new one, the first that both have."""
    own = [None if each is None else _slot_of(each, device) for each in there]
    options = [
        (*((slot,) if slot else ()), *free_slots(domain, device)) for slot, domain in zip(own, domains, strict=True)
    ]
    is_new = all(each is None for each in there)
    wanted = options[0] if is_new else [slot for slot in own if slot][:1]
    return next((slot for slot in wanted if slot not in taken and all(slot in each for each in options)), None)


def _slot_of(present: Device, device: Device) -> PciSlot | None:
    """The slot of a NIC that a configuration has, if the device can be plugged in there."""
    address = present.address
    if not isinstance(address, PciGuestAddress) or is_express(present) != is_express(device):
        return None
    return PciSlot(address.bus or 0, address.slot or 0)


def _without_unattachable(persistent: Plan, live: Plan, domain: LiveDomain, policy: HotplugPolicy) -> Plan:
    """Without the attachments of NICs that the running domain neither has nor gets."""
    names = {policy.answers.name_of(nic.alias) for nic in domain.nics}
    attached = {step.alias for step in live.steps if step.action is Action.ATTACH}
    kept = tuple(
        step
        for step in persistent.steps
        if step.action is not Action.ATTACH or step.alias in attached or policy.answers.name_of(step.alias) in names
    )
    return evolve(persistent, steps=kept)


def _calls(live: Iterable[Step], persistent: Iterable[Step], state: DomainState) -> Iterator[Call]:
    parts = [{(step.action, step.nic): step for step in steps} for steps in (live, persistent)]
    order = tuple(Action)
    for key in sorted(dict.fromkeys((*parts[0], *parts[1])), key=lambda key: order.index(key[0])):
        one, other = (part.get(key) for part in parts)
        is_same = one is not None and other is not None and one.xml == other.xml
        if one is not None and other is not None and not is_same:
            is_same = _identity(one, state.live) == _identity(other, state.persistent)
        if one is not None and not is_same:
            yield Call(step=one, live=True, persistent=False)
        if other is not None:
            # of a persistent NIC libvirt accepts no more than its own XML, and it completes that of a running one
            yield Call(step=other, live=is_same, persistent=True)


def _identity(step: Step, domain: LiveDomain | None) -> tuple[object, ...]:
    """What makes the NIC of a step the same in both configurations: alias, MAC address and guest address."""
    assert domain is not None
    nic = next(nic for nic in domain.nics if nic.alias == step.alias and nic.text == step.before)
    mac = nic.device.mac if isinstance(nic.device, Interface) else None
    return (type(nic.device), nic.alias, mac, nic.device.address)


@frozen(kw_only=True)
class Redefinition:
    """The definition of a domain with a machine's NICs: its ``document``, and ``problems``.

    Where one of them is an error, the document is what it was.
    """

    document: str
    problems: tuple[Problem, ...] = ()


def redefine(persistent: str, uuid: str, machine: Machine, target: Target | None = None) -> Redefinition:
    """Put a machine's NICs into a persistent configuration; every byte that concerns no NIC stays.

    NICs are known by their aliases. One without an alias of the user's is taken for the NIC of its MAC address, else
    for one that is attached as it is, and gets its alias. What the manifest leaves open stays as it is: MAC and guest
    addresses. A new NIC gets the MAC address that ``plan_domain`` gives it, from the domain's ``uuid``. A NIC that the
    machine does not list stays, with a note; ``state: absent`` takes one out.

    Raises XmlError.
    """
    target = checked_target(machine, target)
    expansion = expand(machine, target)
    if expansion.refusals:
        return Redefinition(document=persistent, problems=expansion.refusals)
    domain = _with_aliases(LiveDomain.parse(persistent), defaulted(expansion.machine, target), target)
    state = DomainState(uuid=uuid, live=None, persistent=domain)
    planned = plan_domain(state, machine, target, policy=HotplugPolicy.PLAIN)
    part = planned.part(live=False)
    problems = (*planned.problems, *_conflicts(domain, part))
    if any(problem.is_error for problem in problems):
        return Redefinition(document=persistent, problems=problems)
    return Redefinition(document=preview(domain, part), problems=problems)


def _with_aliases(domain: LiveDomain, machine: Machine, target: Target) -> LiveDomain:
    """The domain with the machine's aliases for NICs that have none of the user's."""
    devices = [nic.device for nic in compile(machine, target).nics if nic.device is not None]
    known = {nic.alias for nic in domain.nics}
    missing = [device for device in devices if device.alias not in known]
    unnamed = [nic for nic in domain.nics if HotplugPolicy.PLAIN.answers.name_of(nic.alias) is None]
    named: dict[str | None, LiveNic] = {}
    for is_same in _SAME:
        for device in missing:
            free = [nic for nic in unnamed if nic not in named.values() and is_same(device, nic.device)]
            if device.alias not in named and free:
                named[device.alias] = free[0]
    edits = [Edit(nic.span.start, nic.span.end, write(evolve(nic.device, alias=alias))) for alias, nic in named.items()]
    return LiveDomain.parse(edited(domain, edits)) if edits else domain


def _has_same_mac(one: Device, other: Device) -> bool:
    return isinstance(one, Interface) and isinstance(other, Interface) and one.mac is not None and one.mac == other.mac


def _has_same_source(one: Device, other: Device) -> bool:
    """Whether two devices are attached to the same; taps that nothing is said of are not."""
    if isinstance(one, Interface) and isinstance(other, Interface) and isinstance(one.source, EthernetSource):
        return one.target is not None and one.source == other.source and one.target == other.target
    return type(one) is type(other) and one.source == other.source


def _has_same_port(one: Device, other: Device) -> bool:
    """Whether two devices are attached to the same network, in the same VLANs."""
    return _has_same_source(one, other) and getattr(one, "vlan", None) == getattr(other, "vlan", None)


_SAME: tuple[Callable[[Device, Device], bool], ...] = (_has_same_mac, _has_same_port, _has_same_source)
"""Whether a NIC of the domain is one of the machine's, the surest sign first."""


def _conflicts(domain: LiveDomain, plan: Plan) -> tuple[Problem, ...]:
    """What new and replaced NICs claim that other devices have, without places: the definition is no file."""
    gone = {step.before for step in plan.steps if step.action in (Action.REPLACE, Action.DETACH)}
    spans = {nic.span for nic in domain.nics if nic.text in gone}
    kept = [each for each in domain.devices if domain.spans[each] not in spans]
    nics = [parse(step.xml) for step in plan.steps if step.action in (Action.ATTACH, Action.REPLACE)]
    return tuple(problem.placed(None) for problem in conflicts(domain, kept, nics))
