"""The command line: arguments, and the exit status that every subcommand shares."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from kvnet.cli import options
from kvnet.cli.report import Report
from kvnet.errors import KvnetError

__all__ = ["CLEAN", "FAILED", "FINDINGS", "main", "parser"]

CLEAN, FINDINGS, FAILED = 0, 1, 2

COMMANDS = {
    "render": "print the libvirt XML of the machines in a manifest",
    "check": "say what KubeVirt or libvirt would refuse, and what works otherwise than one may think",
    "define": "define the machines on a real libvirt, and say what it dropped",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="kvnet",
        description="KubeVirt's VM networking without a cluster: manifests become libvirt XML.",
        epilog="Exit status: 0 clean, 1 findings, 2 could not run.",
    )
    top.add_argument("--version", action="version", version=f"kvnet {version('kvnet')}")
    if "--print-completion" in sys.argv:
        _add_completion(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text.capitalize() + ".")
        options.ADD[name](command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 where all is clean, 1 with findings, 2 where it could not run."""
    arguments = parser().parse_args(argv)
    report = Report(sys.stderr, quiet=arguments.quiet)
    command = import_module(f"kvnet.cli.{arguments.command}")
    try:
        status: int = command.run(arguments, report)
        sys.stdout.flush()
    except KvnetError as error:
        report.problems(error.problems)
        return FAILED if report.could_not_run else FINDINGS
    except BrokenPipeError:
        # the reader went away; leave no second complaint at interpreter exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        report.failure(str(error))
        return FAILED
    return status


def _add_completion(top: argparse.ArgumentParser) -> None:
    try:
        import shtab  # noqa: PLC0415 - an extra, and only for this
    except ImportError:
        top.exit(FAILED, "kvnet: shell completion needs the package shtab: pip install 'kvnet[cli]'\n")
    shtab.add_argument_to(top, "--print-completion")
