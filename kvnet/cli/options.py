"""The options of each subcommand, and shell completion for them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from kvnet.cli.exit_status import CLEAN, FAILED

__all__ = ["ADD", "SHELLS", "PrintCompletion", "parsed"]


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; exits with status 2 where they cannot be understood."""
    arguments = parser.parse_args(argv)
    if arguments.command in _WITHOUT_MANIFESTS:
        return arguments
    arguments.files = [*arguments.paths, *arguments.files]
    if not arguments.files:
        parser.error(f"no manifest is given: kvnet {arguments.command} -f FILE")
    return arguments


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("paths", metavar="FILE", nargs="*", help="the same as -f FILE")
    command.add_argument(
        "-f",
        "--filename",
        dest="files",
        metavar="FILE",
        nargs="+",
        action="extend",
        default=[],
        help="manifests in YAML or JSON, directories of them, or - for standard input",
    )
    command.add_argument("--facts", metavar="FILE", help="host facts in YAML or JSON")
    command.add_argument("--cluster", metavar="FILE", help="the cluster's KubeVirt object")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors only")


def _compiling(command: argparse.ArgumentParser) -> None:
    _profile(command)
    command.add_argument("--name", help="only the machine of this name")


def _profile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--profile",
        choices=("kubevirt", "host"),
        default="kubevirt",
        help="KubeVirt's own XML, or the equivalent for a plain libvirt host (default: kubevirt)",
    )


def _render(command: argparse.ArgumentParser) -> None:
    _common(command)
    _compiling(command)
    command.add_argument("-o", "--output", choices=("xml", "json", "yaml"), default="xml")
    command.add_argument("--devices", action="store_true", help="print only the network devices, not a whole domain")
    command.add_argument(
        "--into",
        metavar="FILE",
        help="put the NICs into this domain XML (- for standard input), change nothing else",
    )
    command.add_argument("--virt-type", choices=("kvm", "qemu"), default="kvm", help="the domain's type (default: kvm)")


def _check(command: argparse.ArgumentParser) -> None:
    _common(command)
    command.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text")
    command.add_argument("--strict", action="store_true", help="count warnings as findings")


def _define(command: argparse.ArgumentParser) -> None:
    _common(command)
    _compiling(command)
    command.add_argument(
        "-c",
        "--connect",
        metavar="URI",
        help="the libvirt URI to define the domain on; without it, try it on a libvirt embedded in this process",
    )


def _of_domains(command: argparse.ArgumentParser) -> None:
    _common(command)
    _compiling(command)
    command.add_argument(
        "-c", "--connect", metavar="URI", required=True, help="the URI of the libvirt that has the domains"
    )


def _changing(command: argparse.ArgumentParser) -> None:
    _of_domains(command)
    command.add_argument(
        "--policy",
        choices=("kubevirt", "plain"),
        help="which changes to make: those that KubeVirt would make now, given the machine's status, or everything "
        "that can be done at once (default: kubevirt for machines with a status in the profile kubevirt, else plain)",
    )


def _apply(command: argparse.ArgumentParser) -> None:
    _changing(command)
    command.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=30.0,
        help="seconds to wait for guests to release NICs (default: 30)",
    )


def _status(command: argparse.ArgumentParser) -> None:
    _of_domains(command)
    command.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")
    command.add_argument("--watch", action="store_true", help="print it again after each event, until the domain ends")


def _diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("before", metavar="A", help="libvirt XML of a domain or of one device; - for standard input")
    command.add_argument("after", metavar="B", help="the libvirt XML to compare it with")
    command.add_argument("--noise", action="store_true", help="also show what libvirt adds to live domains by itself")
    command.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors only")


def _import(command: argparse.ArgumentParser) -> None:
    command.add_argument("domain", metavar="FILE", help="libvirt XML of a domain; - for standard input")
    command.add_argument(
        "--profile",
        choices=("kubevirt", "host"),
        default="kubevirt",
        help="where the machine is to run (default: kubevirt)",
    )
    command.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors only")


def _debug(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=("source",), help="source: the functions generated for an element class")
    command.add_argument("name", metavar="CLASS", help="an element class of kvnet.device, such as Interface")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors only")


def _bulk(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-f",
        "--filename",
        dest="input",
        metavar="FILE",
        required=True,
        help="NDJSON with a KubeVirt object or an envelope on each line, a directory of manifests, or - for NDJSON on "
        "standard input",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="-",
        help="NDJSON with a line for each VM, a directory (that exists, or ends in /) with a file for each, or - for "
        "standard output (default: -)",
    )
    command.add_argument("--facts", metavar="FILE", help="host facts for every VM without facts of its own")
    command.add_argument("--cluster", metavar="FILE", help="the cluster's KubeVirt object")
    command.add_argument(
        "--nads", metavar="FILE", nargs="+", default=[], help="NetworkAttachmentDefinitions, for the host profile"
    )
    _profile(command)
    command.add_argument("--devices", action="store_true", help="render only the network devices, not whole domains")
    command.add_argument("--jobs", metavar="N", type=_jobs, help="worker processes (default: one for each CPU)")
    earlier = command.add_mutually_exclusive_group()
    earlier.add_argument("--resume", action="store_true", help="continue where the same command ended earlier")
    earlier.add_argument("--force", action="store_true", help="overwrite what an earlier run left in the output")
    command.add_argument("--report", metavar="FILE", help="write counts, reasons and duplicates to this JSON file")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors only")


def _jobs(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number of processes: write 1 or more")


ADD: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "render": _render,
    "check": _check,
    "define": _define,
    "plan": _changing,
    "apply": _apply,
    "status": _status,
    "diff": _diff,
    "import": _import,
    "debug": _debug,
    "bulk": _bulk,
}
_WITHOUT_MANIFESTS = ("bulk", "debug", "diff", "import")
"""The commands that take no list of manifests."""


SHELLS = ("bash", "zsh", "tcsh", "fish")


class PrintCompletion(argparse.Action):
    """Print a completion script for a shell, made by shtab, and exit."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: Any = None) -> None:
        try:
            import shtab  # noqa: PLC0415 - an extra
        except ImportError:
            parser.exit(FAILED, "kvnet: shell completion needs the package shtab: pip install 'kvnet[cli]'\n")
        _complete_file_names(parser, shtab.FILE)
        print(shtab.complete(parser, shell=values))
        parser.exit(CLEAN)


def _complete_file_names(parser: argparse.ArgumentParser, files: object) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_file_names(command, files)
        elif action.metavar == "FILE":
            action.complete = files  # type: ignore[attr-defined]
