"""Write problems as workflow commands of GitHub Actions, which become annotations of a pull request.

The format, and what is escaped: the runner's ``ActionCommand``, and ``@actions/core``, ``command.ts``.
"""

from __future__ import annotations

import re
from typing import Final

from kvnet.errors import Problem, Severity
from kvnet.report.formats import Findings
from kvnet.report.text import excerpt
from kvnet.values import printable

__all__ = ["github"]

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_ESCAPED: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_OF_PROPERTIES: Final = {**_ESCAPED, **str.maketrans({":": "%3A", ",": "%2C"})}
_KEPT: Final = re.compile("([\t\r\n])")
"""White space that is no harm within a command; of the rest, what the log of a workflow would obey is spelled out."""


def github(findings: Findings) -> str:
    """A command for each problem, on a line of its own."""
    return "".join(f"{_command(each, findings)}\n" for each in findings.problems)


def _command(problem: Problem, findings: Findings) -> str:
    properties: dict[str, str | int] = {}
    if problem.place is not None:
        place, found = problem.place, excerpt(problem, findings.sources)
        properties = {"file": place.file, "line": place.line, "col": place.column}
        if found is not None:
            properties["endColumn"] = found.column + found.length
    properties["title"] = problem.code
    spelled = ",".join(f"{name}={_spelled(str(value)).translate(_OF_PROPERTIES)}" for name, value in properties.items())
    hint = f"; {problem.hint}" if problem.hint else ""
    field = f" [{problem.field}]" if problem.field else ""
    told = _spelled(f"{problem.message}{hint}{field}").translate(_ESCAPED)
    return f"::{_COMMANDS[problem.severity]} {spelled}::{told}"


def _spelled(text: str) -> str:
    return "".join(each if _KEPT.fullmatch(each) else printable(each) for each in _KEPT.split(text))
