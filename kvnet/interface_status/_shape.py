"""Check the shape of plain data that comes from outside, such as a guest agent's report or a pod's annotation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kvnet.errors import FieldPath, Problem, Rejected

__all__ = ["demand_shape"]

_KINDS: dict[type, str] = {str: "text", bool: "true or false", dict: "a mapping", list: "a list"}
_SHOWN = 60


def demand_shape(data: Any, shape: Any, at: FieldPath, code: str, hint: str) -> None:
    """Check that data has a shape; raises Rejected with a problem for each place where it differs.

    A shape is a type, ``[shape]`` for a list of any length, ``{str: shape}`` for a mapping with any text as its keys,
    or a mapping of members to their shapes. Members may be absent or null, and unknown members are ignored, as where
    Go reads JSON. Items of a list, and values of a mapping with any keys, may not be null.

    ``at`` is the path of the data, ``code`` and ``hint`` are those of the problems.
    """
    problems = [Problem(place, code, told, hint=hint) for place, told in _differences(data, shape, at)]
    if problems:
        raise Rejected(problems)


def _differences(data: Any, shape: Any, at: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    kind = shape if isinstance(shape, type) else type(shape)
    if not _is_of(data, kind):
        yield at, f"{_shown(data)} is not {_KINDS[kind]}"
    elif isinstance(shape, list):
        for n, each in enumerate(data):
            yield from _differences(each, shape[0], at[n])
    elif isinstance(shape, dict) and str in shape:
        for name, each in data.items():
            if isinstance(name, str):
                yield from _differences(each, shape[str], at / name)
            else:
                yield at, f"the key {_shown(name)} is not text"
    elif isinstance(shape, dict):
        for name, inner in shape.items():
            if data.get(name) is not None:
                yield from _differences(data[name], inner, at / name)


def _is_of(data: Any, kind: type) -> bool:
    if kind is dict:
        return isinstance(data, Mapping)
    return isinstance(data, list | tuple) if kind is list else type(data) is kind


def _shown(data: Any) -> str:
    if isinstance(data, str):
        return json.dumps(data if len(data) <= _SHOWN else data[:_SHOWN] + "...")
    if data is None or isinstance(data, bool | int | float):
        return json.dumps(data)
    named = (name for kind, name in _KINDS.items() if _is_of(data, kind))
    return next(named, f"a value of type {type(data).__name__}")
