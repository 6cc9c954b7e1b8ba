"""Tell problems on standard error: in text as they are found, and in other formats at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, TextIO

from kvnet._lazy import lazy
from kvnet.errors import KvnetError, Problem, Severity
from kvnet.report.config import Config
from kvnet.report.formats import write
from kvnet.report.suppressions import Suppressions, suppressions
from kvnet.report.text import told
from kvnet.values import printable

if TYPE_CHECKING:
    from kvnet.manifest.document import Text
    from kvnet.report import fixes as _fixes
else:
    # few commands tell what can be fixed
    _fixes = lazy("kvnet.report.fixes")

__all__ = ["Report", "Sources", "has_links", "is_styled"]

_LOUDNESS = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
"""How often ``-q`` can be given before problems of a severity are no longer told."""
_PROGRAMS: Final = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio")
_TERMINALS: Final = ("xterm-kitty", "xterm-ghostty", "wezterm", "alacritty", "foot", "contour")
_VARIABLES: Final = ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM")
_LEAST_VTE: Final = 5001
"""GNOME's library for terminals: the first release that shows links, and does not crash."""


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
                is_fixable = marks_fixable and _fixes.fix_of(problem, self.sources) is not None
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
            print(f"kvnet: {printable(message)}", file=self._stream)

    @property
    def is_quiet(self) -> bool:
        """Whether notes, and what is no problem, are not told."""
        return bool(self._quiet) or self._format != "text"

    def failure(self, message: str) -> None:
        """Write why the command could not run."""
        print(f"kvnet: {printable(message)}", file=self._stream)

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


class Sources(Mapping[str, str]):
    """The texts that the command has read, and those of other files, which are read when they are asked for.

    Only regular files are read again: a pipe gives its text once.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}

    def add(self, text: Text) -> None:
        """Remember a text that was read."""
        self._texts[text.file] = text.text

    def __getitem__(self, file: str) -> str:
        if file not in self._texts:
            self._texts[file] = _read_again(file)
        text = self._texts[file]
        if text is None:
            raise KeyError(file)
        return text

    def __iter__(self) -> Iterator[str]:
        return (file for file, text in self._texts.items() if text is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _read_again(file: str) -> str | None:
    if not os.path.isfile(file):
        return None
    try:
        text: str = import_module("kvnet.manifest.document").read_text(file).text
        return text
    except (KvnetError, OSError, ValueError):
        return None


def is_styled(stream: TextIO) -> bool:
    """Whether text to a stream may be in colour: it is a terminal, and neither NO_COLOR nor TERM=dumb is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def has_links(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a styled terminal that shows links (OSC 8).

    No terminal tells, so those that are known to show them are recognised by their variables. FORCE_HYPERLINK decides
    where it is set: 0 is no.
    """
    if not is_styled(stream):
        return False
    if forced := environment.get("FORCE_HYPERLINK"):
        return forced != "0"
    vte = environment.get("VTE_VERSION", "")
    return (
        any(name in environment for name in _VARIABLES)
        or environment.get("TERM_PROGRAM") in _PROGRAMS
        or environment.get("TERM") in _TERMINALS
        or (vte.isdecimal() and int(vte) >= _LEAST_VTE)
    )
