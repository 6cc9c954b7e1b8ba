"""What the host lacks is told in one sentence each, before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attrs import evolve
from node.hosts import machine

from kvnet import node
from kvnet.node import programs
from kvnet.node.machines import check_machines

POD = machine([{"name": "default", "masquerade": {}}])


def test_another_user_than_root_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for act in (lambda: node.pod_up(*POD, state=node.StateFolder(tmp_path)), lambda: node.pod_down("web")):
        with pytest.raises(node.NodeError, match="KN880 only root may make network namespaces; run it as root"):
            act()
    assert [*tmp_path.iterdir()] == []


def test_all_missing_programs_are_told_with_their_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(node.NodeError) as raised:
        node.check_host()
    hints = [each.hint for each in raised.value.problems if "the program" in each.message]
    assert hints == [f"install Debian's package {each}" for each in ("iproute2", "nftables", "dnsmasq-base")]


@pytest.mark.parametrize(
    ("architecture", "program"),
    [("amd64", "qemu-system-x86_64"), ("arm64", "qemu-system-aarch64"), ("s390x", "qemu-system-s390x")],
)
def test_the_qemu_of_the_machines_architecture_is_needed(
    architecture: str, program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web, target = POD
    monkeypatch.setattr("kvnet.node.machines.check_host", lambda: None)
    monkeypatch.setattr("kvnet.node.machines.SEARCH_PATH", str(tmp_path))
    asked = evolve(web, spec=evolve(web.spec, architecture=architecture))
    with pytest.raises(node.NodeError, match=f"KN880 the program {program} is missing; install Debian's package qemu"):
        check_machines([asked], target)


def test_pyroute2_that_is_missing_is_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kvnet.node.programs.find_spec", lambda _: None)
    with pytest.raises(node.NodeError, match=r"the package pyroute2 is missing; pip install 'kvnet\[node\]'"):
        node.check_host()


def test_another_system_than_linux_is_told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(node.NodeError) as raised:
        node.check_host()
    assert [each.code for each in raised.value.problems] == ["KN880"]
