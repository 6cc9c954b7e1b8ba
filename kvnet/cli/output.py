"""Results as JSON or YAML on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any

import attrs
import yaml

from kvnet.errors import Problem

__all__ = ["described", "dump", "plain"]


def dump(value: object, form: str) -> None:
    """Print a value; keys keep their order."""
    if form == "json":
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True, width=100)


def plain(value: Any) -> dict[str, Any]:
    """An attrs value as a dictionary, without what is absent."""
    return attrs.asdict(value, filter=lambda _, item: item is not None)


def described(problem: Problem) -> dict[str, Any]:
    """A problem as a dictionary, its keys those of a Kubernetes status cause where there are such."""
    place = problem.place
    told = {
        "severity": str(problem.severity),
        "code": problem.code,
        "reason": str(problem.cause) if problem.cause else None,
        "field": problem.field,
        "message": problem.message,
        "hint": problem.hint or None,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }
    return {key: value for key, value in told.items() if value is not None}
