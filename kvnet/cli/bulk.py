"""``kvnet bulk``."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

from kvnet.bulk.batch import Form, described
from kvnet.bulk.files import nads_in
from kvnet.bulk.outputs import FileOutput, FolderOutput, Output, StreamOutput
from kvnet.bulk.pool import processes
from kvnet.bulk.repeats import Records, Repeat
from kvnet.bulk.run import Run
from kvnet.bulk.settings import Settings
from kvnet.bulk.sources import Directory, Ndjson, Source, Unusable
from kvnet.bulk.tally import Tally
from kvnet.cli.exit_status import CLEAN, FINDINGS
from kvnet.cli.progress import Progress
from kvnet.cli.report import Report
from kvnet.errors import KvnetError, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest import load_all, load_cluster, load_facts
from kvnet.spec import Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Profile, Target

__all__ = ["run"]

_SHOWN = 20
"""How many duplicates are worth a line each on standard error."""


def run(arguments: Namespace, report: Report) -> int:
    """Render every VM of the input. Returns 1 where one was refused, or two use what only one may."""
    started = time.monotonic()
    jobs = arguments.jobs or len(os.sched_getaffinity(0))
    settings = _settings(arguments)
    with (
        _opened(arguments) as stream,
        closing(_output(arguments)) as output,
        Records(_folder(arguments.output)) as records,
    ):
        planned = Run(
            source=_source(arguments.input, stream),
            settings=settings,
            form=Form(devices=arguments.devices, files=isinstance(output, FolderOutput)),
            executor=partial(processes, jobs) if jobs > 1 else None,
            ahead=2 * jobs + 2,
            output=output,
            records=records,
            tally=Tally(),
        )
        _rendered(planned, arguments.quiet)
        seconds = time.monotonic() - started
        repeats = planned.repeats()
        shown = list(islice(repeats, _SHOWN))
        _write_report(arguments.report, planned.tally, seconds, _chained(shown, repeats))
    _summarize(planned.tally, shown, report)
    return FINDINGS if planned.tally.refused or planned.tally.repeats else CLEAN


def _settings(arguments: Namespace) -> Settings:
    """What the files that are named in the options say. Raises KvnetError with the problems of all of them."""
    problems: list[Problem] = []
    facts, cluster = HostFacts(), ClusterConfig()
    nads: list[Nad] = []
    profile = Profile(arguments.profile)
    try:
        facts = load_facts(Path(arguments.facts)) if arguments.facts else facts
        cluster = load_cluster(Path(arguments.cluster)) if arguments.cluster else cluster
        for file in arguments.nads:
            nads += load_all(Path(file)).nads
    except KvnetError as error:
        problems += error.problems
    if problems:
        raise Rejected(problems)
    if profile is Profile.HOST and os.path.isdir(arguments.input):
        nads += nads_in(arguments.input, Directory.of(arguments.input).names)
    target = Target(profile=profile, facts=facts, cluster=cluster, nads=tuple(nads))
    return Settings(target=target, whole=not arguments.devices)


def _opened(arguments: Namespace) -> IO[bytes]:
    """The input's stream; an empty one where it is a directory."""
    name = arguments.input
    if name == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False)
    if os.path.isdir(name):
        return open(os.devnull, "rb")
    if os.path.exists(arguments.output) and os.path.samefile(name, arguments.output):
        raise Unusable(f"'{name}' is both the input and the output")
    return open(name, "rb")


def _source(name: str, stream: IO[bytes]) -> Source:
    if name == "-":
        return Ndjson(stream, "<stdin>")
    if os.path.isdir(name):
        return Directory.of(name)
    return Ndjson(stream, name, os.path.getsize(name) if os.path.isfile(name) else None)


def _output(arguments: Namespace) -> Output:
    name = arguments.output
    if name == "-":
        if arguments.resume:
            raise Unusable("what went to standard output cannot be continued: name a file with -o")
        return StreamOutput(sys.stdout.buffer)
    kind = FolderOutput if os.path.isdir(name) or name.endswith("/") else FileOutput
    return kind(name, resume=arguments.resume, force=arguments.force)


def _folder(output: str) -> str | None:
    """Where there is room: beside the output."""
    if output == "-":
        return None
    return output if os.path.isdir(output) else os.path.dirname(output) or "."


def _rendered(planned: Run, quiet: bool) -> None:
    with Progress(sys.stderr, planned.source.size, quiet=quiet) as progress, closing(planned.progress()) as steps:
        for step in steps:
            progress.show(step.size, step.vms, is_new=step.is_new)


def _chained(shown: list[Repeat], rest: Iterator[Repeat]) -> Iterator[Repeat]:
    yield from shown
    yield from rest


def _write_report(name: str | None, tally: Tally, seconds: float, repeats: Iterator[Repeat]) -> None:
    """Write the report, duplicates one by one: there may be more of them than memory holds."""
    if name is None:
        for _ in repeats:
            pass
        return
    with open(name, "w", encoding="utf-8") as file:
        file.write('{"duplicates": [')
        for n, repeat in enumerate(repeats):
            file.write(("," if n else "") + "\n  " + json.dumps(_plain(repeat)))
        told = tally.plain()
        told["seconds"] = round(seconds, 3)
        told["rate"] = round(tally.vms / seconds, 1) if seconds else None
        file.write("\n],\n" + json.dumps(told, indent=1)[2:] + "\n")


def _plain(repeat: Repeat) -> dict[str, Any]:
    return {"vms": [repeat.first, repeat.again], "index": repeat.index, **described(repeat.problem)}


def _summarize(tally: Tally, shown: list[Repeat], report: Report) -> None:
    if tally.refused:
        report.failure(f"{tally.refused} of {tally.vms} VMs were refused")
    for code, (count, example) in sorted(tally.reasons.items()):
        report.failure(f"{code}, {count} times: for example {example}")
    report.problems(repeat.problem for repeat in shown)
    if tally.repeats > len(shown):
        report.failure(f"and {tally.repeats - len(shown)} more are given twice: see them all with --report")
