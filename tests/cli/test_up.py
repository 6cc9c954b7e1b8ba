"""What `kvnet up`, `down`, `ps` and `exec` say where there is nothing to do, or they cannot do it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from cli.conftest import Run
from components import needs_package
from machines import nic, pod, vmi

import kvnet
from kvnet.cli.main import main
from kvnet.cli.node import Steps
from kvnet.cli.report import Report
from kvnet.node.state import StateFolder


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "quiet", "shown"),
    [(Terminal(), 0, "\r\033[Kone\r\033[Ktwo\r\033[K"), (Terminal(), 1, ""), (StringIO(), 0, "")],
    ids=["terminal", "quiet", "pipe"],
)
def test_a_terminal_shows_the_step_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, stream: StringIO, quiet: int, shown: str
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    with Steps(Report(stream, quiet=quiet)) as steps:
        steps.show("one")
        steps.show("two")
    assert stream.getvalue() == shown


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    machine = kvnet.load(
        vmi([nic("a", "masquerade", ports=[{"port": 80}])], [pod("a")], spec={"architecture": "amd64"})
    )
    file = tmp_path / "vm.yaml"
    file.write_text(kvnet.dump(machine))
    return file


def test_a_dry_run_tells_every_step_in_order_and_touches_nothing(run: Run, manifest: Path, tmp_path: Path) -> None:
    ended = run("up", "-q", "-f", manifest, "--dry-run", "--root", tmp_path / "root", "--kernel", manifest)
    assert (ended.returncode, ended.stderr) == (0, b"")
    steps = ended.stdout.decode().splitlines()
    begin = ["make the network", "attach eth0", "make the link k6t-eth0", "make the link tap0"]
    assert [step.startswith(first) for step, first in zip(steps, begin, strict=False)] == [True] * len(begin)
    assert f"define and start the domain default_vm with {manifest}" in steps
    assert not (tmp_path / "root").exists()


def test_who_is_not_root_is_told_so_before_anything_is_touched(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for command in (["up", "-f", str(manifest)], ["down"]):
        assert main([*command, "-q", "--root", str(tmp_path / "root")]) == 2
        assert "only root may make network namespaces; run it as root" in capsys.readouterr().err
    assert not (tmp_path / "root").exists()


@needs_package("libvirt", "libvirt")
@needs_package("pyroute2", "node")
@pytest.mark.parametrize("lacking", ["dnsmasq", "nft", "qemu-system-x86_64"])
def test_a_program_that_is_missing_is_named_with_its_package(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lacking: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name, **_: None if name == lacking else f"/bin/{name}")
    assert main(["up", "-q", "-f", str(manifest), "--root", str(tmp_path / "root")]) == 2
    told = capsys.readouterr().err
    assert f"KN880 the program {lacking} is missing; install Debian's package " in told
    assert not (tmp_path / "root").exists()


def test_a_file_that_is_not_there_is_told_before_anything_is_touched(run: Run, manifest: Path, tmp_path: Path) -> None:
    ended = run("up", "-f", manifest, "--kernel", "none", "--disk", "neither", "--root", tmp_path / "root")
    assert ended.returncode == 2
    assert ended.stderr.decode() == f"kvnet: there is no file {tmp_path}/neither; there is no file {tmp_path}/none\n"
    assert not (tmp_path / "root").exists()


def test_a_machine_that_is_not_up_cannot_be_entered(run: Run, tmp_path: Path) -> None:
    ended = run("exec", "--root", tmp_path / "root", "web", "--", "true")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"no machine 'web' is up; none is up in this state folder" in ended.stderr


def test_a_pod_whose_namespace_was_removed_cannot_be_entered(run: Run, tmp_path: Path) -> None:
    StateFolder(tmp_path).pod("default/web").write({"name": "default/web", "namespace": "kvnet-none"})
    ended = run("exec", "--root", tmp_path, "web", "--", "true")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"KN885 there is no network namespace 'kvnet-none'; bring the machine up again" in ended.stderr


def test_an_empty_root_is_as_none(run: Run, tmp_path: Path) -> None:
    StateFolder(tmp_path / "root").pod("default/web").write({"name": "default/web", "namespace": "kvnet-none"})
    assert b"default/web" in run("ps", "--root", "", env={"KVNET_ROOT": str(tmp_path / "root")}).stdout


def test_nothing_is_listed_where_nothing_is_up(run: Run, tmp_path: Path) -> None:
    assert run("ps", "--root", tmp_path / "root").stdout.split()[:2] == [b"NAME", b"STATE"]
    assert run("ps", "--root", tmp_path / "root", "-o", "json").stdout == b"[]\n"


@pytest.mark.parametrize("command", ["plan", "apply", "status"])
def test_a_machine_that_is_not_up_is_told_at_its_name_and_nothing_is_touched(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("kvnet.node.changes.check_host", lambda: None)
    assert main([command, "-q", "-f", str(manifest), "--root", str(tmp_path / "root")]) == 2
    told = capsys.readouterr().err
    assert f"vm.yaml:4:9: error KN887 the machine 'default/vm' is not up in the state folder {tmp_path}/root" in told
    assert "bring it up with `kvnet up`, or name the libvirt that has its domain with --connect URI" in told
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_who_is_not_root_is_told_so_where_no_libvirt_is_named(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main([command, "-q", "-f", str(manifest), "--root", str(tmp_path / "root")]) == 2
    assert "only root may make network namespaces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "options", "told"),
    [
        ("apply", ["-c", "test:///default", "--root", "x"], "--root is about machines that `kvnet up` brought up"),
        ("plan", ["--profile", "host"], "--profile host is about domains of a libvirt: say which one with --connect"),
        ("apply", ["--policy", "plain"], "--policy is about domains of a libvirt: say which one with --connect URI"),
        ("status", ["--watch"], "--watch is about domains of a libvirt: say which one with --connect URI"),
    ],
)
def test_options_of_a_libvirt_and_of_machines_that_are_up_are_not_mixed(
    run: Run, manifest: Path, command: str, options: list[str], told: str
) -> None:
    ended = run(command, "-f", manifest, *options)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert told in ended.stderr.decode()


def test_a_machine_that_is_not_up_cannot_be_drawn(run: Run, tmp_path: Path) -> None:
    ended = run("show", "--up", "web", "--root", tmp_path / "root")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"KN887 no machine 'web' is up; none is up in this state folder" in ended.stderr


@pytest.mark.parametrize("command", [("down", "web"), ("exec", "web", "--", "true")])
def test_a_machine_that_is_not_up_in_the_state_folder_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    name, *rest = command
    assert main([name, "--root", str(tmp_path / "root"), *rest]) == 2
    assert "no machine 'web' is up; none is up in this state folder" in capsys.readouterr().err
