"""What a command gives: its exit status, plain data and XML on standard output, and files that are written whole."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from errno import EACCES
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kvnet.device.diff import Change
    from kvnet.errors import Problem
    from kvnet.hotplug import Call

__all__ = [
    "CLEAN",
    "CLOSED",
    "FAILED",
    "FINDINGS",
    "INTERRUPTED",
    "WRITERS",
    "call_dict",
    "change_dict",
    "headed",
    "headed_texts",
    "refuse_inputs",
    "replace",
    "status_of",
    "supported",
    "write",
    "write_each",
]

CLEAN, FINDINGS, FAILED, INTERRUPTED, CLOSED = 0, 1, 2, 130, 141
"""Nothing found, problems found, could not run, Ctrl-C, and a reader that left, as a shell tells of SIGPIPE."""

_COULD_NOT_RUN = ("KN001", "KN030", "KN033", "KN401", "KN870", "KN871", "KN874", "KN877", "KN88")
"""The codes for what cannot be read, a libvirt or domain that cannot be reached, and a wrong option."""


def status_of(problems: Iterable[Problem]) -> int:
    """The exit status for problems: only errors count, and some of them mean that the command could not run."""
    errors = [problem for problem in problems if problem.is_error]
    if any(problem.code.startswith(_COULD_NOT_RUN) for problem in errors):
        return FAILED
    return FINDINGS if errors else CLEAN


def _json(value: Any) -> str:
    text: str = import_module("kvnet.report.formats").as_json(value)
    return text


def _yaml(value: Any) -> str:
    text: str = import_module("kvnet.report.formats").as_yaml(value)
    return text


WRITERS: Mapping[str, Callable[[Any], str]] = {"json": _json, "yaml": _yaml}
"""For each format, the function that turns plain data into its text; keys keep their order."""


def supported(*formats: str) -> tuple[str, ...]:
    """The formats that a command names. Raises ValueError if one of them has no writer."""
    unknown = [each for each in formats if each not in WRITERS]
    if unknown:
        raise ValueError(f"kvnet.cli.output.WRITERS has no {', '.join(unknown)}, only {', '.join(WRITERS)}")
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
    one_line = import_module("kvnet.values").on_one_line
    return between.join(f"# {one_line(name)}\n{text}" for name, text in named)


def call_dict(call: Call) -> dict[str, Any]:
    """A step, and which configurations it changes: ``running``, ``next_start`` or both.

    ``xml`` is what libvirt is given, and ``before`` the NIC in the domain now, where there is one.
    """
    step = call.step
    described = {
        "action": str(step.action),
        "nic": step.nic,
        "alias": step.alias,
        "running": call.live,
        "next_start": call.persistent,
        "xml": step.xml,
    }
    return described | ({"before": step.before} if step.before else {})


def change_dict(change: Change) -> dict[str, Any]:
    """A difference between two domains: its path, who notices it, and both values."""
    return {
        "field": str(change.at),
        "noticed": str(change.noticed),
        "before": change.before,
        "after": change.after,
    }


def refuse_inputs(option: str, file: str, inputs: Iterable[str | None]) -> None:
    """Raise OSError where an option names a file to write that is also read, under any name."""
    if os.path.isfile(file) and any(each and os.path.exists(each) and os.path.samefile(file, each) for each in inputs):
        raise OSError(f"{option} '{file}' would be written over what is read: name another file")


def replace(file: str, content: bytes) -> None:
    """Write content in place of what a file may hold; the file is never half-written, and keeps its mode.

    A symbolic link stays, and its target is written. A device or a pipe stays, and is written to. Raises OSError.
    """
    target = os.path.realpath(file)
    is_there = os.path.exists(target)
    if is_there and not os.path.isfile(target):
        with open(target, "wb") as stream:
            stream.write(content)
        return
    if is_there and not os.access(target, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), file)
    made = os.path.join(os.path.dirname(target), f".kvnet.{os.getpid()}.new")
    try:
        with open(made, "xb") as stream:
            stream.write(content)
        if is_there:
            shutil.copymode(target, made)
        os.replace(made, target)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(made)
        raise
