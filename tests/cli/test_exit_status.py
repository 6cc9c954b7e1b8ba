from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.conftest import Run, RunOn

from kvnet.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
POD = EXAMPLES / "pod.yaml"
REGRETTABLE = POD.read_bytes().replace(b"masquerade: {}", b"bridge: {}")
REFUSED = POD.read_bytes().replace(b"pod: {}", b"multus: {}")
MISSPELLED = POD.read_bytes().replace(b"masquerade", b"masqerade")
NAD = b"kind: NetworkAttachmentDefinition\nmetadata: {name: a}\n"
BAD_NAD = NAD + b'spec: {config: \'{"type": "bridge", "vlan": 5000}\'}\n'
MULTUS = (EXAMPLES / "multus.yaml").read_bytes()
OF_NO_PLUGIN = MULTUS.replace(b'"type": "bridge"', b'"type": "brige"')


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "told"),
    [
        (["check", POD], b"", 0, b"kvnet: no problems in 1 file\n"),
        (["check", POD, "-q"], b"", 0, b""),
        (["check", "-"], REGRETTABLE, 0, b"warning KN906"),
        (["check", "-"], NAD, 0, b"no problems in 1 file"),
        (["check", "-"], BAD_NAD, 1, b"<stdin>:3:44: error KN345"),
        (["check", "-"], OF_NO_PLUGIN, 0, b"no problems in 1 file"),
        (["check", "-", "--profile", "host"], OF_NO_PLUGIN, 1, b"did you mean 'bridge'?"),
        (["check", "-", "--profile", "host"], MULTUS, 0, b"no problems in 1 file"),
        (["check", EXAMPLES / "sriov.yaml", "--profile", "host"], b"", 1, b"error KN302"),
        (["render", POD], b"", 0, b"note KN310"),
        (["check", "--strict", "-"], REGRETTABLE, 1, b"warning KN906"),
        (["check", "--strict", "--quiet", "-"], REGRETTABLE, 1, b"warning KN906"),
        (["check", "--strict", "-qq", "-"], REGRETTABLE, 1, b""),
        (["check", "-"], REFUSED, 1, b"error KN"),
        (["check", "-"], MISSPELLED, 1, b"did you mean 'masquerade'?"),
        (["check", "-"], b"", 1, b"error KN009"),
        (["render", "-"], REFUSED, 1, b"error KN"),
        (["render", "-"], MISSPELLED, 1, b"error KN003"),
        (["render", "-"], NAD, 1, b"error KN009"),
        (["render", POD, "--name", "other"], b"", 1, b"the machines are: pod"),
        (["render", EXAMPLES / "sriov.yaml"], b"", 1, b"error KN"),
        (["render", POD, "--into", "-"], b"<domain>", 1, b"<stdin>:1:"),
        (["define", "-"], REFUSED, 1, b"error KN"),
        ([], b"", 2, b"usage: kvnet"),
        (["paint"], b"", 2, b"invalid choice: 'paint'"),
        (["chekc", POD], b"", 2, b"invalid choice: 'chekc'; did you mean 'check'?"),
        (["render"], b"", 2, b"no manifest is given"),
        (["render", POD, "--colour"], b"", 2, b"unrecognized arguments: --colour"),
        (["check", POD, "-o", "xml"], b"", 2, b"invalid choice: 'xml'"),
        (["check", "absent.yaml"], b"", 2, b"absent.yaml:1:1: error KN001 cannot read 'absent.yaml': No such file"),
        (["check", POD, "absent.yaml"], b"", 2, b"error KN001"),
        (["check", POD, "--baseline", "absent.json"], b"", 2, b"No such file or directory; write it with --write-base"),
        (["check", "-o", "json", "absent.yaml"], b"", 2, b""),
        (["check", "-"], b"a: [", 2, b"<stdin>:1:5: error KN001 not YAML"),
        (["check", "-"], b"kind: \xff", 2, b"<stdin>:1:7: error KN001 byte 0xff is not UTF-8; save the file as UTF-8"),
        (["render", POD, "--facts", "absent.yaml"], b"", 2, b"error KN001 cannot read 'absent.yaml'"),
        (["render", POD, "--cluster", "absent.yaml"], b"", 2, b"error KN001 cannot read 'absent.yaml'"),
        (["render", POD, "--into", "absent.xml"], b"", 2, b"error KN001 cannot read 'absent.xml'"),
        (["render", POD, "--into", "-"], b"<domain>\xff</domain>", 2, b"<stdin>:1:9: error KN001 byte 0xff"),
        (["define", POD, "--connect", "qemu+unix:///system?socket=/nowhere"], b"", 2, b"error KN401 cannot connect"),
    ],
    ids=str,
)
def test_the_status_says_whether_all_is_clean(
    run: Run, arguments: list[str | Path], stdin: bytes, status: int, told: bytes
) -> None:
    ended = run(*arguments, stdin=stdin)
    assert ended.returncode == status
    assert told in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert bool(ended.stderr) == bool(told)


@pytest.mark.parametrize("command", [["render"], ["render", "-o", "json"], ["define"]], ids=str)
def test_nothing_is_printed_where_one_of_several_machines_is_refused(run: Run, command: list[str]) -> None:
    ended = run(*command, POD, "-", stdin=REFUSED)
    assert (ended.returncode, ended.stdout) == (1, b"")


