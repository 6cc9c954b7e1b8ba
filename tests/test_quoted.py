"""Texts are learnt by what does not stand between their quotes, within bounds."""

from __future__ import annotations

from typing import Any

import pytest

import kvnet
from kvnet import _quoted
from kvnet._quoted import LONGEST, Occurrences, Parts, Quoted, Words

SPEC: dict[str, Any] = {"template": {"spec": {"domain": {"devices": {}}}}}


def colours(learnt: list[str]) -> Quoted[Words]:
    """Reads texts whose second word varies, and notes which texts it learnt from."""

    def reader_of(text: str, _: Parts, holes: tuple[int, ...]) -> _quoted.Read[Words]:
        learnt.append(text)
        return lambda words: words

    return Quoted("'", lambda text, parts: (3,), reader_of)


def test_a_text_is_learnt_the_third_time_and_read_from_then_on() -> None:
    learnt: list[str] = []
    quoted = colours(learnt)
    assert [quoted.read(f"a='x' b='{n}'") for n in range(5)] == [None, None, None, ("3",), ("4",)]
    assert learnt == ["a='x' b='2'"]


def test_other_words_that_do_not_vary_are_learnt_anew() -> None:
    learnt: list[str] = []
    quoted = colours(learnt)
    for word in "xy" * 4:
        quoted.read(f"a='{word}' b='1'")
    assert [text[3] for text in learnt] == ["x", "y"]
    assert quoted.read("a='z' b='1'") is None
    assert quoted.read("a='y' b='2'") == ("2",)


def test_a_text_whose_last_quote_is_not_closed_is_not_what_was_learnt() -> None:
    for open_at_first in (False, True):
        quoted = colours([])
        texts = [f"a='x' b='{n}'" for n in range(5)]
        unclosed = [f"{text}'rest" for text in texts]
        for text in unclosed if open_at_first else texts:
            quoted.read(text)
        assert quoted.read(unclosed[0]) is None
        for text in texts:
            quoted.read(text)
        assert quoted.read(texts[0]) == ("0",)


def test_machines_that_were_learnt_make_no_sound_text_of_garbage() -> None:
    text = kvnet.dump(kvnet.load({"kind": "VirtualMachine", "metadata": {"name": "a"}, "spec": SPEC}), "json").strip()
    device = "<interface type='bridge'><source bridge='b'/></interface>"
    for _ in range(5):
        kvnet.loads_all(text)
        kvnet.read_device(device)
    with pytest.raises(kvnet.Rejected, match="not JSON"):
        kvnet.loads_all(f'{text}"garbage')
    with pytest.raises(kvnet.XmlError, match="not well formed"):
        kvnet.read_device(f"{device}'garbage")


def test_a_text_with_another_space_is_another_text() -> None:
    quoted = colours([])
    for n in range(4):
        quoted.read(f"a='x' b='{n}'")
    assert quoted.read("a='x'  b='5'") is None
    assert quoted.read("a='x' b='5'") == ("5",)


def test_a_long_text_is_not_learnt() -> None:
    quoted = colours([])
    assert [quoted.read(f"a='x' b='{n}'{' ' * LONGEST}") for n in range(5)] == [None] * 5


def test_texts_without_end_are_learnt_ever_more_seldom() -> None:
    learnt: list[str] = []
    quoted = colours(learnt)
    for n in range(3000):
        for _ in range(3):
            quoted.read(f"a{n}='x' b='1'")
    assert len(quoted._layouts) <= _quoted._MOST
    assert len(learnt) <= _quoted._MOST + 1


def test_what_is_counted_does_not_grow_without_end() -> None:
    occurrences = Occurrences(lambda: None)
    assert not any(occurrences.is_due(n) for n in range(5000))
    assert len(occurrences._met) <= _quoted._MOST_MET


def test_after_many_texts_that_never_repeat_a_fleet_is_learnt_all_the_same() -> None:
    quoted = colours([])
    for n in range(1000):
        assert quoted.read(f"a{n}='x' b='1'") is None
    read = [quoted.read(f"a='x' b='{n}'") for n in range(200)]
    assert read[-50:] == [(str(n),) for n in range(150, 200)]
