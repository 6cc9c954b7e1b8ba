"""Programs are run with what they need and what they say is told, and servers are found by their configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from kvnet.node import NodeError, programs, servers


def test_a_program_gets_a_text_and_gives_back_what_it_prints() -> None:
    assert programs.run("sh", ["-c", "cat; echo $1", "sh", "x"], given="one\n") == "one\nx\n"
    assert programs.run("true", []) == ""


def test_what_a_program_writes_is_for_root_alone(tmp_path: Path) -> None:
    programs.run("touch", [str(tmp_path / "made")])
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo out; echo 'no  such\ntable' >&2; exit 3", "no such table"),
        ("echo out; exit 1", "out"),
    ],
)
def test_a_program_that_fails_is_told_with_what_it_said(script: str, said: str) -> None:
    with pytest.raises(NodeError, match=rf"KN884 sh -c failed: {said}$"):
        programs.run("sh", ["-c", script])
    with pytest.raises(NodeError, match=r"KN884 false  failed: $"):
        programs.run("false", [])


def test_a_program_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_SECONDS", 0.01)
    with pytest.raises(NodeError, match=r"KN884 sleep did not end within 0\.01 seconds"):
        programs.run("sleep", ["60"])


def test_a_server_is_known_by_its_configuration_and_ended(tmp_path: Path) -> None:
    folder, other = tmp_path / "dhcp-eth0", tmp_path / "dhcp-net1"
    assert not servers.is_running(folder)
    servers.stop_servers([folder])
    code = "import time; print(flush=True); time.sleep(60)"
    running = [
        subprocess.Popen([sys.executable, "-c", code, f"--conf-file={each}/dnsmasq.conf"], stdout=subprocess.PIPE)
        for each in (folder, other)
    ]
    try:
        for each in running:
            assert each.stdout is not None
            each.stdout.readline()
            each.stdout.close()
        assert [servers.is_running(each) for each in (folder, other)] == [True, True]
        servers.stop_servers([folder])
        assert running[0].wait() < 0
        assert [servers.is_running(each) for each in (folder, other)] == [False, True]
    finally:
        for each in running:
            each.kill()
            each.wait()


def test_a_server_that_was_started_is_found_and_not_started_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, arguments: list[str], *, stays: bool) -> None:
        given = dict(each.removeprefix("--").split("=") for each in arguments)
        (tmp_path / "run").write_text(json.dumps([name, stays, given]))
        Path(given["pid-file"]).touch(mode=0o644)
        code = "import time; print(flush=True); time.sleep(60)"
        started.append(subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE))
        assert started[-1].stdout is not None
        started[-1].stdout.readline()

    monkeypatch.setattr(servers, "run", run)
    monkeypatch.setattr(servers, "entered", nullcontext)
    folder = tmp_path / "dhcp-eth0"
    folder.mkdir()
    try:
        for _ in range(2):
            servers.revive_server("kvnet-0", folder)
        assert (len(started), servers.is_running(folder)) == (1, True)
        name, stays, given = json.loads((tmp_path / "run").read_text())
        assert (name, stays, given["dhcp-leasefile"]) == ("dnsmasq", True, str(folder / servers.LEASES))
        assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
        assert {*given.values()} >= {str(each) for each in folder.iterdir()}
    finally:
        for each in started:
            each.kill()
            each.communicate()
