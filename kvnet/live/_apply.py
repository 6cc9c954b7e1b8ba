"""Plan the changes of a domain on libvirt, and carry them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from kvnet.errors import Problem
from kvnet.hotplug import Action, Call, DomainPlan, HotplugPolicy, plan_domain
from kvnet.hotplug.steps import Remaining
from kvnet.live._libvirt import LibvirtError, domain_of, domain_state, libvirt_module, refused, said
from kvnet.live.connection import Reconnectable, of_connection
from kvnet.live.events import EventKind, Removals
from kvnet.spec import Machine
from kvnet.spec.nic import interfaces_at, nics_of
from kvnet.target import Target, checked_target

if TYPE_CHECKING:
    import libvirt

__all__ = ["Applied", "Failure", "apply", "make_call", "plan"]


@frozen(kw_only=True)
class Failure:
    """A call that failed, and why."""

    call: Call
    problem: Problem


@frozen(kw_only=True)
class Applied(Remaining):
    """The result of a plan: calls that were ``done``, that ``failed``, and that are ``left``, not begun.

    ``problems`` are those of the plan. The next ``apply`` plans again what failed or is left, and does nothing twice.
    """

    done: tuple[Call, ...] = ()
    failed: tuple[Failure, ...] = ()
    left: tuple[Call, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the domain has all that the manifest says, with nothing left for a restart or a migration."""
        undone = self.failed or self.left or any(problem.is_error for problem in self.problems)
        return not undone and not self.needs_restart and not self.needs_migration


def plan(
    machine: Machine,
    connection: libvirt.virConnect,
    target: Target | None = None,
    *,
    policy: HotplugPolicy | str | None = None,
    name: str | None = None,
) -> DomainPlan:
    """Plan what ``apply`` would do to a machine's domain now, with the same arguments.

    The releases of libvirt and QEMU are those of the connection. Raises LibvirtError where there is no such domain, or
    libvirt cannot describe it, and XmlError.
    """
    target = checked_target(machine, target)
    try:
        domain = domain_of(connection, machine, target.profile, name)
        return plan_domain(domain_state(domain), machine, of_connection(target, connection), policy=policy)
    except libvirt_module().libvirtError as error:
        raise refused(error) from error


def apply(
    machine: Machine,
    connection: libvirt.virConnect,
    target: Target | None = None,
    *,
    policy: HotplugPolicy | str | None = None,
    name: str | None = None,
    timeout: float = 30.0,
    attempts: int = 3,
    reopen: Callable[[], libvirt.virConnect] | None = None,
) -> Applied:
    """Plan the changes of a machine's domain, and carry them out in its live and persistent configuration.

    ``name`` is the domain's, else ``domain_name`` of the machine; ``policy`` decides which changes KubeVirt would make
    at once. The first call that libvirt refuses ends the run. The guest has ``timeout`` seconds after the last call to
    release the NICs that were detached; libvirt itself waits five seconds for each. A guest that has not booted, or is
    paused, may never release one. A call to a QEMU that does not answer does not return.

    Where the connection is lost, up to ``attempts`` new ones are opened, by ``reopen`` or with the same URI, and closed
    at the end; the domain is planned anew over each. libvirt delivers events to connections of ``connect``, or where
    the caller runs an event loop; without events, the domain's XML is polled every second.

    Applying again completes what failed or was interrupted, and does nothing to a domain that is complete.

    Returns what was done, what failed and what is left. Raises LibvirtError where there is no such domain, or libvirt
    cannot describe it, and XmlError.
    """
    target = checked_target(machine, target)
    with Reconnectable(connection, attempts, reopen) as current:
        run = _Run(machine, target, policy, name, current, timeout)
        try:
            while True:
                try:
                    return run.carry_out()
                except libvirt_module().libvirtError as error:
                    if not current.is_lost():
                        raise refused(error) from error
                current.reconnect()
        except LibvirtError as error:
            return run.give_up(error)


