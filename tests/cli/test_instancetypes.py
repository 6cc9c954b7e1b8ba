"""Instancetypes and preferences on the command line: where they come from, and how they are listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

VM = """\
kind: VirtualMachine
metadata: {name: vm, namespace: ns}
spec:
  instancetype: {name: u1.large}
  preference: {name: windows.2k22}
  template:
    spec:
      domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}
      networks: [{name: a, pod: {}}]
"""
SIZE = """\
kind: VirtualMachineClusterInstancetype
metadata: {name: u1.large}
spec: {cpu: {guest: 5}, memory: {guest: 4Gi}}
"""
STYLE = """\
kind: VirtualMachinePreference
metadata: {name: plain, namespace: ns}
spec: {devices: {preferredInterfaceModel: e1000, preferredInterfaceMasquerade: {}}}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name, text in (("vm", VM), ("size", SIZE), ("style", STYLE)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_what_kubevirt_deploys_is_used_only_where_it_is_asked_for(run: Run) -> None:
    assert run("check", "vm.yaml").stderr.count(b"warning KN210") == 2
    ended = run("render", "vm.yaml", "--common-instancetypes")
    assert (ended.returncode, ended.stderr.count(b"KN210")) == (0, 0)
    assert b"current='2'" in ended.stdout
    assert b"<model type='e1000e'/>" in ended.stdout


def test_the_file_of_the_cluster_may_hold_them_with_or_without_the_kubevirt_object(run: Run) -> None:
    ended = run("render", "vm.yaml", "--cluster", "size.yaml", "--common-instancetypes")
    assert b"current='5'" in ended.stdout


def test_they_are_no_machines_but_can_be_checked(run: Run) -> None:
    assert run("check", "size.yaml").returncode == 0
    assert b"KN009" in run("render", "size.yaml").stderr


def test_they_are_listed_as_a_table(run: Run) -> None:
    ended = run("instancetypes", "size.yaml", "style.yaml")
    assert ended.returncode == 0
    assert ended.stdout.decode().splitlines() == [
        "INSTANCETYPE  VCPUS  MEMORY",
        "u1.large      5      4Gi",
        "",
        "PREFERENCE  MODEL  MASQUERADE  MULTIQUEUE  TRANSITIONAL  DEFAULT NIC  VCPUS AS  ARCHITECTURE",
        "ns/plain    e1000  yes         -           -             -            sockets   -",
    ]


def test_they_are_listed_as_json(run: Run) -> None:
    listed = json.loads(run("instancetypes", "--common-instancetypes", "-o", "json").stdout)
    assert (len(listed["instancetypes"]), len(listed["preferences"])) == (65, 57)
    assert {"kind": "VirtualMachineClusterInstancetype", "name": "u1.large", "vcpus": 2, "memory": "8Gi"} in listed[
        "instancetypes"
    ]


def test_without_any_source_there_is_nothing_to_list(run: Run) -> None:
    ended = run("instancetypes")
    assert ended.returncode == 2
    assert b"no manifest is given" in ended.stderr


def test_a_fleet_finds_them_in_its_directory(run: Run, tmp_path: Path) -> None:
    ended = run("bulk", "-f", tmp_path, "--common-instancetypes", "--jobs", "1")
    assert ended.returncode == 0
    [line] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert "current='5'" in line["xml"]
    assert "KN210" not in line["notes"]
