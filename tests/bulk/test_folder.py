"""A directory of manifests in, a file for each machine out."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from bulk.manifests import lines, vmi

from kvnet.bulk.inputs import Unusable
from kvnet.bulk.outputs import JOURNAL, FolderOutput

Bulk = Callable[..., "CompletedProcess[bytes]"]


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / JOURNAL).read_bytes().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in sorted(folder.iterdir())}


def named(n: int, name: Any, namespace: Any = "fleet") -> dict[str, Any]:
    return vmi(n) | {"metadata": {"name": name, "namespace": namespace}}


def _linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def _folder_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """Three good machines, and bad ones of several kinds."""
    folder = tmp_path / "in"
    folder.mkdir()
    nad = {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "lan", "namespace": "default"},
        "spec": {"config": json.dumps({"type": "bridge", "bridge": "br7"})},
    }
    (folder / "a.yaml").write_text(yaml.safe_dump_all([vmi(0), vmi(1)]))
    (folder / "b.json").write_text(json.dumps(vmi(2, mac="bad"), indent=1))
    (folder / "c.yml").write_text(yaml.safe_dump_all([vmi(3), {"kind": "VirtualMachine"}, nad]))
    (folder / "d.yaml").write_text("kind: VirtualMachine\nspec: [")
    (folder / "e.yaml").write_text(yaml.safe_dump(nad))
    (folder / "notes.txt").write_text("no manifest")
    return folder


def test_each_machine_of_a_directory_has_a_file_or_a_reason(bulk: Bulk, manifests: Path, tmp_path: Path) -> None:
    run = bulk("-f", manifests, "-o", "out/", "--jobs", "2")
    told = journal(tmp_path / "out")
    assert run.returncode == 1
    assert [(each["file"], each["name"]) for each in told] == [
        ("a.yaml", "vm-0"),
        ("a.yaml", "vm-1"),
        ("b.json", "vm-2"),
        ("c.yml", "vm-3"),
        ("c.yml", None),
        ("d.yaml", None),
    ]
    codes = [[problem["code"] for problem in each.get("problems", ())] for each in told]
    assert codes == [[], [], ["KN130"], [], ["KN005"], ["KN001"]]
    assert all(each["problems"][0]["line"] for each in told if "problems" in each)
    assert set(files(tmp_path / "out")) == {JOURNAL, "fleet_vm-0.xml", "fleet_vm-1.xml", "fleet_vm-3.xml"}
    assert (tmp_path / "out" / "fleet_vm-0.xml").read_text().startswith("<domain type='kvm'>")


def test_the_definitions_among_them_serve_the_host_profile(bulk: Bulk, manifests: Path, tmp_path: Path) -> None:
    bulk("-f", manifests, "-o", "out/", "--profile", "host", "--devices")
    text = (tmp_path / "out" / "fleet_vm-1.xml").read_text()
    assert "<source bridge='br7'/>" in text
    assert text.count("<interface ") == text.count("\n") == 2


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", "a b", "x" * 250, "ä"])
def test_no_name_leads_out_of_the_directory(bulk: Bulk, tmp_path: Path, name: str) -> None:
    bulk("-f", "-", "-o", "out/", "--devices", stdin=lines([named(1, name), named(2, "good", name)]))
    assert [each["problems"][0]["code"] for each in journal(tmp_path / "out")] == ["KN704"] * 2
    assert set(files(tmp_path / "out")) == {JOURNAL}


def test_no_file_is_written_over(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "fleet_mine.xml").write_text("mine")
    given = [named(1, "twin"), named(1, "twin", "fleet"), named(2, "mine"), named(3, "other")]
    run = bulk("-f", "-", "-o", "out", stdin=lines(given))
    codes = [[problem["code"] for problem in each.get("problems", ())] for each in journal(tmp_path / "out")]
    assert run.returncode == 1
    assert codes == [[], ["KN705"], ["KN705"], []]
    assert (tmp_path / "out" / "fleet_mine.xml").read_text() == "mine"
    # the machine that was refused takes nothing
    assert b"KN710" not in run.stderr


def test_a_machine_whose_file_exists_is_reported_alike_by_a_resumed_run(bulk: Bulk, tmp_path: Path) -> None:
    given = lines([named(1, "twin"), named(2, "twin"), named(3, "no/file")])
    reports = []
    for words in ((), ("--resume",)):
        bulk("-f", "-", "-o", "out/", "--report", "report.json", *words, stdin=given)
        reports.append(json.loads((tmp_path / "report.json").read_text()) | {"seconds": 0, "rate": 0})
    assert reports[0] == reports[1]
    assert (reports[0]["vms"], reports[0]["refused"], reports[0]["notes"]["KN310"]) == (3, 2, 1)


def test_a_second_run_leaves_alone_what_the_first_one_is_writing(tmp_path: Path) -> None:
    with closing(FolderOutput(str(tmp_path))):
        (tmp_path / ".kvnet-bulk.tmp").write_text("<doma")
        with pytest.raises(Unusable, match="another run is writing"):
            FolderOutput(str(tmp_path), resume=True)
        assert (tmp_path / ".kvnet-bulk.tmp").exists()


def test_force_loses_what_the_run_before_has_written_and_nothing_else(bulk: Bulk, tmp_path: Path) -> None:
    bulk("-f", "-", "-o", "out/", stdin=lines([vmi(0), vmi(1)]))
    (tmp_path / "out" / "mine.xml").write_text("mine")
    assert bulk("-f", "-", "-o", "out/", stdin=lines([vmi(1)])).returncode == 2
    assert bulk("-f", "-", "-o", "out/", "--force", stdin=lines([vmi(1)])).returncode == 0
    assert set(files(tmp_path / "out")) == {JOURNAL, "fleet_vm-1.xml", "mine.xml"}


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        pytest.param(lambda path: None, [[], [], []], id="as it was written"),
        pytest.param(lambda path: path.unlink(), [[], [], []], id="gone"),
        pytest.param(lambda path: path.write_text("mine"), [[], [], ["KN705"]], id="of somebody else"),
        pytest.param(_linked, [[], [], ["KN705"]], id="a link to what it was"),
        pytest.param(_folder_of, [[], [], ["KN705"]], id="a folder"),
    ],
)
def test_the_file_of_the_machine_after_the_end_of_a_journal_is(
    change: Callable[[Path], Any], codes: list[list[str]], bulk: Bulk, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = lines([vmi(0), vmi(1), vmi(2)])
    bulk("-f", "-", "-o", "out/", stdin=given)
    whole = (out / JOURNAL).read_bytes().splitlines(keepends=True)
    (out / JOURNAL).write_bytes(b"".join(whole[:2]) + b'{"ind')
    change(out / "fleet_vm-2.xml")
    bulk("-f", "-", "-o", "out/", "--resume", stdin=given)
    assert [[problem["code"] for problem in each.get("problems", ())] for each in journal(out)] == codes


def test_the_file_of_an_earlier_machine_is_not_taken_for_that_of_the_next(bulk: Bulk, tmp_path: Path) -> None:
    out, given = tmp_path / "out", lines([named(1, "twin"), vmi(2), named(1, "twin")])
    bulk("-f", "-", "-o", "out/", stdin=given)
    whole = (out / JOURNAL).read_bytes().splitlines(keepends=True)
    (out / JOURNAL).write_bytes(b"".join(whole[:2]))
    bulk("-f", "-", "-o", "out/", "--resume", stdin=given)
    assert (out / JOURNAL).read_bytes().splitlines(keepends=True) == whole


@pytest.mark.slow
def test_a_directory_resumes_from_every_state_that_a_kill_can_leave(
    bulk: Bulk, manifests: Path, tmp_path: Path
) -> None:
    (manifests / "f.json").write_text(json.dumps(vmi(0)))
    out = tmp_path / "out"
    bulk("-f", manifests, "-o", "out/", "--jobs", "1")
    wanted = files(out)
    whole = wanted[JOURNAL].splitlines(keepends=True)
    for count in range(len(whole) + 1):
        for with_next in (False, True):
            told = [json.loads(line) for line in whole[: count + with_next]]
            kept = {f"fleet_{each['name']}.xml" for each in told if "problems" not in each}
            for name in set(wanted) - {JOURNAL} - kept:
                (out / name).unlink(missing_ok=True)
            (out / ".kvnet-bulk.tmp").write_text("<doma")
            (out / JOURNAL).write_bytes(b"".join(whole[:count]) + b'{"ind')
            bulk("-f", manifests, "-o", "out/", "--resume", "--jobs", "1")
            assert files(out) == wanted, (count, with_next)


@pytest.mark.slow
def test_a_directory_killed_in_the_middle_resumes_to_the_same_files(
    bulk: Bulk, stopped: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(120):
        made = [vmi(n * 10 + k) for k in range(10)]
        (folder / f"{n:03}.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": made}))
    bulk("-f", "in", "-o", "whole/", "--jobs", "1")
    words = ("-f", "in", "-o", "out/", "--resume", "--jobs", "2")
    for size in (1, 60_000):
        stopped(*words, number=signal.SIGKILL, watched=tmp_path / "out" / JOURNAL, size=size)
    assert bulk(*words).returncode == 0
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert len(journal(tmp_path / "out")) == 1200


def test_machines_in_sub_folders_are_rendered_and_other_documents_passed_over(bulk: Bulk, tmp_path: Path) -> None:
    for name, text in {
        "b/c.yaml": yaml.safe_dump(vmi(1)),
        "a.yaml": yaml.safe_dump(vmi(0)),
        "b/stack.yaml": "Resources: {a: !Ref b}\n",
        "b/service.yaml": "kind: Service\n{{- if .x }}\na: b\n{{- end }}\n",
        "b/names.yaml": "{{- define `x` -}}\n{{- end -}}\n",
        "b/latin.yaml": "a: caf\udce9\n",
        ".git/d.yaml": yaml.safe_dump(vmi(2)),
    }.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="surrogateescape"))
    run = bulk("-f", "in", "-o", "out.ndjson", "--jobs", "1")
    lines = (tmp_path / "out.ndjson").read_bytes().splitlines()
    assert [(each["file"], each["name"]) for each in map(json.loads, lines)] == [
        ("a.yaml", "vm-0"),
        ("b/c.yaml", "vm-1"),
    ]
    assert run.returncode == 0
