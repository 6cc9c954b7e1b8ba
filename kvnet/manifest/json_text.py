"""JSON text becomes plain data, with duplicate keys and numbers that are none refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from kvnet.errors import FieldPath, Problem
from kvnet.manifest.codes import UNSUPPORTED_YAML, WRONG_TYPE
from kvnet.manifest.nodes import DEEPEST, sound_nodes
from kvnet.manifest.review import review
from kvnet.manifest.scalars import Unfit
from kvnet.manifest.text import Text

__all__ = ["is_json", "looks_quoted", "nests_too_deep", "oddities", "parse_json"]

_START = re.compile(r"[ \t\r\n]*[{\[]")
_QUOTED_START = re.compile(r"""[ \t\r\n]*[{\[]\s*(?:["{}\[\]]|\Z)""")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{}:,]+')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def is_json(text: str) -> bool:
    """Whether the text may be JSON: it begins with a brace or a bracket."""
    return _START.match(text) is not None


def looks_quoted(text: str) -> bool:
    """Whether the text is JSON rather than YAML's flow style, going by what follows the first brace."""
    return _QUOTED_START.match(text) is not None


def parse_json(text: str) -> Any:
    """The data of JSON text.

    Raises json.JSONDecodeError where it is none, Unfit for what JSON's grammar lets pass: duplicate
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
    if "\\u" in text and _SURROGATE.search(text):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Unfit from error
    return data


def nests_too_deep(data: Any) -> bool:
    """Whether plain data is nested beyond the bound."""
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


def oddities(text: Text) -> tuple[Problem, ...]:
    """What makes ``parse_json`` raise Unfit: at least one problem, each with its place."""
    problem = _odd_token(text) or _depth_problem(text)
    if problem is not None:
        return (problem,)
    roots = sound_nodes(text.text)
    found = review(roots[0], text, 0) if roots else ()
    return found or (text.unreadable(0, "this JSON cannot be read"),)


def _odd_token(text: Text) -> Problem | None:
    """The first token that is legal to Python's decoder, and cannot be kept all the same."""
    for token in _TOKEN.finditer(text.text):
        message = _oddity(token.group())
        if message:
            return Problem(FieldPath(), WRONG_TYPE, message, place=text.place(token.start()))
    return None


def _depth_problem(text: Text) -> Problem | None:
    """What is wrong with the first bracket that is nested too deep."""
    depth = 0
    for bracket in _BRACKET.finditer(text.text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(bracket.group(), 0)
        if depth > DEEPEST:
            message = f"the document is nested deeper than {DEEPEST} levels"
            return Problem(FieldPath(), UNSUPPORTED_YAML, message, place=text.place(bracket.start()))
    return None


def _oddity(token: str) -> str:
    if token.startswith('"'):
        return _half_pair(token)
    if token in ("NaN", "Infinity", "-Infinity"):
        return f"{token} is not JSON"
    try:
        finite = (not token[0].isdigit() and token[0] != "-") or isfinite(float(token))
        if token.lstrip("-").isdigit():
            int(token)
    except ValueError:
        finite = False
    except OverflowError:
        finite = False
    return "" if finite else f"the number {token[:20]}... is too large"


def _half_pair(token: str) -> str:
    if not _SURROGATE.search(token):
        return ""
    try:
        json.loads(token).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair is no character"
    except ValueError:
        return ""
    return ""


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
