"""What only one machine of a fleet may use."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from bulk.manifests import lines, vmi
from hypothesis import given
from hypothesis import strategies as st

import kvnet
from kvnet.bulk import Fleet, Uses, duplicates, render
from kvnet.bulk.duplicates import Records, digest
from kvnet.bulk.workers import Processes
from kvnet.fleet import uses_of

Bulk = Callable[..., "CompletedProcess[bytes]"]
keys = st.tuples(
    st.sampled_from(["mac", "vf", "tap", "domain"]), st.sampled_from(["a", "b"]), st.sampled_from(["1", "2", "3"])
)


def found(fleet: list[list[tuple[str, str, str]]], jobs: int = 1) -> list[tuple[Any, ...]]:
    """The duplicates of machines that use this."""

    def line(n: int) -> dict[str, Any]:
        kinds = ("mac", "vf", "tap", "domain")
        uses = {f"{kind}s": [[where, what] for k, where, what in fleet[n] if k == kind] for kind in kinds}
        return {"name": str(n), "namespace": "fleet", "uses": uses}

    with closing(Records()) as records:
        for n, uses in enumerate(fleet):
            records.add(n, [duplicates.digest(*use) for use in uses])
        return sorted(
            (each.kind, each.where, each.what, each.first, each.again, each.index)
            for each in records.duplicates(line, jobs)
        )


def expected(fleet: list[list[tuple[str, str, str]]]) -> list[tuple[Any, ...]]:
    seen: dict[tuple[str, str, str], int] = {}
    told = []
    for n, uses in enumerate(fleet):
        for use in uses:
            if use in seen:
                told.append((*use, f"fleet/{seen[use]}", f"fleet/{n}", n))
            else:
                seen[use] = n
    return sorted(told)


@given(st.lists(st.lists(keys, max_size=4), max_size=8))
def test_every_duplicate_is_found_and_nothing_else(fleet: list[list[tuple[str, str, str]]]) -> None:
    assert found(fleet) == expected(fleet)


@given(st.lists(st.lists(keys, max_size=4), max_size=8), st.integers(1, 4))
def test_digests_that_collide_change_nothing(fleet: list[list[tuple[str, str, str]]], digests: int) -> None:
    def poor(*use: str) -> bytes:
        return (digest(*use)[0] % digests).to_bytes(8, "little")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "digest", poor)
        assert found(fleet) == expected(fleet)


FEW_TWICE = [[("mac", "lan", str(n % 700))] for n in range(1000)]


@pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "in two others"])
@pytest.mark.parametrize("at_once", [2, 500], ids=["in several goes", "in one go"])
def test_a_bucket_is_looked_at(at_once: int, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_AT_ONCE", at_once)
    assert found(FEW_TWICE, jobs) == expected(FEW_TWICE)
    assert len(expected(FEW_TWICE)) == 300


def test_processes_look_for_many_and_not_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def counted(jobs: int) -> Processes:
        started.append(jobs)
        return Processes(jobs)

    monkeypatch.setattr(duplicates, "Processes", counted)
    assert len(found(FEW_TWICE, 2)) == 300
    assert not started
    monkeypatch.setattr(duplicates, "_AT_ONCE", 500)
    assert len(found(FEW_TWICE, 2)) == 300
    assert started == [2]


def ended(parts: list[Any], this: int = os.getpid()) -> set[int]:
    """What ends each other process that looks for duplicates."""
    return look(parts) if os.getpid() == this else os._exit(3)


look = duplicates._repeated_in


def test_this_process_looks_where_all_others_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_AT_ONCE", 500)
    monkeypatch.setattr(duplicates, "_BUCKETS", 4)
    monkeypatch.setattr(duplicates, "_repeated_in", ended)
    assert found(FEW_TWICE, 2) == expected(FEW_TWICE)


def uses(data: dict[str, Any], facts: Any = None, profile: str = "kubevirt", nads: Any = ()) -> Uses:
    machine, known = kvnet.load(data), kvnet.load_facts(facts or {})
    target = kvnet.Target(facts=known, profile=profile, nads=nads)
    compiled = kvnet.compile(machine, target)
    assert not compiled.problems
    return uses_of(machine, compiled, target)


def on(binding: str, network: dict[str, Any], **status: Any) -> dict[str, Any]:
    made = vmi(1, **status)
    nic = {"name": "pod", binding: {}, "macAddress": "52-54-00-AA-BB-CC"}
    made["spec"] = {"domain": {"devices": {"interfaces": [nic]}}, "networks": [{"name": "pod", **network}]}
    return made


MAC = "52:54:00:aa:bb:cc"


def test_a_mac_address_counts_in_its_network() -> None:
    assert uses(on("bridge", {"multus": {"networkName": "lan"}})).macs == (("fleet/lan", MAC),)
    assert uses(on("bridge", {"multus": {"networkName": "other/lan"}})).macs == (("other/lan", MAC),)
    assert uses(on("bridge", {"pod": {}})).macs == (("pod", MAC),)


def test_a_mac_address_behind_the_pods_own_meets_no_other() -> None:
    assert uses(on("masquerade", {"pod": {}})).macs == ()
    assert uses(on("passtBinding", {"pod": {}})).macs == ()


def test_the_pod_network_of_a_plain_host_is_the_hosts() -> None:
    made = uses(on("masquerade", {"pod": {}}, nodeName="n1"), profile="host")
    assert made.macs == (("libvirt default on n1", MAC),)


def test_a_virtual_function_counts_on_its_host() -> None:
    facts = {"pciAddresses": {"pod": "0000:3b:02.1"}}
    made = uses(on("sriov", {"multus": {"networkName": "vf"}}, nodeName="n1"), facts)
    assert made.vfs == (("n1", "0000:3b:02.1"),)
    assert made.macs == (("fleet/vf", MAC),)
    nad = kvnet.load_all({"kind": "NetworkAttachmentDefinition", "apiVersion": "k8s.cni.cncf.io/v1",
                          "metadata": {"name": "vf"}, "spec": {"config": '{"type": "sriov"}'}}).nads  # fmt: skip
    assert uses(on("sriov", {"multus": {"networkName": "vf"}}), facts, "host", nad).vfs == (("", "0000:3b:02.1"),)


def test_a_tap_counts_where_the_facts_name_it() -> None:
    data = on("bridge", {"multus": {"networkName": "lan"}})
    assert uses(data, {"links": {"pod": {"name": "net1"}}}).taps == ()
    assert uses(data, {"links": {"pod": {"name": "net1", "tap": "vnet7"}}}).taps == (("", "vnet7"),)


def test_duplicates_are_found_across_chunks_and_each_is_told(bulk: Bulk, tmp_path: Path) -> None:
    fleet = [vmi(n) for n in range(1500)]
    fleet[1400] = vmi(1400, mac="52:54:00:00:00:03")
    fleet[1450] = vmi(1450, mac="52:54:00:00:00:03")
    fleet[1460] = vmi(1460, mac="52:54:00:00:00:03", network="default/another")
    (tmp_path / "vms.ndjson").write_bytes(lines(fleet))
    for words in (("-o", "out.ndjson"), ("-o", "out/"), ("-o", "-")):
        run = bulk("-f", "vms.ndjson", *words, "--report", "report.json", "--devices", "--jobs", "1")
        report = json.loads((tmp_path / "report.json").read_text())
        assert run.returncode == 1
        assert [(each["code"], each["vms"], each["index"]) for each in report["duplicates"]] == [
            ("KN710", ["fleet/vm-3", "fleet/vm-1400"], 1400),
            ("KN710", ["fleet/vm-3", "fleet/vm-1450"], 1450),
        ]
        assert run.stderr.decode().splitlines()[0] == (
            "kvnet: error KN710 fleet/vm-1400 uses MAC address 52:54:00:00:00:03 in network 'default/lan', "
            "as fleet/vm-3 does; give each machine its own"
        )


def test_duplicates_are_found_across_a_resume(bulk: Bulk, tmp_path: Path) -> None:
    fleet = [vmi(0), vmi(1), vmi(2, mac="52:54:00:00:00:00")]
    whole = bulk("-f", "-", "-o", "whole.ndjson", stdin=lines(fleet))
    first = (tmp_path / "whole.ndjson").read_bytes().splitlines(keepends=True)[0]
    (tmp_path / "out.ndjson").write_bytes(first)
    resumed = bulk("-f", "-", "-o", "out.ndjson", "--resume", stdin=lines(fleet))
    assert resumed.stderr == whole.stderr
    assert b"fleet/vm-2 uses MAC address 52:54:00:00:00:00" in resumed.stderr


def test_lines_on_standard_error_are_bounded(bulk: Bulk) -> None:
    run = bulk("-f", "-", stdin=lines([vmi(n, mac="52:54:00:00:00:00") for n in range(60)]))
    assert len(run.stderr.splitlines()) == 21
    assert b"and 39 more duplicates" in run.stderr


def test_a_fleet_is_watched_while_its_results_pass_by() -> None:
    machines = [vmi(0), vmi(1, mac="bad"), vmi(2), vmi(3, mac="52:54:00:00:00:00")]
    with Fleet() as fleet, ThreadPoolExecutor(1) as executor:
        made = list(fleet.watch(render(machines, executor=executor, ordered=False, chunk=1)))
        assert len(made) == 4
        (duplicate,) = fleet.duplicates()
    assert {duplicate.first, duplicate.again} == {"fleet/vm-0", "fleet/vm-3"}
    assert duplicate.problem.code == "KN710"
    assert duplicate.index in (0, 3)


def test_on_a_plain_host_two_namespaces_give_one_domain(bulk: Bulk, tmp_path: Path) -> None:
    pair = [{"metadata": {"name": "app", "namespace": namespace}} for namespace in ("blue", "green")]
    machines = [vmi(n) | {"spec": {"domain": {"devices": {"autoattachPodInterface": False}}}} | pair[n] for n in (0, 1)]
    run = bulk("-f", "-", "--profile", "host", stdin=lines(machines))
    assert run.returncode == 1
    assert b"KN713 green/app would be the domain 'app', as blue/app would" in run.stderr
    assert bulk("-f", "-", stdin=lines(machines)).returncode == 0
