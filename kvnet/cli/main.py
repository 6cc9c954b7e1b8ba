"""The command line: parse the arguments, run the subcommand, turn exceptions into exit statuses."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from kvnet._spelling import near_word
from kvnet.cli import options
from kvnet.cli.commands import COMMANDS
from kvnet.cli.output import CLEAN, CLOSED, FAILED, INTERRUPTED, status_of

if TYPE_CHECKING:
    from kvnet.cli.report import Report
    from kvnet.errors import KvnetError

__all__ = ["main", "parser"]

_RUN = {
    **{name: f"reference.{name}" for name in ("debug", "explain", "rules", "schema")},
    **{name: f"node.{name}" for name in ("down", "ps", "up")},
    "cloud-init": "pod.cloud_init",
    "exec": "node.exec_",
    "diff": "domains.run_diff",
    "import": "domains.run_import",
}
"""The module and the function of each command that is not ``run`` of the module of its name."""
_LONGEST_TOLD = 200
"""Characters of an unexpected exception that are told."""
_EPILOG = """examples:
  kvnet check -f vm.yaml
  kvnet render -f vm.yaml --profile host

Exit status: 0 clean, 1 findings, 2 could not run."""


class _Parser(argparse.ArgumentParser):
    """A parser that suggests words, and notices where the reader of its help has left, which argparse passes over."""

    def refuse_others(self, others: Sequence[str]) -> NoReturn:
        """Refuse arguments that it does not know."""
        words = " ".join(others)
        option = next((each for each in others if each.startswith("-")), "")
        self.error(f"unrecognized arguments: {words}{_meant(option, self._option_string_actions)}")

    def error(self, message: str) -> NoReturn:
        """End with the usage and what is wrong, on one line: arguments may hold what a terminal would obey."""
        super().error(_printed(message))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is not among the choices, and say which one it is like, or what else may be given."""
        choices = action.choices
        if choices is not None and value not in choices:
            listed = f" (choose from {', '.join(map(repr, choices))})"
            hint = _meant(str(value), map(str, choices)) or f"{listed}{getattr(choices, 'hint', '')}"
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}{hint}")

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            (file or sys.stderr).write(message)


def _meant(word: str, known: Iterable[str]) -> str:
    """What to write instead of a word, where a known one is like it."""
    near = near_word(word, known)
    return f"; did you mean '{near}'?" if near else ""


class _Top(_Parser):
    """Lists the commands by their groups."""

    def format_help(self) -> str:
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        (commands,) = (each for each in self._actions if isinstance(each, argparse._SubParsersAction))
        for group in dict.fromkeys(row.group for row in COMMANDS.values()):
            formatter.start_section(group)
            formatter.add_arguments([each for each in commands._choices_actions if COMMANDS[each.dest].group == group])
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([each for each in self._actions if each.option_strings])
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()


class _Formatter(argparse.HelpFormatter):
    """Wraps descriptions, and leaves examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else super()._fill_text(text, width, indent)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line, or with the options of ``only`` one command: those of all take 3 ms, of 30 of --help."""
    top = _Top(
        prog="kvnet",
        description="Turn the network part of KubeVirt manifests into libvirt XML, without a cluster.",
        epilog=_EPILOG,
        formatter_class=_Formatter,
    )
    top.add_argument("--version", action=_PrintVersion, help="print the version")
    top.add_argument(
        "--print-completion",
        action=options.PrintCompletion,
        choices=options.SHELLS,
        help="print a completion script for a shell",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, row in COMMANDS.items():
        command = commands.add_parser(
            name, help=row.text, description=row.description, epilog=row.epilog, formatter_class=_Formatter
        )
        if only in (None, name):
            options.OPTIONS[name](command)
        command.set_defaults(refuse=command.error, refuse_others=command.refuse_others)
    return top


class _PrintVersion(argparse.Action):
    """Print the version of the installed distribution, and exit."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - as slow to import as everything else

        print(f"kvnet {version('kvnet')}")
        parser.exit(CLEAN)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns 0 where all is clean, 1 with findings, 2 where it could not run or has a bug, 130 on Ctrl-C, and 141
    where the reader of its output left.
    """
    _open_streams()
    try:
        try:
            return _parsed_and_run(argv)
        finally:
            _flush()
    except BrokenPipeError:
        _abandon(sys.stdout, sys.stderr)
        return CLOSED
    except OSError as error:
        _abandon(sys.stdout)
        _say(f"kvnet: {_printed(str(error))}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        _say(_bug(error))
        return FAILED


def _say(line: str) -> None:
    """Write a line to standard error, which may be what is full."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _abandon(sys.stderr)


def _printed(text: str) -> str:
    from kvnet.values import printable  # noqa: PLC0415 - for errors alone

    return printable(text)


def _bug(error: Exception) -> str:
    """The line that tells of a bug: what was raised, and where. Python's development mode has the traceback instead."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    where = f" at {os.path.basename(step.tb_frame.f_code.co_filename)}:{step.tb_lineno}" if step is not None else ""
    # what was raised may quote a document
    told = str(error).encode("unicode_escape").decode()[:_LONGEST_TOLD]
    raised = f"{type(error).__name__}{where}{': ' if told else ''}{told}"
    return f"kvnet: error KN701 {raised}; report this as a bug of kvnet, with what it was given"


def _parsed_and_run(argv: Sequence[str] | None) -> int:
    given = sys.argv[1:] if argv is None else argv
    is_plain = given and given[0] in (*COMMANDS, "-h", "--help")
    arguments = options.parsed(parser(given[0] if is_plain else None), given)
    from kvnet.cli.report import Report  # noqa: PLC0415 - what --help does not need
    from kvnet.errors import KvnetError  # noqa: PLC0415

    report = Report(sys.stderr, quiet=arguments.quiet, format=getattr(arguments, "problems", "text"))
    if sys.stdout is None:
        report.failure("standard output is closed")
        return FAILED
    try:
        if hasattr(arguments, "select"):
            report.config = import_module("kvnet.cli.choice").choice(arguments)
        module, _, function = _RUN.get(arguments.command, f"{arguments.command}.run").partition(".")
        status: int = getattr(import_module(f"kvnet.cli.{module}"), function)(arguments, report)
    except KvnetError as error:
        _tell(error, arguments, report)
        status = status_of(error.problems)
    report.close()
    return status


def _tell(error: KvnetError, arguments: argparse.Namespace, report: Report) -> None:
    """Tell why a command could not run: of a check, in the format that a program reads from its output."""
    if arguments.command != "check" or arguments.output == "text":
        report.problems(error.problems)
        return
    from kvnet.report.formats import write  # noqa: PLC0415 - what a command that runs does not need

    sys.stdout.write(write(error.problems, arguments.output, sources=report.sources))


def _flush() -> None:
    """Write what is buffered, so that a closed pipe or a full disk is noticed here, and not when Python exits."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _abandon(*streams: TextIO) -> None:
    """Discard buffered output: the interpreter would try to write it again when it exits, and print a traceback."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(null_device, stream.fileno())


def _open_streams() -> None:
    """Write UTF-8 in any locale, and keep the file descriptors of closed standard streams from being reused."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
