"""Tell which known word a written one must be, where that is certain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["folded_word", "sure_word"]

_SHORTEST: Final = 5
"""Letters of a known word from which on one slip leaves no doubt: ``port`` and ``ports`` are both words."""
_LONGEST: Final = 64
"""Characters of a word that is compared."""


def folded_word(word: str, known: Iterable[str]) -> str:
    """The one known word that differs in letter case, dashes and underscores alone; empty where there is none.

    >>> folded_word("VirtIO", ["virtio", "e1000"]), folded_word("e100", ["virtio", "e1000"])
    ('virtio', '')
    """
    folded = _folded(word)
    return _only(each for each in known if _folded(each) == folded)


def sure_word(word: str, known: Iterable[str], *, shortest: int = _SHORTEST, in_digits: bool = False) -> str:
    """The one known word that a written one must be; empty where that is not certain.

    It differs in letter case, dashes and underscores alone, or in one slip as well: a letter too much, missing, wrong,
    or in the place of its neighbour. Another digit may be meant, and is a slip only ``in_digits``. Known words of
    fewer than ``shortest`` letters are not guessed.

    >>> sure_word("macAdress", ["macAddress", "model"]), sure_word("vmIPv4NetworkCIDR", ["vmIPv6NetworkCIDR"])
    ('macAddress', '')
    """
    words = list(known)
    folded = _folded(word)
    guessed = [each for each in words if len(each) >= shortest and (in_digits or _digits(each) == _digits(word))]
    return folded_word(word, words) or _only(each for each in guessed if _differ_by_a_slip(folded, _folded(each)))


def _folded(word: str) -> str:
    return word[:_LONGEST].lower().replace("_", "").replace("-", "")


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
