"""Plain YAML scalars as Kubernetes reads them: the rules of Go's YAML, not those of YAML 1.1.

Base 60 and timestamps stay text, octal numbers may be written ``0123`` or ``0o123``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, Final

__all__ = ["MERGE", "Scalar", "Unfit", "key_text", "plain"]

Scalar = str | int | float | bool | None

MERGE: Final[Any] = object()
"""Stands for the key ``<<``."""


class Unfit(Exception):
    """The quick way through the data met something to complain about."""


def _spellings(*words: str) -> list[str]:
    return [spelling for word in words for spelling in (word, word.title(), word.upper())]


_WORDS: Mapping[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(_spellings("null"), None),
    **dict.fromkeys(_spellings("true", "yes", "on", "y"), True),
    **dict.fromkeys(_spellings("false", "no", "off", "n"), False),
}
_FIRST_OF_NUMBER = frozenset("+-.0123456789")
_NOT_FINITE = frozenset(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")) | frozenset(
    (".nan", ".NaN", ".NAN")
)
_INT = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BASES = (16, 2, 8, 10)
_LONGEST_NUMBER = 400


@lru_cache(maxsize=1024)
def plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises Unfit for infinity and NaN, which JSON and so Kubernetes cannot carry.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    if text in _NOT_FINITE:
        raise Unfit(text)
    return _number(text)


def _number(text: str) -> Scalar:
    digits = text if text[0] == "." else text.replace("_", "")
    if len(digits) > _LONGEST_NUMBER:
        return text
    match = _INT.fullmatch(digits)
    if match:
        sign, *numerals = match.groups()
        value = next(int(each, base) for each, base in zip(numerals, _BASES, strict=True) if each)
        return -value if sign == "-" else value
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return number if isfinite(number) else text
    return text


@lru_cache(maxsize=1024)
def key_text(text: str) -> Any:
    """The key that an unquoted scalar is: JSON has text alone for keys, so numbers and booleans become it.

    The merge key becomes ``MERGE``. Raises Unfit for null.
    """
    if text == "<<":
        return MERGE
    value = plain(text)
    if value is None:
        raise Unfit(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
