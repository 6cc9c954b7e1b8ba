"""What a worker keeps from one chunk to the next: the settings of the run, and the templates that it has learnt."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from kvnet.bulk.settings import Settings
from kvnet.bulk.templates import Templates

__all__ = ["Work", "Worker"]

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
