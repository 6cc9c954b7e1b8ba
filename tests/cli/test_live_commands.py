"""kvnet plan, apply, status and show of a domain that runs on a libvirt that a test has made up.

``tests/live/test_commands.py`` runs them on a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from components import needs_package
from machines import nic, pod, vmi

from kvnet.cli.main import main

pytestmark = needs_package("libvirt", "libvirt")

MAC = "02:00:00:00:00:01"
Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command on a machine with one NIC, whose domain has none at first, and returns all that is told."""
    from live.live_machines import domain, machine  # noqa: PLC0415 - takes libvirt
    from live.scripted import Connection, ScriptedDomain  # noqa: PLC0415

    empty = domain(machine(name="vm"), ports=2)
    vm = ScriptedDomain(live=empty, persistent=empty)
    monkeypatch.setattr("kvnet.live.connect", lambda _: nullcontext(Connection(vm)))
    (tmp_path / "facts.yaml").write_text(yaml.safe_dump({"libvirtNetworks": []}))
    manifest = tmp_path / "vm.yaml"

    def command(name: str, *options: str, annotations: Mapping[str, str] = {}, **members: Any) -> tuple[int, str, str]:
        asked = nic("red", "masquerade", macAddress=MAC, **members)
        metadata = {"metadata": {"name": "vm", "annotations": {**annotations}}}
        manifest.write_text(yaml.safe_dump(vmi([asked], [pod("red")]) | metadata))
        given = ["-c", "test", "-f", str(manifest), "--profile", "host", "--facts", str(tmp_path / "facts.yaml")]
        status = main([name, *given, *options])
        return status, *capsys.readouterr()

    return command


def test_a_plan_is_1_until_it_is_applied(told: Told) -> None:
    status, plan, _ = told("plan")
    assert (status, plan.splitlines()[0]) == (1, "vm: attach red (ua-red) [running, next start]")
    assert told("apply")[:2] == (0, "vm: attach red (ua-red) [running, next start]\n")
    assert told("plan")[:2] == (0, "")


def test_a_plan_is_1_where_nothing_is_left_to_do_and_a_restart_is_needed(told: Told) -> None:
    told("apply")
    assert told("apply", model="e1000e")[:2] == (1, "vm: replace red (ua-red) [next start]\n")
    status, steps, problems = told("plan", model="e1000e")
    assert (status, "replace" in steps) == (1, False)
    assert "warning KN851 the running NIC 'red' differs from the machine" in problems
    assert json.loads(told("plan", "-o", "json", model="e1000e")[1])["needs_restart"]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_warnings_of_a_machine_that_is_admitted_are_told(told: Told, command: str) -> None:
    misspelled = {"kubevirt.io/placePCIDevicesOnRootComplx": "true"}
    assert "warning KN931" in told(command, annotations=misspelled)[2]


def test_the_status_has_a_column_for_each_thing_that_is_known(told: Told) -> None:
    told("apply", state="down")
    status, table, _ = told("status", state="down")
    headings, row = (line.split("  ") for line in table.splitlines())
    cells = dict(zip([each.strip() for each in headings if each], [each.strip() for each in row if each], strict=True))
    assert (status, cells) == (
        0,
        {
            "NAME": "red",
            "MAC": MAC,
            "LINK": "down",
            "QUEUES": "1",
            "IN THE GUEST": "-",
            "ADDRESSES": "-",
            "KNOWN FROM": "domain",
        },
    )


@pytest.mark.parametrize("command", ["plan", "apply", "status"])
def test_several_machines_are_told_apart(told: Told, tmp_path: Path, command: str) -> None:
    told("apply")
    again = ["-f", str(tmp_path / "vm.yaml")]
    data = json.loads(told(command, "-o", "json", *again)[1])
    assert [each["name"] for each in data] == ["vm", "vm"]
    if command == "status":
        assert [line for line in told(command, *again)[1].splitlines() if line.endswith(":")] == ["vm:", "vm:"]


def test_a_domain_is_drawn_as_it_runs_and_as_it_will_be(told: Told) -> None:
    _, drawn, _ = told("show", "--beside", "plan")
    before, heading, after = drawn.partition("Domain vm, after the plan")
    assert (MAC in before, bool(heading), MAC in after) == (False, True, True)
    told("apply")
    _, drawn, _ = told("show")
    assert drawn.startswith("Domain vm, running")
    assert drawn.count(MAC) == 2
