"""Machine → compiled → domain, as the commands that make XML share it."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from kvnet import domain
from kvnet.cli.inputs import Inputs
from kvnet.cli.report import Report
from kvnet.compile import Compiled, Profile, compile
from kvnet.errors import KvnetError, Problem, Rejected
from kvnet.rules.check import check
from kvnet.spec import Machine
from kvnet.spec.defaults import defaulted

__all__ = ["Rendered", "admitted", "placed", "rendered"]


@frozen(kw_only=True)
class Rendered:
    """One admitted machine, defaulted, and its devices."""

    machine: Machine
    compiled: Compiled
    architecture: str
    name: str

    def domain(self, virt_type: str) -> str:
        """The whole domain document."""
        return domain.build(
            self.machine,
            self.compiled.devices,
            architecture=self.architecture,
            virt_type=virt_type,
            name=self.name,
        )

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems with their places in the machine's text."""
        return placed(self.machine, problems)


def placed(machine: Machine, problems: Iterable[Problem]) -> list[Problem]:
    """Problems with their places in the machine's text, where it has one and they have none yet."""
    origin = machine.origin
    if origin is None:
        return list(problems)
    return [problem if problem.place else problem.placed(origin.place(problem.at)) for problem in problems]


def rendered(inputs: Inputs, profile: Profile, report: Report) -> list[Rendered]:
    """Check and compile every machine. Raises Rejected with all errors of all of them."""
    errors: list[Problem] = []
    made: list[Rendered] = []
    for machine in inputs.machines:
        try:
            made.append(_rendered(machine, inputs, profile, report))
        except KvnetError as error:
            errors += error.problems
    if errors:
        raise Rejected(errors)
    return made


def admitted(machine: Machine, inputs: Inputs, report: Report) -> None:
    """Report what is to be said of a machine. Raises Rejected with what it would be refused for."""
    found = check(machine, inputs.cluster, architecture=_architecture(machine, inputs))
    report.problems(problem for problem in found if not problem.is_error)
    errors = [problem for problem in found if problem.is_error]
    if errors:
        raise Rejected(errors)


def _architecture(machine: Machine, inputs: Inputs) -> str:
    return inputs.facts.architecture or machine.spec.architecture or "amd64"


def _rendered(machine: Machine, inputs: Inputs, profile: Profile, report: Report) -> Rendered:
    architecture = _architecture(machine, inputs)
    admitted(machine, inputs, report)
    compiled = compile(machine, inputs.facts, nads=inputs.nads, cluster=inputs.cluster, profile=profile)
    if compiled.problems:
        raise Rejected(placed(machine, compiled.problems))
    whole = defaulted(machine, inputs.cluster, architecture)
    report.problems(placed(machine, (*compiled.notes, *domain.left_out(whole))))
    name = domain.domain_name(machine, profile)
    return Rendered(machine=whole, compiled=compiled, architecture=architecture, name=name)
