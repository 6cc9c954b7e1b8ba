"""The forms in which commands write their results, and one function that writes each."""

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
"""For each form, the function that turns plain data into its text; keys keep their order."""


def supported(*forms: str) -> tuple[str, ...]:
    """The forms that a command names. Raises ValueError where one of them has no writer."""
    unknown = [form for form in forms if form not in WRITERS]
    if unknown:
        raise ValueError(f"kvnet.cli.formats.WRITERS has no {', '.join(unknown)}, only {', '.join(WRITERS)}")
    return forms


def write(value: object, form: str) -> None:
    """Write plain data to standard output in one of the forms of ``WRITERS``."""
    sys.stdout.write(WRITERS[form](value))
