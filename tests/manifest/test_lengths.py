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
