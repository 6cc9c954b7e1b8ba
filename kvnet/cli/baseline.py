"""Find and read the file of a baseline."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path

from attrs import evolve

from kvnet.errors import Rejected
from kvnet.manifest.document import read_text
from kvnet.report.baseline import Baseline, read_baseline
from kvnet.report.config import Config

__all__ = ["baseline_file", "known", "named_from"]


def baseline_file(arguments: Namespace, config: Config) -> str:
    """The file that the option names, or the configuration, relative to its folder; empty where neither does."""
    if arguments.baseline:
        return str(arguments.baseline)
    return str(Path(config.file).parent / config.baseline) if config.baseline else ""


def known(file: str) -> Baseline:
    """The baseline in a file. Raises Rejected where it cannot be read."""
    try:
        text = read_text(Path(file))
    except Rejected as error:
        raise Rejected([evolve(each, hint="write it with --write-baseline") for each in error.problems]) from None
    return read_baseline(text.text, text.file)


def named_from(file: str) -> Callable[[str], str]:
    """What a baseline calls the files that are checked: their paths from its own folder."""
    folder = os.path.dirname(os.path.abspath(file))

    @cache
    def named(name: str) -> str:
        return Path(os.path.relpath(name, folder)).as_posix() if os.path.exists(name) else name

    return named
