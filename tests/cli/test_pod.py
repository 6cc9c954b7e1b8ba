"""``kvnet pod plan``: what a pod needs, in each format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kvnet.cli import options
from kvnet.cli.pod import FORMATS
from kvnet.pod import Phase

Run = Callable[..., "CompletedProcess[bytes]"]

VM = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web}
spec:
  architecture: amd64
  domain: {devices: {interfaces: [{name: default, masquerade: {}, ports: [{port: 80}]}]}}
  networks: [{name: default, pod: {}}]
"""
POD = "links: [{name: eth0, mtu: 1450, ipv4: [10.244.0.5/24]}]\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name, text in (("vm", VM), ("pod", POD), ("two", f"{VM}---\n{VM.replace('web', 'db')}")):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_text_has_a_line_for_each_thing_that_is_to_be_there(run: Run) -> None:
    ended = run("pod", "plan", "-f", "vm.yaml", "--found", "pod.yaml")
    lines = ended.stdout.decode().splitlines()
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert lines[0] == "default_web: link k6t-eth0: bridge, 02:00:00:00:00:00, MTU 1450, 10.0.2.1/24"
    assert "default_web: link tap0: tap, port of k6t-eth0, MTU 1450, 1 queue, owner 107" in lines
    assert "default_web: sysctl net/ipv4/ip_forward=1" in lines
    assert "default_web: nft add rule ip nat KUBEVIRT_PREINBOUND tcp dport '{ 80 }' counter dnat to 10.0.2.2" in lines


def test_without_a_pod_one_is_assumed_and_the_command_says_so(run: Run) -> None:
    ended = run("pod", "plan", "vm.yaml")
    assert b"note KN847 assumed a new pod: eth0 with 10.244.0.10/24; say what was found" in ended.stderr
    assert b"MTU 1500" in ended.stdout
    assert ended.returncode == 0


def test_json_has_the_links_the_commands_and_the_ruleset(run: Run) -> None:
    made = json.loads(run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "-o", "json").stdout)
    assert [(each["kind"], each["name"]) for each in made["links"]["links"]] == [
        ("bridge", "k6t-eth0"),
        ("tap", "tap0"),
    ]
    assert made["links"]["podIPs"] == {"default": ["10.244.0.5"]}
    assert made["links"]["after"] == {"default": "finished"}
    assert made["nat"]["commands"][0] == ["nft", "add", "table", "ip", "nat"]
    assert made["nat"]["ruleset"]["nftables"][1] == {"add": {"table": {"family": "ip", "name": "nat"}}}
    assert made["problems"] == []


def test_nft_is_a_file_for_nft_and_several_machines_have_a_heading_each(run: Run) -> None:
    one = run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "-o", "nft").stdout.decode()
    assert one.startswith("add table ip nat\ndelete table ip nat\ntable ip nat {\n")
    two = run("pod", "plan", "two.yaml", "--found", "pod.yaml", "-o", "nft").stdout.decode()
    assert two == f"# default_web\n{one}\n# default_db\n{one}"


def test_a_pod_without_the_link_of_a_network_is_an_error_at_the_nic(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("links: []\n", encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml", "--found", "pod.yaml")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.count(b"error KN840") == 1
    assert b"vm.yaml:6:" in ended.stderr


def test_a_file_of_another_form_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("links:\n- name: eth0\n  ipv4: [10.244.0.5/99]\n", encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml", "--found", "pod.yaml")
    assert ended.returncode == 1
    assert b"pod.yaml:3:10: error KN022 '10.244.0.5/99' is not an IPv4 address with its prefix" in ended.stderr


def test_a_machine_that_is_refused_has_no_plan(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(VM.replace("port: 80", "port: 0"), encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"error KN134" in ended.stderr


def test_formats_and_phases_are_those_of_the_library() -> None:
    assert tuple(FORMATS) == options._POD_FORMATS
    assert tuple(Phase) == options._PHASES
