"""Tell problems on standard error, in text as they are found, in other formats at the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from kvnet.cli.sources import Sources
from kvnet.cli.terminal import has_links, is_styled
from kvnet.errors import Problem, Severity
from kvnet.report.config import Config
from kvnet.report.fixes import fix_of
from kvnet.report.formats import write
from kvnet.report.suppressions import Suppressions, suppressions
from kvnet.report.text import told

__all__ = ["Report"]

_LOUDNESS = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
"""How often ``-q`` can be given before problems of a severity are no longer told."""


class Report:
    """Writes problems to a stream; on a terminal in colour, unless NO_COLOR is set, and with links where it has them.

    ``quiet`` is how often ``-q`` was given. ``format`` is one of ``kvnet.report.FORMATS``. ``config`` says which of the
    warnings and notes are told, and ``sources`` has the texts that problems are in.
    """

    def __init__(self, stream: TextIO, *, quiet: int = 0, format: str = "text", config: Config | None = None) -> None:
        self.sources = Sources()
        self.config = Config() if config is None else config
        self._stream = stream
        self._quiet = quiet
        self._format = format
        self._kept: list[Problem] = []
        self._suppressed: dict[str, Suppressions] = {}
        self._colour, self._links = is_styled(stream), has_links(stream)

    def problems(self, problems: Iterable[Problem]) -> None:
        """Tell each error, and of warnings and notes those that are chosen, not suppressed, and loud enough."""
        self.findings(filter(self._is_told, problems))

    def findings(self, problems: Iterable[Problem], *, marks_fixable: bool = False) -> None:
        """Tell problems that are chosen already, as far as they are loud enough; mark those that ``--fix`` corrects."""
        for problem in self.loud(problems):
            if self._format == "text":
                is_fixable = marks_fixable and fix_of(problem, self.sources) is not None
                lines = told(problem, self.sources, colour=self._colour, links=self._links, is_fixable=is_fixable)
                print(lines, file=self._stream)
            else:
                self._kept.append(problem)

    def loud(self, problems: Iterable[Problem]) -> Iterable[Problem]:
        """The problems that ``-q`` does not leave out."""
        return (problem for problem in problems if _LOUDNESS[problem.severity] >= self._quiet)

    def remark(self, message: str) -> None:
        """Write what is no problem, where there is anything to say; nothing when quiet, or where a program reads."""
        if message and not self._quiet and self._format == "text":
            print(f"kvnet: {message}", file=self._stream)

    @property
    def is_quiet(self) -> bool:
        """Whether notes, and what is no problem, are not told."""
        return bool(self._quiet) or self._format != "text"

    def failure(self, message: str) -> None:
        """Write why the command could not run."""
        print(f"kvnet: {message}", file=self._stream)

    def close(self) -> None:
        """Write what was kept for a format that is written as a whole."""
        if self._format != "text":
            self._stream.write(write(self._kept, self._format, sources=self.sources))

    def _is_told(self, problem: Problem) -> bool:
        if problem.is_error:
            return True
        if not self.config.selection.has(problem.code):
            return False
        return problem.place is None or bool(self._suppressions(problem.place.file).kept([problem]))

    def _suppressions(self, file: str) -> Suppressions:
        """What a file suppresses, which is looked up once."""
        if file not in self._suppressed:
            self._suppressed[file] = suppressions({file: self.sources.get(file, "")})
        return self._suppressed[file]
