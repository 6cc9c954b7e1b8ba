"""A domain made what its manifest asks: the plan of its changes, carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from kvnet.domain.naming import domain_name
from kvnet.errors import FieldPath, Problem
from kvnet.hotplug import Action, Call, DomainPlan, HotplugPolicy, plan_domain
from kvnet.live.applied import Applied, Failure
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.calls import carry_out
from kvnet.live.domains import domain_named, state_of
from kvnet.live.line import Line, line
from kvnet.live.removal import Removal, Removals, removals
from kvnet.spec import Machine
from kvnet.target import Target

if TYPE_CHECKING:
    import libvirt

__all__ = ["apply", "plan"]


def plan(
    machine: Machine,
    connection: libvirt.virConnect,
    target: Target | None = None,
    *,
    policy: HotplugPolicy | str | None = None,
    name: str | None = None,
) -> DomainPlan:
    """What ``apply`` would do to a machine's domain now. Raises LibvirtError and XmlError."""
    target = target or Target()
    asked = _Asked(machine, target, policy, name or domain_name(machine, target.profile))
    try:
        return asked.plan(domain_named(connection, asked.name))
    except libvirt_module().libvirtError as error:
        raise LibvirtError([_told(error)]) from error


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
    """Plan the changes of a machine's domain, and carry them out: on the domain that runs, and on its next start.

    The domain is the one of ``name``, else that of ``domain_name``. The first call that libvirt refuses is the last.
    NICs that are detached have ``timeout`` seconds, counted from the last call, until the guest has let go of them (and
    libvirt itself waits five at each); a domain that has no guest, or a paused one, may never do. Done again, there is
    nothing left to do, and what was done by half, or by a process that ended half-way, is completed.

    Where the connection is lost, as many as ``attempts`` new ones are made, by ``reopen`` or with the same URI, and
    closed at the end; each time the domain is looked at anew. A QEMU that does not answer libvirt holds up its call.
    libvirt's events are heard on connections of ``connect``, or where the caller runs a loop; without them, the domain
    is looked at every second.

    Raises LibvirtError where the domain is not there, or cannot be looked at, and XmlError.
    """
    target = target or Target()
    asked = _Asked(machine, target, policy, name or domain_name(machine, target.profile))
    with line(connection, attempts, reopen) as way:
        run = _Run(asked, way, timeout)
        while True:
            try:
                return run.turn()
            except libvirt_module().libvirtError as error:
                if not way.is_lost():
                    return run.given_up(LibvirtError([_told(error)]))
            except LibvirtError as error:
                return run.given_up(error)
            try:
                way.regain()
            except LibvirtError as error:
                return run.given_up(error)


@frozen
class _Asked:
    """What is asked, and of which domain."""

    machine: Machine
    target: Target
    policy: HotplugPolicy | str | None
    name: str

    def plan(self, domain: libvirt.virDomain) -> DomainPlan:
        return plan_domain(state_of(domain), self.machine, self.target, policy=self.policy)

    def at(self, nic: str) -> FieldPath:
        """Where the manifest speaks of a NIC."""
        at = self.machine.root / "domain" / "devices" / "interfaces"
        return next((at[n] for n, each in enumerate(self.machine.interfaces) if each.name == nic), at)


class _Run:
    """One ``apply``, over as many connections as it takes."""

    def __init__(self, asked: _Asked, way: Line, timeout: float) -> None:
        self._asked = asked
        self._way = way
        self._timeout = timeout
        self._applied = Applied()
        self._open: list[Call] = []  # begun or still to do, by the last plan

    def turn(self) -> Applied:
        """Carry out what the domain lacks now. Raises libvirt's own error where the connection is lost."""
        domain = domain_named(self._way.connection, self._asked.name)
        made = self._asked.plan(domain)
        # what the last turn left open and is planned no more was done, whatever became of the answer
        done = tuple(call for call in self._open if call not in made.calls)
        self._applied = evolve(self._applied, done=(*self._applied.done, *done), problems=made.problems)
        self._open = list(made.calls)
        with removals(domain) as gone:
            leaving = self._carried_out(domain, gone)
            self._awaited(leaving, gone)
        return evolve(self._applied, left=tuple(self._open))

    def _carried_out(self, domain: libvirt.virDomain, gone: Removals) -> list[Call]:
        """Make the calls, up to the first that is refused; those that wait for the guest are given back."""
        leaving: list[Call] = []
        for call in tuple(self._open):
            try:
                carry_out(domain, call, gone)
            except libvirt_module().libvirtError as error:
                if self._way.is_lost():
                    raise
                self._fail(call, _refused(self._asked.at(call.step.nic), call, error))
                return leaving
            if call.step.action is Action.DETACH and call.live:
                leaving.append(call)
            else:
                self._finish(call)
        return leaving

    def _awaited(self, leaving: Sequence[Call], gone: Removals) -> None:
        until = time.monotonic() + self._timeout
        for call in leaving:
            outcome = gone.outcome(call.step.alias, until)
            if outcome is Removal.GONE:
                self._finish(call)
            else:
                self._fail(call, _not_gone(self._asked.at(call.step.nic), call, outcome, self._timeout))

    def _finish(self, call: Call) -> None:
        self._open.remove(call)
        self._applied = evolve(self._applied, done=(*self._applied.done, call))

    def _fail(self, call: Call, problem: Problem) -> None:
        self._open.remove(call)
        self._applied = evolve(self._applied, failed=(*self._applied.failed, Failure(call=call, problem=problem)))

    def given_up(self, error: LibvirtError) -> Applied:
        """The report where libvirt cannot be asked any more. Raises the error where nothing was planned yet."""
        if not self._open and not self._applied.done:
            raise error
        if self._open:
            self._fail(self._open[0], error.problems[0])
        return evolve(self._applied, left=tuple(self._open))


def _told(error: libvirt.libvirtError) -> Problem:
    return Problem(FieldPath(("domain",)), "KN871", f"libvirt says: {error.get_error_message()}")


def _refused(at: FieldPath, call: Call, error: libvirt.libvirtError) -> Problem:
    told = f"libvirt refuses to {call}: {error.get_error_message()}"
    return Problem(at, "KN871", told, hint="see to what it says, and run this again")


def _not_gone(at: FieldPath, call: Call, outcome: Removal, timeout: float) -> Problem:
    if outcome is Removal.REFUSED:
        told = f"the guest does not let go of '{call.step.nic}'"
        return Problem(at, "KN873", told, hint="stop what uses it in the guest, and run this again")
    told = f"the guest has not let go of '{call.step.nic}' within {timeout:g} s"
    hint = "wait for a guest that is booting, see to one that is paused or hangs, and run this again"
    return Problem(at, "KN872", told, hint=hint)
