"""What the options and the configuration of a project say about which problems are told."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from kvnet.errors import Severity
from kvnet.manifest.document import read_text
from kvnet.report.config import FILE_NAMES, Config, read_config, severity_for
from kvnet.report.selection import known_selector

__all__ = ["choice", "selectors", "severity"]


def selectors(text: str) -> list[str]:
    """The selectors in the value of an option, separated by commas. Raises ArgumentTypeError."""
    try:
        return [known_selector(each) for each in text.split(",") if each.strip()]
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def severity(text: str) -> tuple[str, Severity]:
    """The value of an option ``CODE=SEVERITY``. Raises ArgumentTypeError."""
    name, _, value = text.partition("=")
    try:
        return severity_for(name, value)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def choice(arguments: Namespace) -> Config:
    """The configuration of the project, changed by the options of the command.

    ``--select`` replaces what the configuration selects; the other options add to it, and win over it. Raises Rejected
    where the configuration cannot be read.
    """
    config = _configuration(arguments)
    chosen = config.selection
    selection = evolve(
        chosen,
        select=tuple(arguments.select) or chosen.select,
        extend_select=(*chosen.extend_select, *arguments.extend_select),
        ignore=(*chosen.ignore, *arguments.ignore),
        severities=(*chosen.severities, *getattr(arguments, "severity", ())),
    )
    return evolve(config, selection=selection, strict=config.strict or getattr(arguments, "strict", False))


def _configuration(arguments: Namespace) -> Config:
    if arguments.isolated:
        return Config()
    if arguments.config:
        text = read_text(Path(arguments.config))
        return read_config(text.text, text.file) or Config(file=text.file)
    for file in _candidates(arguments):
        if os.path.isfile(file):
            read = read_config(read_text(file).text, str(file))
            if read is not None:
                return read
    return Config()


def _candidates(arguments: Namespace) -> Iterator[Path]:
    """The files that may hold the configuration, from the folder of the first file upwards."""
    named = next((each for each in arguments.files if each not in ("", "-")), "")
    start = Path(os.path.abspath(named or os.curdir))
    folder = start if not named or start.is_dir() else start.parent
    for each in (folder, *folder.parents):
        yield from (_shortened(each / name) for name in FILE_NAMES)


def _shortened(file: Path) -> Path:
    """The name of a file as one would write it in the working directory."""
    here = Path(os.path.abspath(os.curdir))
    return file.relative_to(here) if file.is_relative_to(here) else file
