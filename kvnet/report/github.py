"""Write problems as workflow commands of GitHub Actions, which become annotations of a pull request.

The format, and what is escaped: the runner's ``ActionCommand``, and ``@actions/core``, ``command.ts``.
"""

from __future__ import annotations

from typing import Final

from kvnet.errors import Problem, Severity
from kvnet.report.excerpt import excerpt
from kvnet.report.formats import Findings

__all__ = ["github"]

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_CONTROLS: Final = {n: f"\\x{n:02x}" for n in (*range(0x20), *range(0x7F, 0xA0)) if chr(n) != "\t"}
"""Characters that the log of a workflow would obey, as they are spelled out."""
_ESCAPED: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_OF_DATA: Final = {**_CONTROLS, **_ESCAPED}
_OF_PROPERTIES: Final = {**_ESCAPED, **str.maketrans({":": "%3A", ",": "%2C"})}


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
    spelled = ",".join(f"{name}={str(value).translate(_OF_PROPERTIES)}" for name, value in properties.items())
    hint = f"; {problem.hint}" if problem.hint else ""
    field = f" [{problem.field}]" if problem.field else ""
    return f"::{_COMMANDS[problem.severity]} {spelled}::{f'{problem.message}{hint}{field}'.translate(_OF_DATA)}"
