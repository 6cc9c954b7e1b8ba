"""A process that is killed while it changes a domain: the next one completes what it began."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from live.live_machines import devices, domain, machine, plugged
from live.outside import Outside, outside

pytestmark = pytest.mark.slow

NAME = "vm"
BEFORE = ("red", "blue", "green", "yellow")
# Counts the calls that change a domain, and kills its own process after as many as it is told. A domain that a
# process has just found is still being connected to, and takes its first change when it is.
APPLY = """
import os, signal, sys
import libvirt
from kvnet import Target, live
from live.live_machines import FACTS, HOST, machine, plugged

left = int(os.environ.get("KILLED_AFTER", "-1"))
made = 0

def counted(name):
    call = getattr(libvirt.virDomain, name)
    def wrapper(*arguments):
        global made
        if made == left:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*arguments)
        finally:
            made += 1
            if made == left:
                os.kill(os.getpid(), signal.SIGKILL)
    setattr(libvirt.virDomain, name, wrapper)

for name in ("attachDeviceFlags", "detachDeviceFlags", "detachDeviceAlias", "updateDeviceFlags"):
    counted(name)

nics = eval(sys.argv[2])
with live.connect(sys.argv[1]) as connection:
    applied = live.apply(machine(*nics, name="vm"), connection, Target(facts=FACTS, profile=HOST), timeout=30)
assert not applied.failed and not applied.left, applied
print(made)
"""
ASKED = (
    plugged("base"),
    plugged("red", state="absent"),
    plugged("blue", state="down"),
    plugged("green", model="e1000e"),
    plugged("yellow", macAddress="02:00:00:00:00:07"),
    plugged("one"),
    plugged("two", macAddress="02:00:00:00:00:08"),
)
CALLS = 8
"""Two attachments, one of what is absent, one link, one other model, and three for another MAC address."""


@pytest.fixture(scope="module")
def libvirt(libvirt_is_there: None) -> Iterator[Outside]:
    with outside() as made:
        yield made


def started(libvirt: Outside) -> None:
    """A domain with four NICs that were plugged in while it ran, and two free ports."""
    base = plugged("base", macAddress="02:00:00:00:00:01")
    libvirt.end()
    libvirt.start(domain(machine(base, name=NAME), ports=6))
    libvirt.python(APPLY, repr((plugged("base"), *map(plugged, BEFORE))))


def texts(libvirt: Outside) -> list[dict[str, Any]]:
    return [devices(text) for text in json.loads(libvirt.texts(NAME))]


@pytest.fixture(scope="module")
def undisturbed(libvirt: Outside) -> list[dict[str, Any]]:
    """The NICs of both halves after a run that nothing interrupts."""
    started(libvirt)
    ran = libvirt.python(APPLY, repr(ASKED))
    assert ran.stdout.split() == [str(CALLS)]
    running, next_start = texts(libvirt)
    assert set(running) == set(next_start) == {"base", "blue", "green", "yellow", "one", "two"}
    assert next_start["yellow"].address == running["yellow"].address
    return [running, next_start]


@pytest.mark.parametrize("calls", range(CALLS + 1))
def test_the_next_run_completes_what_a_killed_one_began(
    libvirt: Outside, undisturbed: list[dict[str, Any]], calls: int
) -> None:
    started(libvirt)
    killed = libvirt.python(APPLY, repr(ASKED), env={"KILLED_AFTER": str(calls)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    if calls:
        assert texts(libvirt) != undisturbed or calls == CALLS
    libvirt.python(APPLY, repr(ASKED))
    assert texts(libvirt) == undisturbed
    assert libvirt.python(APPLY, repr(ASKED)).stdout.split() == ["0"], "nothing is left to do"
