"""Elements of libvirt's own tests: the sample in the repository always, all where they are beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
import recorded
import replay_libvirt


def test_the_repository_has_elements() -> None:
    assert len(recorded.lines(recorded.sample(recorded.CORPUS))) >= 100


@pytest.mark.parametrize("path", recorded.parameters(recorded.CORPUS))
def test_every_element_of_libvirt_is_read_and_written_without_loss(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = replay_libvirt.main([str(path)])
    told = capsys.readouterr().out
    assert status == 0, told
    assert told.endswith(f"{len([*replay_libvirt.elements(path)])} identical, 0 differ\n")


def test_a_replay_without_elements_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(recorded, "_FOLDERS", ())
    assert replay_libvirt.main([]) == 2
    assert "there are no elements to replay" in capsys.readouterr().err
