"""Import a module when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["lazy"]


class _Later:
    """Stands for a module, and imports it when one of its attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


def lazy(name: str) -> Any:
    """What stands for a module that is slow to import and that few need: it is imported with its first use.

    Type checkers are told of the module by an ordinary import under ``TYPE_CHECKING``. ``importlib.util.LazyLoader``
    is not used, for before Python 3.12 threads disturb it.
    """
    return _Later(name)
