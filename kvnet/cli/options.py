"""The options of each command, and shell completion for them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from kvnet.cli.output import CLEAN, FAILED, supported

__all__ = ["OPTIONS", "SHELLS", "PrintCompletion", "parsed"]

_PROFILES = ("kubevirt", "host")
_POLICIES = ("kubevirt", "plain")
_PROBLEM_FORMATS = ("text", "json", "yaml", "sarif", "github", "junit")
_PICTURE_FORMATS = ("text", "mermaid", "svg", "html")
_MANIFEST_FORMATS = ("yaml", "json")
_POD_FORMATS = ("text", "nft", "dnsmasq", "annotations")
_PHASES = ("startup", "liveUpdate", "migrationTarget")
_SCHEMAS = ("manifest", "facts")
"""What the library offers, written down: --help would take three times as long with the modules that have it."""


class _OrFolder(tuple[str, ...]):
    """The formats of a command that takes a folder as well, one that exists or whose name ends in ``/``."""

    __slots__ = ()
    hint = "; the name of a folder ends in '/'"

    def __contains__(self, value: object) -> bool:
        return super().__contains__(value) or (isinstance(value, str) and (value.endswith("/") or os.path.isdir(value)))


_FILES = ("paths", "domains", "machines")
"""The positional arguments that may be given several times."""


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; exits with status 2 and the usage of the command where they cannot be understood.

    Files may be named before and after options, which argparse by itself does not take.
    """
    arguments, others = parser.parse_known_args(argv)
    files = next((each for each in _FILES if hasattr(arguments, each)), None)
    if others and (files is None or any(each.startswith("-") and each != "-" for each in others)):
        arguments.refuse_others(others)
    elif files is not None:
        setattr(arguments, files, [*getattr(arguments, files), *others])
    if hasattr(arguments, "paths"):
        arguments.files = [*arguments.paths, *arguments.files]
        has_others = (
            (arguments.command == "instancetypes" and (arguments.cluster or arguments.common_instancetypes))
            or (arguments.command == "show" and (arguments.domains or arguments.up))
            or getattr(arguments, "explain", None)
        )
        if not arguments.files and not has_others:
            arguments.refuse(f"no manifest is given: kvnet {arguments.command} -f FILE")
    if arguments.command in _OF_DOMAINS:
        _refuse_mixture(arguments)
    if arguments.command == "exec" and not [each for each in arguments.run if each != "--"]:
        arguments.refuse("no command is given: kvnet exec NAME -- COMMAND")
    if arguments.command == "define" and arguments.connect is None and (arguments.into or arguments.replace):
        arguments.refuse("--into and --replace are about domains that a libvirt has: say which one with --connect URI")
    return arguments


_OF_DOMAINS = ("plan", "apply", "status")
"""The commands that are about domains of a libvirt, or about machines that are up on this host."""


def _refuse_mixture(arguments: argparse.Namespace) -> None:
    """Refuse options that are about a libvirt without one, and those about machines that are up beside one."""
    if arguments.connect is not None:
        if arguments.root is not None:
            arguments.refuse("--root is about machines that `kvnet up` brought up: leave out either it or --connect")
        return
    given = {
        "--profile host": arguments.profile == "host",
        "--policy": getattr(arguments, "policy", None) is not None,
        "--watch": getattr(arguments, "watch", False),
    }
    for option, is_given in given.items():
        if is_given:
            arguments.refuse(f"{option} is about domains of a libvirt: say which one with --connect URI")


_WHOSE = "KubeVirt's own XML, or the equivalent for a plain libvirt host"


def _manifests(command: argparse.ArgumentParser, *, profile: str | None = _WHOSE, named: str = "machine") -> None:
    """Add what every command has that reads manifests, but for ``-o``; without a ``profile``, it is KubeVirt's own."""
    command.add_argument("paths", metavar="FILE", nargs="*", help="the same as -f FILE")
    command.add_argument(
        *("-f", "--filename"),
        dest="files",
        metavar="FILE",
        nargs="+",
        action="extend",
        default=[],
        help="manifests in YAML or JSON, directories of them with their sub-folders, or - for standard input",
    )
    command.add_argument("--facts", metavar="FILE", help="host facts in YAML or JSON")
    _cluster(command)
    if profile is not None:
        _profile(command, profile)
    command.add_argument("--name", help=f"only the {named} of this name")
    _choice(command)
    _quiet(command)


def _cluster(command: argparse.ArgumentParser) -> None:
    text = "the cluster's KubeVirt object, instancetypes and preferences"
    command.add_argument("--cluster", metavar="FILE", help=text)
    text = "know the instancetypes and preferences that KubeVirt deploys"
    command.add_argument("--common-instancetypes", action="store_true", help=text)


def _machines(command: argparse.ArgumentParser) -> None:
    _manifests(command)
    _problems(command)


