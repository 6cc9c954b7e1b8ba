"""Problems on standard error, one a line, and results as JSON or YAML on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TextIO

import yaml

from kvnet.errors import Problem, Severity

__all__ = ["Report", "dump"]

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}


class Report:
    """Writes problems to a stream; in colour on a terminal, unless NO_COLOR is set."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def problems(self, problems: Iterable[Problem]) -> None:
        """Write each problem; only errors when quiet."""
        for problem in problems:
            if problem.is_error or not self._quiet:
                print(problem.line(self._painted(problem.severity)), file=self._stream)

    def failure(self, message: str) -> None:
        """Write why the command could not run."""
        print(f"kvnet: {message}", file=self._stream)

    def _painted(self, severity: Severity) -> str:
        return f"\033[1;{_COLOURS[severity]}m{severity}\033[0m" if self._colour else str(severity)


def dump(value: object, form: str) -> None:
    """Print plain data as JSON or YAML on standard output; keys keep their order."""
    if form == "json":
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True, width=100)
