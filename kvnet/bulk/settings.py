"""How a run renders its machines, the digest that says whose output it is, and what a worker keeps between chunks."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Generic, TypeVar

import attrs
from attrs import evolve, field, frozen

from kvnet.bulk.templates import Templates
from kvnet.target import Target

__all__ = ["Settings", "Work", "Worker", "run_digest"]


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
    return blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


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


T = TypeVar("T")
R = TypeVar("R")


@frozen(eq=False)
class Worker:
    """The settings of a run, and what was learnt from its lines; nothing where ``settings.templates`` says so."""

    settings: Settings
    templates: Templates | None = field(init=False)

    @templates.default
    def _templates(self) -> Templates | None:
        return Templates(self.settings.target) if self.settings.templates else None


class Work(Generic[T, R]):
    """Calls ``function`` with a worker and a chunk. Settings are pickled once a run, and read once in each process."""

    def __init__(self, function: Callable[[Worker, Sequence[T]], R], settings: Settings) -> None:
        self._function = function
        self._settings = settings
        self._worker = Worker(settings)

    def __call__(self, chunk: Sequence[T]) -> R:
        return self._function(self._worker, chunk)

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self._settings)

    def __reduce__(self) -> tuple[Any, ...]:
        return _sent, (self._function, self._pickled)


class _Sent(Work[T, R]):
    """The same in another process."""

    def __init__(self, function: Callable[[Worker, Sequence[T]], R], pickled: bytes) -> None:
        self._function = function
        self._worker = _worker(pickled)
        self.__dict__["_pickled"] = pickled


def _sent(function: Callable[[Worker, Sequence[T]], R], pickled: bytes) -> Work[T, R]:
    return _Sent(function, pickled)


@lru_cache(maxsize=2)
def _worker(pickled: bytes) -> Worker:
    """The worker of a run in this process. Only what the process that renders has pickled itself comes here."""
    return Worker(pickle.loads(pickled))
