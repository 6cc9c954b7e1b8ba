"""What is kept of machines is whole, is for root alone, and is gone once there is nothing to keep."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from threading import Thread

import pytest

from kvnet.node import NodeError, state
from kvnet.node.state import DEFAULT_ROOT, StateFolder, private_folder, write_private

RECORD = {"name": "prod/web", "namespace": "kvnet-0"}


def test_the_folder_is_the_one_that_is_given_else_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KVNET_ROOT", raising=False)
    assert StateFolder().root == DEFAULT_ROOT == Path("/var/lib/kvnet")
    monkeypatch.setenv("KVNET_ROOT", str(tmp_path))
    assert (StateFolder().root, StateFolder("/x").root) == (tmp_path, Path("/x"))
    monkeypatch.chdir(tmp_path)
    assert StateFolder("here").root == tmp_path / "here"


def test_a_record_is_kept_of_each_machine_by_its_full_name(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    names = ["prod/web", "prod/db", "test/web", "prod/\ud800"]
    assert [state.pod(each).record for each in names] == [{}] * 4
    for each in names:
        state.pod(each).write({"name": each, "namespace": "n"})
    assert [state.pod(each).record["name"] for each in names] == names
    assert {each.record["name"] for each in state.pods} == set(names)
    assert len({each.path for each in state.pods}) == 4
    assert all(each.path.parent == tmp_path / "pods" for each in state.pods)
    state.pod("prod/web").remove()
    state.pod("prod/never").remove()
    assert len(state.pods) == 3


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_folders_and_files_are_for_root_alone(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        folder = StateFolder(tmp_path / "a" / "b").pod("prod/web")
        folder.write(RECORD)
        with StateFolder(tmp_path / "a" / "b").shared() as shared:
            shared["number"] = 0
    finally:
        os.umask(before)
    made = [*(tmp_path / "a").rglob("*")]
    assert {each.stat().st_mode & 0o777 for each in made if each.is_dir()} == {0o700}
    assert {each.stat().st_mode & 0o777 for each in made if each.is_file()} == {0o600}
    assert sorted(each.name for each in made if each.is_file()) == ["host.json", "state.json"]


def test_a_record_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path).pod("prod/web")
    folder.write(RECORD)
    with pytest.raises(TypeError):
        folder.write({**RECORD, "odd": object()})
    (folder.path / "state.json.new").write_text('{"half')
    assert folder.record == RECORD
    folder.write({**RECORD, "complete": True})
    assert folder.record["complete"]
    assert [each.name for each in folder.path.iterdir()] == ["state.json"]


def test_on_a_full_disk_a_text_that_fits_is_written_over_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, write = tmp_path / "file", state._write
    write_private(file, "before")

    def full(path: Path, data: bytes, flags: int = 0) -> None:
        if path != file:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, flags)

    monkeypatch.setattr(state, "_write", full)
    write_private(file, "now")
    assert file.read_text() == "now"
    with pytest.raises(NodeError, match=r"KN884 the file .* cannot be written: No space left on device; make room"):
        write_private(file, "x" * 100_000)
    with pytest.raises(NodeError, match="KN884"):
        write_private(tmp_path / "other", "x")


def test_what_machines_share_is_written_at_the_end_and_no_file_is_left_of_nothing(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert state.recorded == {}
    with state.shared() as record:
        record["number"] = 3
        assert state.recorded == {}
        state.write_shared({"number": 2})
        assert state.recorded == {"number": 2}
    assert state.recorded == {"number": 3}
    assert [each.name for each in tmp_path.iterdir()] == ["host.json"], "the lock is gone"
    (tmp_path / "host.json.new").write_text("{")
    with state.shared() as record:
        record.clear()
    assert [*tmp_path.iterdir()] == []


def test_what_is_shared_stays_as_it_was_where_the_work_fails(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with pytest.raises(KeyError), state.shared() as record:
        record["number"] = record["nothing"]
    assert [*tmp_path.iterdir()] == []


def test_one_machine_is_worked_on_by_one_at_a_time_and_others_do_not_wait(tmp_path: Path) -> None:
    state, order = StateFolder(tmp_path), list[str]()

    def work() -> None:
        with state.locked("prod/web"):
            order.append("second")

    with state.locked("prod/web"):
        thread = Thread(target=work)
        thread.start()
        with state.locked("prod/db"):
            order.append("other")
        (lock,) = tmp_path.glob("*.lock")
        with lock.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        order.append("first")
    thread.join()
    assert order == ["other", "first", "second"]
    assert [*tmp_path.iterdir()] == []


def test_programs_that_are_started_under_a_lock_hold_it(tmp_path: Path) -> None:
    with StateFolder(tmp_path).locked("prod/web"):
        (lock,) = tmp_path.glob("*.lock")
        held = [each for each in os.listdir("/proc/self/fd") if _is_at(each, lock)]
        assert [os.get_inheritable(int(each)) for each in held] == [True]


def _is_at(descriptor: str, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(int(descriptor)), path.stat())
    except OSError:
        return False


def test_folders_that_hold_nothing_are_tidied_up_and_others_stay(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.tidy()
    for name in ("pods", "tuning", "ipam"):
        (tmp_path / name).mkdir()
    state.tidy()
    assert [*tmp_path.iterdir()] == []
    state.pod("prod/web").write(RECORD)
    (tmp_path / "tuning").mkdir()
    state.tidy()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["pods", "tuning"], "there is still a pod"
    (tmp_path / "no folder").write_text("")
    with pytest.raises(NotADirectoryError):
        StateFolder(tmp_path / "no folder").tidy()


def test_a_private_folder_is_made_with_those_around_it_and_a_file_is_in_the_way(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "b")
    private_folder(tmp_path / "a" / "b")
    write_private(tmp_path / "a" / "file", json.dumps("é\ud800"))
    assert json.loads((tmp_path / "a" / "file").read_text()) == "é\ud800"
    with pytest.raises((FileExistsError, NotADirectoryError)):
        private_folder(tmp_path / "a" / "file" / "b")
