"""Import a module when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy", "lazy_names"]


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


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package (PEP 562) that imports each of its public names when it is first used.

    ``homes`` has the names, with spaces in between, by the module that they are in.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}

    def imported(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home_of[name]), name)

    return imported
