"""How a run renders its machines, which is the same for all of them, and the digest that says whose output it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import attrs
from attrs import evolve, field, frozen

from kvnet.target import Target

__all__ = ["Settings", "run_digest"]


def _without_origins(target: Target) -> Target:
    """The target without the texts that its objects were read from, which no worker needs."""
    return evolve(
        target,
        nads=tuple([evolve(nad, origin=None) for nad in target.nads]),
        instancetypes=tuple([evolve(each, origin=None) for each in target.instancetypes]),
        preferences=tuple([evolve(each, origin=None) for each in target.preferences]),
    )


@frozen(kw_only=True)
class Settings:
    """How to render all machines: ``whole`` asks for domains, ``files`` for a file for each instead of XML in lines.

    The facts of ``target`` are those of machines without facts of their own. ``templates`` lets shapes be learnt, which
    changes no result.
    """

    target: Target = field(factory=Target, converter=_without_origins)
    whole: bool = False
    files: bool = False
    templates: bool = field(default=True, eq=False)


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
