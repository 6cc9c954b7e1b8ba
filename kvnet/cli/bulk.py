"""``kvnet bulk``."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from contextlib import ExitStack, closing
from functools import partial
from io import BufferedReader
from itertools import chain, islice
from typing import NamedTuple, TextIO

from kvnet.bulk.batches import Tally
from kvnet.bulk.files import Role, check_report, check_roles, report_file
from kvnet.bulk.inputs import Directory, Ndjson, Source, Unusable, check_lines
from kvnet.bulk.outputs import FileOutput, FolderOutput, Output, StreamOutput
from kvnet.bulk.run import run as run_bulk
from kvnet.bulk.run import write_report
from kvnet.bulk.settings import Settings, run_digest
from kvnet.bulk.workers import Processes
from kvnet.cli.inputs import common, named_file
from kvnet.cli.output import CLEAN, FINDINGS
from kvnet.cli.report import Report
from kvnet.facts import HostFacts
from kvnet.fleet import Duplicate
from kvnet.manifest import Manifest, load_all, load_cluster_objects, load_facts
from kvnet.manifest.objects import repeated
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Profile, Target

__all__ = ["Amount", "Progress", "line", "run"]

_SHOWN = 20
"""How many duplicates are shown on standard error."""
_MOST_JOBS = 16
"""How many workers are started for each CPU at the most."""
_SECONDS = 0.2
"""The least time between two updates of the line that shows the progress."""


def run(arguments: Namespace, report: Report) -> int:
    """Render every machine of the input. Returns 1 where one is refused, or two use what only one may."""
    started = time.monotonic()
    check_roles(_roles(arguments))
    if arguments.report:
        check_report(arguments.report, force=arguments.force)
    target = _target(arguments, report)
    with ExitStack() as opened:
        source = _source(arguments, opened)
        settings = Settings(
            target=target,
            whole=not arguments.devices,
            files=_is_folder(arguments.output),
            templates=arguments.templates,
        )
        output = opened.enter_context(closing(_output(arguments, run_digest(settings))))
        jobs = _jobs(arguments.jobs, source)
        executor = partial(Processes, jobs) if jobs > 1 else None
        with Progress(sys.stderr, source.size, quiet=bool(arguments.quiet)) as progress:
            run_bulk(source, settings, output, executor, ahead=2 * jobs + 2, show=progress.show)
        seconds = time.monotonic() - started
        duplicates = output.duplicates(jobs)
        shown = list(islice(duplicates, _SHOWN))
        with report_file(arguments.report or os.devnull, fsync=arguments.fsync) as file:
            write_report(file, output.tally, seconds, chain(shown, duplicates))
    _summarize(output.tally, shown, report)
    return FINDINGS if output.tally.refused or output.tally.duplicates else CLEAN


def _target(arguments: Namespace, report: Report) -> Target:
    """The target that the options name, with what machines of an input directory may refer to. Raises KvnetError.

    Objects that are given twice are reported.
    """
    nads = [nad for file in arguments.nads for nad in load_all(named_file(file)).nads]
    found = Directory.of(arguments.input).others() if os.path.isdir(arguments.input) else Manifest()
    of_cluster = Manifest() if arguments.cluster is None else load_cluster_objects(named_file(arguments.cluster))
    report.problems((*repeated((nad, nad.origin) for nad in nads), *found.repeated, *of_cluster.repeated))
    if arguments.profile == Profile.HOST:
        # of several NADs of one name the last one counts, and what an option names counts most
        nads = [*found.nads, *nads]
    instancetypes, preferences = common(arguments)
    return Target(
        profile=arguments.profile,
        facts=HostFacts() if arguments.facts is None else load_facts(named_file(arguments.facts)),
        cluster=ClusterConfig() if of_cluster.cluster is None else of_cluster.cluster.complete,
        nads=nads,
        instancetypes=(*instancetypes, *found.instancetypes, *of_cluster.instancetypes),
        preferences=(*preferences, *found.preferences, *of_cluster.preferences),
    )


def _source(arguments: Namespace, opened: ExitStack) -> Source:
    name = arguments.input
    if name == "-":
        return _lines(opened.enter_context(open(sys.stdin.fileno(), "rb", closefd=False)), "<stdin>")
    if os.path.isdir(name):
        return Directory.of(name)
    size = os.path.getsize(name) if os.path.isfile(name) else None
    return _lines(opened.enter_context(open(name, "rb")), name, size)


def _lines(stream: BufferedReader, name: str, size: int | None = None) -> Ndjson:
    check_lines(stream, name)
    return Ndjson(stream, name, size)


def _jobs(wanted: int | None, source: Source) -> int:
    """How many workers are started: no more than there is work for, as far as that is known."""
    cpus = len(os.sched_getaffinity(0))
    most = _MOST_JOBS * cpus if source.size is None else source.size // source.step + 1
    return min(wanted or cpus, most, _MOST_JOBS * cpus)


def _roles(arguments: Namespace) -> list[Role]:
    """The files that the options name, those that are written first."""
    written = [Role("-o", arguments.output, True), Role("--report", arguments.report, True)]
    read = [Role("-f", arguments.input), Role("--facts", arguments.facts), Role("--cluster", arguments.cluster)]
    return [each for each in (*written, *read, *(Role("--nads", file) for file in arguments.nads)) if each.path]


def _is_folder(name: str) -> bool:
    """Whether an output is a directory, which exists or ends as one."""
    return name != "-" and (os.path.isdir(name) or name.endswith("/"))


def _output(arguments: Namespace, run: str) -> Output:
    name = arguments.output
    if name == "-":
        if arguments.resume:
            raise Unusable("a run to standard output cannot be continued: name a file with -o")
        return StreamOutput(sys.stdout.buffer, run=run)
    kind = FolderOutput if _is_folder(name) else FileOutput
    return kind(name, run=run, resume=arguments.resume, force=arguments.force, fsync=arguments.fsync)


def _summarize(tally: Tally, shown: list[Duplicate], report: Report) -> None:
    if tally.refused:
        report.failure(f"{tally.refused} of {tally.machines} machines were refused")
    for code, (count, example) in sorted(tally.reasons.items()):
        report.failure(f"{code}: {count} of them, for example {example}")
    report.problems(duplicate.problem for duplicate in shown)
    if tally.duplicates > len(shown):
        report.failure(f"and {tally.duplicates - len(shown)} more duplicates: write them all to a file with --report")


class Amount(NamedTuple):
    """How much of the input, and how many machines."""

    size: int
    machines: int


class Progress:
    """Shows count and rate, and the time that is left where the size of the input is known. A context manager."""

    def __init__(self, stream: TextIO, size: int | None, *, quiet: bool = False) -> None:
        self._stream = stream
        self._size = size
        self._is_shown = stream.isatty() and not quiet
        self._started = self._looked = time.monotonic()
        self._old = Amount(0, 0)
        self._new = Amount(0, 0)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def show(self, size: int, count: int, is_new: bool = True) -> None:
        """Note a step: its size, and how many machines. What is not new was done by an earlier run."""
        if not is_new:
            self._old = Amount(size, count)
            return
        self._new = Amount(self._new.size + size, self._new.machines + count)
        now = time.monotonic()
        if not self._is_shown or now - self._looked < _SECONDS:
            return
        self._looked = now
        self._stream.write(f"\r{line(self._old, self._new, now - self._started, self._size)}\033[K")
        self._stream.flush()


def line(old: Amount, new: Amount, seconds: float, size: int | None) -> str:
    """The line for what was done by an earlier run, and in these seconds by this one, of an input of some size."""
    text = f"{old.machines + new.machines:,} machines, {new.machines / seconds:,.0f} a second"
    if not size or not new.size:
        return text
    done = old.size + new.size
    left = round(seconds * max(size - done, 0) / new.size)
    clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}" if left >= 3600 else f"{left // 60}:{left % 60:02}"
    return f"{text}, {min(100 * done // size, 100)} %, {clock} left"
