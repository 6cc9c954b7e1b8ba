"""Compile generated functions, and keep their source where debuggers and tracebacks look for it."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

__all__ = ["function", "title"]

_LINE_CACHE = 512
_filenames: dict[str, None] = {}
"""The names of functions in ``linecache``, oldest first."""


def function(name: str, lines: list[str], names: Mapping[str, Any], label: str) -> Callable[..., Any]:
    """Compile ``lines``, which define the function ``name``; ``names`` are the globals that it uses.

    The function has its ``label`` and ``source`` as attributes. ``linecache`` keeps the last 512 sources under
    ``<kvnet label>``, with a number after the label if another function has it already.
    """
    text = "\n".join(lines) + "\n"
    candidates = (f"<kvnet {label}{f' ({n})' if n > 1 else ''}>" for n in count(1))
    filename = next(each for each in candidates if each not in _filenames)
    scope: dict[str, Any] = dict(names)
    exec(compile(text, filename, "exec"), scope)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    _filenames[filename] = None
    if len(_filenames) > _LINE_CACHE:
        oldest = next(iter(_filenames))
        del _filenames[oldest]
        linecache.cache.pop(oldest, None)
    made: Callable[..., Any] = scope[name]
    vars(made).update(label=label, source=text)
    return made


def title(cls: type) -> str:
    """The module and qualified name of a class, for labels."""
    return f"{cls.__module__}.{cls.__qualname__}"
