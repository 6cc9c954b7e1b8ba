"""A keeper is known by its lock and asked by a line, and QEMU by what was recorded of its process."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kvnet.node._keeper_files import KeeperFiles, Process, read_line


@pytest.fixture
def files(tmp_path: Path) -> KeeperFiles:
    return KeeperFiles(tmp_path)


def test_a_keeper_lives_as_long_as_its_file_is_locked(files: KeeperFiles) -> None:
    assert not files.is_kept
    with files.lock.open("w") as lock:
        assert not files.is_kept
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert files.is_kept
    assert not files.is_kept


@contextmanager
def answering(files: KeeperFiles, answer: bytes) -> Iterator[list[Any]]:
    """A keeper that gives one answer, and what it was asked."""
    asked: list[Any] = []
    with closing(files.listen()) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with closing(line):
                asked.append(json.loads(read_line(line)))
                line.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        yield asked
        thread.join()


def test_a_keeper_is_asked_by_a_line_and_answers_with_one(files: KeeperFiles) -> None:
    with answering(files, b'{"xml": "<domain/>"}\n') as asked:
        assert files.ask("change", seconds=5, step={"alias": "ua-red"}) == {"xml": "<domain/>"}
    assert asked == [{"do": "change", "step": {"alias": "ua-red"}}]
    assert (files.folder / "keeper.sock").stat().st_mode & 0o777 == 0o600


def test_a_keeper_that_ends_before_it_has_answered_is_told(files: KeeperFiles) -> None:
    with answering(files, b""), pytest.raises(ConnectionAbortedError, match="ended before it answered"):
        files.ask("xml", seconds=5)
    with answering(files, b'{"xml'), pytest.raises(ConnectionAbortedError):
        files.ask("xml", seconds=5)


def test_a_keeper_that_is_not_there_or_does_not_answer_is_an_error_of_the_system(files: KeeperFiles) -> None:
    with pytest.raises(FileNotFoundError):
        files.ask("xml", seconds=5)
    with closing(files.listen()), pytest.raises(TimeoutError):
        files.ask("xml", seconds=0.05)
    with pytest.raises(ConnectionRefusedError):
        files.ask("xml", seconds=5)


def test_a_keeper_that_starts_again_takes_the_place_of_its_socket(files: KeeperFiles) -> None:
    files.listen().close()
    with answering(files, b"{}\n"):
        assert files.ask("xml", seconds=5) == {}


def test_the_path_of_a_folder_may_be_longer_than_that_of_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with answering(KeeperFiles(folder), b"{}\n"):
        assert KeeperFiles(folder).ask("xml", seconds=5) == {}


def test_a_line_is_read_however_it_comes_in() -> None:
    one, other = socket.socketpair()
    with closing(one), closing(other):
        one.sendall(b"a" * 70_000 + b"\n")
        assert read_line(other) == b"a" * 70_000 + b"\n"
        one.sendall(b"half")
        one.close()
        assert read_line(other) == b"half"


def test_qemu_is_known_by_the_keepers_record_else_by_libvirts_in_the_namespace_of_the_machine(
    files: KeeperFiles, tmp_path: Path
) -> None:
    here, elsewhere = Path("/proc/self/ns/net"), tmp_path
    me = Process.of(os.getpid())
    assert files.qemu_process(here) is None
    (tmp_path / "run" / "qemu").mkdir(parents=True)
    (tmp_path / "run/qemu/driver.pid").write_text(str(os.getpid()))
    assert files.qemu_process(here) is None, "that is libvirt itself"
    (tmp_path / "run/qemu/a.pid").write_text("no number")
    (tmp_path / "run/qemu/vm.pid").write_text(str(os.getpid()))
    assert files.qemu_process(here) == me
    assert files.qemu_process(elsewhere) is None
    assert files.qemu_process(tmp_path / "gone") is None
    files.qemu.write_text(json.dumps({"pid": 1, "started": 5}))
    assert files.qemu_process(elsewhere) == Process(1, 5)
