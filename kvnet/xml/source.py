"""Generated functions, with their source where a debugger looks for it."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["function"]


def function(name: str, lines: list[str], names: Mapping[str, Any], label: str) -> Callable[..., Any]:
    """Compile ``lines``, which define the function ``name``; ``names`` are the globals it may use."""
    text = "\n".join(lines) + "\n"
    filename = f"<kvnet {label}>"
    scope: dict[str, Any] = dict(names)
    exec(compile(text, filename, "exec"), scope)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: Callable[..., Any] = scope[name]
    return made
