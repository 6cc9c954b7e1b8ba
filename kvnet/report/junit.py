"""Write problems as JUnit XML: a suite for each file, a case for each problem, and one case for a file without any.

The schema is that of Jenkins, ``jenkins-junit.xsd``, which GitLab and others read, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from kvnet.errors import Problem, Severity
from kvnet.report.formats import Findings
from kvnet.values import printable

__all__ = ["junit"]

_NOWHERE: Final = "kvnet"
"""The name of the suite of problems that are in no file."""


def junit(findings: Findings) -> str:
    """A document in which errors, and warnings where they are findings, are failures; the others are the output."""
    failing = (Severity.ERROR, Severity.WARNING) if findings.strict else (Severity.ERROR,)
    suites: dict[str, list[Problem]] = {name: [] for name in findings.files}
    for each in findings.problems:
        suites.setdefault(each.place.file if each.place else _NOWHERE, []).append(each)
    tests = sum(max(1, len(problems)) for problems in suites.values())
    failures = sum(each.severity in failing for each in findings.problems)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="kvnet" tests="{tests}" failures="{failures}" errors="0">')
    for name, problems in suites.items():
        lines += _suite(name, problems, failing)
    return "\n".join([*lines, "</testsuites>", ""])


def _suite(name: str, problems: Sequence[Problem], failing: Sequence[Severity]) -> Iterator[str]:
    failures = sum(each.severity in failing for each in problems)
    numbers = f'tests="{max(1, len(problems))}" failures="{failures}" errors="0" skipped="0"'
    yield f"  <testsuite name={_quoted(name)} {numbers}>"
    if not problems:
        yield f'    <testcase name="no problems" classname={_quoted(name)}/>'
    for each in problems:
        yield from _case(name, each, each.severity in failing)
    yield "  </testsuite>"


def _case(file: str, problem: Problem, fails: bool) -> Iterator[str]:
    where = f":{problem.place.line}:{problem.place.column}" if problem.place else ""
    yield f"    <testcase name={_quoted(f'{problem.code}{where}')} classname={_quoted(file)}>"
    if fails:
        attributes = f"type={_quoted(problem.code)} message={_quoted(problem.message)}"
        yield f"      <failure {attributes}>{escape(str(problem))}</failure>"
    else:
        yield f"      <system-out>{escape(str(problem))}</system-out>"
    yield "    </testcase>"


def _quoted(value: str) -> str:
    return quoteattr(printable(value))