def _profile(command: argparse.ArgumentParser, text: str = _WHOSE) -> None:
    command.add_argument("--profile", choices=_PROFILES, default="kubevirt", help=f"{text} (default: kubevirt)")


def _output(command: argparse.ArgumentParser, own: str, *others: str) -> None:
    """Add a command's ``own`` format, which is the default, and ``others``, which ``kvnet.cli.output`` writes."""
    command.add_argument("-o", "--output", choices=(own, *supported(*others)), default=own)


def _quiet(command: argparse.ArgumentParser) -> None:
    text = "show warnings and errors only; -qq shows errors only"
    command.add_argument("-q", "--quiet", action="count", default=0, help=text)


def _choice(command: argparse.ArgumentParser) -> None:
    """Add the options that choose which problems are told."""
    for option, text in {
        "--select": "tell only of these: codes, beginnings of codes such as KN9, groups, or ALL, with commas",
        "--extend-select": "tell of these as well, such as the group security, which is off unless asked for",
        "--ignore": "do not tell of these; what a machine is refused for is told all the same, except by check",
    }.items():
        command.add_argument(option, metavar="CODES", type=_selectors, action="extend", default=[], help=text)
    text = "the configuration (default: .kvnet.toml or pyproject.toml in the folder of the first file, or above it)"
    command.add_argument("--config", metavar="FILE", help=text)
    command.add_argument("--isolated", action="store_true", help="read no configuration")


def _selectors(text: str) -> list[str]:
    found: list[str] = import_module("kvnet.cli.choice").selectors(text)
    return found


def _severity(text: str) -> tuple[str, str]:
    found: tuple[str, str] = import_module("kvnet.cli.choice").severity(text)
    return found


def _problems(command: argparse.ArgumentParser) -> None:
    """Add the option for the format of problems, for commands whose ``-o`` is about something else."""
    text = "the format of problems, on standard error (default: text)"
    command.add_argument("--problems", metavar="FORMAT", choices=_PROBLEM_FORMATS, default="text", help=text)


def _render(command: argparse.ArgumentParser) -> None:
    _machines(command)
    formats_or_folder = _OrFolder(("xml", *supported("json", "yaml")))
    text = "the format (default: xml), or a folder (that exists, or ends in /) to write a file NAME.xml into for each"
    command.add_argument("-o", "--output", metavar="FORMAT|DIR/", choices=formats_or_folder, default="xml", help=text)
    command.add_argument("--devices", action="store_true", help="print only the network devices, not a whole domain")
    into = "put the NICs into this domain XML (- for standard input), and keep everything else of it"
    command.add_argument("--into", metavar="FILE", help=into)
    command.add_argument("--virt-type", choices=("kvm", "qemu"), default="kvm", help="the domain's type (default: kvm)")


def _check(command: argparse.ArgumentParser) -> None:
    _manifests(command, profile="what the machines are to run on: a cluster, or a plain libvirt host")
    text = "the format of problems (default: text)"
    command.add_argument("-o", "--output", choices=_PROBLEM_FORMATS, default="text", help=text)
    command.add_argument("--strict", action="store_true", help="count warnings as findings")
    text = "what problems of these codes are: error, warning or note"
    command.add_argument("--severity", metavar="CODES=SEVERITY", type=_severity, action="append", default=[], help=text)
    command.add_argument("--baseline", metavar="FILE", help="tell only of problems that this file does not list")
    command.add_argument("--write-baseline", action="store_true", help="write the problems to the baseline instead")
    text = "correct what has one right answer in the files; of standard input, print the corrected text"
    command.add_argument("--fix", action="store_true", help=text)
    command.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    text = "find nothing wrong with a file that holds no machine, as a hook that names each changed file wants it"
    command.add_argument("--allow-no-machine", action="store_true", help=text)
    text = "check nothing, and explain codes of problems, as `kvnet explain` does"
    command.add_argument("--explain", metavar="CODE", nargs="+", help=text)


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("explain", metavar="CODE", nargs="+", help="the code of a problem, such as KN906")
    _quiet(command)


def _rules(command: argparse.ArgumentParser) -> None:
    _output(command, "text", "json", "yaml")
    _quiet(command)


def _instancetypes(command: argparse.ArgumentParser) -> None:
    _manifests(command, named="instancetypes and preferences")
    _problems(command)
    _output(command, "text", "json", "yaml")


def _define(command: argparse.ArgumentParser) -> None:
    _machines(command)
    _output(command, "xml", "json", "yaml")
    connect = "the libvirt URI to define the domain on; without it, try it on a libvirt embedded in this process"
    command.add_argument("-c", "--connect", metavar="URI", help=connect)
    over = command.add_mutually_exclusive_group()
    into = "put the NICs into the definition that libvirt has, and keep everything else of it"
    over.add_argument("--into", action="store_true", help=into)
    replace = "replace the definition that libvirt has; without these options, it is left alone and the machine refused"
    over.add_argument("--replace", action="store_true", help=replace)


