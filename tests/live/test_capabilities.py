"""What libvirt finds out about QEMU is found out once for a user, and believed only where nobody else may write it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from attrs import frozen

from kvnet.live import _capabilities

EXAMPLE = Path(__file__).parents[2] / "examples" / "pod.yaml"
QEMU = "qemu-system-x86_64"


@frozen
class Host:
    """A user's cache, and a QEMU that notes how often it is asked, before the real one."""

    folder: Path
    bin: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def kept(self) -> Path:
        """The file of that QEMU; libvirt asks the one for i386 as well, where there is one."""
        (file,) = (each for each in self.cache.rglob("*.xml") if QEMU in each.read_text())
        return file

    def asked_while(self, *arguments: str | Path) -> int:
        """How often QEMU was asked while a command ran, which has to succeed."""
        notes = self.bin.parent / "asked"
        notes.unlink(missing_ok=True)
        env = os.environ | {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.cache),
        }
        done = subprocess.run(
            [sys.executable, "-m", "kvnet", *arguments], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return len(notes.read_text().splitlines()) if notes.exists() else 0


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory, libvirt_is_there: None) -> Host:
    """A host on which QEMU was asked."""
    host = _host(tmp_path_factory.mktemp("warm"))
    assert host.asked_while("define", "-f", EXAMPLE) > 0
    return host


@pytest.fixture
def host(tmp_path: Path, warm: Host) -> Host:
    """A copy of it with the same QEMU, that no other test changes."""
    shutil.copytree(warm.cache, tmp_path / "cache")
    return Host(tmp_path, warm.bin)


def _host(folder: Path) -> Host:
    (folder / "bin").mkdir()
    script = folder / "bin" / QEMU
    script.write_text(f'#!/bin/sh\necho asked >> {folder}/asked\nexec {shutil.which(QEMU)} "$@"\n')
    script.chmod(0o755)
    return Host(folder, folder / "bin")


@pytest.mark.slow
def test_qemu_is_asked_once_for_all_definitions_of_a_user(host: Host) -> None:
    assert [host.asked_while("define", "-f", EXAMPLE) for _ in range(4)] == [0, 0, 0, 0]


@pytest.mark.slow
def test_only_its_user_can_read_and_write_what_is_kept(host: Host) -> None:
    file = host.kept
    modes = [each.stat().st_mode & 0o777 for each in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert {each.suffix for each in file.parent.iterdir()} == {".xml"}, "nothing half-written is left"


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_what_others_may_write_is_neither_believed_nor_written(host: Host, mode: int) -> None:
    file = host.kept
    before = file.stat().st_mtime_ns
    file.parent.chmod(mode)
    assert host.asked_while("define", "-f", EXAMPLE) > 0
    assert file.stat().st_mtime_ns == before


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_the_cache_of_another_user_is_left_alone(host: Host) -> None:
    os.chown(host.cache, 65534, 65534)
    before = host.kept.stat().st_mtime_ns
    assert host.asked_while("define", "-f", EXAMPLE) > 0
    assert host.kept.stat().st_mtime_ns == before


@pytest.mark.slow
def test_what_is_no_capabilities_is_asked_for_again_and_replaced(host: Host) -> None:
    file = host.kept
    file.write_text("<qemuCaps><emulator>")
    assert host.asked_while("define", "-f", EXAMPLE) > 0
    assert file.read_text().rstrip().endswith("</qemuCaps>")
    assert host.asked_while("define", "-f", EXAMPLE) == 0


@pytest.mark.slow
def test_a_link_in_the_place_of_a_file_is_not_followed(host: Host) -> None:
    file = host.kept
    elsewhere = host.folder / "elsewhere.xml"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    assert host.asked_while("define", "-f", EXAMPLE) > 0
    assert not file.is_symlink()
    assert elsewhere.read_bytes() == before


@pytest.mark.slow
def test_a_cache_that_cannot_be_made_is_done_without(host: Host) -> None:
    shutil.rmtree(host.cache)
    host.cache.write_text("a file")
    assert host.asked_while("define", "-f", EXAMPLE) > 0


@pytest.mark.slow
def test_threads_that_start_with_the_driver_may_use_all_cpus_behind_it() -> None:
    cpus, ready, end = os.sched_getaffinity(0), threading.Event(), threading.Event()
    seen: list[int] = []

    def stay() -> None:
        seen.append(threading.get_native_id())
        ready.set()
        end.wait()

    with _capabilities.on_one_cpu():
        assert os.sched_getaffinity(0) == {min(cpus)}
        thread = threading.Thread(target=stay)
        thread.start()
        ready.wait()
    try:
        assert os.sched_getaffinity(0) == os.sched_getaffinity(seen[0]) == cpus
    finally:
        end.set()
        thread.join()


def test_the_folders_that_are_made_are_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_capabilities, "_cache_folder", lambda: tmp_path / "home" / "cache")
    umask = os.umask(0o022)
    try:
        folder = _capabilities._private_folder()
    finally:
        os.umask(umask)
    assert folder is not None
    made = (tmp_path / "home" / "cache", *(tmp_path / "home" / "cache").rglob("*"))
    assert {each.stat().st_mode & 0o777 for each in made} == {0o700}
    folder.chmod(0o770)
    assert _capabilities._private_folder() is None, "others may write there"
