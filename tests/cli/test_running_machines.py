"""What kvnet plan, apply and show tell of machines that are up on this host, whatever was planned, done and found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from components import needs_package
from live.live_machines import FACTS, HOST, domain, machine
from machines import nic, pod, vmi

import kvnet
from kvnet.cli.main import main
from kvnet.errors import FieldPath, Problem
from kvnet.hotplug import DomainPlan, DomainState, plan_domain
from kvnet.pod.nft import Forward
from kvnet.spec import InterfaceStatus

pytestmark = [needs_package("pyroute2", "node"), needs_package("libvirt", "libvirt")]

MACHINE = kvnet.load(vmi([nic("red", "masquerade")], [pod("red")]))
BRIDGE = {"plugins": [{"type": "bridge"}, {"type": "tuning"}]}
WAITS = Problem(FieldPath(("spec",)), "KN857", "a restart is needed")
LEFT = Problem(FieldPath(("spec",)), "KN853", "the domain has no free slot")
Told = Callable[..., tuple[int, Any, str]]


def planned() -> DomainPlan:
    """A plan that attaches one NIC to a domain that has none."""
    empty = kvnet.LiveDomain.parse(domain(machine(name="vm")))
    state = DomainState(uuid="", live=empty, persistent=empty)
    return plan_domain(state, MACHINE, kvnet.Target(facts=FACTS, profile=HOST))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command on a machine of which this is planned, or this was done, and returns all that is told."""
    manifest = tmp_path / "vm.yaml"
    manifest.write_text(kvnet.dump(MACHINE))
    monkeypatch.setattr("kvnet.cli.changes.check_up", lambda machines, *, state: None)

    def command(name: str, result: Any, *options: str) -> tuple[int, Any, str]:
        function = {"plan": "machine_plan", "apply": "machine_change"}[name]
        monkeypatch.setattr(f"kvnet.cli.changes.{function}", lambda *_, **__: result)
        status = main([name, "-f", str(manifest), "--root", str(tmp_path), *options])
        shown = capsys.readouterr()
        return status, yaml.safe_load(shown.out) if options else shown.out.splitlines(), shown.err

    return command


def test_a_plan_lists_the_steps_in_the_order_in_which_they_are_taken(told: Told, tmp_path: Path) -> None:
    from kvnet.node.attachments import PodNetworkConfig  # noqa: PLC0415 - an extra
    from kvnet.node.change_plan import MachinePlan  # noqa: PLC0415

    added = PodNetworkConfig(name="default/blue", interface="pod16477688c0e", config=BRIDGE)
    gone = PodNetworkConfig(name="default/green", interface="podba4788b226a", config=BRIDGE)
    plan = MachinePlan(name="default/vm", attached=(added,), domain=planned(), detached=(gone,), problems=(WAITS,))
    status, lines, problems = told("plan", plan)
    assert (status, lines) == (
        1,
        [
            "default/vm: attach pod16477688c0e to default/blue by CNI: bridge, tuning",
            "default/vm: attach red (ua-red) [running, next start]",
            "default/vm: detach podba4788b226a from default/green",
        ],
    )
    assert "KN857 a restart is needed" in problems
    _, data, _ = told("plan", plan, "-o", "json")
    assert {name: data[name] for name in ("name", "attached", "links", "detached", "needs_restart")} == {
        "name": "default/vm",
        "attached": [{"interface": "pod16477688c0e", "network": "default/blue", "plugins": ["bridge", "tuning"]}],
        "links": [],
        "detached": [{"interface": "podba4788b226a", "network": "default/green", "plugins": ["bridge", "tuning"]}],
        "needs_restart": True,
    }
    assert [each["nic"] for each in data["steps"]] == ["red"]
    _, several, _ = told("plan", plan, "-o", "json", "-f", str(tmp_path / "vm.yaml"))
    assert several == [data, data]
    assert [each["code"] for each in data["problems"]] == ["KN857"]


@pytest.mark.parametrize(
    ("problems", "needs_restart", "status"),
    [((), False, 0), ((WAITS,), True, 1), ((LEFT,), False, 1), ((LEFT, evolve(WAITS, code="KN851")), True, 1)],
    ids=["nothing", "a restart", "an error", "both"],
)
def test_what_waits_or_is_left_undone_is_told_with_1(
    told: Told, problems: tuple[Problem, ...], needs_restart: bool, status: int
) -> None:
    from kvnet.node.change_plan import MachinePlan  # noqa: PLC0415 - an extra

    plan = MachinePlan(name="default/vm", domain=DomainPlan(), problems=problems)
    ended, data, _ = told("plan", plan, "-o", "yaml")
    codes = [each["code"] for each in data["problems"]]
    assert (ended, data["needs_restart"], codes) == (status, needs_restart, [each.code for each in problems])