def test_every_unreadable_file_is_named_at_once(run: Run) -> None:
    ended = run("check", "one.yaml", "-", "two.yaml", "--facts", "three.yaml", stdin=MISSPELLED)
    told = [line for line in ended.stderr.splitlines() if b": error " in line]
    assert [line.split(b":")[0] for line in told] == [b"one.yaml", b"<stdin>", b"two.yaml", b"three.yaml"]
    assert ended.returncode == 2


def test_the_version_is_printed(run: Run) -> None:
    ended = run("--version")
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"kvnet 0.")
    assert ended.stdout.count(b"\n") == 1


@pytest.fixture
def obeys_interrupts() -> Iterator[None]:
    """Has programs that are started obey an interrupt, also where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("obeys_interrupts")
def test_an_interrupt_ends_the_command_quietly(environment: dict[str, str], tmp_path: Path) -> None:
    manifest = tmp_path / "slow.yaml"
    os.mkfifo(manifest)
    command = [sys.executable, "-m", "kvnet", "check", str(manifest)]
    # opening for writing returns once the command has opened it for reading
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process, manifest.open("wb"):
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, b"")


@pytest.mark.parametrize(
    "command",
    [
        ["render", POD, "-q"],
        ["check", "-o", "json", POD],
        ["check", "-o", "sarif", POD],
        ["render", POD, "-o", "yaml", "-q"],
        ["bulk", "-f", EXAMPLES / "fleet.ndjson", "--jobs", "1"],
        ["--help"],
        ["--version"],
        ["check", "--help"],
    ],
    ids=str,
)
def test_a_reader_that_leaves_ends_the_command_quietly(
    command: list[str | Path], run_on: RunOn, closed_pipe: int, tmp_path: Path
) -> None:
    with (tmp_path / "told").open("wb") as told:
        assert run_on(*command, stdout=closed_pipe, stderr=told.fileno()) == 141
    assert (tmp_path / "told").read_bytes() == b""


def test_a_reader_of_problems_that_leaves_ends_the_command_quietly(
    run_on: RunOn, closed_pipe: int, tmp_path: Path
) -> None:
    (tmp_path / "vm.yaml").write_bytes(MISSPELLED)
    assert run_on("check", "vm.yaml", stdout=closed_pipe, stderr=closed_pipe) == 141


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The end for writing of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_a_full_disk_is_told(run_on: RunOn, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full, (tmp_path / "told").open("wb") as told:
        assert run_on("render", "--quiet", POD, stdout=full.fileno(), stderr=told.fileno()) == 2
    assert (tmp_path / "told").read_bytes() == b"kvnet: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("command", [["check"], ["render"], ["check", "--fix", "--diff"], ["paint"]], ids=str)
def test_a_standard_error_that_is_full_is_no_finding(command: list[str], run_on: RunOn, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full, (tmp_path / "printed").open("wb") as printed:
        assert run_on(*command, POD, stdout=printed.fileno(), stderr=full.fileno()) == 2


@pytest.mark.parametrize(
    ("arguments", "closed", "status", "told"),
    [
        (["render", POD, "--quiet"], 1, 2, b"kvnet: standard output is closed\n"),
        (["check", "-"], 0, 1, b"kvnet: error KN009 there is no virtual machine"),
        (["render", "-"], 2, 1, b""),
        (["check", "-"], 2, 1, b""),
        (["check", "absent.yaml"], 2, 2, b""),
    ],
    ids=str,
)
def test_a_closed_stream_is_no_traceback(
    run: Run, arguments: list[str | Path], closed: int, status: int, told: bytes
) -> None:
    ended = run(*arguments, stdin=REFUSED, closed=(closed,))
    assert (ended.returncode, ended.stdout) == (status, b"")
    assert ended.stderr.startswith(told)
    assert bool(ended.stderr) == bool(told)


def test_the_xml_is_whole_where_standard_error_is_closed(run: Run) -> None:
    assert run("render", POD, closed=(2,)).stdout == run("render", POD).stdout != b""


@pytest.mark.parametrize("command", ["check", "render", "show"])
def test_a_bug_is_told_in_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise LookupError("of\nan\x1b[31m odd document")

    monkeypatch.setattr(f"kvnet.cli.{command}.run", broken)
    assert main([command, "-f", str(POD)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kvnet: error KN701 LookupError at test_exit_status.py:")
    assert r"of\nan\x1b[31m odd document; report this as a bug" in line


@pytest.mark.parametrize("option", ["--select", "--ignore", "--severity", "--profile", "--other"])
def test_an_argument_does_not_write_a_line_of_its_own(run: Run, option: str) -> None:
    refused = run("check", POD, f"{option}=x\nother.yaml:1:1: error\x1b[31m")
    assert refused.returncode == 2
    assert not any(line.startswith(b"other.yaml") or b"\x1b" in line for line in refused.stderr.splitlines())


@pytest.mark.parametrize("command", ["apply", "up"])
@pytest.mark.parametrize("seconds", ["nan", "-1", "soon", ""])
def test_a_time_that_never_ends_or_is_none_is_refused_in_words(run: Run, command: str, seconds: str) -> None:
    refused = run(command, POD, f"--timeout={seconds}")
    assert (refused.returncode, b"is not a number of seconds: write 0 or more" in refused.stderr) == (2, True)


def test_a_number_that_is_no_choice_is_refused_in_words(run: Run) -> None:
    refused = run("cloud-init", "vm.yaml", "--version", "3")
    assert (refused.returncode, b"invalid choice: 3 (choose from 1, 2)" in refused.stderr) == (2, True)
