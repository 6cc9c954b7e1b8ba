"""What the commands read: manifests, host facts, the cluster's configuration."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from kvnet.errors import FieldPath, KvnetError, Problem, Rejected
from kvnet.facts import HostFacts, load_facts
from kvnet.manifest import load_all, load_cluster
from kvnet.manifest.text import Text, read_text
from kvnet.spec import Machine, Nad
from kvnet.spec.cluster import ClusterConfig

__all__ = ["Inputs", "domain_text", "read"]

_SUFFIXES = (".yaml", ".yml", ".json")
_UTF_16 = re.compile(r"<\?xml\b[^>]*\bencoding\s*=\s*[\"'](UTF-?16\w*)", re.IGNORECASE)


@frozen(kw_only=True)
class Inputs:
    """Everything a command was given."""

    machines: tuple[Machine, ...]
    nads: tuple[Nad, ...]
    facts: HostFacts
    cluster: ClusterConfig


def read(arguments: Namespace, *, nads_suffice: bool = False) -> Inputs:
    """Read all files; raises KvnetError with the problems of every one of them.

    A stream without any machine is a problem too, unless it holds NADs and those suffice.
    """
    problems: list[Problem] = []
    machines: list[Machine] = []
    nads: list[Nad] = []
    for file in _files(arguments.files):
        try:
            manifest = load_all(sys.stdin.buffer if file is None else file)
        except KvnetError as error:
            problems += error.problems
            continue
        machines += manifest.machines
        nads += manifest.nads
    facts, cluster = HostFacts(), ClusterConfig()
    try:
        facts = load_facts(Path(arguments.facts)) if arguments.facts else facts
        cluster = load_cluster(Path(arguments.cluster)) if arguments.cluster else cluster
    except KvnetError as error:
        problems += error.problems
    if problems:
        raise Rejected(problems)
    name = getattr(arguments, "name", None)
    chosen = () if nads_suffice and nads and not machines else _chosen(machines, name)
    return Inputs(machines=chosen, nads=tuple(nads), facts=facts, cluster=cluster)


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
