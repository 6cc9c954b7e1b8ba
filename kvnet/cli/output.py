"""Results as JSON or YAML on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any

import attrs
import yaml

__all__ = ["dump", "plain"]


def dump(value: object, form: str) -> None:
    """Print a value; keys keep their order."""
    if form == "json":
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True, width=100)


def plain(value: Any) -> dict[str, Any]:
    """An attrs value as a dictionary, without what is absent."""
    return attrs.asdict(value, filter=lambda _, item: item is not None)
