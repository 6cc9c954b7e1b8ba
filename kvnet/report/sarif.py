"""Write problems as SARIF 2.1.0 (OASIS), which code scanning of GitHub and others, and editors, read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from kvnet._lines import line_and_column
from kvnet.codes import explanation
from kvnet.errors import Problem, Severity
from kvnet.report.baseline import Fingerprint, numbered
from kvnet.report.fixes import fix_of
from kvnet.report.formats import Findings
from kvnet.report.text import excerpt
from kvnet.values import printable_json

__all__ = ["sarif"]

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_FINGERPRINT: Final = "kvnetProblem/v1"
"""The name of the fingerprint; another way to make it gets another number."""
_LONGEST_SNIPPET: Final = 1000
"""The most characters of a line that is copied; a document in one line is not copied for each of its problems."""
_WEIGHT: Final = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}


def sarif(findings: Findings) -> str:
    """A log with one run: a rule for each code that is told, and a result for each problem.

    Columns count characters. The place of a file is relative to where kvnet was started, unless its name is absolute.
    """
    codes = sorted({each.code for each in findings.problems})
    driver: dict[str, Any] = {"name": "kvnet"}
    if findings.version:
        driver["version"] = findings.version
    driver["rules"] = [_rule(code, findings.problems) for code in codes]
    results = [
        _result(problem, codes.index(problem.code), _hash(key, number), findings)
        for problem, key, number in numbered(findings.problems, findings.sources)
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return printable_json(_without_halves(json.dumps(log, indent=2, ensure_ascii=False))) + "\n"


def _rule(code: str, problems: Sequence[Problem]) -> dict[str, Any]:
    known = explanation(code)
    severity = max((each.severity for each in problems if each.code == code), key=_WEIGHT.__getitem__)
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.what},
        "help": {"text": known.text, "markdown": known.text},
        "helpUri": known.url,
        "defaultConfiguration": {"level": str(severity)},
        "properties": {"tags": [known.group]},
    }


def _result(problem: Problem, rule: int, mark: str, findings: Findings) -> dict[str, Any]:
    hint = f"; {problem.hint}" if problem.hint else ""
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": str(problem.severity),
        "message": {"text": f"{problem.message}{hint}" or problem.code},
        "locations": _locations(problem, findings.sources),
        "partialFingerprints": {_FINGERPRINT: mark},
    }
    fixes = _fixes(problem, findings.sources)
    return result | ({"fixes": fixes} if fixes else {})


def _locations(problem: Problem, sources: Mapping[str, str]) -> list[dict[str, Any]]:
    location: dict[str, Any] = {}
    if problem.place is not None:
        region: dict[str, Any] = {"startLine": problem.place.line, "startColumn": problem.place.column}
        found = excerpt(problem, sources)
        if found is not None:
            region["endColumn"] = found.column + found.length
            if len(found.line) <= _LONGEST_SNIPPET:
                region["snippet"] = {"text": found.line}
        file = {"uri": _uri(problem.place.file)}
        location["physicalLocation"] = {"artifactLocation": file, "region": region}
    if problem.field:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.field, "kind": "member"}]
    return [location] if location else []


def _fixes(problem: Problem, sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """The ``fix`` objects of a problem: one where there is one right answer."""
    fix = fix_of(problem, sources)
    if fix is None:
        return []
    text, edit = sources[fix.edit.file], fix.edit
    (first, start), (last, end) = line_and_column(text, edit.start), line_and_column(text, edit.end)
    region = {"startLine": first, "startColumn": start, "endLine": last, "endColumn": end}
    replacement = {"deletedRegion": region, "insertedContent": {"text": fix.edit.text}}
    change = {"artifactLocation": {"uri": _uri(fix.edit.file)}, "replacements": [replacement]}
    return [{"description": {"text": fix.what}, "artifactChanges": [change]}]


def _uri(file: str) -> str:
    """The URI of a file's name: relative to the working directory, or absolute as the name is."""
    path = quote(file.encode("utf-8", "replace").decode().removeprefix("./"), safe="/-._~")
    return f"file://{path}" if file.startswith("/") else path


def _hash(key: Fingerprint, number: int) -> str:
    parts = "\0".join([key.file, key.code, key.field, key.line])
    return f"{sha256(parts.encode('utf-8', 'replace')).hexdigest()[:32]}:{number}"


def _without_halves(text: str) -> str:
    """A text that UTF-8 can carry: halves of surrogate pairs are replaced."""
    return text.encode("utf-8", "replace").decode()
