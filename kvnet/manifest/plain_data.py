"""Mappings of any making become plain dicts and lists, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.manifest.codes import UNSUPPORTED_YAML, WRONG_TYPE
from kvnet.manifest.nodes import DEEPEST

__all__ = ["plain_data"]


def plain_data(value: Any) -> Any:
    """A copy in dicts, lists, text, numbers, booleans and ``None``.

    Raises Rejected for anything else, and for what holds itself.
    """
    return _plain(value, FieldPath())


def _plain(value: Any, at: FieldPath) -> Any:
    kind = type(value)
    if kind is str:
        return _text(value, at)
    if kind is int or kind is bool or value is None:
        return value
    if len(at.parts) > DEEPEST:
        raise _refused(at, f"it is nested deeper than {DEEPEST} levels", UNSUPPORTED_YAML)
    if isinstance(value, Mapping):
        return {_key(key, at): _plain(each, at / str(key)) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, at[index]) for index, each in enumerate(value)]
    return _scalar(value, at)


def _scalar(value: Any, at: FieldPath) -> Any:
    if isinstance(value, str):
        return _text(str.__str__(value), at)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and isfinite(value):
        return float(value)
    raise _refused(at, f"a value of type {type(value).__name__} is nothing that JSON can carry", WRONG_TYPE)


def _key(key: Any, at: FieldPath) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, (str, int, float)):
        return _text(str.__str__(key) if isinstance(key, str) else repr(key), at)
    raise _refused(at, "a key has to be text", WRONG_TYPE)


def _text(text: str, at: FieldPath) -> str:
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        raise _refused(at, "half of a surrogate pair is no character", WRONG_TYPE) from error
    return text


def _refused(at: FieldPath, message: str, code: str) -> Rejected:
    return Rejected([Problem(at, code, message)])
