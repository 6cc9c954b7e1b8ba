"""What ``live.apply`` makes of each answer that libvirt can give: refusals, losses, events that come late or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libvirt
import pytest
from live.live_machines import FACTS, HOST, domain, machine, plugged
from live.scripted import Clock, Connection, ScriptedDomain, error

import kvnet
from kvnet import live
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.live import Applied, LibvirtError, events
from kvnet.spec import Machine

BOTH, LIVE, CONFIG = 3, 1, 2
BASE = plugged("base", macAddress="02:00:00:00:00:01")
UUID = "cd0e92bb-d962-4cf1-9a1e-6d17a9de6b3c"
TARGET = kvnet.Target(facts=FACTS, profile=HOST)


def asked(*nics: dict[str, Any]) -> Machine:
    return machine(BASE, *nics, name="vm")


def running(*nics: dict[str, Any], ports: int = 6, live_half: bool = True, persistent: bool = True) -> ScriptedDomain:
    """A domain with these NICs beside ``base``, as ``apply`` attaches them, and free ports."""
    text = domain(machine(BASE, name="vm"), ports=ports)
    made = ScriptedDomain(live=text if live_half else None, persistent=text if persistent else None)
    if nics:
        applied = apply(made, *nics)
        assert (applied.failed, applied.left) == ((), ())
        made.calls.clear()
    return made


def apply(vm: ScriptedDomain, *nics: dict[str, Any], connection: Connection | None = None, **options: Any) -> Applied:
    options = {"timeout": 0.05, **options}
    return live.apply(asked(*nics), connection or Connection(vm), TARGET, **options)


def absent(*names: str) -> list[dict[str, Any]]:
    return [plugged(name, state="absent") for name in names]


def done(applied: Applied) -> list[str]:
    return [str(call) for call in applied.done]


def failed(applied: Applied) -> list[tuple[str, str]]:
    return [(each.call.step.nic, each.problem.code) for each in applied.failed]


def left(applied: Applied) -> list[str]:
    return [call.step.nic for call in applied.left]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pauses pass at once, and so does the time in which there is no event."""
    made = Clock()
    for module in ("_apply", "connection", "events"):
        monkeypatch.setattr(f"kvnet.live.{module}.time", made)
    get = events._next

    def next_event(queue: events.Events, timeout: float) -> events.Event | None:
        event = get(queue, 0)
        made.now += 0 if event else timeout
        return event

    monkeypatch.setattr(events, "_next", next_event)
    return made


def refusing(call: str, alias: str, problem: Exception) -> Callable[..., None]:
    """Refuse one call about one NIC."""

    def before(_: Connection, name: str, about: str) -> None:
        if (name, about) == (call, f"ua-{alias}"):
            raise problem

    return before


HALVES = {
    "both": (running(), [("attach", "ua-a", BOTH), ("attach", "ua-b", BOTH)]),
    "no definition": (running(persistent=False), [("attach", "ua-a", LIVE), ("attach", "ua-b", LIVE)]),
    "does not run": (running(live_half=False), [("attach", "ua-a", CONFIG), ("attach", "ua-b", CONFIG)]),
}


@pytest.mark.parametrize("half", HALVES)
def test_nics_are_attached_to_the_halves_that_the_domain_has(half: str) -> None:
    vm, calls = HALVES[half]
    assert apply(vm, plugged("a"), plugged("b")).is_complete
    assert vm.calls == calls
    assert apply(vm, plugged("a"), plugged("b")) == Applied()


def test_thirty_nics_are_attached_in_their_order_and_detached_again() -> None:
    names = [f"n{number}" for number in range(30)]
    vm = running(ports=31)
    assert apply(vm, *map(plugged, names)).is_complete
    assert vm.both == (["ua-base", *(f"ua-{name}" for name in names)],) * 2
    gone = apply(vm, *absent(*names))
    assert [call.step.nic for call in gone.done] == names
    assert vm.both == (["ua-base"],) * 2


