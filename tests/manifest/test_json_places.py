"""Values of JSON text are found where YAML's parser finds them, and without reading the whole text into nodes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from machines import nic, pod, vmi

import kvnet
from kvnet.errors import FieldPath
from kvnet.manifest import _json, _yaml
from kvnet.manifest._json import duplicates, found, member_at
from kvnet.manifest.document import Text, TextOrigin

_KEYS = st.text('ab:"\\ {[é', max_size=4)
_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


def _paths(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(each for key, value in inner for each in _paths(value, (*path, key)))]


@given(_DATA, st.sampled_from([None, 1]), st.booleans())
def test_places_are_those_of_yaml(data: Any, indent: int | None, in_ascii: bool) -> None:
    text = json.dumps({"a": data}, indent=indent, ensure_ascii=in_ascii)
    in_yaml, in_json = TextOrigin(Text("a", text)), TextOrigin(Text("a", text), is_json=True)
    for path in _paths({"a": data}):
        for each in (path, (*path, "absent")):
            at = FieldPath(each)
            assert in_json.place(at) == in_yaml.place(at)
            assert in_json.place(at, key=True) == in_yaml.place(at, key=True)


@given(_DATA)
def test_a_member_is_found_from_its_key_and_from_its_value(data: Any) -> None:
    text = json.dumps({"a": data})
    for path in _paths({"a": data})[1:]:
        value, key = found(text, path)
        starts = [each.start_mark.index for each in (key, value) if each is not None]
        for start in starts:
            named, node = member_at(text, start)
            assert (named and named.value) == (key and key.value)
            assert node.start_mark.index == value.start_mark.index


@given(_DATA)
def test_a_key_is_told_where_it_is_given_again(data: Any) -> None:
    text = json.dumps({"a": data, "b": [{"c": data, "d": 1}]})
    again = text.replace('"d": 1', '"d": 1, "d": 2')
    assert duplicates(text)[0] == []
    (flaw,) = duplicates(again)[0]
    assert (flaw.path, again[flaw.offset :]) == (("b", 0, "d"), '"d": 2}]}')


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}}',
        '{"b":{"a":1,"a":2}',
        '{"b":{"a":1,"a":2}, "\\x": 1}',
        '{"b":[{"a":1,"a":2}], x: [',
        '{"a":1,"a":2',
    ],
)
def test_what_follows_a_key_given_twice_need_not_be_json(text: str) -> None:
    with pytest.raises(kvnet.KvnetError) as refused:
        kvnet.loads_all(text)
    assert {each.code for each in refused.value.problems} <= {"KN001", "KN002"}


@pytest.mark.parametrize("wrong", ['"modl": "virtio"', '"name": "a"'])
def test_one_mistake_in_a_long_text_is_found_without_nodes(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    def composed(text: str) -> tuple[yaml.Node, ...]:
        raise AssertionError("the whole text becomes nodes")

    monkeypatch.setattr(_yaml, "sound_nodes", composed)
    monkeypatch.setattr("kvnet.manifest.document.sound_nodes", composed)
    items = [vmi([nic("a")], [pod("a")]) for _ in range(100)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).replace(
        '"bridge": {}', f'"bridge": {{}}, {wrong}', 1
    )
    with pytest.raises(kvnet.KvnetError) as refused:
        kvnet.loads_all(text)
    (problem,) = refused.value.problems
    assert problem.place is not None
    assert text[problem.place.column - 1 :].startswith(wrong)


@pytest.mark.parametrize("quotes", [10, 1000])
def test_a_string_that_is_not_ended_is_looked_for_once(quotes: int) -> None:
    text = '{"a": "' + '\\"' * quotes
    assert [token.group() for token in _json._PART.finditer(text)] == ["{", '"a"', ":", text[6:]]


def test_no_more_of_a_text_is_kept_than_was_looked_into() -> None:
    text = json.dumps({"a": [[n] for n in range(100)], "b": {"c": 1}})
    found(text, ("b", "c"))
    assert len(_json._known(text)) == 2
