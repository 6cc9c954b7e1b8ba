"""Whatever keys a document has, it is read, and nothing that reading remembers grows without bound."""

from __future__ import annotations

from typing import Any

import pytest
from machines import nic, pod, vmi

import kvnet
from kvnet.manifest import quick
from kvnet.spec import VmiSpec


@pytest.mark.parametrize(
    "key", ["'", '"', "\\", "{x}", "\n", "\0", "\u2028", "\ud800", "v0", "x" * 5000, "); raise SystemExit"]
)
def test_a_key_is_no_code(key: str) -> None:
    machine = kvnet.load(vmi([nic()], [pod()], spec={key: {"kept": None}}))
    assert machine.spec.rest == {key: {"kept": None}}


def test_more_sets_of_keys_than_are_remembered_are_read_all_the_same() -> None:
    for n in range(quick._MOST_SHAPES + 2):
        spec: dict[str, Any] = {f"key{n}": n, "architecture": "amd64", "nothing": None}
        assert quick.reader(VmiSpec)(spec).rest == {f"key{n}": n}
    assert len(quick._shapes(VmiSpec)) <= quick._MOST_SHAPES
