"""The options of each subcommand."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

__all__ = ["ADD", "parsed"]


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
    command.add_argument("-q", "--quiet", action="store_true", help="show errors alone")


def _compiling(command: argparse.ArgumentParser) -> None:
    _profile(command)
    command.add_argument("--name", help="take the machine of this name alone")


def _profile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--profile",
        choices=("kubevirt", "host"),
        default="kubevirt",
        help="whose XML: KubeVirt's own, or the equivalent for a plain libvirt host (default: kubevirt)",
    )


def _render(command: argparse.ArgumentParser) -> None:
    _common(command)
    _compiling(command)
    command.add_argument("-o", "--output", choices=("xml", "json", "yaml"), default="xml")
    command.add_argument("--devices", action="store_true", help="print the network devices alone, not a whole domain")
    command.add_argument(
        "--into", metavar="FILE", help="put the NICs into this domain XML (- for standard input), change nothing else"
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
        help="libvirt's URI, where the domain then stays; without it a libvirt embedded in this process",
    )


def _of_domains(command: argparse.ArgumentParser) -> None:
    _common(command)
    _compiling(command)
    command.add_argument("-c", "--connect", metavar="URI", required=True, help="libvirt's URI, where the domains are")


def _changing(command: argparse.ArgumentParser) -> None:
    _of_domains(command)
    command.add_argument(
        "--policy",
        choices=("kubevirt", "plain"),
        help="which changes are due: what KubeVirt would do by the machine's status, or all that can be done at once "
        "(default: kubevirt for machines that have a status, in KubeVirt's profile)",
    )


def _apply(command: argparse.ArgumentParser) -> None:
    _changing(command)
    command.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=30.0,
        help="how long guests have to let go of NICs, in seconds (default: 30)",
    )


def _status(command: argparse.ArgumentParser) -> None:
    _of_domains(command)
    command.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")
    command.add_argument("--watch", action="store_true", help="tell it again whenever something happens, until it ends")


def _diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("before", metavar="A", help="a domain or one device in libvirt's XML; - for standard input")
    command.add_argument("after", metavar="B", help="what to compare it with")
    command.add_argument("--noise", action="store_true", help="show what libvirt adds to live domains, too")
    command.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors alone")


def _import(command: argparse.ArgumentParser) -> None:
    command.add_argument("domain", metavar="FILE", help="a domain in libvirt's XML; - for standard input")
    command.add_argument(
        "--profile", choices=("kubevirt", "host"), default="kubevirt", help="where it is to run (default: kubevirt)"
    )
    command.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors alone")


def _debug(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=("source",), help="source: the functions generated for an element class")
    command.add_argument("name", metavar="CLASS", help="an element class of kvnet.device, such as Interface")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors alone")


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
    command.add_argument("--facts", metavar="FILE", help="host facts of every VM that brings none of its own")
    command.add_argument("--cluster", metavar="FILE", help="the cluster's KubeVirt object")
    command.add_argument(
        "--nads", metavar="FILE", nargs="+", default=[], help="NetworkAttachmentDefinitions, for the host profile"
    )
    _profile(command)
    command.add_argument("--devices", action="store_true", help="render the network devices alone, not whole domains")
    command.add_argument("--jobs", metavar="N", type=_jobs, help="worker processes (default: one for each CPU)")
    earlier = command.add_mutually_exclusive_group()
    earlier.add_argument("--resume", action="store_true", help="go on where an earlier run of the same ended")
    earlier.add_argument("--force", action="store_true", help="lose what an earlier run has left in the output")
    command.add_argument("--report", metavar="FILE", help="write counts, reasons and duplicates to this file, in JSON")
    command.add_argument("-q", "--quiet", action="store_true", help="show errors alone")


def _jobs(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no number of processes")


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
