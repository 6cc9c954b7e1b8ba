"""Shell completion, printed by shtab: an extra, loaded when it is asked for."""

from __future__ import annotations

import argparse
from typing import Any

from kvnet.cli.status import CLEAN, FAILED

__all__ = ["SHELLS", "PrintCompletion"]

SHELLS = ("bash", "zsh", "tcsh", "fish")


class PrintCompletion(argparse.Action):
    """Prints what teaches a shell the options of the parser, and leaves."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: Any = None) -> None:
        try:
            import shtab  # noqa: PLC0415 - an extra
        except ImportError:
            parser.exit(FAILED, "kvnet: shell completion needs the package shtab: pip install 'kvnet[cli]'\n")
        _take_files(parser, shtab.FILE)
        print(shtab.complete(parser, shell=values))
        parser.exit(CLEAN)


def _take_files(parser: argparse.ArgumentParser, files: object) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _take_files(command, files)
        elif action.metavar == "FILE":
            action.complete = files  # type: ignore[attr-defined]
