"""JSON text becomes plain data; duplicate keys, NaN, and numbers or nesting beyond bounds are refused."""

from __future__ import annotations

import json
import marshal
import re
import struct
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from math import isfinite
from typing import Any

from kvnet.manifest._json_places import duplicates
from kvnet.manifest._problems import UNREADABLE, UNSUPPORTED_YAML, Flaw, Misfit
from kvnet.manifest._yaml import DEEPEST, TOO_DEEP, of_object

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_RAW_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^\s"\[\]{}:,]+', re.DOTALL)
"""A string that is not ended goes on to the end of the text: it is looked for once, and not at each of its quotes."""
_SOUND = re.compile(r'[\[\]{}]|"[ !#-\[\]-~]*+"|true|false|null|-?[0-9]{1,15}+')
"""A token that has nothing odd in it."""
_DECODER = json.JSONDecoder()
_UNREAD = "this JSON cannot be read"
_DEPTHS = {"{": 1, "[": 1, "}": -1, "]": -1}


def parse_json(text: str) -> Any:
    """The data of JSON text.

    Raises json.JSONDecodeError where the text is not JSON, and Misfit for what Python's decoder lets pass: duplicate
    keys, NaN, numbers and nesting beyond bounds, half a surrogate pair. Flaws have their ``offset`` in the text.
    """
    try:
        data = _decoded_by_jiter(text)
        if data is None:
            data = _decode(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        raise _misfit(text) or _duplicates(text) from None
    is_deep = text.count("{") + text.count("[") > DEEPEST and _nests_too_deep(data)
    is_odd = ("\\u" in text and _SURROGATE.search(text)) or (not text.isascii() and _RAW_SURROGATE.search(text))
    odd = _misfit(text) if is_deep or is_odd else None
    if odd is not None:
        raise odd
    return data


@lru_cache(maxsize=2)
def is_json(text: str) -> bool:
    """Whether a text is JSON that can be read."""
    try:
        parse_json(text)
    except (json.JSONDecodeError, Misfit):
        return False
    return True


def _decoded_by_jiter(text: str) -> Any:
    """The data of a text by jiter, where it is installed; ``None`` for what it refuses, and for an infinite number.

    It takes two thirds of the time of Python's decoder, and gives the same data. Why a text is refused, and where, the
    latter tells.
    """
    from_json = _jiter()
    if from_json is None:
        return None
    try:
        data = from_json(text.encode(), allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
    except ValueError:
        return None
    # a number such as 1e400 is infinite; marshal's form of data is a quick way to look for one anywhere in them
    plain = marshal.dumps(data)
    return None if any(each in plain for each in _INFINITE) else data


@cache
def _jiter() -> Callable[..., Any] | None:
    try:
        found: Callable[..., Any] = import_module("jiter").from_json
    except ImportError:
        return None
    return found


_INFINITE = (struct.pack("<d", float("inf")), struct.pack("<d", float("-inf")))


def _nests_too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEEPEST):
        members = [inner for each in level for inner in (each.values() if type(each) is dict else each)]
        level = [inner for inner in members if type(inner) in (dict, list)]
        if not level:
            return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError
    return data


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return number


_decode: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_finite, parse_constant=_finite
).decode


def _misfit(text: str) -> Misfit | None:
    """The flaw of the first token that Python's decoder lets pass and that cannot be kept all the same, or nothing."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += _DEPTHS.get(token.group(), 0)
        if depth > DEEPEST:
            message = f"the document is {TOO_DEEP}"
            return Misfit(Flaw(code=UNSUPPORTED_YAML, message=message, offset=token.start()))
        if message := _oddity(token.group()):
            return Misfit(Flaw(message=message, offset=token.start()))
    return None


def _oddity(token: str) -> str:
    """What keeps a token out, or nothing."""
    if _SOUND.fullmatch(token):
        return ""
    try:
        value, _ = _DECODER.raw_decode(token)
        str(value).encode()
    except json.JSONDecodeError:
        return ""
    except UnicodeEncodeError:
        return "half of a surrogate pair is not a character"
    except ValueError:
        value = float("inf")
    if not isinstance(value, float) or isfinite(value):
        return ""
    return f"{token} is not JSON" if token.lstrip("-")[0].isalpha() else f"the number {token[:20]}... is too large"


def _duplicates(text: str) -> Misfit:
    """The keys that are given twice."""
    flaws, keys = duplicates(text)
    return Misfit(*of_object(flaws, keys)) if flaws else Misfit(Flaw(code=UNREADABLE, message=_UNREAD, offset=0))
