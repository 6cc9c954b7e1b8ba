"""A domain is started by a keeper, asked about, changed and stopped, and what a keeper cannot do is told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from components import needs_package

from kvnet import node
from kvnet.hotplug import Action, Step
from kvnet.live import LibvirtError
from kvnet.node import domains, namespaces
from kvnet.node._keeper_files import KeeperFiles, Process, read_line
from kvnet.node.domains import Domain, change_domain, domain_of, live_xml, start_domain, stop_domain

DOMAIN = Domain(xml="<domain/>", console="/dev/pts/3", agent={"interfaces": []})
PLUG = Step(action=Action.ATTACH, nic="red", alias="ua-red", xml="<interface/>")


class Keeper:
    """A keeper without a process: a thread that holds the lock, and answers until it is to stop."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {
            "describe": {"xml": DOMAIN.xml, "console": DOMAIN.console, "agent": DOMAIN.agent},
            "xml": {"xml": DOMAIN.xml},
            "change": {},
            "stop": {},
        }
        self.says: str = json.dumps({"problems": []})
        self.starts = 0
        self._threads: list[Thread] = []

    def start(self, files: KeeperFiles, namespace: str, lock: int, report: int) -> None:
        self.starts += 1
        files.log.write_text("one\ntwo\nthree\nfour\n")
        if self.says == json.dumps({"problems": []}):
            thread = Thread(target=self._serve, args=(files, os.dup(lock)), daemon=True)
            thread.start()
            self._threads.append(thread)
        os.write(report, self.says.encode())

    def _serve(self, files: KeeperFiles, lock: int) -> None:
        with closing(files.listen()) as listener:
            while not self.asked or self.asked[-1]["do"] != "stop":
                line, _ = listener.accept()
                with closing(line):
                    self.asked.append(json.loads(read_line(line)))
                    line.sendall(json.dumps(self.answers[self.asked[-1]["do"]]).encode() + b"\n")
        os.close(lock)

    def stop(self, files: KeeperFiles) -> None:
        for thread in self._threads:
            if thread.is_alive():
                files.ask("stop", seconds=5)
            thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "domain"


@pytest.fixture
def keeper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    made = Keeper()
    monkeypatch.setattr(domains, "_start_keeper", made.start)
    yield made
    made.stop(KeeperFiles(folder))


def test_a_domain_that_runs_is_described_and_not_started_again(keeper: Keeper, folder: Path) -> None:
    assert domain_of(folder) is None
    assert start_domain("<domain>new</domain>", folder, "kvnet-0") == DOMAIN
    assert (folder / "domain.xml").read_text() == "<domain>new</domain>"
    assert (folder.stat().st_mode & 0o777, keeper.starts) == (0o700, 1)
    assert start_domain("<domain>newer</domain>", folder, "kvnet-0") == DOMAIN
    assert ((folder / "domain.xml").read_text(), keeper.starts) == ("<domain>new</domain>", 1)
    assert domain_of(folder) == DOMAIN
    assert live_xml(folder) == "<domain/>"


def test_a_change_is_handed_on_and_a_refusal_is_told(keeper: Keeper, folder: Path) -> None:
    start_domain("<domain/>", folder, "kvnet-0")
    change_domain(folder, PLUG)
    assert keeper.asked[-1] == {
        "do": "change",
        "step": {"action": "attach", "nic": "red", "alias": "ua-red", "xml": "<interface/>", "before": ""},
    }
    keeper.answers["change"] = {"error": "no free port"}
    with pytest.raises(LibvirtError, match=r"KN871 libvirt refuses to attach red \(ua-red\): no free port; correct"):
        change_domain(folder, PLUG)


def test_a_domain_that_cannot_be_described_is_told(keeper: Keeper, folder: Path) -> None:
    start_domain("<domain/>", folder, "kvnet-0")
    keeper.answers["xml"] = {"error": "it has ended"}
    with pytest.raises(
        LibvirtError, match=r"KN886 the domain cannot be described: it has ended; end it, and run"
    ) as at:
        live_xml(folder)
    assert [problem.field for problem in at.value.problems] == ["domain"]


def test_a_domain_that_libvirt_refuses_is_told_with_its_problems(keeper: Keeper, folder: Path) -> None:
    told = [
        {"code": "KN875", "message": "no start", "hint": "wait"},
        {"code": "KN403", "message": "lost", "hint": None},
    ]
    keeper.says = json.dumps({"problems": told})
    with pytest.raises(LibvirtError) as raised:
        start_domain("<domain/>", folder, "kvnet-0")
    assert [(each.code, each.message, each.hint, each.field) for each in raised.value.problems] == [
        ("KN875", "no start", "wait", "domain"),
        ("KN403", "lost", "", "domain"),
    ]
    assert domain_of(folder) is None


