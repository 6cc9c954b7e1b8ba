"""KubeVirt's own answers: the sample in the repository always, all where they are beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import recorded
import replay_kubevirt


@pytest.mark.parametrize("kind", replay_kubevirt.KINDS)
def test_the_repository_has_answers_of_every_kind(kind: str) -> None:
    assert len(recorded.lines(recorded.sample(kind))) >= 30


@pytest.mark.parametrize("path", recorded.parameters(*replay_kubevirt.KINDS))
def test_kvnet_answers_as_kubevirt_does(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = replay_kubevirt.main([str(path)])
    told = capsys.readouterr().out
    assert status == 0, told
    assert told.endswith(f"{len(recorded.lines(path))} agree, 0 differ\n")


@pytest.mark.parametrize("path", recorded.parameters(*replay_kubevirt.STRICT))
def test_of_machines_that_kubevirt_admits_none_is_refused_and_each_warning_is_true(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = replay_kubevirt.main(["--strict", str(path)])
    assert status == 0, capsys.readouterr().out


def test_a_different_answer_is_told_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = recorded.lines(recorded.sample("migratable"))[0]
    turned = json.loads(case)
    turned["expected"]["networkMigratable"] ^= True
    path = tmp_path / "migratable.jsonl"
    path.write_text(f"{case}\n{json.dumps(turned)}\n", encoding="utf-8")
    assert replay_kubevirt.main([str(path)]) == 1
    told = capsys.readouterr().out
    assert " networkMigratable\n  KubeVirt: True\n  kvnet:    False\n" in told
    assert told.endswith("1 agree, 1 differ\n")


def test_a_replay_without_answers_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(recorded, "_FOLDERS", ())
    assert replay_kubevirt.main([]) == 2
    assert "there are no recorded answers to replay" in capsys.readouterr().err
