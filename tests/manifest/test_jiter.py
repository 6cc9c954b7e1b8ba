"""JSON is read alike with jiter and without."""

from __future__ import annotations

import json
from typing import Any

import pytest
from components import needs_package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvnet.manifest import _json
from kvnet.manifest._json import parse_json
from kvnet.manifest._problems import Misfit

pytestmark = needs_package("jiter", "jiter")


def told(text: str) -> tuple[str, object]:
    """What a text holds, with the types of its numbers, or why it is refused."""
    try:
        return "read", repr(parse_json(text))
    except json.JSONDecodeError as error:
        return "no JSON", (error.msg, error.pos)
    except Misfit as misfit:
        return "misfit", misfit.flaws


def without_jiter(text: str) -> tuple[str, object]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_json, "_jiter", lambda: None)
        return told(text)


ODD = (
    *("1e400", "-1e400", "1e308", "-0", "-0.0", "5e-324", "1E5", "0.1", "9007199254740993.0", "1" + "0" * 400),
    *("1" + "0" * 4400, "1" + "0" * 320 + ".5", "NaN", "-Infinity", "01", "1.", ".5", "+1", "-", "tru", "null", ""),
    *('"\\ud800"', '"\ud800"', '"\\ud83d\\ude00"', '"\x7f"', '"\n"', '"\\u0000"', '"\\x"', '"\u2028"', "'a'"),
    *('{"a": 1, "a": 2}', '{"": 1}', "{1: 2}", '{"a": 1,}', "[" * 99 + "]" * 99, "[" * 150 + "]" * 150, "[" * 300),
)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_is_odd_is_read_alike(odd: str) -> None:
    for text in (odd, f"[{odd}]", f'{{"a": {odd}}}', f" [{odd}] x"):
        assert told(text) == without_jiter(text)


def test_jiter_reads_what_is_plain() -> None:
    assert _json._decoded_by_jiter('{"a": [1, 2.5, "x"]}') == {"a": [1, 2.5, "x"]}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN, st.data())
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_texts_and_their_mutations_are_read_alike(data: Any, drawn: st.DataObject) -> None:
    text = json.dumps(data, ensure_ascii=drawn.draw(st.booleans()))
    at = drawn.draw(st.integers(0, len(text)))
    piece = drawn.draw(st.sampled_from(["", *'"\\[]{},:09eE.-+ \t\x00', "\\u", "\ud800", "null", "e999"]))
    for each in (text, text[:at] + piece + text[at:], text[:at] + piece + text[at + 1 :]):
        assert told(each) == without_jiter(each)
