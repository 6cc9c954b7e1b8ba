"""Compile generated functions, and keep their source where debuggers and tracebacks look for it."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from weakref import ReferenceType, ref

__all__ = ["function", "source_of", "title"]

_LINE_CACHE = 512
_filenames: dict[str, ReferenceType[type] | None] = {}
"""The names of functions in ``linecache``, oldest first, with the classes they were generated for."""


def function(
    name: str, lines: list[str], names: Mapping[str, Any], label: str, cls: type | None = None
) -> Callable[..., Any]:
    """Compile ``lines``, which define the function ``name`` for a class; ``names`` are the globals that it uses.

    ``linecache`` keeps the source of the last 512 functions under ``<kvnet label>``, with a number after the label
    if another function has it already.
    """
    text = "\n".join(lines) + "\n"
    candidates = (f"<kvnet {label}{f' ({n})' if n > 1 else ''}>" for n in count(1))
    filename = next(each for each in candidates if each not in _filenames)
    scope: dict[str, Any] = dict(names)
    exec(compile(text, filename, "exec"), scope)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    _filenames[filename] = ref(cls) if cls else None
    if len(_filenames) > _LINE_CACHE:
        oldest = next(iter(_filenames))
        del _filenames[oldest]
        linecache.cache.pop(oldest, None)
    made: Callable[..., Any] = scope[name]
    return made


def source_of(cls: type) -> dict[str, str]:
    """The source of each function that was generated for a class and is in ``linecache``, by its label."""
    own = [filename for filename, owner in _filenames.items() if owner is not None and owner() is cls]
    return {filename[len("<kvnet ") : -1]: "".join(linecache.getlines(filename)) for filename in own}


def title(cls: type) -> str:
    """The module and qualified name of a class, for labels."""
    return f"{cls.__module__}.{cls.__qualname__}"
