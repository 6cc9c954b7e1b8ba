"""The output formats of commands, and the function that writes each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["WRITERS", "supported", "write"]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _yaml(value: Any) -> str:
    import yaml  # noqa: PLC0415 - what --help does not need

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


WRITERS: Mapping[str, Callable[[Any], str]] = {"json": _json, "yaml": _yaml}
"""For each format, the function that turns plain data into its text; keys keep their order."""


def supported(*formats: str) -> tuple[str, ...]:
    """The formats that a command names. Raises ValueError if one of them has no writer."""
    unknown = [each for each in formats if each not in WRITERS]
    if unknown:
        raise ValueError(f"kvnet.cli.formats.WRITERS has no {', '.join(unknown)}, only {', '.join(WRITERS)}")
    return formats


def write(value: object, format: str) -> None:
    """Write plain data to standard output in one of the formats of ``WRITERS``."""
    sys.stdout.write(WRITERS[format](value))
