"""What the commands read: manifests, host facts, the cluster's configuration."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from kvnet.cli.report import Report
from kvnet.errors import FieldPath, KvnetError, Problem, Rejected
from kvnet.instancetypes.common import common_instancetypes, common_preferences
from kvnet.manifest import Manifest, load_all, load_cluster_objects, load_facts
from kvnet.manifest.document import Text, read_text
from kvnet.pipeline import Rendered, render
from kvnet.rules.check import check
from kvnet.spec import Instancetype, Machine, Nad, Preference
from kvnet.target import Profile, Target

__all__ = ["common", "domain_text", "named_file", "read", "read_admitted", "read_manifest", "rendered"]

_SUFFIXES = (".yaml", ".yml", ".json")
_UTF_16 = re.compile(r"<\?xml\b[^>]*\bencoding\s*=\s*[\"'](UTF-?16\w*)", re.IGNORECASE)


def read(arguments: Namespace, *, others_suffice: bool = False) -> tuple[tuple[Machine, ...], Target]:
    """Read all files; raises KvnetError with the problems of every one of them.

    A stream without any machine is a problem too, unless it holds other objects and those suffice.
    """
    manifest, target = read_manifest(arguments)
    if others_suffice and manifest.objects and not manifest.machines:
        return (), target
    return _chosen(manifest.machines, getattr(arguments, "name", None)), target


def read_manifest(arguments: Namespace) -> tuple[Manifest, Target]:
    """Read the objects of all files, and the target; raises KvnetError with the problems of every one of them.

    What ``--cluster`` names counts more than the same among the manifests, and both more than KubeVirt's own bundle.
    """
    problems: list[Problem] = []
    objects: list[Machine | Nad | Instancetype | Preference] = []
    facts, cluster, of_cluster = None, None, Manifest()
    for file in _files(arguments.files):
        try:
            manifest = load_all(sys.stdin.buffer if file is None else file)
        except KvnetError as error:
            problems += error.problems
            continue
        objects += manifest.objects
        cluster = manifest.cluster or cluster
    try:
        facts = None if arguments.facts is None else load_facts(named_file(arguments.facts))
        of_cluster = of_cluster if arguments.cluster is None else load_cluster_objects(named_file(arguments.cluster))
    except KvnetError as error:
        problems += error.problems
    if problems:
        raise Rejected(problems)
    manifest = Manifest(objects=(*objects, *of_cluster.objects), cluster=of_cluster.cluster or cluster)
    profile, virt_type = getattr(arguments, "profile", Profile.KUBEVIRT), getattr(arguments, "virt_type", "kvm")
    instancetypes, preferences = common(arguments)
    target = manifest.target(
        profile=profile, facts=facts, virt_type=virt_type, instancetypes=instancetypes, preferences=preferences
    )
    return manifest, target


def common(arguments: Namespace) -> tuple[tuple[Instancetype, ...], tuple[Preference, ...]]:
    """The instancetypes and preferences that KubeVirt deploys, where they are asked for."""
    return (common_instancetypes(), common_preferences()) if arguments.common_instancetypes else ((), ())


def read_admitted(arguments: Namespace, report: Report) -> tuple[tuple[Machine, ...], Target]:
    """Read all files, and report what is to be said of each machine. Raises Rejected with what one is refused for."""
    machines, target = read(arguments)
    for machine in machines:
        problems = check(machine, target)
        report.problems(problem for problem in problems if not problem.is_error)
        errors = [problem for problem in problems if problem.is_error]
        if errors:
            raise Rejected(errors)
    return machines, target


def rendered(arguments: Namespace, report: Report, *, whole: bool = True) -> list[Rendered]:
    """Read and render every machine, and report the notes. Raises Rejected with all errors of all of them."""
    machines, target = read(arguments)
    results = [render(machine, target, whole=whole) for machine in machines]
    report.problems(note for each in results for note in each.notes)
    errors = [problem for each in results for problem in each.problems]
    if errors:
        raise Rejected(errors)
    return results


def domain_text(name: str) -> Text:
    """The domain XML in a file, or on standard input for ``-``; raises KvnetError where it is not readable text."""
    text = read_text(sys.stdin.buffer if name == "-" else named_file(name))
    declared = _UTF_16.match(text.text)
    if declared:
        message = f"the domain declares the encoding {declared[1]}"
        raise Rejected([text.unreadable(0, message, hint="save the file as UTF-8")])
    return text


def named_file(name: str) -> Path | str:
    """The path of a file. An empty name stays as it is, for readers to refuse: as a path it would be the directory."""
    return Path(name) if name else name


def _files(names: list[str]) -> Iterator[Path | str | None]:
    """The files to read, those of a directory in order of their names; ``None`` is standard input."""
    for name in names:
        path = named_file(name)
        if name == "-":
            yield None
        elif isinstance(path, Path) and path.is_dir():
            yield from sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES)
        else:
            yield path


def _chosen(machines: tuple[Machine, ...], name: str | None) -> tuple[Machine, ...]:
    chosen = tuple(machine for machine in machines if name is None or machine.name == name)
    if chosen:
        return chosen
    if name is None:
        message, hint = "there is no virtual machine in what was given", "give a manifest with one"
    else:
        names = ", ".join(str(machine.name) for machine in machines) or "none at all"
        message, hint = f"no machine is named '{name}'", f"the machines are: {names}"
    raise Rejected([Problem(FieldPath(), "KN009", message, hint=hint)])
