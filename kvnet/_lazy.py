"""Import a module when it is first used."""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType

__all__ = ["lazy"]


def lazy(name: str) -> ModuleType:
    """A module whose code runs when one of its attributes is first asked for. Raises ImportError where there is none.

    It is for modules that are slow to import and that few need. Type checkers are told of them by an ordinary import
    under ``TYPE_CHECKING``.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module named {name}", name=name)
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
