"""What the commands read: manifests, host facts, the cluster's configuration."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from kvnet.cli.report import Report
from kvnet.errors import FieldPath, KvnetError, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest import load_all, load_cluster, load_facts
from kvnet.manifest.document import Text, read_text
from kvnet.pipeline import Rendered, render
from kvnet.rules.check import check
from kvnet.spec import Machine, Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Profile, Target

__all__ = ["Inputs", "admitted", "domain_text", "read", "rendered"]

_SUFFIXES = (".yaml", ".yml", ".json")
_UTF_16 = re.compile(r"<\?xml\b[^>]*\bencoding\s*=\s*[\"'](UTF-?16\w*)", re.IGNORECASE)


@frozen(kw_only=True)
class Inputs:
    """Everything a command was given."""

    machines: tuple[Machine, ...]
    target: Target


def read(arguments: Namespace, *, nads_suffice: bool = False) -> Inputs:
    """Read all files; raises KvnetError with the problems of every one of them.

    A stream without any machine is a problem too, unless it holds NADs and those suffice.
    """
    problems: list[Problem] = []
    machines: list[Machine] = []
    nads: list[Nad] = []
    cluster: ClusterConfig | None = None
    for file in _files(arguments.files):
        try:
            manifest = load_all(sys.stdin.buffer if file is None else file)
        except KvnetError as error:
            problems += error.problems
            continue
        machines += manifest.machines
        nads += manifest.nads
        cluster = manifest.cluster or cluster
    facts = HostFacts()
    try:
        facts = load_facts(Path(arguments.facts)) if arguments.facts else facts
        cluster = load_cluster(Path(arguments.cluster)) if arguments.cluster else cluster
    except KvnetError as error:
        problems += error.problems
    if problems:
        raise Rejected(problems)
    name = getattr(arguments, "name", None)
    chosen = () if nads_suffice and nads and not machines else _chosen(machines, name)
    target = Target(
        profile=getattr(arguments, "profile", Profile.KUBEVIRT),
        facts=facts,
        cluster=cluster or ClusterConfig(),
        nads=tuple(nads),
        virt_type=getattr(arguments, "virt_type", "kvm"),
    )
    return Inputs(machines=chosen, target=target)


def admitted(machine: Machine, target: Target, report: Report) -> None:
    """Report what is to be said of a machine. Raises Rejected with what it would be refused for."""
    found = check(machine, target)
    report.problems(problem for problem in found if not problem.is_error)
    errors = [problem for problem in found if problem.is_error]
    if errors:
        raise Rejected(errors)


def rendered(given: Inputs, report: Report, *, whole: bool = True) -> list[Rendered]:
    """Render every machine, and report the notes. Raises Rejected with all errors of all of them."""
    made = [render(machine, given.target, whole=whole) for machine in given.machines]
    report.problems(note for each in made for note in each.notes)
    errors = [problem for each in made for problem in each.problems]
    if errors:
        raise Rejected(errors)
    return made


def domain_text(name: str) -> Text:
    """The domain XML in a file, or on standard input for ``-``; raises KvnetError where it is not readable text."""
    text = read_text(sys.stdin.buffer if name == "-" else Path(name))
    declared = _UTF_16.match(text.text)
    if declared:
        told = f"the domain declares the encoding {declared[1]}"
        raise Rejected([text.unreadable(0, told, hint="save the file as UTF-8")])
    return text


def _files(names: list[str]) -> Iterator[Path | None]:
    """The files to read, those of a directory in order of their names; ``None`` is standard input."""
    for name in names:
        path = Path(name)
        if name == "-":
            yield None
        elif path.is_dir():
            yield from sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES)
        else:
            yield path


def _chosen(machines: list[Machine], name: str | None) -> tuple[Machine, ...]:
    chosen = tuple(machine for machine in machines if name is None or machine.name == name)
    if chosen:
        return chosen
    if name is None:
        told, hint = "there is no virtual machine in what was given", "give a manifest with one"
    else:
        names = ", ".join(str(machine.name) for machine in machines) or "none at all"
        told, hint = f"no machine is named '{name}'", f"the machines are: {names}"
    raise Rejected([Problem(FieldPath(), "KN009", told, hint=hint)])
