"""Places of many problems are found with work in proportion to the text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import nic, pod, vmi

import kvnet
from kvnet import _lines
from kvnet._lines import index_of, line_and_column
from kvnet.errors import KvnetError
from kvnet.manifest import _yaml, document


@given(st.text("ab\n\r"), st.integers(0, 20))
def test_lines_and_columns_lead_back_to_the_character(text: str, index: int) -> None:
    index = min(index, len(text))
    line, column = line_and_column(text, index)
    before = text[:index]
    assert (line, column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert index_of(text, line, column) == index


def _problems(text: str) -> int:
    with pytest.raises(KvnetError) as refused:
        kvnet.loads(text)
    return len(refused.value.problems)


def test_the_lines_of_a_text_with_many_problems_are_counted_once() -> None:
    text = json.dumps(vmi([nic()], [pod()], annotations={f"key{n}": n for n in range(300)}), indent=1)
    before = _lines._starts.cache_info().misses
    assert _problems(text) == 300
    assert _lines._starts.cache_info().misses - before <= 1


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The keys that are looked at."""
    found: list[Any] = []
    known: Callable[[Any], Any] = _yaml.node_key

    def counted(key: Any) -> Any:
        found.append(key)
        return known(key)

    monkeypatch.setattr(_yaml, "node_key", counted)
    monkeypatch.setattr(document, "node_key", counted)
    return found


def _wrong_values(count: int) -> str:
    return json.dumps(vmi([nic()], [pod()], annotations={f"key{n}": n for n in range(count)}))


def _repeated_keys(count: int) -> str:
    return "kind: VirtualMachine\n" + "".join(f"a{n}: 1\na{n}: 2\n" for n in range(count))


@pytest.mark.parametrize("text", [_wrong_values, _repeated_keys])
def test_the_keys_that_are_looked_at_grow_as_the_problems(keys: list[Any], text: Callable[[int], str]) -> None:
    looked = []
    for count in (400, 800):
        keys.clear()
        assert _problems(text(count)) >= count
        looked.append(len(keys))
    assert looked[1] <= 2.2 * looked[0]
