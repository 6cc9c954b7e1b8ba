"""Put a machine's NICs into the definition of a domain that exists, and keep everything else of it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from kvnet.compiler import compile
from kvnet.defaults import defaulted
from kvnet.device import Device, EthernetSource, Interface
from kvnet.domain.conflicts import conflicts
from kvnet.domain.edit import Edit, edited
from kvnet.errors import Problem
from kvnet.hotplug.live_domain import LiveDomain, LiveNic
from kvnet.hotplug.persistent import DomainState, plan_domain
from kvnet.hotplug.policy import HotplugPolicy
from kvnet.hotplug.steps import Action, Plan, preview
from kvnet.instancetypes import expand
from kvnet.spec import Machine
from kvnet.target import Target, checked_target
from kvnet.xml import write
from kvnet.xml.parser import parse

__all__ = ["Redefinition", "redefine"]


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
