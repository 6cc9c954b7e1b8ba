"""What the commands read: manifests, host facts, the cluster's configuration."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

import kvnet
from kvnet._spelling import near_words
from kvnet.cli.report import Report
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.instancetypes.references import common_instancetypes, common_preferences
from kvnet.manifest import (
    FACTS,
    NO_YAML,
    XML,
    Manifest,
    Reading,
    is_of_others,
    load_cluster_objects,
    load_partly,
    manifest_files,
)
from kvnet.manifest.document import Text, given_text, read_text
from kvnet.rules.check import check
from kvnet.spec import Instancetype, Machine, Preference
from kvnet.target import Profile, Target

if TYPE_CHECKING:
    from kvnet.pipeline import Rendered

__all__ = [
    "Given",
    "admit",
    "common",
    "domain_text",
    "is_directory",
    "named_file",
    "no_machine",
    "not_named",
    "of_machine",
    "read",
    "read_manifest",
    "read_partly",
    "rendered",
]

_MOST_NAMES = 20
"""How many names are listed where none of them is the one that is asked for."""
_READ_OTHERWISE = {
    FACTS: "these look like host facts: give them with --facts FILE",
    XML: "this is XML: kvnet import makes a manifest of a domain",
}
"""What to do with a file of another sort."""
_UTF_16 = re.compile(r"<\?xml\b[^>]*\bencoding\s*=\s*[\"'](UTF-?16\w*)", re.IGNORECASE)


@frozen(kw_only=True)
class Given:
    """What was given to the command.

    - ``reading``: what could be read
    - ``files``: the names of the files that have anything of KubeVirt's, or cannot be read
    - ``skipped``: how many other files there are
    """

    reading: Reading = field(factory=Reading)
    files: tuple[str, ...] = ()
    skipped: int = 0


def read(arguments: Namespace, report: Report) -> tuple[tuple[Machine, ...], Target]:
    """Read all files, and report objects that are given twice; raises KvnetError with the problems of every file.

    That there is no machine, or none with the name that is asked for, is a problem too.
    """
    manifest, target = read_manifest(arguments, report)
    return _chosen(manifest, getattr(arguments, "name", None), arguments.files), target


def read_manifest(arguments: Namespace, report: Report) -> tuple[Manifest, Target]:
    """Read the objects of all files, and the target, and report objects that are given twice.

    Raises KvnetError with the problems of every file.

    What ``--cluster`` names counts more than the same among the manifests, and both more than KubeVirt's own bundle.
    """
    given, target = read_partly(arguments, report)
    report.problems(given.reading.manifest.repeated)
    if given.reading.problems:
        raise Rejected(given.reading.problems)
    return given.reading.manifest, target


def read_partly(
    arguments: Namespace, report: Report, texts_instead: Mapping[str, str | bytes] = MappingProxyType({})
) -> tuple[Given, Target]:
    """Read what can be read of all files, and the target, with the problems of every file.

    Of several files or a directory, or where there need be no machine, those that cannot be read and do not mention
    KubeVirt are skipped. The report keeps the texts. ``texts_instead`` has texts that count instead of those of the
    files of their names. Raises KvnetError where there is no target.
    """
    files = [*_files(arguments.files)]
    is_one = len(files) == 1 and len(arguments.files) == 1 and not is_directory(arguments.files[0])
    only_ours = not is_one or getattr(arguments, "allow_no_machine", False)
    texts, unread, others = _texts(files, only_ours, texts_instead)
    for text in texts:
        report.sources.add(text)
    reading = load_partly(*texts, only_ours=only_ours)
    order = {_name(file): n for n, file in enumerate(files)}
    problems = sorted((*unread, *reading.problems), key=lambda each: order.get(each.place.file, 0) if each.place else 0)
    ours = {*reading.files, *(each.place.file for each in unread if each.place)}
    try:
        facts = None if arguments.facts is None else kvnet.load_facts(named_file(arguments.facts))
        manifest = _with_cluster(reading.manifest, arguments.cluster)
    except KvnetError as error:
        raise Rejected([*problems, *error.problems]) from None
    manifest = evolve(manifest, skipped=(*manifest.skipped, *others))
    profile, virt_type = getattr(arguments, "profile", Profile.KUBEVIRT), getattr(arguments, "virt_type", "kvm")
    instancetypes, preferences = common(arguments)
    target = manifest.target(
        profile=profile, facts=facts, virt_type=virt_type, instancetypes=instancetypes, preferences=preferences
    )
    reading = evolve(reading, manifest=manifest, problems=tuple(problems))
    return Given(
        reading=reading, files=tuple(sorted(ours, key=lambda each: order.get(each, 0))), skipped=len(files) - len(ours)
    ), target


def _with_cluster(manifest: Manifest, file: str | None) -> Manifest:
    """The manifest with the objects of ``--cluster``, whose KubeVirt object counts more."""
    if file is None:
        return manifest
    given = load_cluster_objects(named_file(file))
    return evolve(
        manifest,
        objects=(*manifest.objects, *given.objects),
        cluster=given.cluster or manifest.cluster,
        repeated=(*manifest.repeated, *given.repeated),
    )


def _name(file: Path | str | None) -> str:
    """What problems call a file, or standard input."""
    return "<stdin>" if file is None else str(file)


def _texts(
    files: Iterable[Path | str | None], only_ours: bool, instead: Mapping[str, str | bytes]
) -> tuple[list[Text], list[Problem], list[str]]:
    """The texts of files and of standard input, why others cannot be read, and what counts as skipped."""
    texts: list[Text] = []
    problems: list[Problem] = []
    skipped: list[str] = []
    for file in files:
        name = _name(file)
        try:
            is_known = name in instead
            texts.append(
                given_text(instead[name], name) if is_known else read_text(sys.stdin.buffer if file is None else file)
            )
        except KvnetError as error:
            if file is not None and only_ours and is_of_others(file, error.problems):
                skipped.append(NO_YAML)
            else:
                problems += error.problems
    return texts, problems, skipped


def common(arguments: Namespace) -> tuple[tuple[Instancetype, ...], tuple[Preference, ...]]:
    """The instancetypes and preferences that KubeVirt deploys, where they are asked for."""
    return (common_instancetypes(), common_preferences()) if arguments.common_instancetypes else ((), ())


def admit(machines: Iterable[Machine], target: Target, report: Report) -> None:
    """Report what is to be said of each machine. Raises Rejected with what any is refused for."""
    problems = [problem for machine in machines for problem in check(machine, target)]
    report.problems(problem for problem in problems if not problem.is_error)
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise Rejected(errors)


def rendered(arguments: Namespace, report: Report, *, whole: bool = True) -> list[Rendered]:
    """Read and render every machine, and report the notes. Raises Rejected with all errors of all of them."""
    machines, target = read(arguments, report)
    from kvnet.pipeline import render  # noqa: PLC0415 - with the compiler, the command takes twice as long to start

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
    """The files to read; ``None`` is standard input."""
    for name in names:
        if name == "-":
            yield None
        elif is_directory(name):
            yield from (Path(name, each) for each in manifest_files(name))
        else:
            yield named_file(name)


def is_directory(name: str) -> bool:
    """Whether a name is that of a directory, and not standard input or empty."""
    return name not in ("", "-") and Path(name).is_dir()


def _chosen(manifest: Manifest, name: str | None, files: list[str]) -> tuple[Machine, ...]:
    chosen = tuple(machine for machine in manifest.machines if name is None or machine.name == name)
    if chosen:
        return chosen
    if name is None:
        raise Rejected([no_machine(files, manifest.skipped)])
    raise Rejected([not_named("machine", "machines", name, manifest.machines)])


def of_machine(name: str | None, problems: Sequence[Problem], given: Given) -> tuple[Problem, ...]:
    """The problems without those in the documents of machines of other names; all of them where no name is asked for.

    Where no machine has the name, that is a problem too.
    """
    if name is None:
        return tuple(problems)
    machines = (*given.reading.manifest.machines, *(each.machine for each in given.reading.partial))
    named, others = ({_document(each) for each in machines if (each.name == name) is is_it} for is_it in (True, False))
    missing = () if named or not given.files else (not_named("machine", "machines", name, machines),)
    left = [each for each in problems if not each.place or _document_of(each.place) not in others - named]
    return (*left, *missing)


def _document(machine: Machine) -> tuple[str, int] | None:
    """The document that a machine is in."""
    return None if machine.origin is None else _document_of(machine.origin.place(machine.root))


def _document_of(place: Place) -> tuple[str, int]:
    return place.file, place.document


def not_named(kind: str, kinds: str, name: str, others: Iterable[Machine | Instancetype | Preference]) -> Problem:
    """The problem that nothing of a kind has the name that is asked for; of many others, only near ones are named."""
    names = list(dict.fromkeys(str(each.name) for each in others))
    near = near_words(name, names, among=None) if len(names) > _MOST_NAMES else []
    listed = ", ".join(names[:_MOST_NAMES] + ["…"] * (len(names) > _MOST_NAMES)) or "none at all"
    hint = f"did you mean {' or '.join(near)}?" if near else f"the {kinds} are: {listed}"
    return Problem(FieldPath(), "KN009", f"no {kind} is named '{name}'", hint=hint)


def no_machine(files: list[str], skipped: Sequence[str]) -> Problem:
    """The problem that there is no machine in files, which names a single one; ``skipped`` is what else they hold."""
    given = f"'{files[0]}'" if len(files) == 1 and files[0] != "-" else "what was given"
    message = f"there is no virtual machine in {given}"
    hint = next((hint for kind, hint in _READ_OTHERWISE.items() if kind in skipped), "give a manifest with one")
    return Problem(FieldPath(), "KN009", message, hint=hint)
