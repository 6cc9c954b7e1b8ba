"""Tell by which settings and which release of kvnet an output was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import attrs

from kvnet.bulk.settings import Settings

__all__ = ["run_digest"]

_SIZE = 8


def run_digest(settings: Settings) -> str:
    """A digest of the settings of a run and of the release: an output goes on only with the same.

    >>> run_digest(Settings()) == run_digest(Settings()), run_digest(Settings()) == run_digest(Settings(whole=True))
    (True, False)
    """
    try:
        release = version("kvnet")
    except PackageNotFoundError:
        release = ""
    text = json.dumps([release, _plain(settings)], sort_keys=True)
    return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=_SIZE).hexdigest()


def _plain(value: Any) -> Any:
    """A value as data that JSON writes alike in every process: sets have an order."""
    if attrs.has(type(value)):
        members = {each.name: _plain(getattr(value, each.name)) for each in attrs.fields(type(value)) if each.eq}
        return [type(value).__name__, members]
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(each)] for key, each in sorted(value.items(), key=lambda item: repr(item[0]))]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
