"""The word that was meant is found with bounded work, whatever documents hold."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import vmi

import kvnet
from kvnet import _spelling
from kvnet._spelling import folded_word, near_word, near_words, sure_word
from kvnet.manifest._json import _TOKEN
from kvnet.spec import Machine

_WORDS = st.text("abcd-", min_size=1, max_size=12)


@given(_WORDS, st.lists(_WORDS, max_size=5, unique=True), st.sampled_from([0.6, 0.8, 0.9]))
def test_of_a_few_short_words_the_near_ones_are_those_of_difflib(word: str, known: list[str], cutoff: float) -> None:
    found = near_words(word, known, most=5, cutoff=cutoff)
    assert found == difflib.get_close_matches(word, known, n=5, cutoff=cutoff)


def test_the_near_word_is_told_whole_where_it_is_longer_than_what_is_compared() -> None:
    known = "net" * 40
    assert near_word("net" * 40 + "x", [known]) == known


SLIPS = {
    "a letter in another case": ("MACAddress", "macAddress"),
    "a letter missing": ("macAdress", "macAddress"),
    "a letter too much": ("macAdddress", "macAddress"),
    "a letter wrong": ("nacAddress", "macAddress"),
    "the first letters swapped": ("amcAddress", "macAddress"),
    "letters in the middle swapped": ("maAcddress", "macAddress"),
    "letters of one case swapped": ("macAddrses", "macAddress"),
    "letters apart swapped": ("camAddress", ""),
    "two letters wrong": ("nacAddrezs", ""),
    "neighbours wrong": ("macAddreXX", ""),
    "two letters missing": ("macAress", ""),
    "another digit": ("ipv6Address", ""),
    "as near to two": ("mode", ""),
}


@pytest.mark.parametrize(("word", "meant"), SLIPS.values(), ids=SLIPS)
def test_one_slip_is_sure_and_two_are_not(word: str, meant: str) -> None:
    assert sure_word(word, ["macAddress", "ipv4Address", "model", "modes"]) == meant


def test_of_words_that_only_begin_alike_none_is_sure() -> None:
    beginning = "a" * 64
    assert sure_word(f"{beginning}bcdef", [f"{beginning}uvwxyz"]) == ""
    assert folded_word(f"{beginning}B", [f"{beginning}b"]) == ""


def test_among_many_known_words_none_is_sure() -> None:
    known = [f"word{n:04d}" for n in range(1000)]
    assert sure_word("word_0001", known) == ""


def test_a_question_that_is_asked_once_is_asked_of_all_words() -> None:
    known = [f"{n:04d}" * 4 for n in range(1000)]
    assert near_words("0999099909990998", known, most=1, among=None) == ["0999099909990999"]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The product of the lengths of every two words that are compared."""
    found: list[int] = []
    ratio: Callable[[Any], float] = difflib.SequenceMatcher.ratio
    likeness = _spelling._likeness

    def counted_ratio(self: Any) -> float:
        found.append(len(self.a) * len(self.b))
        return ratio(self)

    def counted_likeness(places: dict[str, int], word: str, other: str) -> float:
        found.append(len(other))
        return likeness(places, word, other)

    monkeypatch.setattr(difflib.SequenceMatcher, "ratio", counted_ratio)
    monkeypatch.setattr(_spelling, "_likeness", counted_likeness)
    return found


@pytest.mark.parametrize("letters", [100, 8000])
def test_long_names_are_compared_as_far_as_names_go(compared: list[int], letters: int) -> None:
    near_word("a" + "xyzw" * letters, [f"b{n}" + "xyzw" * letters for n in range(500)])
    # difflib asks twice for the ratio of what is near
    assert 0 < sum(compared) <= (1 + 2 * 4) * 64 * 64


def _unmatched(count: int) -> Machine:
    nics = [{"name": f"a{n:03d}" + "xyzw" * 15, "bridge": {}} for n in range(count)]
    networks = [{"name": f"b{n:03d}" + "xyzw" * 15, "multus": {"networkName": "q"}} for n in range(count)]
    return kvnet.load(vmi(nics, networks))


def test_the_work_for_names_without_a_network_grows_as_their_number(compared: list[int]) -> None:
    work = []
    for count in (64, 128, 256):
        compared.clear()
        kvnet.check(_unmatched(count))
        work.append(sum(compared))
    assert work[2] <= 2.3 * work[1] <= 2.3 * 2.3 * work[0]


def test_words_are_compared_in_one_place() -> None:
    package = Path(kvnet.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "get_close_matches" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == "difflib"
        if any(each.name == "get_close_matches" for each in node.names)
    }
    assert users == {"_spelling.py"}


@pytest.mark.parametrize("quotes", [10, 1000])
def test_a_string_of_json_that_is_not_ended_is_looked_for_once(quotes: int) -> None:
    text = '{"a": "' + '\\"' * quotes
    assert [match.group() for match in _TOKEN.finditer(text)] == ["{", '"a"', text[6:]]
