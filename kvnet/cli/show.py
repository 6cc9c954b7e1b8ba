"""``kvnet show``."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, FINDINGS
from kvnet.cli.report import Report
from kvnet.pictures import FORMATS, Picture, picture
from kvnet.pictures.devices import picture_of_domain

if TYPE_CHECKING:
    from kvnet.hotplug import DomainPlan, LiveDomain

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Draw the machines of manifests, and domains."""
    pictures = [*_of_domains(arguments), *_of_machines(arguments, report)]
    is_shown = arguments.output == "text" and sys.stdout.isatty()
    options = {"columns": shutil.get_terminal_size().columns} if is_shown else {}
    sys.stdout.write(FORMATS[arguments.output](*pictures, **options))
    told = [problem for each in pictures for row in each.rows for problem in (*row.problems, *each.problems)]
    return FINDINGS if any(problem.is_error for problem in told) else CLEAN


def _of_domains(arguments: Namespace) -> Iterator[Picture]:
    for name in arguments.domains:
        text = inputs.domain_text(name)
        yield picture_of_domain(text.text, file=text.file)


def _of_machines(arguments: Namespace, report: Report) -> Iterator[Picture]:
    if not arguments.files:
        return
    machines, target = inputs.read(arguments, report)
    if arguments.connect is None:
        yield from (picture(machine, target) for machine in machines)
        return
    from kvnet import live  # noqa: PLC0415 - an extra

    with live.connect(arguments.connect) as connection:
        target = live.with_releases(target, connection)
        for machine in machines:
            planned = live.plan(machine, connection, target)
            yield _of_live_domain(planned)
            yield _after(planned) if arguments.beside == "plan" else picture(machine, target)


def _of_live_domain(planned: DomainPlan) -> Picture:
    """The domain as it runs, or where it does not, as it starts next."""
    live, persistent = planned.state.live, planned.state.persistent
    return _titled(live or persistent, "running" if live else "next start")


def _after(planned: DomainPlan) -> Picture:
    """The same domain after the steps of the plan, with the problems that they leave."""
    from kvnet.hotplug import preview  # noqa: PLC0415 - takes lxml

    live, persistent = planned.state.live, planned.state.persistent
    domain = live or persistent
    after = domain and preview(domain, planned.part(live=live is not None))
    return evolve(_titled(after, "after the plan"), problems=planned.problems)


def _titled(domain: LiveDomain | str | None, when: str) -> Picture:
    drawn = picture_of_domain(domain if isinstance(domain, str) else domain.data if domain else "<domain/>")
    return evolve(drawn, title=f"{drawn.title}, {when}")
