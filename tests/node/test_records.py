"""The record of a machine that somebody damaged is told by its file, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvnet import node
from kvnet.node.state import StateFolder

DAMAGED = [
    *("", "{", "[]", "null", '"x"', "5", "\0", "[" * 100_000),
    '{"name": 5, "namespace": "n"}',
    '{"name": "prod/web"}',
    *(
        f'{{"name": "prod/web", "namespace": "n", {each}}}'
        for each in (
            '"attachments": 5',
            '"links": [1]',
            '"servers": []',
            '"found": "x"',
            '"facts": null',
            '"complete": "no"',
        )
    ),
]


@pytest.mark.parametrize("text", DAMAGED, ids=[each[:12] for each in DAMAGED])
def test_a_record_that_is_none_is_told_with_its_file(text: str, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path).pod("prod/web")
    folder.write({"name": "prod/web", "namespace": "kvnet-0"})
    (folder.path / "state.json").write_text(text)
    with pytest.raises(node.NodeError, match=r"KN885 the record .*/state\.json was changed or damaged"):
        node.pods(StateFolder(tmp_path))


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1", b"kind: Pod"])
def test_a_machine_whose_manifest_was_damaged_is_told_with_its_file(text: bytes, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path).pod("prod/web")
    folder.write({"name": "prod/web", "namespace": "kvnet-0"})
    (folder.path / "machine.yaml").write_bytes(text)
    with pytest.raises(node.NodeError, match=r"KN885 the record .*/machine\.yaml .* take the machine down"):
        node.running_machines(state=StateFolder(tmp_path))


@pytest.mark.parametrize("text", ["[1]", '{"users": []}', '{"bridges": 5}', '{"number": "x"}', '{"before": []}'])
def test_a_record_of_the_host_that_is_none_is_told_with_its_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(node.NodeError, match=r"KN885 the record .*/host\.json"), StateFolder(tmp_path).shared():
        pass


def test_a_folder_without_a_record_is_no_machine(tmp_path: Path) -> None:
    StateFolder(tmp_path).pod("prod/web").path.mkdir(parents=True)
    assert node.pods(StateFolder(tmp_path)) == ()
