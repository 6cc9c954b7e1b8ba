"""Random changes of a manifest, each applied to a domain that runs, against a model of what there should be.

The guest is stopped before its first instruction, and what was plugged in is unplugged without it. KVNET_SEQUENCES
sets how many sequences of changes there are.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from live.live_machines import FACTS, HOST, devices, domain, machine, plugged

import kvnet
from kvnet import live
from kvnet.device import PciGuestAddress
from kvnet.hotplug import mac_from_uuid
from kvnet.values import MacAddress

pytestmark = pytest.mark.slow

SEQUENCES = int(os.environ.get("KVNET_SEQUENCES", "5" if os.environ.get("CI") else "3"))
STEPS = 20
NAME = "vm"
PORTS = 3
NAMES = ("base", "a", "b", "c", "d")
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03")
MODELS = (None, "virtio", "e1000e")
PAUSED = 1
INACTIVE = 2


@frozen
class Nic:
    """What a NIC of the model is; ``mac`` is ``None`` until it is known."""

    mac: str | None = None
    model: str = "virtio"
    link: str = "up"


@frozen
class Asked:
    """An interface of the manifest."""

    mac: str | None = None
    model: str | None = None
    state: str | None = None

    def entry(self, name: str) -> dict[str, Any]:
        members = {"macAddress": self.mac, "model": self.model, "state": self.state}
        return plugged(name, **{key: value for key, value in members.items() if value})


class Changes(RuleBasedStateMachine):
    """The manifest ``asked``, and the model: NICs that run, and those of the next start."""

    connection: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, Asked] = {}
        self.runs: dict[str, Nic] = {}
        self.next: dict[str, Nic] = {}
        self.cold: set[str] = set()

    @initialize()
    def start(self) -> None:
        self.asked = {"base": Asked(mac=MACS[0])}
        live.start(
            domain(machine(self.asked["base"].entry("base"), name=NAME), ports=PORTS), self.connection, paused=True
        )
        self.vm = self.connection.lookupByName(NAME)
        self.runs = {"base": Nic(mac=MACS[0])}
        self.next = dict(self.runs)
        self.cold = {"base"}

    @rule(name=st.sampled_from(NAMES[1:]), mac=st.none() | st.sampled_from(MACS), model=st.sampled_from(MODELS))
    def asks_for_one_more(self, name: str, mac: str | None, model: str | None) -> None:
        if not self._is_taken(mac, name) and (name not in self.asked or self.asked[name].state == "absent"):
            self.asked[name] = Asked(mac=mac, model=model)

    @rule(name=st.sampled_from(NAMES))
    def takes_one_out(self, name: str) -> None:
        if name in self.asked and name not in self.cold:
            self.asked[name] = evolve(self.asked[name], state="absent")

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from([None, "up", "down"]))
    def sets_a_link(self, name: str, state: str | None) -> None:
        if name in self.asked and self.asked[name].state != "absent":
            self.asked[name] = evolve(self.asked[name], state=state)

    @rule(name=st.sampled_from(NAMES), model=st.sampled_from(MODELS))
    def wants_another_model(self, name: str, model: str | None) -> None:
        if name in self.asked:
            self.asked[name] = evolve(self.asked[name], model=model)

    @rule(name=st.sampled_from(NAMES), mac=st.none() | st.sampled_from(MACS))
    def wants_another_mac(self, name: str, mac: str | None) -> None:
        if name in self.asked and not self._is_taken(mac, name):
            self.asked[name] = evolve(self.asked[name], mac=mac)

    @rule(name=st.sampled_from(NAMES), live_half=st.booleans())
    def somebody_else_takes_one_out_of_one_half(self, name: str, live_half: bool) -> None:
        half = self.runs if live_half else self.next
        if name in half and name not in (self.cold if live_half else ()):
            text = self.vm.XMLDesc(0 if live_half else INACTIVE)
            device = next(each for each in _texts(text) if f"'ua-{name}'" in each)
            self.vm.detachDeviceFlags(device, 1 if live_half else 2)
            del half[name]

    @precondition(lambda self: not any(each.state == "absent" for each in self.asked.values()))
    @rule()
    def restarts(self) -> None:
        """Only where nothing is to be taken out: what a domain starts with, it does not let go without a guest."""
        self.vm.destroy()
        self.vm.createWithFlags(PAUSED)
        self.runs = dict(self.next)
        self.cold = set(self.runs)

    @precondition(lambda self: self.asked)
    @rule()
    def applies(self) -> None:
        refused = self._expect()
        nics = [each.entry(name) for name, each in self.asked.items()]
        applied = live.apply(
            machine(*nics, name=NAME), self.connection, kvnet.Target(facts=FACTS, profile=HOST), timeout=20
        )
        assert (applied.failed, applied.left) == ((), ())
        errors = [problem.code for problem in applied.problems if problem.is_error]
        assert errors == ["KN853"] * refused
        assert applied.needs_restart == (self._waiting() != set())
        again = live.apply(machine(*nics, name=NAME), self.connection, kvnet.Target(facts=FACTS, profile=HOST))
        assert again.done == (), "done again, it does nothing"
        self._check_status(machine(*nics, name=NAME))
        self.asked = {name: each for name, each in self.asked.items() if each.state != "absent"}

    @invariant()
    def the_domain_is_as_the_model(self) -> None:
        if not hasattr(self, "vm"):
            return
        for text, expected in ((self.vm.XMLDesc(), self.runs), (self.vm.XMLDesc(INACTIVE), self.next)):
            found = devices(text)
            assert {name: _seen(each) for name, each in found.items()} == expected
            addresses = [each.address for each in found.values()]
            slots = {(each.bus, each.slot) for each in addresses if isinstance(each, PciGuestAddress)}
            assert len(slots) == len(addresses)
        running, following = devices(self.vm.XMLDesc()), devices(self.vm.XMLDesc(INACTIVE))
        for name in running.keys() & following.keys():
            if self.runs[name] == self.next[name]:
                assert running[name] == following[name]

    def teardown(self) -> None:
        if hasattr(self, "vm"):
            self.vm.destroy()
            self.vm.undefine()

    def _is_taken(self, mac: str | None, name: str) -> bool:
        """A MAC address is one NIC's: of those that are asked for, and those that are still there."""
        others = [each.mac for other, each in self.asked.items() if other != name]
        others += [each.mac for half in (self.runs, self.next) for other, each in half.items() if other != name]
        return mac is not None and mac in others

    def _expect(self) -> int:
        """Change the model as ``apply`` should change the domain; the result is how many NICs find no port."""
        free = 1 + PORTS - len(self.runs)
        refused = 0
        uuid = self.vm.UUIDString()
        for name, asked in self.asked.items():
            if asked.state == "absent":
                continue
            standing = self.runs.get(name) or self.next.get(name)
            mac = asked.mac or (standing.mac if standing else str(mac_from_uuid(uuid, name)))
            wanted = Nic(mac=mac, model=asked.model or "virtio", link=asked.state or "up")
            if name not in self.runs:
                if not free:
                    refused += 1
                    if name in self.next:
                        self.next[name] = wanted
                    continue
                free -= 1
                self.runs[name] = wanted
            self.runs[name] = evolve(self.runs[name], link=wanted.link)
            self.next[name] = wanted
        for name, asked in self.asked.items():
            if asked.state == "absent":
                self.runs.pop(name, None)
                self.next.pop(name, None)
        return refused

    def _waiting(self) -> set[str]:
        """The NICs that run otherwise than is asked."""
        return {
            name
            for name, asked in self.asked.items()
            if asked.state != "absent"
            and name in self.runs
            and (self.runs[name].model != (asked.model or "virtio") or asked.mac not in (None, self.runs[name].mac))
        }

    def _check_status(self, asked: Any) -> None:
        entries = live.status(asked, self.connection, profile=HOST)
        seen = {each.name: (each.mac, each.link_state) for each in entries}
        assert seen == {name: (each.mac, each.link) for name, each in self.runs.items()}


def _texts(domain_xml: str) -> list[str]:
    return [f"<interface{each.partition('</interface>')[0]}</interface>" for each in domain_xml.split("<interface")[1:]]


def _seen(device: Any) -> Nic:
    assert isinstance(device.mac, MacAddress)
    return Nic(mac=str(device.mac), model=device.model, link=device.link or "up")


def test_any_sequence_of_changes_leads_to_what_was_asked_last(qemu: Any) -> None:
    Changes.connection = qemu
    run_state_machine_as_test(
        Changes,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
