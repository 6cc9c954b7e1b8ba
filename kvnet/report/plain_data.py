"""Write problems, or any other plain data, as JSON or YAML."""

from __future__ import annotations

import json as json_text
import re
from typing import Any

from kvnet.report.formats import Findings

__all__ = ["as_json", "as_yaml", "json", "yaml"]

_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")


def json(findings: Findings) -> str:
    """The problems as a JSON list; the keys are those of ``Problem.as_dict``."""
    return as_json([each.as_dict() for each in findings.problems])


def yaml(findings: Findings) -> str:
    """The problems as a YAML list; the keys are those of ``Problem.as_dict``."""
    return as_yaml([each.as_dict() for each in findings.problems])


def as_json(value: Any) -> str:
    """Plain data as JSON that people can read; keys keep their order."""
    return json_text.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_yaml(value: Any) -> str:
    """Plain data as YAML; keys keep their order."""
    from yaml import safe_dump  # noqa: PLC0415 - what --help does not need

    text: str = safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    if _LINE_BREAKS.search(text):
        # PyYAML writes these three as they are, and reads spaces
        text = safe_dump(value, sort_keys=False, allow_unicode=False, width=100)
    return text
