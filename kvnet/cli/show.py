"""``kvnet show``."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, FINDINGS
from kvnet.cli.report import Report
from kvnet.pictures import FORMATS, Picture, Row, picture
from kvnet.pictures.devices import picture_of_domain

if TYPE_CHECKING:
    from kvnet.hotplug import DomainPlan, LiveDomain

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Draw the machines of manifests, domains, and machines that are up."""
    pictures = [*_of_domains(arguments), *_of_running(arguments), *_of_machines(arguments, report)]
    is_shown = arguments.output == "text" and sys.stdout.isatty()
    options = {"columns": shutil.get_terminal_size().columns} if is_shown else {}
    sys.stdout.write(FORMATS[arguments.output](*pictures, **options))
    told = [problem for each in pictures for row in each.rows for problem in (*row.problems, *each.problems)]
    return FINDINGS if any(problem.is_error for problem in told) else CLEAN


def _of_domains(arguments: Namespace) -> Iterator[Picture]:
    for name in arguments.domains:
        text = inputs.domain_text(name)
        yield picture_of_domain(text.text, file=text.file)


def _of_running(arguments: Namespace) -> Iterator[Picture]:
    """The domain of each machine that is up, as it runs, and the machine with what its pod has."""
    if not arguments.up:
        return
    from kvnet.cli.node import state_of  # noqa: PLC0415 - an extra
    from kvnet.node.running import known_names, running_machines, target_of  # noqa: PLC0415

    state = state_of(arguments)
    names = known_names(arguments.up, state=state)
    for running in (each for each in running_machines(state=state) if each.name in names):
        if running.domain is not None:
            yield _titled(running.domain.xml, "running")
        drawn = picture(running.machine, target_of(running, state=state))
        rows = tuple(_with_addresses(row, running.pod.addresses) for row in drawn.rows)
        yield evolve(drawn, title=f"{running.name}, in its pod", rows=rows)


def _with_addresses(row: Row, addresses: Mapping[str, Iterable[object]]) -> Row:
    """A NIC of a machine that is up, with the addresses that CNI gave to the link in its pod."""
    boxes = tuple(
        evolve(box, facts=(*box.facts, *map(str, addresses.get(box.name, ())))) if box.kind == "pod link" else box
        for box in row.boxes
    )
    return evolve(row, boxes=boxes)


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
