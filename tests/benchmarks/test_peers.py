"""The benchmarks compare like with like: the peers make the elements that kvnet makes, and the manifest is good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

import kvnet
import peers
from peers.same import differences
from work import facts, manifest, vms

RENDERING = Path(__file__).parents[2] / "benchmarks" / "rendering.py"


@pytest.mark.parametrize("module", [each for each in peers.PEERS if each not in peers.APART])
def test_a_peer_makes_the_same_elements_as_kvnet(module: str) -> None:
    peer = _installed(module)
    assert [told for vm in vms(20) for told in differences(peer, vm)] == []


@pytest.mark.parametrize("module", peers.APART)
def test_a_peer_that_marks_its_process_makes_the_same_elements_as_kvnet(module: str) -> None:
    command = [sys.executable, str(RENDERING), "--check", module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "is left out" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr


def _installed(module: str) -> peers.Peer:
    peer = peers.load(module)
    if isinstance(peer, peers.Missing):
        pytest.skip(str(peer))
    return peer


def test_a_peer_that_says_something_else_is_found_out() -> None:
    own = _installed("kvnet_")
    [vm] = vms(1)
    other = evolve(own, render=lambda vm: own.render(evolve(vm, bridge="br11")))
    [told] = differences(other, vm)
    assert "br11" in told


def test_a_peer_that_says_what_it_claims_to_leave_out_is_found_out() -> None:
    [vm] = vms(1)
    told = differences(evolve(_installed("kvnet_"), leaves_out=("/interface/link", "/interface/tune")), vm)
    assert "leaves out /interface/tune, which is nowhere" in told
    assert len(told) == 3


def test_a_peer_that_is_not_installed_is_left_out_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.PEERS, "nobody", "ask for it")
    missing = peers.load("nobody")
    assert isinstance(missing, peers.Missing)
    assert str(missing).endswith("To get it: ask for it")


@pytest.mark.parametrize("n", [0, 1, 4_242, 9_999])
def test_the_manifest_of_a_machine_is_admitted_and_compiled(n: int) -> None:
    vm = vms(n + 1)[n]
    machine = kvnet.load(manifest(vm))
    assert [each for each in kvnet.check(machine) if each.severity is not kvnet.Severity.NOTE] == []
    compiled = kvnet.compile(machine, kvnet.Target(facts=facts(vm)))
    assert compiled.problems == ()
    assert len(compiled.devices) == 4


def test_no_two_machines_share_a_text_of_their_own() -> None:
    fleet = vms(10_000)
    own = [(vm.pod_tap, vm.pod_alias, vm.lan_tap, vm.lan_alias, vm.sriov_alias) for vm in fleet]
    macs = [(vm.pod_mac, vm.lan_mac, vm.bridge_mac) for vm in fleet]
    for texts, of_each in ((own, 5), (macs, 3)):
        assert len({text for each in texts for text in each}) == of_each * len(fleet)
    assert len({vm.sriov_host for vm in fleet}) == len(fleet)
    assert fleet == vms(10_000)