@define
class _Run:
    """One ``apply``, over as many connections as it takes."""

    machine: Machine
    target: Target
    policy: HotplugPolicy | str | None
    name: str | None
    current: Reconnectable
    timeout: float
    applied: Applied = field(init=False, factory=Applied)
    pending: tuple[Call, ...] = field(init=False, default=())
    """The calls of the last plan that are neither done nor failed."""

    def carry_out(self) -> Applied:
        """Carry out what the domain lacks now. Raises libvirtError where the connection is lost."""
        domain = domain_of(self.current.connection, self.machine, self.target.profile, self.name)
        target = of_connection(self.target, self.current.connection)
        planned = plan_domain(domain_state(domain), self.machine, target, policy=self.policy)
        # a call that is no longer planned was done, even if the answer was lost with the connection
        done = tuple(call for call in self.pending if call not in planned.calls)
        self.applied = evolve(self.applied, done=(*self.applied.done, *done), problems=planned.problems)
        self.pending = planned.calls
        with Removals(domain) as removed:
            self._wait(self._make_calls(domain, removed), removed)
        return evolve(self.applied, left=self.pending)

    def give_up(self, error: LibvirtError) -> Applied:
        """The result where libvirt no longer answers. Raises the error where nothing was planned yet."""
        if not self.pending and not self.applied.done:
            raise error
        if self.pending:
            problem = error.problems[0]
            self._fail(self.pending[0], problem.code, problem.message, problem.hint)
        return evolve(self.applied, left=self.pending)

    def _make_calls(self, domain: libvirt.virDomain, removed: Removals) -> list[Call]:
        """Make the calls up to the first that is refused; returns those that wait for the guest."""
        waiting: list[Call] = []
        for call in self.pending:
            try:
                make_call(domain, call, removed)
            except libvirt_module().libvirtError as error:
                if self.current.is_lost():
                    raise
                message = f"libvirt refuses to {call}: {said(error)}"
                self._fail(call, "KN871", message, "correct what it says, and run this again")
                return waiting
            if call.step.action is Action.DETACH and call.live:
                waiting.append(call)
            else:
                self._finish(call)
        return waiting

    def _wait(self, waiting: Sequence[Call], removed: Removals) -> None:
        until = time.monotonic() + self.timeout
        for call in waiting:
            match removed.outcome(call.step.alias, until):
                case EventKind.DEVICE_REMOVED:
                    self._finish(call)
                case EventKind.DEVICE_REMOVAL_FAILED:
                    message = f"the guest refuses to release '{call.step.nic}'"
                    self._fail(call, "KN873", message, "stop what uses it in the guest, and run this again")
                case _:
                    message = f"the guest has not released '{call.step.nic}' within {self.timeout:g} s"
                    hint = "wait until the guest has booted, resume a paused one, and run this again"
                    self._fail(call, "KN872", message, hint)

    def _finish(self, call: Call) -> None:
        self.pending = tuple(each for each in self.pending if each != call)
        self.applied = evolve(self.applied, done=(*self.applied.done, call))

    def _fail(self, call: Call, code: str, message: str, hint: str) -> None:
        at = next((nic.at for nic in nics_of(self.machine) if nic.name == call.step.nic), interfaces_at(self.machine))
        failure = Failure(call=call, problem=Problem(at, code, message, hint=hint))
        self.pending = tuple(each for each in self.pending if each != call)
        self.applied = evolve(self.applied, failed=(*self.applied.failed, failure))


def make_call(domain: libvirt.virDomain, call: Call, removed: Removals | None = None) -> None:
    """Make the libvirt call of a step; making it again does no harm. Raises libvirtError.

    A NIC that is detached from a running domain may still be there afterwards: ``removed`` follows its removal.
    """
    libvirt = libvirt_module()
    live = libvirt.VIR_DOMAIN_AFFECT_LIVE if call.live else 0
    flags = live | (libvirt.VIR_DOMAIN_AFFECT_CONFIG if call.persistent else 0)
    match call.step.action:
        case Action.ATTACH:
            domain.attachDeviceFlags(call.step.xml, flags)
        case Action.UPDATE_LINK:
            domain.updateDeviceFlags(call.step.xml, flags)
        case Action.DETACH:
            _detach(domain, call, flags, removed)
        case Action.REPLACE:
            _replace(domain, call, flags)


def _detach(domain: libvirt.virDomain, call: Call, flags: int, removed: Removals | None) -> None:
    libvirt = libvirt_module()
    if removed is not None:
        removed.forget(call.step.alias)
    try:
        # Not virDomainDetachDeviceAlias: it does not save the domain's status afterwards, so that a libvirt that
        # restarts may find a NIC there that QEMU no longer has.
        domain.detachDeviceFlags(call.step.xml, flags)
    except libvirt.libvirtError as error:
        is_missing = error.get_error_code() == libvirt.VIR_ERR_DEVICE_MISSING
        if not is_missing and not (call.live and "in the process of unplug" in error.get_error_message()):
            raise
        if call.live and call.persistent:
            # libvirt changes neither configuration where it cannot change both
            domain.detachDeviceFlags(call.step.xml, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def _replace(domain: libvirt.virDomain, call: Call, flags: int) -> None:
    """Update a NIC, or detach and attach it where libvirt cannot; the old one is attached again at a refusal."""
    error: Any = libvirt_module().libvirtError
    step = call.step
    try:
        domain.updateDeviceFlags(step.xml, flags)
    except error:
        domain.detachDeviceFlags(step.before, flags)
        try:
            domain.attachDeviceFlags(step.xml, flags)
        except error:
            domain.attachDeviceFlags(step.before, flags)
            raise
