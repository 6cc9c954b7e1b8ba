"""No run writes over what is not its own: other files, other outputs, and what a link leads to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from bulk.manifests import lines, vmi
from commands import Commands

from kvnet.bulk.files import Role, check_roles, locked
from kvnet.bulk.inputs import Unusable
from kvnet.bulk.outputs import JOURNAL
from kvnet.cli.main import main

Bulk = Callable[..., "CompletedProcess[bytes]"]
_GIVEN = lines([vmi(0), vmi(1)])


def _other_name(_: Path) -> str:
    return "./vms.ndjson"


def _symbolic(folder: Path) -> str:
    (folder / "soft").symlink_to("vms.ndjson")
    return "soft"


def _hard(folder: Path) -> str:
    (folder / "hard").hardlink_to(folder / "vms.ndjson")
    return "hard"


@pytest.mark.parametrize("name", [_other_name, _symbolic, _hard], ids=["another name", "symbolic", "hard"])
@pytest.mark.parametrize("option", ["-o", "--report"])
def test_the_input_is_not_written_under_any_name(
    bulk: Bulk, tmp_path: Path, option: str, name: Callable[[Path], str]
) -> None:
    (tmp_path / "vms.ndjson").write_bytes(_GIVEN)
    words = {"-o": "out.ndjson", "--report": "report.json", option: name(tmp_path)}
    run = bulk("-f", "vms.ndjson", *(word for pair in words.items() for word in pair), "--force")
    assert run.returncode == 2
    assert b"are one file" in run.stderr
    assert (tmp_path / "vms.ndjson").read_bytes() == _GIVEN
    assert not (tmp_path / "out.ndjson").exists()


@pytest.mark.parametrize("option", ["--facts", "--cluster", "--nads"])
def test_what_a_run_reads_is_not_its_report(bulk: Bulk, tmp_path: Path, option: str) -> None:
    (tmp_path / "mine.yaml").write_text("mine: {}\n")
    run = bulk("-f", "-", "-o", "out", option, "mine.yaml", "--report", "mine.yaml", "--force", stdin=_GIVEN)
    assert run.returncode == 2
    assert (tmp_path / "mine.yaml").read_text() == "mine: {}\n"


def test_files_that_are_not_there_yet_are_told_apart_too(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(".")
    path = str(tmp_path)
    with pytest.raises(Unusable, match="are one file"):
        check_roles([Role("-o", f"{path}/new", True), Role("--report", f"{path}/link/new", True)])
    check_roles([Role("-o", f"{path}/new", True), Role("--report", f"{path}/other", True)])


def test_what_only_is_read_may_be_one_file_and_devices_may_be_named_twice() -> None:
    check_roles([Role("-f", __file__), Role("--facts", __file__)])
    check_roles([Role("-o", os.devnull, True), Role("--report", os.devnull, True)])


@pytest.mark.parametrize(("option", "name"), [("-o", "in/out.json"), ("-o", "in/sub/"), ("--report", "in/report.json")])
def test_nothing_is_written_into_the_directory_that_is_read(bulk: Bulk, tmp_path: Path, option: str, name: str) -> None:
    (tmp_path / "in").mkdir()
    words = {"-o": "out.ndjson", "--report": "report.json", option: name}
    run = bulk("-f", "in", *(word for pair in words.items() for word in pair))
    assert run.returncode == 2
    assert b"is inside the directory" in run.stderr
    assert os.listdir(tmp_path / "in") == []


@pytest.mark.parametrize(
    "text",
    [b'{"precious": 1}', b'{"precious": 1}\n', b'{"index": 0, "namespace": null}\n', b"\n", b"x", b'{"index": 0}'],
)
def test_a_file_that_is_no_output_is_refused_and_stays(bulk: Bulk, tmp_path: Path, text: bytes) -> None:
    for name, output in (("mine", "mine"), (f"out/{JOURNAL}", "out/")):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
        assert bulk("-f", "-", "-o", output, "--resume", stdin=_GIVEN).returncode == 2
        assert (tmp_path / name).read_bytes() == text


@pytest.mark.parametrize(
    "members",
    [
        '"problems": [{"age": 1}]',
        '"problems": 5',
        '"problems": [5]',
        '"problems": [{"code": []}]',
        '"uses": 5',
        '"uses": {"macs": 5}',
        '"uses": {"macs": [{}]}',
        '"notes": 5',
        '"notes": [[]]',
        '"x": ' + "[" * 100_000,
    ],
)
def test_a_line_of_another_shape_is_refused_and_stays(bulk: Bulk, tmp_path: Path, members: str) -> None:
    bulk("-f", "-", "-o", "out", stdin=_GIVEN)
    first, _, rest = (tmp_path / "out").read_text().partition("\n")
    head = first.partition('"namespace"')[0]
    text = f'{head}"namespace": null, "name": "m", {members}}}\n{rest}'
    (tmp_path / "out").write_text(text)
    run = bulk("-f", "-", "-o", "out", "--resume", stdin=_GIVEN)
    assert (run.returncode, b"KN701" in run.stderr) == (2, False)
    assert (tmp_path / "out").read_text() == text


def test_text_behind_an_output_is_not_cut_off_with_its_torn_line(bulk: Bulk, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    bulk("-f", "-", "-o", out, stdin=_GIVEN)
    text = out.read_bytes() + b"a note of mine"
    out.write_bytes(text)
    assert bulk("-f", "-", "-o", out, "--resume", stdin=_GIVEN).returncode == 2
    assert out.read_bytes() == text


def test_a_torn_output_that_is_refused_keeps_its_torn_line(bulk: Bulk, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    bulk("-f", "-", "-o", out, stdin=_GIVEN)
    torn = out.read_bytes()[:-9]
    out.write_bytes(torn)
    assert bulk("-f", "-", "-o", out, "--resume", stdin=lines([vmi(7), vmi(8)])).returncode == 2
    assert out.read_bytes() == torn


def test_a_directory_of_other_settings_is_not_continued(bulk: Bulk, tmp_path: Path) -> None:
    bulk("-f", "-", "-o", "out/", stdin=_GIVEN)
    before = (tmp_path / "out" / JOURNAL).read_bytes()
    (tmp_path / "cluster.yaml").write_text(
        "apiVersion: kubevirt.io/v1\nkind: KubeVirt\nmetadata: {name: k}\n"
        "spec: {configuration: {developerConfiguration: {featureGates: [PasstBinding]}}}\n"
    )
    run = bulk(
        "-f", "-", "-o", "out/", "--resume", "--cluster", "cluster.yaml", stdin=lines([vmi(n) for n in range(3)])
    )
    assert run.returncode == 2
    assert b"other settings" in run.stderr
    assert (tmp_path / "out" / JOURNAL).read_bytes() == before


@pytest.mark.parametrize("words", [[], ["--resume"], ["--force"]])
@pytest.mark.parametrize("name", ["out.ndjson", f"out/{JOURNAL}"])
def test_results_are_not_written_through_a_link(bulk: Bulk, tmp_path: Path, name: str, words: list[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("")
    (tmp_path / name).symlink_to(tmp_path / "victim")
    assert bulk("-f", "-", "-o", name.removesuffix(JOURNAL), *words, stdin=_GIVEN).returncode == 2
    assert (tmp_path / "victim").read_text() == ""


def test_a_link_in_place_of_the_temporary_file_is_not_followed(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out" / ".kvnet-bulk.tmp").symlink_to("../victim")
    assert bulk("-f", "-", "-o", "out/", stdin=_GIVEN).returncode == 0
    assert (tmp_path / "victim").read_text() == "mine"
    assert len(list((tmp_path / "out").glob("*.xml"))) == 2


def test_a_file_with_a_second_name_is_not_written_over(bulk: Bulk, tmp_path: Path) -> None:
    bulk("-f", "-", "-o", "out.ndjson", stdin=_GIVEN)
    (tmp_path / "backup").hardlink_to(tmp_path / "out.ndjson")
    before = (tmp_path / "backup").read_bytes()
    for word in ("--force", "--resume"):
        assert bulk("-f", "-", "-o", "out.ndjson", word, stdin=_GIVEN).returncode == 2
    assert (tmp_path / "backup").read_bytes() == before


def test_a_report_is_written_over_reports_alone(bulk: Bulk, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"precious": 1}')
    words = ("-f", "-", "--report", "report.json")
    assert bulk(*words, stdin=_GIVEN).returncode == 2
    assert report.read_text() == '{"precious": 1}'
    assert bulk(*words, "--force", stdin=_GIVEN).returncode == 0
    assert bulk(*words, stdin=_GIVEN).returncode == 0
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_report_that_cannot_be_written_is_told_before_the_run(bulk: Bulk, tmp_path: Path) -> None:
    run = bulk("-f", "-", "-o", "out", "--report", "none/report.json", stdin=_GIVEN)
    assert run.returncode == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["100000", "9" * 20])
def test_no_more_workers_are_started_than_there_is_work(bulk: Bulk, tmp_path: Path, jobs: str) -> None:
    (tmp_path / "vms.ndjson").write_bytes(_GIVEN)
    run = bulk("-f", "vms.ndjson", "-o", "out", "--jobs", jobs)
    assert (run.returncode, len((tmp_path / "out").read_bytes().splitlines())) == (0, 2)
    assert bulk("-f", "-", "-o", "again", "--jobs", jobs, stdin=_GIVEN).returncode == 0


@pytest.mark.parametrize("output", ["out.ndjson", "out/"])
def test_what_was_written_is_on_the_disk_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str
) -> None:
    kept: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        kept.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vms.ndjson").write_bytes(_GIVEN)
    words = ["bulk", "-f", "vms.ndjson", "-o", output, "--report", "report.json", "--jobs", "1"]
    assert main([*words, "--fsync"]) == 0
    lines = JOURNAL if output.endswith("/") else output
    assert {lines, tmp_path.name} < set(kept)
    assert any(name.startswith(".kvnet-report") for name in kept)
    kept.clear()
    assert main([*words, "--force"]) == 0
    assert kept == []


def test_a_directory_that_cannot_be_written_to_is_refused_in_words(bulk: Bulk, tmp_path: Path) -> None:
    run = bulk("-f", "-", "-o", "/proc/out.ndjson", stdin=_GIVEN)
    assert run.returncode == 2
    assert run.stderr.startswith(b"kvnet: ")
    assert b"Traceback" not in run.stderr


def _shell(command: str, folder: Path, environment: dict[str, str]) -> CompletedProcess[bytes]:
    words = ["bash", "-c", command.replace("kvnet", f"{sys.executable} -m kvnet", 1)]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("stdout", "words"),
    [("/dev/full", []), ("/dev/null", ["-o", "out", "--report", "/dev/full"])],
    ids=["-o", "--report"],
)
def test_a_full_disk_is_told_in_words(
    commands: Commands, environment: dict[str, str], tmp_path: Path, stdout: str, words: list[str]
) -> None:
    given = tmp_path / "vms.ndjson"
    given.write_bytes(_GIVEN)
    with given.open("rb") as inside, open(stdout, "wb") as outside, (tmp_path / "told").open("wb") as told:
        streams = (inside.fileno(), outside.fileno(), told.fileno())
        assert commands.run_on(streams, ["bulk", "-f", "-", *words], tmp_path, environment) == 2
    said = (tmp_path / "told").read_bytes()
    assert b"No space left" in said
    assert b"Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out", "out/"])
def test_a_run_goes_on_after_the_disk_was_full(tmp_path: Path, environment: dict[str, str], output: str) -> None:
    (tmp_path / "vms.ndjson").write_bytes(lines([vmi(n) for n in range(400)]))
    # what measures coverage writes larger files
    environment = {key: value for key, value in environment.items() if not key.startswith("COV")}
    run = _shell(f"ulimit -f 8; kvnet bulk -f vms.ndjson -o {output}", tmp_path, environment)
    assert (run.returncode, b"File too large" in run.stderr, b"Traceback" in run.stderr) == (2, True, False)
    journal = tmp_path / "out" / JOURNAL if output.endswith("/") else tmp_path / "out"
    assert 0 < journal.stat().st_size <= 8 << 10
    assert _shell(f"kvnet bulk -f vms.ndjson -o {output} --resume", tmp_path, environment).returncode == 0
    assert _shell(f"kvnet bulk -f vms.ndjson -o again{output[3:]}", tmp_path, environment).returncode == 0
    again = tmp_path / "again" / JOURNAL if output.endswith("/") else tmp_path / "again"
    assert journal.read_bytes() == again.read_bytes()


def test_two_machines_whose_names_differ_in_case_are_not_one_file_where_case_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exists = os.path.lexists

    def exists_in_any_case(path: str) -> bool:
        folder, name = os.path.split(path)
        return exists(path) or name.lower() in map(str.lower, os.listdir(folder))

    monkeypatch.setattr(os.path, "lexists", exists_in_any_case)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vms.ndjson").write_bytes(lines([_named("web"), _named("web-2")]).replace(b"web-2", b"WEB"))
    assert main(["bulk", "-f", "vms.ndjson", "-o", "out/", "--jobs", "1"]) == 1
    journal = [json.loads(line) for line in (tmp_path / "out" / JOURNAL).read_text().splitlines()]
    assert ["problems" in each for each in journal] == [False, True]


def _named(name: str) -> dict[str, Any]:
    return {**vmi(0), "metadata": {"name": name}}


@pytest.mark.parametrize("letters", [200, 227, 240, 255, 300])
def test_a_name_has_a_file_as_long_as_file_systems_allow(bulk: Bulk, tmp_path: Path, letters: int) -> None:
    run = bulk("-f", "-", "-o", "out/", stdin=lines([_named("a" * letters)]))
    (line,) = (tmp_path / "out" / JOURNAL).read_text().splitlines()
    files = list((tmp_path / "out").glob("*.xml"))
    assert (run.returncode, "KN704" in line) in ((0, False), (1, True))
    assert len(files) == ("KN704" not in line)
    assert all(len(file.name) <= 255 for file in files)


def test_another_run_is_told_of_the_one_that_writes(bulk: Bulk, tmp_path: Path) -> None:
    descriptor = locked(str(tmp_path / "out"), "out", is_new=True)
    run = bulk("-f", "-", "-o", "out", "--resume", stdin=_GIVEN)
    os.close(descriptor)
    assert (run.returncode, b"another run is writing to 'out'" in run.stderr) == (2, True)


def test_the_reader_of_results_may_leave(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "vms.ndjson").write_bytes(lines([vmi(n) for n in range(2000)]))
    run = _shell("kvnet bulk -f vms.ndjson | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}", tmp_path, environment)
    assert (run.returncode, run.stderr) == (141, b"")
