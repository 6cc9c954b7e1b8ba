"""JSON text becomes plain data, and values of it are found in the text again by their paths.

Duplicate keys, NaN, and numbers or nesting beyond bounds are refused. Only values that are looked for become nodes.
"""

from __future__ import annotations

import json
import marshal
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from importlib import import_module
from math import isfinite
from typing import Any, Final

import yaml

from kvnet._lines import line_and_column
from kvnet.manifest._problems import DUPLICATE, UNREADABLE, UNSUPPORTED_YAML, Flaw, Misfit
from kvnet.manifest._yaml import DEEPEST, TOO_DEEP, of_object

__all__ = ["duplicates", "found", "member_at"]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_RAW_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^\s"\[\]{}:,]+', re.DOTALL)
"""A string that is not ended goes on to the end of the text: it is looked for once, and not at each of its quotes."""
_SOUND = re.compile(r'[\[\]{}]|"[ !#-\[\]-~]*+"|true|false|null|-?[0-9]{1,15}+')
"""A token that has nothing odd in it."""
_DECODER = json.JSONDecoder()
_UNREAD = "this JSON cannot be read"
_DEPTHS = {"{": 1, "[": 1, "}": -1, "]": -1}

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_SCALAR: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^\s\[\]{}:,"]+', re.DOTALL)
"""A string that is not ended goes on to the end of the text: it is looked for once, and not at each of its quotes."""
_PART: Final = re.compile(rf"{_SCALAR.pattern}|[\[\]{{}}:,]", re.DOTALL)

_LONGEST: Final = 1000
"""Characters of a key that are looked at for what its quotes are."""

Member = tuple[int | None, int]
"""Where the key and the value of a member begin; an entry of a list has no key."""


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


def found(text: str, path: Sequence[str | int]) -> tuple[yaml.Node, yaml.ScalarNode | None]:
    """The value at a path of valid JSON text and its key, or the nearest value around it that is written.

    They are nodes as those of YAML, without what is inside them.
    """
    key, at = None, _after_blanks(text, 0)
    for part in path:
        member = _members_at(text, at).get(part)
        if member is None:
            break
        key, at = member
    return _node(text, at), None if key is None else _scalar(text, key)


def member_at(text: str, index: int) -> tuple[yaml.ScalarNode | None, yaml.Node]:
    """The key and the value of the member of which one begins at an index of valid JSON text."""
    token = _SCALAR.match(text, index)
    end = _after_blanks(text, token.end()) if token else index
    if text.startswith('"', index) and text.startswith(":", end):
        return _scalar(text, index), _node(text, _after_blanks(text, end + 1))
    before = _before_blanks(text, index)
    if not text.startswith(":", before - 1):
        return None, _node(text, index)
    end = _before_blanks(text, before - 1)
    return _scalar(text, _begin_of_string(text, end - 1)), _node(text, index)


def _before_blanks(text: str, at: int) -> int:
    while at and text[at - 1] in " \t\r\n":
        at -= 1
    return at


def _begin_of_string(text: str, end: int) -> int:
    """Where the string begins whose closing quote is at an index."""
    while (quote := text.rfind('"', 0, end)) > 0:
        end = quote
        around = text[max(quote - _LONGEST, 0) : quote]
        if not (len(around) - len(around.rstrip("\\"))) % 2:
            return quote
    return max(quote, 0)


def _members_at(text: str, at: int) -> dict[str | int, Member]:
    """The members of the object or list that begins at an index of valid JSON text; none of any other value."""
    known = _known(text)
    if at not in known:
        known[at] = {name: (key, start) for name, key, start in reversed([*_members(text, at)])}
    return known[at]


@lru_cache(maxsize=2)
def _known(text: str) -> dict[int, dict[str | int, Member]]:
    """The members of what was looked into, in two texts: those of machines and of NADs are asked for by turns."""
    return {}


def _members(text: str, at: int) -> Iterator[tuple[str | int, int | None, int]]:
    is_object, end = text[at] == "{", {"{": "}", "[": "]"}.get(text[at])
    number, at = 0, _after_blanks(text, at + 1)
    while end is not None and text[at] != end:
        name: str | int = number
        key = None
        if is_object:
            key = at
            name, at = _DECODER.raw_decode(text, at)
            at = _after_blanks(text, _after_blanks(text, at) + 1)
        yield name, key, at
        _, after = _DECODER.raw_decode(text, at)
        at = _after_blanks(text, after)
        at = _after_blanks(text, at + 1) if text[at] == "," else at
        number += 1


def _after_blanks(text: str, at: int) -> int:
    blanks = _BLANK.match(text, at)
    return blanks.end() if blanks else at


def _node(text: str, at: int) -> yaml.Node:
    if text[at] in "{[":
        return yaml.CollectionNode("", [], _mark(at), _mark(at))
    return _scalar(text, at)


def _scalar(text: str, at: int) -> yaml.ScalarNode:
    token = _SCALAR.match(text, at)
    end = token.end() if token else at
    is_text = text[at : at + 1] == '"'
    value = _DECODER.raw_decode(text, at)[0] if is_text else text[at:end]
    return yaml.ScalarNode("", value, _mark(at), _mark(end), style='"' if is_text else None)


def _mark(index: int) -> yaml.Mark:
    return yaml.Mark("", index, 0, 0, None, 0)


def duplicates(text: str) -> tuple[list[Flaw], frozenset[str]]:
    """A flaw for each key that its object has already, and the keys of the outermost object.

    The text is JSON at least up to the first such key; from where it is none, nothing is looked for.

    >>> [flaw.path for flaw in duplicates('{"a": {"b": 1, "b": 2}}')[0]]
    [('a', 'b')]
    """
    flaws: list[Flaw] = []
    path: list[Any] = []
    objects: list[dict[str, int] | None] = []
    outermost: dict[str, int] = {}
    for token in _PART.finditer(text):
        sign, keys = token.group(), objects[-1] if objects else None
        if sign in "{[":
            objects.append(({} if path else outermost) if sign == "{" else None)
            path.append(0)
        elif not objects:
            break
        elif sign in "}]":
            objects.pop()
            path.pop()
        elif sign == "," and keys is None:
            path[-1] += 1
        elif keys is not None and sign[0] == '"' and text.startswith(":", _after_blanks(text, token.end())):
            try:
                path[-1] = name = _DECODER.decode(sign) if "\\" in sign else sign[1:-1]
            except ValueError:
                break
            if name in keys:
                flaws.append(_given_twice(text, keys[name], token.start(), path))
            keys.setdefault(name, token.start())
    return flaws, frozenset(outermost)


def _given_twice(text: str, first: int, again: int, path: Sequence[str | int]) -> Flaw:
    line, column = line_and_column(text, first)
    message = f"'{path[-1]}' is given twice, first in line {line}, column {column}"
    return Flaw(code=DUPLICATE, path=tuple(path), message=message, offset=again)
