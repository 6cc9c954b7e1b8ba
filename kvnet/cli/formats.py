"""The output formats of what commands describe, and the function that writes each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from kvnet.values import on_one_line

__all__ = ["WRITERS", "headed", "headed_texts", "supported", "write", "write_each"]


def _json(value: Any) -> str:
    text: str = import_module("kvnet.report.plain_data").as_json(value)
    return text


def _yaml(value: Any) -> str:
    text: str = import_module("kvnet.report.plain_data").as_yaml(value)
    return text


WRITERS: Mapping[str, Callable[[Any], str]] = {"json": _json, "yaml": _yaml}
"""For each format, the function that turns plain data into its text; keys keep their order."""


def supported(*formats: str) -> tuple[str, ...]:
    """The formats that a command names. Raises ValueError if one of them has no writer."""
    unknown = [each for each in formats if each not in WRITERS]
    if unknown:
        raise ValueError(f"kvnet.cli.formats.WRITERS has no {', '.join(unknown)}, only {', '.join(WRITERS)}")
    return formats


def write(value: object, format: str) -> None:
    """Write plain data to standard output in one of the formats of ``WRITERS``."""
    sys.stdout.write(WRITERS[format](value))


def write_each(described: Sequence[object], format: str, *, machines: int) -> None:
    """Write what is described of so many machines: of one as an object, and of several as a list."""
    write(described[0] if machines == 1 else described, format)


def headed(name: str, xml: str) -> str:
    """One of several XML documents of a stream: a comment with the name of its domain, and the document.

    A comment holds no two hyphens, so they are written with a space in between.

    >>> print(headed("web--1", "<domain/>"))
    <!-- web- -1 -->
    <domain/>
    """
    while "--" in name:
        name = name.replace("--", "- -")
    text = xml.rstrip("\n")
    return f"<!-- {name} -->\n{text}"


def headed_texts(named: Sequence[tuple[str, str]], between: str = "\n") -> str:
    """A text as it is, and of several, each after a comment with its name; ``between`` parts them.

    >>> print(headed_texts([("web", "a: 1\\n"), ("db", "a: 2\\n")], "---\\n"), end="")
    # web
    a: 1
    ---
    # db
    a: 2
    """
    if len(named) == 1:
        return named[0][1]
    return between.join(f"# {on_one_line(name)}\n{text}" for name, text in named)
