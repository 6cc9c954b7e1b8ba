"""What is read whole has a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

import kvnet
from kvnet.errors import Rejected
from kvnet.manifest import document


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(document, "LONGEST", 1 << 20)
    return 1 << 20


def test_a_device_without_an_end_is_refused(bound: int) -> None:
    with pytest.raises(Rejected, match="longer than 1 MiB"):
        kvnet.load_all("/dev/zero")


def test_an_open_file_is_read_up_to_the_bound(bound: int) -> None:
    with open("/dev/zero", "rb") as stream, pytest.raises(Rejected, match="longer than 1 MiB"):
        kvnet.load_all(stream)


def test_a_file_of_just_that_length_is_read(bound: int, tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_bytes(b"kind: Service\n#".ljust(bound, b"x"))
    assert kvnet.load_all(path).skipped == ("Service",)


def test_an_open_text_without_an_end_is_refused(bound: int) -> None:
    with open("/dev/zero", encoding="utf-8") as stream, pytest.raises(Rejected, match="longer than 1 MiB"):
        kvnet.load_all(stream)


@pytest.mark.slow
def test_the_aliases_of_all_documents_count_together() -> None:
    ten, hundred = ",".join("x" * 10), ",".join(["*a"] * 100)
    document = f"kind: Service\na: &a [{ten}]\nb: &b [{hundred}]\nc: [{','.join(['*b'] * 100)}]\n"
    assert kvnet.loads_all("---\n".join([document] * 5)).skipped == ("Service",) * 5
    with pytest.raises(Rejected) as refused:
        kvnet.loads_all("---\n".join([document.replace("Service", "VirtualMachine")] * 12))
    told = [each for each in refused.value.problems if "over 1,000,000 values" in each.message]
    assert len(told) == 4


@pytest.mark.slow
def test_documents_that_mention_a_star_without_aliases_are_not_counted() -> None:
    document = "kind: Service\na: '*'\nb: [" + ",".join("x" * 1000) + "]\n"
    assert len(kvnet.loads_all("---\n".join([document] * 1200)).skipped) == 1200
