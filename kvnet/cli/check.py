"""``kvnet check``."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from attrs import evolve, frozen

import kvnet
from kvnet.checks import told_of
from kvnet.cli import inputs
from kvnet.cli.inputs import Given
from kvnet.cli.output import CLEAN, FAILED, FINDINGS, refuse_inputs, replace, status_of
from kvnet.cli.report import Report
from kvnet.codes.groups import GROUPS, OPTIONAL_GROUPS, group_of
from kvnet.errors import KvnetError, Problem, Rejected, Severity
from kvnet.manifest import FACTS, Reading
from kvnet.manifest.document import read_text
from kvnet.report.baseline import Baseline, gone_note, read_baseline
from kvnet.report.config import Config
from kvnet.report.formats import write
from kvnet.report.selection import ALL, UNAVOIDABLE, Selection
from kvnet.report.suppressions import suppressions
from kvnet.report.text import counted, summary
from kvnet.target import Target

__all__ = ["Checked", "run", "status", "tell"]

_JUDGED = ("syntax", "admission", "libvirt", "advice", *OPTIONAL_GROUPS)
"""The groups that every check looks for. Others depend on facts, on the profile or on the files that are given."""
_OWN = ("KN031", "KN032", "KN034")
"""The codes of what is told about suppressions and baselines themselves."""


def run(arguments: Namespace, report: Report) -> int:
    """Report every problem of every machine, or explain codes; warnings are findings when strict."""
    if arguments.explain:
        from kvnet.cli.reference import explain  # noqa: PLC0415 - what a check does not need

        return explain(arguments, report)
    baseline = _baseline_file(arguments, report.config)
    if arguments.write_baseline and not baseline:
        report.failure("--write-baseline writes the file that --baseline names: give both")
        return FAILED
    if arguments.fix or arguments.diff:
        from kvnet.cli import fix  # noqa: PLC0415 - what most checks do not need

        return fix.run(arguments, report, lambda texts: _checked(baseline, arguments, report, texts))
    if arguments.write_baseline:
        given, found = _looked(arguments, report)
        read = (*arguments.files, *given.files, arguments.facts, arguments.cluster, report.config.file)
        refuse_inputs("--baseline", baseline, read)
        return _write_baseline(baseline, _unsuppressed(found, given, report), report)
    checked = _checked(baseline, arguments, report)
    tell(checked, arguments, report)
    return status(checked, report)


@frozen(kw_only=True)
class Checked:
    """What a check found.

    - ``given``: what was read
    - ``found``: every problem in it
    - ``told``: those that are chosen, and neither suppressed nor in a baseline
    - ``suppressed``: how many are
    """

    given: Given
    found: tuple[Problem, ...]
    told: tuple[Problem, ...]
    suppressed: int = 0


def _checked(
    baseline: str, arguments: Namespace, report: Report, texts: Mapping[str, str | bytes] = MappingProxyType({})
) -> Checked:
    """Check all files, some of them with another text than they have."""
    given, found = _looked(arguments, report, texts)
    unsuppressed = _unsuppressed(found, given, report)
    unknown = _unknown(baseline, unsuppressed, given, report) if baseline else unsuppressed
    suppressed = len(found) - sum(each.code not in _OWN for each in unknown)
    told = inputs.of_machine(arguments.name, report.config.selection.applied(unknown), given)
    return Checked(given=given, found=tuple(found), told=told, suppressed=suppressed)


def status(checked: Checked, report: Report) -> int:
    """The exit status of what is told; warnings are findings when strict."""
    has_warnings = any(problem.severity is Severity.WARNING for problem in checked.told)
    return status_of(checked.told) or (FINDINGS if report.config.strict and has_warnings else CLEAN)


def _looked(
    arguments: Namespace, report: Report, texts: Mapping[str, str | bytes] = MappingProxyType({})
) -> tuple[Given, list[Problem]]:
    """What was read, and everything that is found in it."""
    try:
        given, target = inputs.read_partly(arguments, report, texts)
    except KvnetError as error:
        return Given(), list(error.problems)
    read = given.reading
    groups = report.config.selection.groups
    problems = _in_order([*read.problems, *_found(read, target, groups)])
    if not read.problems and not _is_enough(read, arguments):
        problems.append(inputs.no_machine(arguments.files, read.manifest.skipped))
    return given, problems


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems of a file from its first line to its last; files in the order in which they are first told of."""
    problems = list(problems)
    places = [(each.place.file, each.place.line, each.place.column) if each.place else ("", 0, 0) for each in problems]
    order = {file: n for n, file in enumerate(dict.fromkeys(file for file, *_ in places))}
    numbered = sorted(enumerate(places), key=lambda each: (order[each[1][0]], *each[1][1:]))
    return [problems[n] for n, _ in numbered]


