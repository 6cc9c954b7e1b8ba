"""JSON text becomes plain data; duplicate keys, NaN, and numbers or nesting beyond bounds are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from kvnet.manifest.yaml import DEEPEST, Unfit

__all__ = ["SURROGATE", "is_json", "looks_quoted", "nests_too_deep", "parse_json"]

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a surrogate pair, escaped."""
_START = re.compile(r"[ \t\r\n]*[{\[]")
_QUOTED_START = re.compile(r"""[ \t\r\n]*[{\[]\s*(?:["{}\[\]]|\Z)""")


def is_json(text: str) -> bool:
    """Whether the text may be JSON: it begins with a brace or a bracket."""
    return _START.match(text) is not None


def looks_quoted(text: str) -> bool:
    """Whether the text is JSON rather than YAML's flow style, going by what follows the first brace."""
    return _QUOTED_START.match(text) is not None


def parse_json(text: str) -> Any:
    """The data of JSON text.

    Raises json.JSONDecodeError where the text is not JSON, and Unfit for what Python's decoder lets pass: duplicate
    keys, NaN, numbers and nesting beyond bounds, half a surrogate pair.
    """
    try:
        data = _decode(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise Unfit from error
    if text.count("{") + text.count("[") > DEEPEST and nests_too_deep(data):
        raise Unfit
    if "\\u" in text and SURROGATE.search(text):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Unfit from error
    return data


def nests_too_deep(data: Any) -> bool:
    """Whether plain data is nested deeper than ``DEEPEST`` levels."""
    level = [data]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)
            if type(inner) in (dict, list)
        ]
        if not level:
            return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise Unfit
    return data


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise Unfit
    return number


def _constant(name: str) -> Any:
    raise Unfit(name)


_decode: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_float, parse_constant=_constant
).decode
