"""Generated functions, with their source where a debugger looks for it."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["function", "sources"]


def function(name: str, lines: list[str], names: Mapping[str, Any], label: str) -> Callable[..., Any]:
    """Compile ``lines``, which define the function ``name``; ``names`` are the globals it may use."""
    text = "\n".join(lines) + "\n"
    filename = f"<kvnet {label}>"
    scope: dict[str, Any] = dict(names)
    exec(compile(text, filename, "exec"), scope)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: Callable[..., Any] = scope[name]
    return made


def sources(cls: type) -> dict[str, str]:
    """The source of every function that has been generated for a class, by its label."""
    ours = {name[len("<kvnet ") : -1]: entry for name, entry in linecache.cache.items() if name.startswith("<kvnet ")}
    return {
        label: "".join(entry[2]) for label, entry in ours.items() if cls.__name__ in label.split() and len(entry) > 2
    }