def _found(read: Reading, target: Target, groups: Sequence[str]) -> Iterator[Problem]:
    """What is found of each machine, and of all of them together, as far as flaws of documents do not explain it."""
    yield from read.manifest.repeated
    for machine in read.manifest.machines:
        found = told_of(machine, target, groups=groups)
        yield from (each for each in found if not read.explains(each, machine))
    for partial in read.partial:
        found = told_of(partial.machine, target, groups=groups)
        stand = filter(partial.stands, found)
        yield from (each for each in stand if not read.explains(each, partial.machine))
    machines = [*read.manifest.machines, *(each.machine for each in read.partial)]
    if len(machines) > 1:
        from kvnet.fleet import duplicates  # noqa: PLC0415 - with the compiler, the command takes twice as long to start

        yield from duplicates(machines, target)


def _unsuppressed(found: Sequence[Problem], given: Given, report: Report) -> list[Problem]:
    """What no comment or annotation suppresses, and the comments and annotations that suppress nothing."""
    suppressed = suppressions({file: report.sources[file] for file in given.files if file in report.sources})
    if not suppressed.entries and not suppressed.problems:
        return list(found)
    flawed = {each.place.file for each in given.reading.problems if each.place}
    unused = suppressed.unused(found, lambda name: _is_judged(name, report.config.selection))
    unused = tuple([each for each in unused if each.place and each.place.file not in flawed])
    return _in_order([*suppressed.kept(found), *suppressed.problems, *unused])


def _is_judged(name: str, selection: Selection) -> bool:
    """Whether a suppression of this code, beginning of codes or group is one that this check can call unused."""
    if name == ALL:
        return True
    group = name if name in GROUPS else group_of(name)
    return group in _JUDGED and (group not in OPTIONAL_GROUPS or group in selection.groups)


def _unknown(file: str, problems: Sequence[Problem], given: Given, report: Report) -> list[Problem]:
    """The problems that a baseline does not have, and a note where it has problems that are gone."""
    baseline, named, sources = _known(file), _named_from(file), report.sources
    unknown = list(baseline.kept(problems, sources, named))
    gone = baseline.gone(problems, sources, given.files, named)
    return [*unknown, gone_note(gone, file)] if gone else unknown


def _write_baseline(file: str, problems: Iterable[Problem], report: Report) -> int:
    """Write what would be told to a baseline; what keeps the command from running is told instead."""
    told = report.config.selection.applied(problems)
    unavoidable = [each for each in told if each.code in UNAVOIDABLE]
    if unavoidable:
        report.findings(unavoidable)
        return status_of(unavoidable)
    baseline = Baseline.of(told, report.sources, _named_from(file))
    replace(file, baseline.text().encode())
    report.remark(f"wrote {counted(len(told), 'problem')} to {file}")
    return CLEAN


def _baseline_file(arguments: Namespace, config: Config) -> str:
    """The file that the option names, or the configuration, relative to its folder; empty where neither does."""
    if arguments.baseline:
        return str(arguments.baseline)
    return str(Path(config.file).parent / config.baseline) if config.baseline else ""


def _known(file: str) -> Baseline:
    """The baseline in a file. Raises Rejected where it cannot be read."""
    try:
        text = read_text(Path(file))
    except Rejected as error:
        raise Rejected([evolve(each, hint="write it with --write-baseline") for each in error.problems]) from None
    return read_baseline(text.text, text.file)


def _named_from(file: str) -> Callable[[str], str]:
    """What a baseline calls the files that are checked: their paths from its own folder."""
    folder = os.path.dirname(os.path.abspath(file))

    @cache
    def named(name: str) -> str:
        return Path(os.path.relpath(name, folder)).as_posix() if os.path.exists(name) else name

    return named


def tell(checked: Checked, arguments: Namespace, report: Report) -> None:
    """Write what is told in the format that is asked for, and in text also what was skipped and how many there are."""
    told, given, suppressed = checked.told, checked.given, checked.suppressed
    if arguments.output == "text":
        is_plain = not (arguments.fix or arguments.diff)
        report.findings(told, marks_fixable=is_plain)
        report.remark(_skipped(given.reading.manifest.skipped, has_facts=bool(arguments.facts)))
        if given.files or given.skipped:
            report.remark(summary(told, len(given.files), skipped=given.skipped, suppressed=suppressed))
        return
    text = write(
        report.loud(told),
        arguments.output,
        sources=report.sources,
        files=given.files,
        strict=report.config.strict,
        version=kvnet.__version__ if arguments.output == "sarif" else "",
    )
    sys.stdout.write(text)


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
    kinds_counted = ", ".join(f"{kind} ({count})" for kind, count in Counter(kinds).most_common())
    hint = "; give host facts with --facts" if FACTS in kinds and not has_facts else ""
    return f"skipped what is not KubeVirt's: {kinds_counted}{hint}"
