"""The process that keeps a domain answers what it is asked, whatever others ask, until the domain has ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from kvnet.node._keeper_files import KeeperFiles, Process

libvirt = pytest.importorskip("libvirt", reason="libvirt is missing: pip install 'kvnet[libvirt]'")

from live.scripted import Connection, ScriptedDomain, error  # noqa: E402 - takes libvirt

from kvnet.node import domains, keeper, namespaces  # noqa: E402

XML = "<domain><devices><console><source path='/dev/pts/3'/></console></devices></domain>"
NIC = "<interface type='user'><alias name='ua-red'/></interface>"


class Kept:
    """A domain that can be stopped."""

    def __init__(self, scripted: ScriptedDomain) -> None:
        self._handle = Connection(scripted).lookupByName("vm")
        self._scripted = scripted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def destroy(self) -> None:
        self._scripted.halves[libvirt.VIR_DOMAIN_AFFECT_LIVE] = None


@pytest.fixture
def vm() -> ScriptedDomain:
    return ScriptedDomain(live=XML, persistent=None)


@pytest.fixture
def files(vm: ScriptedDomain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeeperFiles]:
    """The files of a keeper that serves."""
    monkeypatch.setattr(keeper, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(keeper, "_POLL_SECONDS", 0.05)
    made = KeeperFiles(tmp_path)
    with closing(made.listen()) as listener:
        serving = Thread(target=keeper._serve, args=(Kept(vm), listener), daemon=True)
        serving.start()
        yield made
        vm.halves[libvirt.VIR_DOMAIN_AFFECT_LIVE] = None
        serving.join(20)
        assert not serving.is_alive()


def test_a_domain_is_described_changed_and_stopped(files: KeeperFiles, vm: ScriptedDomain) -> None:
    vm.addresses = {"eth0": {"addrs": None, "hwaddr": "02:00:00:00:00:01"}}
    agent = [{"name": "eth0", "hardware-address": "02:00:00:00:00:01", "ip-addresses": []}]
    assert files.ask("describe", seconds=20) == {"xml": XML, "console": "/dev/pts/3", "agent": agent}
    step = {"action": "attach", "nic": "red", "alias": "ua-red", "xml": NIC, "before": ""}
    assert files.ask("change", seconds=20, step=step) == {}
    assert vm.calls == [("attach", "ua-red", libvirt.VIR_DOMAIN_AFFECT_LIVE)]
    assert NIC in files.ask("xml", seconds=20)["xml"]
    assert files.ask("stop", seconds=20) == {}
    assert not Kept(vm).isActive()


def test_what_libvirt_refuses_is_told_and_the_next_is_answered(files: KeeperFiles, vm: ScriptedDomain) -> None:
    def refuse(_: Connection, call: str, __: str) -> None:
        if call == "attach":
            raise error("no free port")

    vm.before = refuse
    step = {"action": "attach", "nic": "red", "alias": "ua-red", "xml": NIC, "before": ""}
    assert files.ask("change", seconds=20, step=step) == {"error": "no free port"}
    assert files.ask("xml", seconds=20) == {"xml": XML}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"do": "dance"}', b'{"do": "xml", "more": 1}', b"\xff"])
def test_what_is_no_request_is_told(files: KeeperFiles, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(20)
        with files._socket_path() as path:
            asking.connect(path)
        asking.sendall(line + b"\n")
        assert asking.makefile().readline() == '{"error": "no such request"}\n'


def test_one_who_asks_nothing_does_not_keep_others_waiting(files: KeeperFiles) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent, files._socket_path() as path:
        silent.connect(path)
        assert files.ask("xml", seconds=20) == {"xml": XML}


@pytest.mark.parametrize("is_active", [True, False], ids=["goes on", "is started"])
def test_a_domain_goes_on_or_is_started_and_its_qemu_is_recorded(
    is_active: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, asked = KeeperFiles(tmp_path), list[Any]()
    files.document.write_text(XML)
    (tmp_path / "run" / "qemu").mkdir(parents=True)
    (tmp_path / "run" / "qemu" / "vm.pid").write_text(f"{os.getpid()}\n")
    connection: Any = SimpleNamespace(
        listAllDomains=lambda flags: ["there"] if is_active else [], lookupByUUIDString=lambda uuid: f"new {uuid}"
    )

    def start(document: str, to: object, *, replace: bool) -> SimpleNamespace:
        asked.append((document, to, replace))
        return SimpleNamespace(uuid="7")

    monkeypatch.setattr(keeper, "start", start)
    assert str(keeper._started(files, connection)) == ("there" if is_active else "new 7")
    assert asked == ([] if is_active else [(XML, connection, True)])
    assert Process.recorded(files.qemu) == Process.of(os.getpid())


def test_a_domain_ends_with_its_keeper_and_is_forgotten() -> None:
    done = list[str]()
    kept: Any = SimpleNamespace(destroy=lambda: done.append("destroy"), undefine=lambda: done.append("undefine"))
    with pytest.raises(SystemExit), keeper._stopped_in_the_end(kept):
        keeper._end()
    assert done == ["destroy", "undefine"]


def test_a_keeper_that_cannot_enter_the_pod_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"KN886 the process that keeps the domain ended: .*No such file.*kvnet-none"):
        domains.start_domain(XML, tmp_path / "domain", "kvnet-none")


def test_what_is_no_namespace_cannot_be_entered(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"\[Errno 22\] Invalid argument: '/dev/null'"):
        namespaces.enter(Path("/dev/null"))
