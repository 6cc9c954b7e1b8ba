"""``kvnet bulk``."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain, islice
from pathlib import Path

from kvnet.bulk.duplicates import Duplicate, Records
from kvnet.bulk.inputs import Directory, Ndjson, Source, Unusable
from kvnet.bulk.lines import Tally
from kvnet.bulk.outputs import FileOutput, FolderOutput, Output, StreamOutput
from kvnet.bulk.rendering import Settings
from kvnet.bulk.run import Run, write_report
from kvnet.bulk.scheduler import processes
from kvnet.cli.exit_status import CLEAN, FINDINGS
from kvnet.cli.progress import Progress
from kvnet.cli.report import Report
from kvnet.facts import HostFacts
from kvnet.manifest import load_all, load_cluster, load_facts
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Profile, Target

__all__ = ["run"]

_SHOWN = 20
"""How many duplicates are shown on standard error."""


def run(arguments: Namespace, report: Report) -> int:
    """Render every machine of the input. Returns 1 where one is refused, or two use what only one may."""
    started = time.monotonic()
    jobs = arguments.jobs or len(os.sched_getaffinity(0))
    target = _target(arguments)
    with ExitStack() as opened:
        source = _source(arguments, opened)
        output = opened.enter_context(closing(_output(arguments)))
        files = isinstance(output, FolderOutput)
        planned = Run(
            source=source,
            settings=Settings(target=target, whole=not arguments.devices, files=files),
            executor=partial(processes, jobs) if jobs > 1 else None,
            ahead=2 * jobs + 2,
            output=output,
            records=opened.enter_context(Records(_folder(arguments.output))),
            tally=Tally(),
        )
        _render(planned, arguments.quiet)
        seconds = time.monotonic() - started
        duplicates = planned.duplicates()
        shown = list(islice(duplicates, _SHOWN))
        _report(arguments.report, planned.tally, seconds, chain(shown, duplicates))
    _summarize(planned.tally, shown, report)
    return FINDINGS if planned.tally.refused or planned.tally.duplicates else CLEAN


def _target(arguments: Namespace) -> Target:
    """The target that the options name, with the NADs of an input directory. Raises KvnetError."""
    nads = [nad for file in arguments.nads for nad in load_all(Path(file)).nads]
    if arguments.profile == Profile.HOST and os.path.isdir(arguments.input):
        nads += Directory.of(arguments.input).nads()
    return Target(
        profile=arguments.profile,
        facts=load_facts(Path(arguments.facts)) if arguments.facts else HostFacts(),
        cluster=load_cluster(Path(arguments.cluster)) if arguments.cluster else ClusterConfig(),
        nads=nads,
    )


def _source(arguments: Namespace, opened: ExitStack) -> Source:
    name = arguments.input
    if name == "-":
        return Ndjson(opened.enter_context(open(sys.stdin.fileno(), "rb", closefd=False)), "<stdin>")
    if os.path.isdir(name):
        return Directory.of(name)
    if os.path.exists(arguments.output) and os.path.samefile(name, arguments.output):
        raise Unusable(f"'{name}' is both the input and the output")
    size = os.path.getsize(name) if os.path.isfile(name) else None
    return Ndjson(opened.enter_context(open(name, "rb")), name, size)


def _output(arguments: Namespace) -> Output:
    name = arguments.output
    if name == "-":
        if arguments.resume:
            raise Unusable("a run to standard output cannot be continued: name a file with -o")
        return StreamOutput(sys.stdout.buffer)
    kind = FolderOutput if os.path.isdir(name) or name.endswith("/") else FileOutput
    return kind(name, resume=arguments.resume, force=arguments.force)


def _folder(output: str) -> str | None:
    """Where temporary files go: beside the output, for there is room."""
    if output == "-":
        return None
    return output if os.path.isdir(output) else os.path.dirname(output) or "."


def _render(planned: Run, quiet: bool) -> None:
    with Progress(sys.stderr, planned.source.size, quiet=quiet) as progress, closing(planned.steps()) as steps:
        for step in steps:
            progress.show(step.size, step.machines, is_new=step.is_new)


def _report(name: str | None, tally: Tally, seconds: float, duplicates: Iterator[Duplicate]) -> None:
    """Write the report to a file; without one, count the duplicates."""
    if name is None:
        for _ in duplicates:
            pass
        return
    with open(name, "w", encoding="utf-8") as file:
        write_report(file, tally, seconds, duplicates)


def _summarize(tally: Tally, shown: list[Duplicate], report: Report) -> None:
    if tally.refused:
        report.failure(f"{tally.refused} of {tally.machines} machines were refused")
    for code, (count, example) in sorted(tally.reasons.items()):
        report.failure(f"{code}: {count} of them, for example {example}")
    report.problems(duplicate.problem for duplicate in shown)
    if tally.duplicates > len(shown):
        report.failure(f"and {tally.duplicates - len(shown)} more duplicates: write them all to a file with --report")
