"""Write problems to standard error, one a line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

from kvnet.errors import Problem, Severity

__all__ = ["Report"]

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

    def remark(self, message: str) -> None:
        """Write what is no problem, where there is anything to say; nothing when quiet."""
        if message and not self._quiet:
            print(f"kvnet: {message}", file=self._stream)

    def failure(self, message: str) -> None:
        """Write why the command could not run."""
        print(f"kvnet: {message}", file=self._stream)

    def _painted(self, severity: Severity) -> str:
        return f"\033[1;{_COLOURS[severity]}m{severity}\033[0m" if self._colour else str(severity)