def _domains(command: argparse.ArgumentParser) -> None:
    _machines(command)
    connect = "the URI of the libvirt that has the domains (default: the machines that `kvnet up` brought up)"
    command.add_argument("-c", "--connect", metavar="URI", help=connect)
    _root(command)


def _plan(command: argparse.ArgumentParser) -> None:
    _domains(command)
    _output(command, "text", "json", "yaml")
    command.add_argument(
        "--policy",
        choices=_POLICIES,
        help="which changes to make: those that KubeVirt would make now, given the machine's status, or everything "
        "that can be done at once (default: kubevirt for machines with a status in the profile kubevirt, else plain)",
    )


def _apply(command: argparse.ArgumentParser) -> None:
    _plan(command)
    timeout = "seconds to wait for guests to release NICs (default: 30)"
    command.add_argument("--timeout", metavar="S", type=_seconds, default=30.0, help=timeout)


def _status(command: argparse.ArgumentParser) -> None:
    _domains(command)
    _output(command, "table", "json", "yaml")
    command.add_argument("--watch", action="store_true", help="print it again after each event, until the domain ends")


def _diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("before", metavar="A", help="libvirt XML of a domain or of one device; - for standard input")
    command.add_argument("after", metavar="B", help="the libvirt XML to compare it with")
    command.add_argument("--noise", action="store_true", help="also show what libvirt adds to live domains by itself")
    _output(command, "text", "json", "yaml")
    _problems(command)
    _quiet(command)


def _import(command: argparse.ArgumentParser) -> None:
    domains = "libvirt XML of a domain, - for standard input; with -c, the name of a domain"
    command.add_argument("domains", metavar="FILE", nargs="*", help=domains)
    command.add_argument("-c", "--connect", metavar="URI", help="the libvirt that has the domains")
    command.add_argument("--all", action="store_true", help="every domain of that libvirt")
    command.add_argument("--facts-out", metavar="FILE", help="write the host facts that rendering needs to this file")
    _profile(command, "where the machine is to run")
    # a manifest, which kvnet.dump writes
    command.add_argument("-o", "--output", choices=_MANIFEST_FORMATS, default="yaml")
    _problems(command)
    _quiet(command)


def _debug(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=("source",), help="source: the functions generated for an element class")
    command.add_argument("name", metavar="CLASS", help="an element class of kvnet.device, such as Interface")
    _quiet(command)


def _show(command: argparse.ArgumentParser) -> None:
    _machines(command)
    domain = "libvirt XML of a domain to draw too, or alone; - for standard input"
    command.add_argument("--domain", dest="domains", metavar="FILE", action="append", default=[], help=domain)
    up = "a machine that `kvnet up` brought up, as NAME or NAMESPACE/NAME: draw its domain and its pod as they are"
    command.add_argument("--up", metavar="NAME", action="append", default=[], help=up)
    _root(command)
    connect = "the URI of a libvirt: draw the domain of each machine, as it runs, before the machine"
    command.add_argument("-c", "--connect", metavar="URI", help=connect)
    beside = "what to draw beside the domain: the machine, or the domain as it will be after `kvnet apply`"
    command.add_argument(
        "--beside", choices=("machine", "plan"), default="machine", help=f"{beside} (default: machine)"
    )
    command.add_argument("-o", "--output", choices=_PICTURE_FORMATS, default="text")


def _pod(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=("plan",), help="plan: show what the pod needs, and touch nothing")
    _machines(command)
    found = "what was found in the pod, in YAML or JSON (default: a new pod is assumed)"
    command.add_argument("--found", metavar="FILE", help=found)
    phase = "whether the machine starts, runs, or arrives by a migration (default: startup)"
    command.add_argument("--phase", choices=_PHASES, default="startup", help=phase)
    own, *others = _POD_FORMATS
    forms = (own, *supported("json", "yaml"), *others)
    command.add_argument("-o", "--output", choices=forms, default=own, help="the format (default: text)")


def _cloud_init(command: argparse.ArgumentParser) -> None:
    _machines(command)
    _output(command, "yaml", "json")
    text = "the version of cloud-init's format (default: 2)"
    command.add_argument("--version", dest="version", type=int, choices=(1, 2), default=2, help=text)
    text = "print nothing, and report where the network data of the machines differs; status 1 where it does"
    command.add_argument("--check", action="store_true", help=text)


def _root(command: argparse.ArgumentParser) -> None:
    text = "the folder of what is up (default: $KVNET_ROOT, else /var/lib/kvnet)"
    command.add_argument("--root", metavar="DIR", help=text)


