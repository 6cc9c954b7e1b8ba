"""Members of objects that kvnet keeps as plain data, read without trust in their types.

The API server's schema has refused other types before any rule of KubeVirt's is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["entries", "member", "text"]


def member(holder: Any, *path: str) -> Mapping[str, Any] | None:
    """The mapping at a path of mappings, or nothing."""
    for name in path:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder if isinstance(holder, Mapping) else None


def text(holder: Mapping[str, Any] | None, name: str) -> str:
    """The text of a member, empty where it is absent."""
    value = holder.get(name) if holder is not None else None
    return value if isinstance(value, str) else ""


def entries(holder: Mapping[str, Any] | None, name: str) -> list[Any]:
    """The entries of a list, none where it is absent."""
    value = holder.get(name) if holder is not None else None
    return list(value) if isinstance(value, list | tuple) else []
