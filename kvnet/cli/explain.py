"""``kvnet explain``, and ``kvnet check --explain``."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace

from kvnet.cli.exit_status import CLEAN, FAILED
from kvnet.cli.report import Report
from kvnet.cli.terminal import is_styled
from kvnet.codes import Explanation, UnknownCode, explanation
from kvnet.codes.terminal import styled

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the page of each code: as Markdown, or with the looks of a terminal on one."""
    try:
        found = [explanation(code) for code in arguments.explain]
    except UnknownCode as error:
        report.failure(str(error))
        return FAILED
    print("\n".join(map(_shown, found)), end="")
    return CLEAN


def _shown(each: Explanation) -> str:
    if not is_styled(sys.stdout):
        return each.text
    return styled(each.text, shutil.get_terminal_size().columns)
