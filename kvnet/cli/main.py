"""The command line: arguments, and the exit status that every subcommand shares."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from kvnet.cli import options
from kvnet.cli.completion import SHELLS, PrintCompletion
from kvnet.cli.status import CLEAN, FAILED, INTERRUPTED, status_of

if TYPE_CHECKING:
    from kvnet.cli.report import Report

__all__ = ["main", "parser"]

COMMANDS = {
    "render": "print the libvirt XML of the machines in a manifest",
    "check": "say what KubeVirt or libvirt would refuse, and what works otherwise than one may think",
    "define": "define the machines on a real libvirt, and say what it dropped",
    "plan": "say what would have to be done for libvirt's domains to be what a manifest asks",
    "apply": "make libvirt's domains what a manifest asks, while they run",
    "status": "tell the status of the NICs of libvirt's domains",
    "diff": "say what the NICs of two domains differ in, and whether the guest sees it",
    "import": "print the manifest of a machine with the NICs of a libvirt domain, and say what was assumed",
    "bulk": "render very many machines, whatever is wrong with some of them",
    "debug": "print the code that kvnet generates",
}
_MODULES = {"import": "import_", "status": "nic_status"}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="kvnet",
        description="KubeVirt's VM networking without a cluster: manifests become libvirt XML.",
        epilog="Exit status: 0 clean, 1 findings, 2 could not run.",
    )
    top.add_argument("--version", action=_PrintVersion, help="print the version")
    top.add_argument(
        "--print-completion", action=PrintCompletion, choices=SHELLS, help="print a completion script for a shell"
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text.capitalize() + ".")
        options.ADD[name](command)
    return top


class _PrintVersion(argparse.Action):
    """Prints the version of the installed distribution, and leaves."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - it takes as long to import as all the rest

        print(f"kvnet {version('kvnet')}")
        parser.exit(CLEAN)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 where all is clean, 1 with findings, 2 where it could not run, 130 on Ctrl-C."""
    _open_streams()
    arguments = options.parsed(parser(), argv)
    from kvnet.cli.report import Report  # noqa: PLC0415 - what --help does not need

    report = Report(sys.stderr, quiet=arguments.quiet)
    try:
        return _run(arguments, report)
    except BrokenPipeError:
        _abandon(sys.stdout, sys.stderr)
        return FAILED
    except OSError as error:
        report.failure(str(error))
        _abandon(sys.stdout)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: argparse.Namespace, report: Report) -> int:
    if sys.stdout is None:
        report.failure("standard output is closed")
        return FAILED
    from kvnet.errors import KvnetError  # noqa: PLC0415 - what --help does not need

    command = import_module(f"kvnet.cli.{_MODULES.get(arguments.command, arguments.command)}")
    try:
        status: int = command.run(arguments, report)
    except KvnetError as error:
        report.problems(error.problems)
        return status_of(error.problems)
    sys.stdout.flush()
    return status


def _abandon(*streams: TextIO) -> None:
    """Send what is still to be written nowhere: the interpreter would try again at its exit, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


def _open_streams() -> None:
    """XML is UTF-8 whatever the locale; and no file may take the number of a closed stream."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
