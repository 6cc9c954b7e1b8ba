"""kvnet plan, apply and status as processes: each finds the domain that those before it have left."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from live.live_machines import domain, machine
from live.outside import Outside, outside
from machines import nic, pod, vmi

pytestmark = pytest.mark.slow

NAME = "vm"
FACTS: dict[str, list[str]] = {"libvirtNetworks": []}
ATTACH = "vm: attach red (ua-red) [running, next start]\n"


@pytest.fixture(scope="module")
def libvirt(libvirt_is_there: None) -> Iterator[Outside]:
    with outside() as made:
        yield made


@pytest.fixture(scope="module")
def looked_at(libvirt: Outside) -> Iterator[Outside]:
    """A domain that no test changes."""
    yield from _running(libvirt)


@pytest.fixture
def vm(libvirt: Outside) -> Iterator[Outside]:
    yield from _running(libvirt)


def _running(libvirt: Outside) -> Iterator[Outside]:
    """A domain that runs without any NIC, and the folder's facts of a host that has no networks of libvirt's."""
    text = domain(machine(name=NAME), ports=2)
    (libvirt.folder / "facts.yaml").write_text(yaml.safe_dump(FACTS))
    libvirt.start(text)
    yield libvirt
    libvirt.end()


def manifest(vm: Outside, **members: Any) -> list[str | Path]:
    """The arguments of every command; the machine has one NIC, as on the pod network."""
    path = vm.folder / "vm.yaml"
    path.write_text(yaml.safe_dump(vmi([nic("red", "masquerade", **members)], [pod("red")])))
    return ["-f", path, "--profile", "host", "--facts", vm.folder / "facts.yaml"]


def test_what_is_planned_is_applied_and_then_there_is_nothing_to_do(vm: Outside) -> None:
    asked = manifest(vm)
    planned = vm.kvnet("plan", *asked)
    assert planned.returncode == 1
    assert planned.stdout.startswith(ATTACH)
    assert "vm: running: interface[0]: added <interface type=" in planned.stdout
    assert "vm: next start: interface[0]: added <interface type=" in planned.stdout
    applied = vm.kvnet("apply", *asked)
    assert (applied.returncode, applied.stdout) == (0, ATTACH)
    for command in ("plan", "apply"):
        ended = vm.kvnet(command, *asked)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_plan_and_what_was_applied_of_it_are_the_same_data(vm: Outside, form: str, read: Any) -> None:
    asked = [*manifest(vm), "-o", form]
    planned = vm.kvnet("plan", *asked)
    plan = read(planned.stdout)
    assert (planned.returncode, plan["name"]) == (1, "vm")
    (step,) = plan["steps"]
    assert (step["action"], step["nic"], step["running"], step["next_start"]) == ("attach", "red", True, True)
    assert step["xml"].startswith("<interface")
    added = [change["field"] for half in ("running", "next_start") for change in plan["changes"][half]]
    assert added == ["interface[0]", "interface[0]"]
    applied = read(vm.kvnet("apply", *asked).stdout)
    assert (applied["done"], applied["failed"], applied["left"]) == (plan["steps"], [], [])
    again = read(vm.kvnet("plan", *asked).stdout)
    assert (again["steps"], again["needs_restart"]) == ([], False)


def test_a_plan_as_data_tells_what_waits_for_a_restart_and_the_nic_before(vm: Outside) -> None:
    vm.kvnet("apply", *manifest(vm))
    plan = json.loads(vm.kvnet("plan", *manifest(vm, model="e1000e"), "-o", "json").stdout)
    assert plan["needs_restart"]
    assert "KN851" in {problem["code"] for problem in plan["problems"]}
    (step,) = plan["steps"]
    assert step["action"] == "replace"
    assert "virtio" in step["before"]


def test_several_machines_are_told_apart(vm: Outside) -> None:
    asked = manifest(vm, macAddress="02:00:00:00:00:01")
    vm.kvnet("apply", *asked)
    twice = [*asked, "-f", asked[1]]
    assert [line for line in vm.kvnet("status", *twice).stdout.splitlines() if line.endswith(":")] == ["vm:", "vm:"]
    for command in ("plan", "apply", "status"):
        assert [each["name"] for each in json.loads(vm.kvnet(command, *twice, "-o", "json").stdout)] == ["vm", "vm"]


def test_a_live_domain_is_drawn_before_the_machine_or_before_what_apply_makes_of_it(vm: Outside) -> None:
    asked = manifest(vm, macAddress="02:00:00:00:00:01")
    shown = vm.kvnet("show", *asked).stdout
    assert shown.index("Domain vm, running") < shown.index("profile host")
    assert "02:00:00:00:00:01" not in shown[: shown.index("profile host")]
    planned = vm.kvnet("show", *asked, "--beside", "plan").stdout
    before, _, after = planned.partition("Domain vm, after the plan")
    assert ("02:00:00:00:00:01" in before, "02:00:00:00:00:01" in after) == (False, True)
    vm.kvnet("apply", *asked)
    assert vm.kvnet("show", *asked).stdout.count("02:00:00:00:00:01") == 2


def test_a_change_that_needs_a_restart_is_told_by_the_status(vm: Outside) -> None:
    vm.kvnet("apply", *manifest(vm))
    asked = manifest(vm, model="e1000e", state="down")
    for command, told in (("plan", True), ("apply", True), ("apply", False), ("plan", False)):
        ended = vm.kvnet(command, *asked)
        assert ended.returncode == 1
        assert ("replace red (ua-red) [next start]" in ended.stdout) == told
        assert "vm.yaml:" in ended.stderr
        assert "warning KN851 the running NIC 'red' differs from the machine" in ended.stderr


def test_the_status_is_a_table_json_or_yaml(vm: Outside) -> None:
    asked = manifest(vm, macAddress="02:00:00:00:00:01")
    vm.kvnet("apply", *asked)
    table = vm.kvnet("status", *asked)
    assert (table.returncode, table.stderr) == (0, "")
    assert table.stdout.splitlines()[1].split() == ["red", "02:00:00:00:00:01", "up", "1", "-", "-", "domain"]
    entry = {"name": "red", "mac": "02:00:00:00:00:01", "linkState": "up", "queueCount": 1, "infoSource": "domain"}
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert read(vm.kvnet("status", *asked, "-o", form).stdout) == [entry]


def test_a_status_that_is_watched_begins_at_once_and_ends_with_an_interrupt(vm: Outside) -> None:
    asked = manifest(vm)
    vm.kvnet("apply", *asked)
    watching = vm.popen("status", *asked, "--watch")
    try:
        assert watching.stdout is not None
        lines = [watching.stdout.readline() for _ in range(2)]
        assert [line.split()[0] for line in lines] == ["NAME", "red"]
        watching.send_signal(signal.SIGINT)
        _, told = watching.communicate(timeout=60)
        assert (watching.returncode, told) == (130, "")
    finally:
        watching.kill()
        watching.communicate()


@pytest.mark.parametrize("command", ["plan", "apply", "status"])
def test_what_cannot_be_looked_at_is_trouble(looked_at: Outside, command: str) -> None:
    asked = manifest(looked_at)
    other = looked_at.folder / "other.yaml"
    other.write_text((looked_at.folder / "vm.yaml").read_text().replace("name: vm", "name: other"))
    ended = looked_at.kvnet(command, "-f", other, *asked[2:])
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "KN870" in ended.stderr
    assert looked_at.kvnet(command, *asked, "-c", "test:///nowhere").returncode == 2
    ended = looked_at.kvnet(command, "-f", "absent.yaml")
    assert ended.returncode == 2
    assert "KN001" in ended.stderr


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_manifest_that_would_be_refused_changes_nothing(looked_at: Outside, command: str) -> None:
    ended = looked_at.kvnet(command, *manifest(looked_at, model="nonsense"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "error KN" in ended.stderr


def test_only_one_machine_is_watched(looked_at: Outside) -> None:
    asked = manifest(looked_at)
    ended = looked_at.kvnet("status", *asked, "-f", asked[1], "--watch")
    assert ended.returncode == 2
    assert "KN877" in ended.stderr
