"""``kvnet check``."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence

from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, FINDINGS, status_of
from kvnet.cli.formats import write
from kvnet.cli.report import Report
from kvnet.errors import KvnetError, Problem, Severity
from kvnet.fleet import duplicates, told_of
from kvnet.manifest import FACTS, Reading
from kvnet.target import Target

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Report every problem of every machine, or explain codes; warnings are findings when strict."""
    if arguments.explain:
        from kvnet.cli import explain  # noqa: PLC0415 - what a check does not need

        return explain.run(arguments, report)
    problems: Sequence[Problem]
    try:
        read, target = inputs.read_partly(arguments)
        problems = _by_document([*read.problems, *_found(read, target)])
        if not read.problems and not _is_enough(read, arguments):
            problems.append(inputs.no_machine(arguments.files, read.manifest.skipped))
    except KvnetError as error:
        read, problems = Reading(), error.problems
    if arguments.output == "text":
        report.problems(problems)
        report.remark(_skipped(read.manifest.skipped, has_facts=bool(arguments.facts)))
    else:
        write([problem.as_dict() for problem in problems], arguments.output)
    has_warnings = any(problem.severity is Severity.WARNING for problem in problems)
    return status_of(problems) or (FINDINGS if arguments.strict and has_warnings else CLEAN)


def _by_document(problems: list[Problem]) -> list[Problem]:
    """The problems of one document together; files are in the order in which they are first told of."""
    places = [(each.place.file, each.place.document) if each.place else ("", 0) for each in problems]
    order = {file: n for n, file in enumerate(dict.fromkeys(file for file, _ in places))}
    numbered = sorted(enumerate(places), key=lambda each: (order[each[1][0]], each[1][1]))
    return [problems[n] for n, _ in numbered]


def _found(read: Reading, target: Target) -> Iterator[Problem]:
    """What is found of each machine, and of all of them together; of a flawed one, what its flaws do not explain."""
    yield from read.manifest.repeated
    for machine in read.manifest.machines:
        yield from told_of(machine, target)
    for partial in read.partial:
        yield from filter(partial.stands, told_of(partial.machine, target))
    yield from duplicates([*read.manifest.machines, *(each.machine for each in read.partial)], target)


def _is_enough(read: Reading, arguments: Namespace) -> bool:
    """Whether there is something to check, or need not be: a single file is named for what is in it."""
    manifest, files = read.manifest, arguments.files
    if manifest.objects or manifest.cluster or arguments.allow_no_machine or len(files) > 1:
        return True
    return inputs.is_directory(files[0]) or (files[0] == "-" and bool(manifest.skipped))


def _skipped(kinds: Sequence[str], *, has_facts: bool) -> str:
    """What is said of the documents that were skipped."""
    if not kinds:
        return ""
    counted = ", ".join(f"{kind} ({count})" for kind, count in Counter(kinds).most_common())
    hint = "; give host facts with --facts" if FACTS in kinds and not has_facts else ""
    return f"skipped what is not KubeVirt's: {counted}{hint}"