def test_a_keeper_that_ends_is_told_with_the_last_lines_that_it_printed(keeper: Keeper, folder: Path) -> None:
    keeper.says = ""
    with pytest.raises(LibvirtError, match=r"KN886 the process that keeps the domain ended: two; three; four;"):
        start_domain("<domain/>", folder, "kvnet-0")
    assert domains._last_lines(KeeperFiles(folder / "gone")) == "it printed nothing"


def test_a_domain_without_a_keeper_does_not_answer(folder: Path) -> None:
    folder.mkdir()
    for ask in (lambda: live_xml(folder), lambda: change_domain(folder, PLUG)):
        with pytest.raises(LibvirtError, match=r"KN886 the process that keeps the domain does not answer: .*No such"):
            ask()


def test_a_domain_is_stopped_and_nothing_is_left_of_it(keeper: Keeper, folder: Path) -> None:
    start_domain("<domain/>", folder, "kvnet-0")
    stop_domain(folder, "kvnet-0")
    assert keeper.asked[-1] == {"do": "stop"}
    assert not folder.exists()
    stop_domain(folder, "kvnet-0")


def test_processes_that_a_killed_keeper_left_are_ended(folder: Path) -> None:
    folder.mkdir()
    files, running = KeeperFiles(folder), []
    for file in (files.keeper, files.qemu):
        running.append(subprocess.Popen(["sleep", "60"]))
        process = Process.of(running[-1].pid)
        assert process is not None
        process.record(file)
    stop_domain(folder, "kvnet-0")
    assert [each.wait() < 0 for each in running] == [True, True]
    assert not folder.exists()


def test_what_is_recorded_of_a_qemu_that_has_ended_is_forgotten_and_one_that_runs_is_not(
    keeper: Keeper, folder: Path
) -> None:
    folder.mkdir()
    files, me = KeeperFiles(folder), Process.of(os.getpid())
    assert me is not None
    for process, is_kept in ((me, True), (Process(me.pid, me.started + 1), False)):
        process.record(files.keeper)
        process.record(files.qemu)
        domains._forget(files, "kvnet-0")
        assert (files.keeper.exists(), files.qemu.exists()) == (False, is_kept)


def test_a_folder_whose_path_is_too_long_for_sockets_is_reached_by_a_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(domains, "_LINKS", tmp_path)
    short, long = Path("/" + "x" * 53), tmp_path / ("x" * 60)
    assert domains._short(short, "kvnet-0") == short
    for _ in range(2):
        assert domains._short(long, "kvnet-0") == tmp_path / "kvnet-0"
        assert (tmp_path / "kvnet-0").readlink() == long
    long.mkdir()
    stop_domain(long, "kvnet-0")
    assert [*tmp_path.iterdir()] == []


@needs_package("pyroute2", "node")
def test_a_namespace_is_entered_for_a_while_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the network namespace that this process is in, entered as another one
    monkeypatch.setattr(namespaces, "_FOLDER", tmp_path)
    (tmp_path / "kvnet-0").symlink_to("/proc/self/ns/net")
    entered: list[str] = []
    monkeypatch.setattr("pyroute2.netns.setns", lambda handle: entered.append(os.readlink(f"/proc/self/fd/{handle}")))
    here, opened = os.readlink("/proc/self/ns/net"), len(os.listdir("/proc/self/fd"))
    with namespaces.entered("kvnet-0"):
        assert entered == [here]
    assert entered == [here, here]
    with pytest.raises(RuntimeError), namespaces.entered("kvnet-0"):
        raise RuntimeError
    assert (len(entered), len(os.listdir("/proc/self/fd"))) == (4, opened)
    with pytest.raises(node.NodeError, match="KN885 there is no network namespace 'kvnet-1'"):
        namespaces.entered("kvnet-1").__enter__()


def test_a_namespace_is_made_and_removed_by_ip_and_is_there_once_it_is_mounted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(namespaces, "_FOLDER", tmp_path)
    monkeypatch.setattr(namespaces, "run", lambda name, arguments: called.append((name, arguments)))
    namespaces.remove("kvnet-0")
    assert called == [], "there is none"
    namespaces.create("kvnet-0")
    (tmp_path / "kvnet-0").touch()
    assert not namespaces.exists("kvnet-0"), "a file that holds none does not count"
    namespaces.remove("kvnet-0")
    assert called == [("ip", ["netns", "add", "kvnet-0"]), ("ip", ["netns", "delete", "kvnet-0"])]
