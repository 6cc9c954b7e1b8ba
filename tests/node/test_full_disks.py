"""On a disk that is full or cannot be written to, it is told which file it is, and machines can still be taken down."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from components import needs_program
from node.hosts import NEEDS_HOST, machine, nad, snapshot
from pod.namespaces import ran

from kvnet import node
from kvnet.node.state import StateFolder, write_private

pytestmark = [*NEEDS_HOST, needs_program("mount")]

ADDRESSES = {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}
DEFAULT, LAN = {"name": "default", "masquerade": {}}, {"name": "lan", "bridge": {}}
WEB = machine([DEFAULT, LAN], nad("lan", bridge="br9", isGateway=True, ipam=ADDRESSES))
PAGE, PAGES = 4096, 48
"""More than a pod takes, of which a machine's libvirt takes most."""


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk; it is mounted in this process's tree, and gone at the end."""
    with tempfile.TemporaryDirectory(prefix="kv", dir="/tmp") as folder:
        ran("mount", "-t", "tmpfs", "-o", f"size={PAGE * PAGES}", "tmpfs", folder)
        try:
            yield Path(folder)
        finally:
            ran("umount", "--lazy", folder)


def fill(disk: Path, *, but_for: int = 0) -> Path:
    """Fill a disk, but for some pages. Returns the file, which is to be removed."""
    file = disk / "filler"
    with file.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(PAGE))
        except OSError:
            pass
        stream.truncate(max(stream.tell() - but_for * PAGE, 0))
    return file


def test_a_text_that_fits_is_written_over_the_file_that_is_there(disk: Path) -> None:
    write_private(disk / "state.json", "old" * 100)
    fill(disk)
    write_private(disk / "state.json", "new")
    assert (disk / "state.json").read_text() == "new"
    assert [each.name for each in sorted(disk.iterdir())] == ["filler", "state.json"]


def test_a_text_that_does_not_fit_leaves_the_file_as_it_is_and_is_told(disk: Path) -> None:
    write_private(disk / "state.json", "old")
    fill(disk)
    for name, text in (("state.json", "x" * (PAGE + 1)), ("other.json", "x")):
        with pytest.raises(node.NodeError, match=rf"KN884 the file {disk}/{name} cannot be written: No space left"):
            write_private(disk / name, text)
    assert (disk / "state.json").read_text() == "old"
    assert [each.name for each in sorted(disk.iterdir())] == ["filler", "state.json"]


@pytest.mark.usefixtures("host")
def test_a_pod_is_taken_down_on_a_full_disk(disk: Path) -> None:
    state, before = StateFolder(disk), snapshot(disk)
    node.pod_up(*WEB, state=state)
    filler = fill(disk)
    node.pod_down("prod/web", state=state)
    filler.unlink()
    assert snapshot(disk) == before


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("pages", range(0, 14, 2))
def test_a_pod_for_which_there_is_no_room_leaves_nothing(disk: Path, pages: int) -> None:
    state, before = StateFolder(disk), snapshot(disk)
    filler = fill(disk, but_for=pages)
    with pytest.raises(node.NodeError, match=r"KN88[24] .*[Nn]o space left on device"):
        node.pod_up(*WEB, state=state)
    filler.unlink()
    assert snapshot(disk) == before
    with node.pod(*WEB, state=state) as pod:
        assert pod.is_complete


@pytest.mark.usefixtures("host")
def test_a_disk_that_cannot_be_written_to_is_told_with_the_file(disk: Path) -> None:
    state, before = StateFolder(disk), snapshot(disk)
    node.pod_up(*WEB, state=state)
    ran("mount", "--bind", str(disk), str(disk))
    ran("mount", "-o", "remount,bind,ro", str(disk))
    made = snapshot(disk)
    for act in (lambda: node.pod_up(*WEB, state=state), lambda: node.pod_down("prod/web", state=state)):
        with pytest.raises((OSError, node.NodeError), match=f"{disk}"):
            act()
    assert snapshot(disk) == made
    assert [each.name for each in node.pods(state)] == ["prod/web"], "it can be looked at"
    ran("umount", str(disk))
    node.pod_down("prod/web", state=state)
    assert snapshot(disk) == before