def _up(command: argparse.ArgumentParser) -> None:
    _manifests(command, profile=None)
    _problems(command)
    _output(command, "text", "json", "yaml")
    text = "an image that the guest has as a disk: raw, or qcow2 where it is named .qcow2; may be given again"
    command.add_argument("--disk", metavar="FILE", action="append", default=[], help=text)
    command.add_argument("--kernel", metavar="FILE", help="boot this kernel")
    command.add_argument("--initrd", metavar="FILE", help="the initial RAM disk of the kernel")
    command.add_argument("--cmdline", metavar="TEXT", help="the arguments of the kernel")
    text = "the CNI configuration of the pod network (default: a bridge with NAT, IPv4 and IPv6)"
    command.add_argument("--pod-network", metavar="FILE", help=text)
    text = "the domain's type (default: kvm where this host and its libvirt have it)"
    command.add_argument("--virt-type", dest="domain_type", choices=("kvm", "qemu"), help=text)
    _root(command)
    command.add_argument("--dry-run", action="store_true", help="print every step, and touch nothing")
    command.add_argument("--no-wait", action="store_true", help="do not wait for the guest to take its address")
    text = "seconds to wait for the guest to take its address (default: 120)"
    command.add_argument("--timeout", metavar="S", type=_seconds, default=120.0, help=text)


def _down(command: argparse.ArgumentParser) -> None:
    text = "a machine that is up, as NAME or NAMESPACE/NAME (default: all)"
    command.add_argument("machines", metavar="NAME", nargs="*", help=text)
    _root(command)
    _quiet(command)


def _ps(command: argparse.ArgumentParser) -> None:
    _output(command, "table", "json", "yaml")
    _root(command)
    _quiet(command)


def _exec(command: argparse.ArgumentParser) -> None:
    _root(command)
    _quiet(command)
    command.add_argument("machine", metavar="NAME", help="a machine that is up, as NAME or NAMESPACE/NAME")
    text = "the command and its arguments, which no shell sees"
    command.add_argument("run", metavar="-- COMMAND", nargs=argparse.REMAINDER, help=text)


def _schema(command: argparse.ArgumentParser) -> None:
    text = "manifest: machines, NADs, instancetypes, preferences and the KubeVirt object; facts: host facts"
    text = f"{text} (default: manifest)"
    command.add_argument("what", nargs="?", choices=_SCHEMAS, default="manifest", help=text)
    _quiet(command)


def _bulk(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        *("-f", "--filename"),
        dest="input",
        metavar="FILE",
        required=True,
        help="NDJSON with a KubeVirt object or an envelope on each line, a directory of manifests, or - for NDJSON on "
        "standard input",
    )
    command.add_argument(
        *("-o", "--output"),
        metavar="FILE",
        default="-",
        help="NDJSON with a line for each VM, a directory (that exists, or ends in /) with a file for each, or - for "
        "standard output (default: -)",
    )
    command.add_argument("--facts", metavar="FILE", help="host facts for every VM without facts of its own")
    _cluster(command)
    nads = "NetworkAttachmentDefinitions, for the host profile"
    command.add_argument("--nads", metavar="FILE", nargs="+", default=[], help=nads)
    _profile(command)
    command.add_argument("--devices", action="store_true", help="render only the network devices, not whole domains")
    command.add_argument("--jobs", metavar="N", type=_jobs, help="worker processes (default: one for each CPU)")
    templates = "render every VM by itself, and not by what those of its shape have in common; the output is the same"
    command.add_argument("--no-templates", dest="templates", action="store_false", help=templates)
    earlier = command.add_mutually_exclusive_group()
    earlier.add_argument("--resume", action="store_true", help="continue where the same command ended earlier")
    earlier.add_argument("--force", action="store_true", help="overwrite what an earlier run left in the output")
    command.add_argument("--fsync", action="store_true", help="have results on the disk before going on")
    command.add_argument("--report", metavar="FILE", help="write counts, reasons and duplicates to this JSON file")
    _quiet(command)


def _seconds(text: str) -> float:
    """A number of seconds, which may be ``inf``; nan would never end."""
    with suppress(ValueError):
        seconds = float(text)
        if seconds >= 0:
            return seconds
    raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds: write 0 or more")


def _jobs(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number of processes: write 1 or more")


OPTIONS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "render": _render,
    "check": _check,
    "explain": _explain,
    "rules": _rules,
    "instancetypes": _instancetypes,
    "define": _define,
    "plan": _plan,
    "apply": _apply,
    "status": _status,
    "diff": _diff,
    "import": _import,
    "debug": _debug,
    "show": _show,
    "pod": _pod,
    "cloud-init": _cloud_init,
    "up": _up,
    "down": _down,
    "ps": _ps,
    "exec": _exec,
    "schema": _schema,
    "bulk": _bulk,
}
"""For each command, the function that adds its options."""
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