def test_what_was_done_failed_and_is_left_is_told(told: Told) -> None:
    from kvnet.live import Applied, Failure  # noqa: PLC0415 - an extra
    from kvnet.node.changes import MachineChange  # noqa: PLC0415
    from kvnet.node.pods import Pod  # noqa: PLC0415
    from kvnet.node.running import Running  # noqa: PLC0415

    (call,) = planned().calls
    running = Running(machine=MACHINE, pod=Pod(name="default/vm", namespace="kvnet-vm", folder=Path("vm")))
    refused = Problem(FieldPath(("spec",)), "KN871", "libvirt refused it")
    applied = Applied(done=(call,), failed=(Failure(call=call, problem=refused),), left=(call,))
    change = MachineChange(running=running, domain=applied)
    status, lines, problems = told("apply", change)
    assert (status, lines) == (1, [f"default/vm: {each}{call}" for each in ("", "failed: ", "left: ")])
    assert "KN871 libvirt refused it" in problems
    _, data, _ = told("apply", change, "-o", "json")
    assert [[each["nic"] for each in data[name]] for name in ("done", "failed", "left")] == [["red"]] * 3
    assert data["failed"][0]["problem"]["code"] == "KN871"


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine that is up, whose guest has taken an address and is seen by the agent."""
    from kvnet.node.domains import Domain  # noqa: PLC0415 - an extra
    from kvnet.node.pods import Pod  # noqa: PLC0415
    from kvnet.node.running import Running  # noqa: PLC0415
    from kvnet.node.servers import Lease  # noqa: PLC0415

    addresses = {"eth0": (ip_interface("10.244.0.5/24"), ip_interface("fd00::5/64"))}
    running = Running(
        machine=MACHINE,
        pod=Pod(name="default/vm", namespace="kvnet-vm", folder=tmp_path, addresses=addresses),
        domain=Domain(xml=domain(machine(name="vm")), console="/dev/pts/7"),
        leases=(
            Lease(address=ip_address("10.0.2.2"), mac="02:00:00:00:00:01", hostname="web"),
            Lease(address=ip_address("fd10::2")),
        ),
        forwards=(Forward(to=ip_address("10.0.2.2"), protocol="tcp", ports="80"), Forward(to=ip_address("fd10::2"))),
        interfaces=(
            InterfaceStatus(name="red", mac="02:00:00:00:00:01", link_state="up", ip_addresses=("10.0.2.2", "fd10::2")),
            InterfaceStatus(name="blue"),
        ),
    )
    for module in ("cli.node", "node.running"):
        monkeypatch.setattr(f"kvnet.{module}.known_names", lambda *_, **__: ["default/vm"])
        monkeypatch.setattr(f"kvnet.{module}.running_machines", lambda **_: (running,))
    monkeypatch.setattr("kvnet.cli.node.check_machines", lambda *_, **__: None)
    monkeypatch.setattr("kvnet.cli.node.machine_up", lambda *_, **__: running)
    return running


def test_where_a_machine_can_be_reached_is_told_once_it_is_up(
    up: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "vm.yaml"
    manifest.write_text(kvnet.dump(MACHINE))
    assert main(["up", "-f", str(manifest), "--no-wait"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "default/vm: running",
        "  pod IPs:   10.244.0.5, fd00::5",
        "  guest IPs: 10.0.2.2, fd10::2",
        "  ports:     tcp 80 to 10.0.2.2; all ports to fd10::2",
        "  namespace: kvnet-vm",
        "  console:   /dev/pts/7",
    ]


def test_what_is_up_is_listed_with_a_row_for_each_nic(up: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps"]) == 0
    assert [re.split("  +", line) for line in capsys.readouterr().out.splitlines()] == [
        ["NAME", "STATE", "NIC", "MAC", "LINK", "ADDRESSES", "KNOWN FROM"],
        ["default/vm", "running", "red", "02:00:00:00:00:01", "up", "10.0.2.2, fd10::2", "-"],
        ["", "blue", "-", "-", "-", "-"],
    ]


def test_what_is_up_is_data_too(up: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "-o", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told.pop("interfaces")] == ["red", "blue"]
    del told["facts"]
    assert told == {
        "name": "default/vm",
        "state": "running",
        "podIPs": ["10.244.0.5", "fd00::5"],
        "guestIPs": [
            {"ip": "10.0.2.2", "mac": "02:00:00:00:00:01", "hostname": "web"},
            {"ip": "fd10::2", "mac": None, "hostname": None},
        ],
        "ports": [
            {"to": "10.0.2.2", "protocol": "tcp", "ports": "80"},
            {"to": "fd10::2", "protocol": None, "ports": None},
        ],
        "networkNamespace": "kvnet-vm",
        "folder": str(tmp_path),
        "console": "/dev/pts/7",
    }


def test_a_machine_that_is_up_is_drawn_as_it_runs_and_with_the_addresses_of_its_pod(
    up: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--up", "vm"]) == 0
    shown = capsys.readouterr().out
    domain, title, pod = shown.partition("default/vm, in its pod")
    assert (domain.startswith("Domain vm, running"), bool(title)) == (True, True)
    assert [each in pod for each in ("10.244.0.5/24", "fd00::5/64")] == [True, True]
