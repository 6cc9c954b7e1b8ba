"""Tell which known word a written one must be, or is like; the work is bounded, whatever the words are."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from itertools import islice
from typing import Final

__all__ = ["folded_word", "near_word", "near_words", "sure_word"]

_SHORTEST: Final = 5
"""Letters of a known word from which on one slip leaves no doubt: ``port`` and ``ports`` are both words."""
_LONGEST: Final = 64
"""Characters of a word that are compared; of longer words none is sure."""
_MOST_KNOWN: Final = 64
"""How many known words are looked at: documents list any number, and ask about each of as many others."""
_MOST_COMPARED: Final = 4
"""How many known words difflib compares, which takes up to half a millisecond for each."""


def near_word(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The first known word that a written one is like; empty where it is like none.

    ``cutoff`` is how alike they are at least, as difflib counts.

    >>> near_word("brigde", ["bridge", "sriov"]), near_word("calico", ["bridge", "sriov"])
    ('bridge', '')
    """
    return next(iter(near_words(word, known, most=1, cutoff=cutoff)), "")


def near_words(
    word: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6, among: int | None = _MOST_KNOWN
) -> list[str]:
    """The known words that a written one is like, the nearest first, and ``most`` of them at the most.

    The first 64 characters of each word count, of the first ``among`` known words; ``None`` stands for all of them,
    for a question that is asked once.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    asked = word[:_LONGEST]
    places = _places(asked)
    words = {each[:_LONGEST]: each for each in reversed(list(islice(known, among)))}
    # what difflib finds alike is a common subsequence, so no word is lost that it would have taken
    shared = {each: _likeness(places, asked, each) for each in reversed(words) if _may_be_like(asked, each, cutoff)}
    likely = [each for each, likeness in shared.items() if likeness >= cutoff]
    compared = nlargest(max(most, _MOST_COMPARED), likely, key=shared.__getitem__)
    return [words[each] for each in get_close_matches(asked, compared, n=most, cutoff=cutoff)]


def _may_be_like(one: str, other: str, cutoff: float) -> bool:
    """Whether the lengths of two words allow that they are alike."""
    return 2 * min(len(one), len(other)) >= cutoff * (len(one) + len(other))


def _places(word: str) -> dict[str, int]:
    """Where each letter of a word is, as bits."""
    places: dict[str, int] = {}
    for n, letter in enumerate(word):
        places[letter] = places.get(letter, 0) | 1 << n
    return places


def _likeness(places: dict[str, int], word: str, other: str) -> float:
    """Twice the longest common subsequence of two words, divided by their letters.

    The step for each letter is that of Hyyrö, Bit-parallel LCS-length computation revisited (2004).
    """
    every = (1 << len(word)) - 1
    row = every
    for letter in other:
        met = row & places.get(letter, 0)
        row = (row + met) | (row - met)
    return 2 * (every & ~row).bit_count() / ((len(word) + len(other)) or 1)


def folded_word(word: str, known: Iterable[str]) -> str:
    """The one known word that differs in letter case, dashes and underscores alone; empty where there is none.

    >>> folded_word("VirtIO", ["virtio", "e1000"]), folded_word("e100", ["virtio", "e1000"])
    ('virtio', '')
    """
    words = _few(word, known)
    folded = _folded(word)
    return _only(each for each in words if _folded(each) == folded)


def sure_word(word: str, known: Iterable[str], *, shortest: int = _SHORTEST, in_digits: bool = False) -> str:
    """The one known word that a written one must be; empty where that is not certain.

    It differs in letter case, dashes and underscores alone, or in one slip as well: a letter too much, missing, wrong,
    or in the place of its neighbour. Another digit may be meant, and is a slip only ``in_digits``. Known words of
    fewer than ``shortest`` letters are not guessed.

    >>> sure_word("macAdress", ["macAddress", "model"]), sure_word("vmIPv4NetworkCIDR", ["vmIPv6NetworkCIDR"])
    ('macAddress', '')
    """
    words = _few(word, known)
    folded = _folded(word)
    guessed = [each for each in words if len(each) >= shortest and (in_digits or _digits(each) == _digits(word))]
    return folded_word(word, words) or _only(each for each in guessed if _differ_by_a_slip(folded, _folded(each)))


def _few(word: str, known: Iterable[str]) -> list[str]:
    """The known words that a word may be; none where there are too many of them, or where the word is too long."""
    words = list(islice(known, _MOST_KNOWN + 1))
    is_bounded = len(word) <= _LONGEST and len(words) <= _MOST_KNOWN
    return [each for each in words if len(each) <= _LONGEST] if is_bounded else []


def _folded(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def _only(words: Iterable[str]) -> str:
    found = list(words)
    return found[0] if len(found) == 1 else ""


def _differ_by_a_slip(one: str, other: str) -> bool:
    if len(one) == len(other):
        wrong = [n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        are_neighbours = len(wrong) == 2 and wrong[1] == wrong[0] + 1
        return len(wrong) == 1 or (
            are_neighbours and {*one[wrong[0] : wrong[1] + 1]} == {*other[wrong[0] : wrong[1] + 1]}
        )
    short, long = sorted((one, other), key=len)
    return len(long) == len(short) + 1 and any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _digits(word: str) -> str:
    return "".join(filter(str.isdigit, word))
