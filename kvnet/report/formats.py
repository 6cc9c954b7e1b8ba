"""Write problems in the format that a person or a program reads; JSON and YAML are written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Final

from attrs import frozen

from kvnet.errors import Problem
from kvnet.values import printable_json

__all__ = ["FORMATS", "Findings", "as_json", "as_yaml", "json", "write", "yaml"]

FORMATS: Final[Mapping[str, str]] = {
    "text": "kvnet.report.text",
    "json": "kvnet.report.formats",
    "yaml": "kvnet.report.formats",
    "sarif": "kvnet.report.sarif",
    "github": "kvnet.report.github",
    "junit": "kvnet.report.junit",
}
"""For each format, the module whose function of the same name writes it. Only the one that is used is imported."""


@frozen(kw_only=True, eq=False)
class Findings:
    """What a format is written from.

    - ``problems``: what is told, in order
    - ``sources``: the text of each file that a problem has its place in, by the file's name, as far as it is known
    - ``files``: the names of the files that were checked; those without a problem too
    - ``strict``: whether warnings are findings
    - ``version``: the release of kvnet
    - ``colour``: whether a terminal shows the text
    """

    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, str] = {}
    files: tuple[str, ...] = ()
    strict: bool = False
    version: str = ""
    colour: bool = False


def write(
    problems: Iterable[Problem],
    format: str = "text",
    *,
    sources: Mapping[str, str] | None = None,
    files: Iterable[str] = (),
    strict: bool = False,
    version: str = "",
    colour: bool = False,
) -> str:
    """Write problems in one of ``FORMATS``; the same problems give the same text.

    ``sources`` has the texts of files by their names, for the lines that problems are in. ``files`` are those that were
    checked, ``strict`` says that warnings are findings (JUnit has only passed and failed), ``version`` is that of
    kvnet, and ``colour`` is for terminals. Raises ValueError for other formats.

    >>> from kvnet import FieldPath, Place, Problem
    >>> problem = Problem(FieldPath(), "KN101", "50 %: too many", place=Place("vm.yaml", 3, 1))
    >>> print(write([problem], "github"), end="")
    ::error file=vm.yaml,line=3,col=1,title=KN101::50 %25: too many
    """
    if format not in FORMATS:
        raise ValueError(f"the format is one of {', '.join(FORMATS)}, not {format!r}")
    findings = Findings(
        problems=tuple(problems),
        sources=sources or {},
        files=tuple(files),
        strict=strict,
        version=version,
        colour=colour,
    )
    writer: Any = getattr(import_module(FORMATS[format]), format)
    written: str = writer(findings)
    return written


def json(findings: Findings) -> str:
    """The problems as a JSON list; the keys are those of ``Problem.as_dict``."""
    return as_json([each.as_dict() for each in findings.problems])


def yaml(findings: Findings) -> str:
    """The problems as a YAML list; the keys are those of ``Problem.as_dict``."""
    return as_yaml([each.as_dict() for each in findings.problems])


def as_json(value: Any) -> str:
    """Plain data as JSON that people can read; keys keep their order."""
    from json import dumps  # noqa: PLC0415 - what other formats do not need

    return printable_json(dumps(value, indent=2, ensure_ascii=False)) + "\n"


def as_yaml(value: Any) -> str:
    """Plain data as YAML; keys keep their order."""
    from kvnet.manifest import dumping  # noqa: PLC0415 - what other formats do not need

    return dumping.as_yaml(value)
