"""``kvnet bulk`` from one end to the other."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from bulk.manifests import BAD, lines, vmi

import kvnet
from kvnet.bulk import inputs
from kvnet.bulk import lines as lines_of_bulk
from kvnet.bulk.inputs import Directory, Ndjson
from kvnet.bulk.lines import Line
from kvnet.bulk.rendering import Settings
from kvnet.cli import main

Bulk = Callable[..., "CompletedProcess[bytes]"]


def told(output: bytes | Path) -> list[dict[str, Any]]:
    text = output if isinstance(output, bytes) else output.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def ended(pids: list[int]) -> bool:
    """Whether processes are gone, or will be at once."""
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() and "State:\tZ" not in _status(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "State:\tZ"


def test_there_is_a_line_for_every_machine_in_the_order_of_the_input(bulk: Bulk, tmp_path: Path) -> None:
    odd = [each for each, _ in BAD.values() if isinstance(each, dict)]
    given = [each for n, one in enumerate(odd) for each in (vmi(n), one)]
    (tmp_path / "vms.ndjson").write_bytes(lines(given) + b"no JSON\n" + lines([vmi(99)]))
    run = bulk("-f", "vms.ndjson", "-o", "out.ndjson", "--jobs", "2")
    made = told(tmp_path / "out.ndjson")
    assert [each["index"] for each in made] == list(range(len(given) + 2))
    assert ["problems" in each for each in made] == [False, True] * len(odd) + [True, False]
    assert made[-1]["xml"].startswith("<domain type='kvm'>")
    assert (made[1]["problems"][0]["file"], made[1]["problems"][0]["line"]) == ("vms.ndjson", 2)
    assert run.returncode == 1
    assert f"{len(odd) + 1} of {len(given) + 2} machines were refused" in run.stderr.decode()
    assert "KN130: 1 of them, for example fleet/vm-1 (vms.ndjson:" in run.stderr.decode()


def test_the_xml_is_that_of_render(bulk: Bulk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vm.json").write_bytes(lines([vmi(7)]))
    (made,) = told(bulk("-f", "vm.json").stdout)
    assert main(["render", "-f", str(tmp_path / "vm.json")]) == 0
    assert made["xml"] == capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_envelope_brings_facts_and_devices_can_be_had_alone(bulk: Bulk, jobs: str) -> None:
    given = [{"vm": vmi(1), "facts": {"links": {"lan": {"name": "net1", "mtu": 9000}}}}, {"facts": None, "vm": vmi(2)}]
    run = bulk("-f", "-", "--devices", "--jobs", jobs, stdin=lines(given))
    first, second = told(run.stdout)
    assert run.returncode == 0
    assert not run.stderr
    assert "<mtu size='9000'/>" in first["devices"][1]
    assert "<mtu" not in second["devices"][1]
    assert first["uses"] == {"macs": [["default/lan", "52:54:00:00:00:01"]]}
    assert second["notes"] == ["KN310", "KN312", "KN321"]


@pytest.mark.parametrize(
    ("envelope", "code", "field"),
    [
        ({"vm": vmi(1, mac="bad")}, "KN130", '"macAddress": "bad"'),
        ({"vm": vmi(1), "facts": {"links": {"lan": {"mtu": "many"}}}}, "KN022", '"many"'),
        ({"vm": {"kind": "VirtualMachineInstance"}}, "KN005", '{"kind"'),
        ({"vm": 7}, "KN700", "7"),
        ({"vm": vmi(1), "fcats": {}}, "KN700", "{}"),
        *(({"vm": vmi(1), "facts": each}, "KN020", json.dumps(each)) for each in (7, True, "", [7], ["facts.json"])),
    ],
)
def test_a_problem_in_an_envelope_has_its_place(envelope: Any, code: str, field: str) -> None:
    text = json.dumps(envelope).encode()
    (made,) = Line("vms.ndjson", 41, text).results(Settings())
    place = made.problems[0].place
    assert made.problems[0].code == code
    assert place is not None
    assert (place.file, place.line) == ("vms.ndjson", 41)
    assert text.decode()[place.column - 1 :].startswith(field.rsplit(": ", maxsplit=1)[-1])


def test_facts_in_an_envelope_are_never_read_from_a_file(bulk: Bulk, tmp_path: Path) -> None:
    secret = tmp_path / "facts.json"
    secret.write_text('{"architecture": "arm64"}')
    run = bulk("-f", "-", stdin=lines([{"vm": vmi(1), "facts": str(secret)}]))
    (made,) = told(run.stdout)
    assert (run.returncode, [each["code"] for each in made["problems"]]) == (1, ["KN020"])
    assert b"arm64" not in run.stdout + run.stderr


def test_blank_lines_hold_no_machine_and_still_count_as_lines(bulk: Bulk) -> None:
    given = b"\n \r\n" + lines([vmi(0)]) + b"\n\n\t\n" + lines([vmi(1, mac="bad")]) + b"\n" + lines([vmi(2)])[:-1]
    made = told(bulk("-f", "-", stdin=given).stdout)
    assert [each["name"] for each in made] == ["vm-0", "vm-1", "vm-2"]
    assert made[1]["problems"][0]["line"] == 7


def test_a_line_that_is_too_long_is_a_problem_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (inputs, lines_of_bulk):
        monkeypatch.setattr(module, "LONGEST", 5000)
    text = lines([vmi(0)]) + b"x" * 70_000 + b"\n" + lines([vmi(1)])
    source = Ndjson(io.BytesIO(text), "vms", block=1024)
    blocks = list(source.chunks())
    assert max(line.size for block in blocks for line in block) < 8000
    made = [result for block in blocks for line in block for result in line.results(Settings())]
    assert [[problem.code for problem in each.problems] for each in made] == [[], ["KN703"], []]


def test_a_line_without_an_end_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "ENDLESS", 1 << 20)
    read = lines([vmi(0)]) + b"x" * (1 << 20) + b"\n"
    assert len([*Ndjson(io.BytesIO(read), "vms", block=1024).chunks()]) == 2
    endless = io.BytesIO(lines([vmi(0)]) + b"x" * (2 << 20))
    with pytest.raises(inputs.Unusable, match="line 2 of 'vms' has no end within 1 MiB"):
        list(Ndjson(endless, "vms", block=1024).chunks())


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom"])
def test_a_device_without_an_end_is_refused(bulk: Bulk, tmp_path: Path, device: str) -> None:
    refused = bulk("-f", device, "-o", tmp_path / "out.ndjson")
    assert (refused.returncode, refused.stderr) == (
        2,
        f"kvnet: '{device}' is a device, and bulk reads a file, a pipe or a terminal\n".encode(),
    )
    assert not (tmp_path / "out.ndjson").exists()
    assert bulk("-f", os.devnull).returncode == 0


def test_an_output_that_exists_is_not_lost_unless_asked_for(bulk: Bulk, tmp_path: Path) -> None:
    out = tmp_path / "out.ndjson"
    out.write_bytes(b"precious\n")
    refused = bulk("-f", "-", "-o", out, stdin=lines([vmi(1)]))
    assert refused.returncode == 2
    assert b"--resume" in refused.stderr
    assert out.read_bytes() == b"precious\n"
    resumed = bulk("-f", "-", "-o", out, "--resume", stdin=lines([vmi(1)]))
    assert (resumed.returncode, out.read_bytes()) == (2, b"precious\n")
    assert bulk("-f", "-", "-o", out, "--force", stdin=lines([vmi(1)])).returncode == 0
    assert len(told(out)) == 1


def test_the_input_is_never_the_output(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "vms.ndjson").write_bytes(lines([vmi(1)]))
    assert bulk("-f", "vms.ndjson", "-o", "vms.ndjson", "--force").returncode == 2
    assert (tmp_path / "vms.ndjson").read_bytes() == lines([vmi(1)])


@pytest.mark.parametrize("arguments", [["-f", "none.ndjson"], ["-f", "-", "--resume"], ["-f", "-", "--facts", "none"]])
def test_what_cannot_run_ends_with_status_2(bulk: Bulk, arguments: list[str]) -> None:
    run = bulk(*arguments)
    assert run.returncode == 2
    assert run.stderr


def many(path: Path, count: int) -> bytes:
    """NDJSON of some machines, one of them bad and two with one MAC address."""
    made = [vmi(n) for n in range(count)]
    made[5] = vmi(5, mac="bad")
    made[count - 1] = vmi(count - 1, mac="52:54:00:00:00:07")
    path.write_bytes(lines(made))
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_killed_at_any_moment_can_be_resumed(
    bulk: Bulk, stopped: Callable[..., tuple[int, list[int]]], tmp_path: Path, jobs: str
) -> None:
    many(tmp_path / "vms.ndjson", 4000)
    whole = bulk("-f", "vms.ndjson", "-o", "whole.ndjson", "--jobs", jobs, "--report", "whole.json")
    wanted = (tmp_path / "whole.ndjson").read_bytes()
    out = tmp_path / "out.ndjson"
    words = ("-f", "vms.ndjson", "-o", "out.ndjson", "--resume", "--jobs", jobs)
    for size in (1, len(wanted) // 3, len(wanted) // 2):
        status, workers = stopped(*words, number=signal.SIGKILL, watched=out, size=size)
        assert status in (-signal.SIGKILL, 1)
        assert wanted.startswith(out.read_bytes())
        assert ended(workers)
    with out.open("ab") as torn:
        torn.write(b'{"index": 3999, "names')
    resumed = bulk(*words, "--report", "resumed.json")
    assert out.read_bytes() == wanted
    assert (resumed.returncode, resumed.stderr) == (whole.returncode, whole.stderr) == (1, whole.stderr)
    reports = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "resumed")]
    assert {**reports[0], "seconds": 0, "rate": 0} == {**reports[1], "seconds": 0, "rate": 0}
    assert [each["vms"] for each in reports[0]["duplicates"]] == [["fleet/vm-7", "fleet/vm-3999"]]
    assert bulk(*words).returncode == 1
    assert out.read_bytes() == wanted


@pytest.mark.slow
def test_every_torn_end_is_resumed_to_the_same_bytes(bulk: Bulk, tmp_path: Path) -> None:
    given = lines([vmi(0), vmi(1, mac="bad"), vmi(2)])
    wanted = bulk("-f", "-", stdin=given).stdout
    ends = [0, *(n + 1 for n, byte in enumerate(wanted) if byte == 10)]
    cuts = [cut for end in ends for cut in (end - 1, end, end + 10) if 0 <= cut <= len(wanted)]
    for cut in cuts:
        (tmp_path / "out.ndjson").write_bytes(wanted[:cut])
        bulk("-f", "-", "-o", "out.ndjson", "--resume", stdin=given)
        assert (tmp_path / "out.ndjson").read_bytes() == wanted


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        (lines([vmi(0), vmi(9), vmi(2)]), []),
        (lines([vmi(0)]), []),
        (lines([vmi(0), vmi(1), vmi(2)]), ["--devices"]),
        (lines([vmi(0), vmi(1), vmi(2)]), ["--profile", "host"]),
    ],
    ids=["another machine", "fewer machines", "other form", "other settings"],
)
def test_an_output_of_another_input_is_not_continued(
    bulk: Bulk, tmp_path: Path, given: bytes, arguments: list[str]
) -> None:
    bulk("-f", "-", "-o", "out.ndjson", stdin=lines([vmi(0), vmi(1)]))
    before = (tmp_path / "out.ndjson").read_bytes()
    run = bulk("-f", "-", "-o", "out.ndjson", "--resume", *arguments, stdin=given)
    assert run.returncode == 2
    assert b"another input, or other settings" in run.stderr
    assert (tmp_path / "out.ndjson").read_bytes() == before


def test_a_finished_run_is_resumed_to_the_same_bytes_where_the_input_lacks_its_last_line_feed(
    bulk: Bulk, tmp_path: Path
) -> None:
    given = lines([vmi(0), vmi(1)]).rstrip(b"\n")
    words = ("-f", "-", "-o", "out.ndjson", "--resume")
    bulk(*words, stdin=given)
    wanted = (tmp_path / "out.ndjson").read_bytes()
    assert bulk(*words, stdin=given).returncode == 0
    assert (tmp_path / "out.ndjson").read_bytes() == wanted


@pytest.mark.slow
def test_an_interrupted_run_ends_with_130_and_leaves_no_worker(
    bulk: Bulk, stopped: Callable[..., tuple[int, list[int]]], tmp_path: Path
) -> None:
    many(tmp_path / "vms.ndjson", 40_000)
    out = tmp_path / "out.ndjson"
    words = ("-f", "vms.ndjson", "-o", "out.ndjson", "--jobs", "2")
    status, workers = stopped(*words, number=signal.SIGINT, watched=out, size=1)
    assert status == 130
    assert len(workers) == 2
    assert ended(workers)
    assert bulk(*words, "--resume").returncode == 1
    assert [each["index"] for each in told(out)] == list(range(40_000))


@pytest.mark.slow
def test_a_killed_worker_is_replaced(bulk: Bulk, environment: dict[str, str], tmp_path: Path) -> None:
    many(tmp_path / "vms.ndjson", 40_000)  # so many blocks that work is left when the first is written
    words = [sys.executable, "-m", "kvnet", "bulk", "-f", "vms.ndjson", "-o", "out.ndjson", "--jobs", "2"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as run:
        out = tmp_path / "out.ndjson"
        while not (out.exists() and out.stat().st_size):
            time.sleep(0.01)
        os.kill(int(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()[0]), signal.SIGKILL)
        assert run.wait(30) == 1
    assert bulk("-f", "vms.ndjson", "-o", "whole.ndjson", "--jobs", "1").returncode == 1
    assert out.read_bytes() == (tmp_path / "whole.ndjson").read_bytes()


def test_a_directory_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "c.txt"):
        (tmp_path / name).touch()
    assert Directory.of(str(tmp_path)).names == ("a.json", "b.yaml")


def test_kvnet_alone_does_not_load_it() -> None:
    assert "bulk" not in kvnet.__all__


NO_LINES = {
    "YAML": b"# machines\n---\napiVersion: kubevirt.io/v1\nkind: VirtualMachine\n",
    "YAML in blocks": b"metadata:\n  name: a\nkind: VirtualMachine\n",
    "a YAML list": b"- kind: VirtualMachine\n",
    "YAML after a byte order mark": b"\xef\xbb\xbfkind: VirtualMachine\n",
    "YAML in UTF-16": "\ufeffkind: VirtualMachine\n".encode("utf-16-le"),
    "a template": b"{{- if .x }}\nkind: VirtualMachine\n{{- end }}\n",
    "JSON over several lines": json.dumps(vmi(1), indent=1).encode(),
}


@pytest.mark.parametrize("text", NO_LINES.values(), ids=NO_LINES)
@pytest.mark.parametrize("how", ["a file", "a stream"])
def test_what_is_no_ndjson_is_refused_with_one_sentence_and_leaves_no_output(
    bulk: Bulk, tmp_path: Path, text: bytes, how: str
) -> None:
    (tmp_path / "vm.yaml").write_bytes(text)
    run = bulk("-f", "vm.yaml" if how == "a file" else "-", "-o", "out.ndjson", stdin=text)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.count(b"\n") == 1
    assert b"is YAML, or JSON over several lines" in run.stderr
    assert not (tmp_path / "out.ndjson").exists()


@pytest.mark.parametrize("text", [b"", b"\n\n", b"{domain: {devices: {}}}\n", b'\n {"kind": "Secret"}\n', b"no JSON\n"])
def test_what_may_be_ndjson_is_read_line_by_line(bulk: Bulk, tmp_path: Path, text: bytes) -> None:
    run = bulk("-f", "-", "-o", "out.ndjson", stdin=text)
    assert run.returncode in (0, 1)
    assert len(told(tmp_path / "out.ndjson")) == bool(text.strip())