def test_a_link_is_updated_in_both_halves_by_one_call() -> None:
    vm = running(plugged("a"), plugged("b"))
    assert done(apply(vm, plugged("a"), plugged("b", state="down"))) == ["update-link b (ua-b) [running, next start]"]
    assert vm.calls == [("update", "ua-b", BOTH)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_refusal_ends_the_run_at_its_nic(place: int) -> None:
    names = "abc"
    vm = running()
    vm.before = refusing("attach", names[place], error("no room\n  for it\n"))
    applied = apply(vm, *map(plugged, names))
    assert [call.step.nic for call in applied.done] == [*names[:place]]
    (failure,) = applied.failed
    assert failure.call.step.nic == names[place]
    assert failure.problem == Problem(
        FieldPath(("spec", "domain", "devices", "interfaces", place + 1)),
        "KN871",
        f"libvirt refuses to attach {names[place]} (ua-{names[place]}) [running, next start]: no room; for it",
        hint="correct what it says, and run this again",
    )
    assert left(applied) == [*names[place + 1 :]]
    assert not applied.is_complete
    assert apply(vm, *map(plugged, names)).failed[0].call == failure.call
    vm.before = lambda *_: None
    assert apply(vm, *map(plugged, names)).is_complete


def test_what_was_detached_before_a_refusal_is_still_waited_for() -> None:
    vm = running(plugged("a"), plugged("b"), plugged("c"))
    vm.before = refusing("detach", "c", error("not now"))
    applied = apply(vm, *absent("a", "b", "c"))
    assert [call.step.nic for call in applied.done] == ["a", "b"]
    assert failed(applied) == [("c", "KN871")]
    assert vm.both == (["ua-base", "ua-c"],) * 2


REMOVALS = {"told": [], "silent": [], "refused": [("b", "KN873")], "never": [("b", "KN872")]}


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("how", REMOVALS)
def test_each_nic_is_waited_for_as_its_guest_answers(how: str, told: bool) -> None:
    vm = running(plugged("a"), plugged("b"), plugged("c"))
    vm.removes["ua-b"] = how
    connection = Connection(vm)
    connection.has_events = told
    applied = apply(vm, *absent("a", "b", "c"), connection=connection, timeout=0.01)
    expected = REMOVALS[how] if told else [(nic, "KN872") for nic, _ in REMOVALS[how]]
    assert failed(applied) == expected
    assert [call.step.nic for call in applied.done] == [name for name in "abc" if name not in dict(expected)]
    assert applied.left == ()
    assert connection.callbacks == {}
    assert applied.is_complete == (not expected)


def test_a_nic_that_is_not_released_is_told_with_its_remedy(clock: Clock) -> None:
    vm = running(plugged("a"))
    vm.removes["ua-a"] = "never"
    connection = Connection(vm)
    connection.has_events = False
    (failure,) = apply(vm, *absent("a"), connection=connection, timeout=2.5).failed
    assert failure.problem.message == "the guest has not released 'a' within 2.5 s"
    assert failure.problem.hint == "wait until the guest has booted, resume a paused one, and run this again"
    # the domain is polled every second, and not longer than was said
    assert clock.pauses == [0, 1.0, 1.0, 0.5]


def test_a_guest_that_refuses_is_told_with_its_remedy() -> None:
    vm = running(plugged("a"))
    vm.removes["ua-a"] = "refused"
    (failure,) = apply(vm, *absent("a")).failed
    assert failure.problem.message == "the guest refuses to release 'a'"
    assert failure.problem.hint == "stop what uses it in the guest, and run this again"
    assert failure.problem.at == FieldPath(("spec", "domain", "devices", "interfaces", 1))


def test_the_time_of_all_nics_begins_after_the_last_call(clock: Clock) -> None:
    vm = running(plugged("a"), plugged("b"), plugged("c"))
    vm.removes = {"ua-a": "never", "ua-b": "never"}
    connection = Connection(vm)
    connection.has_events = False

    def before(_: Connection, call: str, alias: str) -> None:
        if (call, alias) == ("detach", "ua-c"):
            clock.now += 100  # a call that took long

    vm.before = before
    applied = apply(vm, *absent("a", "b", "c"), connection=connection, timeout=2)
    assert failed(applied) == [("a", "KN872"), ("b", "KN872")]
    assert [call.step.nic for call in applied.done] == ["c"]
    assert sum(clock.pauses) == 2  # and not two seconds for each


def test_what_was_told_of_a_nic_before_it_is_detached_does_not_count() -> None:
    vm = running(plugged("a"))
    connection = Connection(vm)
    # somebody else's attempt failed just before
    connection.domainEventRegisterAny = _telling(connection, "ua-a")  # type: ignore[method-assign]
    assert done(apply(vm, *absent("a"), connection=connection)) == ["detach a (ua-a) [running, next start]"]


def _telling(connection: Connection, alias: str) -> Callable[..., int]:
    """Register callbacks, and tell at once that a removal failed."""
    register = connection.domainEventRegisterAny

    def registered(domain: Any, event: int, callback: Callable[..., None], opaque: Any) -> int:
        if event == libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED:
            callback(connection, domain, alias, None)
        return register(domain, event, callback, opaque)

    return registered


GOES = error("device is in the process of unplug", libvirt.VIR_ERR_OPERATION_FAILED)
MISSING = error("device not found", libvirt.VIR_ERR_DEVICE_MISSING)


@pytest.mark.parametrize("problem", [GOES, MISSING], ids=["goes", "missing"])
def test_a_nic_that_goes_already_is_taken_out_of_the_next_start(problem: Exception) -> None:
    vm = running(plugged("a"), plugged("b"))
    seen = []

    def before(_: Connection, call: str, alias: str) -> None:
        if (call, alias) == ("detach", "ua-b"):
            seen.append(alias)
            if len(seen) == 1:
                raise problem

    vm.before = before
    vm.removes["ua-b"] = "never"
    applied = apply(vm, *absent("b"))
    assert failed(applied) == [("b", "KN872")]
    assert vm.calls == [("detach", "ua-b", CONFIG)]
    assert vm.both == (["ua-base", "ua-a", "ua-b"], ["ua-base", "ua-a"])


@pytest.mark.parametrize(
    ("problem", "half", "code"),
    [(GOES, LIVE, "KN872"), (GOES, CONFIG, "KN871"), (MISSING, LIVE, "KN872"), (MISSING, CONFIG, None)],
)
def test_a_nic_that_goes_already_is_no_failure_of_one_half(problem: Exception, half: int, code: str | None) -> None:
    vm = running(plugged("a"), live_half=half == LIVE, persistent=half == CONFIG)
    vm.before = refusing("detach", "a", problem)
    applied = apply(vm, *absent("a"))
    assert failed(applied) == ([("a", code)] if code else [])
    assert vm.calls == []


def test_a_nic_of_the_next_start_is_updated_where_libvirt_can() -> None:
    vm = running(plugged("a"), plugged("b"))
    applied = apply(vm, plugged("a"), plugged("b", model="e1000e"))
    assert done(applied) == ["replace b (ua-b) [next start]"]
    assert vm.calls == [("update", "ua-b", CONFIG)]
    assert (applied.needs_restart, applied.is_complete) == (True, False)


def test_a_nic_of_the_next_start_is_replaced_where_libvirt_cannot_update_it() -> None:
    vm = running(plugged("a"))
    vm.before = refusing("update", "a", error("cannot change the model"))
    assert done(apply(vm, plugged("a", model="e1000e"))) == ["replace a (ua-a) [next start]"]
    assert vm.calls == [("detach", "ua-a", CONFIG), ("attach", "ua-a", CONFIG)]
    assert "e1000e" in str(vm.halves[CONFIG])


def test_a_nic_that_cannot_be_replaced_is_what_it_was() -> None:
    vm = running(plugged("a"))
    before = vm.both, "e1000e" in str(vm.halves[CONFIG])
    tries = []

    def refuses(_: Connection, call: str, alias: str) -> None:
        tries.append(call)
        if call == "update" or (call == "attach" and tries.count("attach") == 1):
            raise error(f"cannot {call}")

    vm.before = refuses
    applied = apply(vm, plugged("a", model="e1000e"))
    assert failed(applied) == [("a", "KN871")]
    assert "cannot attach" in applied.failed[0].problem.message
    assert [call for call, _, _ in vm.calls] == ["detach", "attach"]
    assert (vm.both, "e1000e" in str(vm.halves[CONFIG])) == before


def test_a_domain_that_ends_in_the_middle_ends_the_run() -> None:
    vm = running()

    def ends(_: Connection, call: str, alias: str) -> None:
        if (call, alias) == ("attach", "ua-b"):
            vm.halves[LIVE] = None

    vm.before = ends
    applied = apply(vm, *map(plugged, "abc"))
    assert (done(applied), failed(applied), left(applied)) == (
        ["attach a (ua-a) [running, next start]"],
        [("b", "KN871")],
        ["c"],
    )
    assert "is not running" in applied.failed[0].problem.message


def test_a_nic_is_gone_with_the_domain_that_had_it() -> None:
    vm = running(plugged("a"), plugged("b"))
    vm.removes = {"ua-a": "never", "ua-b": "never"}

    def ends(_: Connection, call: str, __: str) -> None:
        if call == "isActive" and len(vm.calls) == 2:
            vm.halves[LIVE] = None

    vm.before = ends
    assert [call.step.nic for call in apply(vm, *absent("a", "b"), timeout=5).done] == ["a", "b"]


def test_a_domain_that_is_forgotten_in_the_middle_is_told() -> None:
    vm = running(plugged("a"))
    vm.removes["ua-a"] = "never"

    def undefined(_: Connection, call: str, __: str) -> None:
        if call == "isActive" and vm.calls:
            raise error("no domain with matching uuid", libvirt.VIR_ERR_NO_DOMAIN)

    vm.before = undefined
    applied = apply(vm, *absent("a"))
    assert failed(applied) == [("a", "KN871")]
    assert applied.failed[0].problem.message == "libvirt says: no domain with matching uuid"
    assert (applied.done, applied.left) == ((), ())


CALLS = [
    ("lookupByName", "", []),
    ("getLibVersion", "", []),
    ("isActive", "", []),
    ("XMLDesc", "", []),
    ("attach", "ua-a", []),
    ("attach", "ua-b", ["a"]),
    ("attach", "ua-c", ["a", "b"]),
]


def losing(call: str, alias: str, *, times: int = 1) -> Callable[..., None]:
    """Lose the connection at a call, as often as that."""
    seen: list[str] = []

    def before(connection: Connection, name: str, about: str) -> None:
        if (name, about) == (call, alias) and len(seen) < times:
            seen.append(name)
            connection.is_lost = True

    return before


@pytest.mark.parametrize(("call", "alias", "before"), CALLS, ids=[f"{call} {alias}" for call, alias, _ in CALLS])
def test_a_lost_connection_is_opened_again_wherever_it_was_lost(call: str, alias: str, before: list[str]) -> None:
    vm = running()
    vm.before = losing(call, alias)
    first, opened = Connection(vm), []

    def reopen() -> Any:
        opened.append(Connection(vm))
        return opened[-1]

    applied = apply(vm, *map(plugged, "abc"), connection=first, reopen=reopen)
    assert applied.is_complete
    assert [call.step.nic for call in applied.done] == ["a", "b", "c"]
    assert [name for _, name, _ in vm.calls] == ["ua-a", "ua-b", "ua-c"], "nothing twice"
    assert (first.is_closed, [each.is_closed for each in opened]) == (False, [True])


@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_a_connection_that_is_lost_too_often_is_told_with_what_is_left(attempts: int) -> None:
    vm = running()
    vm.before = losing("attach", "ua-b", times=9)
    opened = []

    def reopen() -> Any:
        opened.append(Connection(vm))
        return opened[-1]

    applied = apply(vm, *map(plugged, "abc"), attempts=attempts, reopen=reopen)
    assert (len(opened), [each.is_closed for each in opened]) == (attempts, [True] * attempts)
    assert [call.step.nic for call in applied.done] == ["a"]
    assert [(nic, each.problem.message) for nic, each in zip("b", applied.failed, strict=True)] == [
        ("b", "the connection to libvirt was lost too often")
    ]
    assert failed(applied) == [("b", "KN874")]
    assert applied.failed[0].problem.hint == "check libvirt, and run this again"
    assert left(applied) == ["c"]


def test_pauses_between_attempts_grow(clock: Clock) -> None:
    vm = running()
    vm.before = losing("attach", "ua-a", times=9)
    refusals = [error("nobody listens"), LibvirtError([Problem(FieldPath(), "KN401", "not yet")])] * 3

    def reopen() -> Any:
        raise refusals.pop()

    applied = apply(vm, plugged("a"), plugged("b"), attempts=6, reopen=reopen)
    assert clock.pauses == [0.2, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert "cannot be opened again: nobody listens" in applied.failed[0].problem.message
    assert (failed(applied), left(applied)) == ([("a", "KN874")], ["b"])


def test_where_nothing_was_planned_a_lost_connection_is_an_error() -> None:
    vm = running()
    vm.before = losing("XMLDesc", "", times=9)
    with pytest.raises(LibvirtError, match=r"KN874\b"):
        apply(vm, plugged("a"), attempts=1, reopen=lambda: Connection(vm))
    vm.before = losing("XMLDesc", "", times=0)
    assert apply(vm, plugged("a")).is_complete


def test_a_connection_that_is_lost_while_a_guest_is_waited_for_is_told() -> None:
    vm = running(plugged("a"))
    vm.removes["ua-a"] = "never"

    def lost(connection: Connection, call: str, _: str) -> None:
        if vm.calls:
            vm.halves[LIVE] = None
            connection.is_lost = True

    vm.before = lost
    applied = apply(vm, *absent("a"), attempts=0)
    assert failed(applied) == [("a", "KN874")]


def test_a_call_whose_answer_was_lost_is_not_made_twice() -> None:
    vm = running()

    def answered_by_nobody(connection: Connection, call: str, alias: str) -> None:
        if (call, alias) == ("attach", "ua-b") and not connection.is_lost:
            # libvirt does it, and dies before it answers
            for half in (LIVE, CONFIG):
                xml = next(each.step.xml for each in planned.calls if each.step.nic == "b")
                vm.halves[half] = str(vm.halves[half]).replace("</devices>", f"{xml}</devices>")
            connection.is_lost = True

    machine = asked(*map(plugged, "abc"))
    planned = live.plan(machine, Connection(vm), TARGET)
    vm.before = answered_by_nobody
    applied = apply(vm, *map(plugged, "abc"), reopen=lambda: Connection(vm))
    assert [call.step.nic for call in applied.done] == ["a", "b", "c"]
    assert vm.both == (["ua-base", "ua-a", "ua-b", "ua-c"],) * 2
    assert applied.is_complete


def test_a_question_about_the_connection_that_fails_means_that_it_is_lost() -> None:
    vm = running()
    vm.before = losing("attach", "ua-a")
    connection = Connection(vm)

    def fails() -> int:
        raise error("client socket is closed")

    connection.isAlive = fails  # type: ignore[method-assign]
    assert apply(vm, plugged("a"), connection=connection, reopen=lambda: Connection(vm)).is_complete


COMPLETE = {
    "nothing": (Applied(), True),
    "note": (Applied(problems=(Problem(FieldPath(), "KN999", "x", severity=Severity.NOTE),)), True),
    "error": (Applied(problems=(Problem(FieldPath(), "KN853", "x"),)), False),
    "restart": (Applied(problems=(Problem(FieldPath(), "KN851", "x", severity=Severity.WARNING),)), False),
    "migration": (Applied(problems=(Problem(FieldPath(), "KN852", "x", severity=Severity.WARNING),)), False),
}


@pytest.mark.parametrize(("applied", "expected"), COMPLETE.values(), ids=COMPLETE)
def test_a_domain_is_complete_where_nothing_is_left_undone(applied: Applied, expected: bool) -> None:
    assert applied.is_complete == expected


def test_the_plan_is_that_which_apply_would_carry_out() -> None:
    vm = running()
    machine = asked(plugged("a"), plugged("b"))
    planned = live.plan(machine, Connection(vm), TARGET)
    assert vm.calls == []
    assert apply(vm, plugged("a"), plugged("b")).done == planned.calls
    vm.before = losing("XMLDesc", "")
    with pytest.raises(LibvirtError, match=r"KN871\b.*socket is closed"):
        live.plan(machine, Connection(vm), TARGET)
    with pytest.raises(LibvirtError, match=r"KN870\b.*'other'"):
        live.plan(machine, Connection(vm), TARGET, name="other")


def test_the_policy_and_the_name_are_those_that_were_given() -> None:
    vm = running()
    vm.named = "other"
    machine = asked(plugged("a"))
    planned = live.plan(machine, Connection(vm), TARGET, name="other", policy="kubevirt")
    applied = apply(vm, plugged("a"), name="other", policy="kubevirt")
    assert (applied.done, applied.problems) == (planned.calls, planned.problems)
    assert planned != live.plan(machine, Connection(vm), TARGET, name="other")
