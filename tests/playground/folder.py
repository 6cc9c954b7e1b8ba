"""The sources of the playground, which lie beside the docs."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

__all__ = ["EXAMPLES", "EXTENSIONS", "SOURCES", "source"]

_ROOT = Path(__file__).parents[2]
SOURCES, EXTENSIONS = _ROOT / "docs" / "playground", _ROOT / "docs" / "_extensions"
EXAMPLES = _ROOT / "examples"


def source(name: str) -> ModuleType:
    """A module of the playground."""
    if str(SOURCES) not in sys.path:
        sys.path.append(str(SOURCES))
    return import_module(name)
