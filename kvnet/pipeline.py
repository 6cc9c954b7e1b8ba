"""From a machine and its target to the document, in one call: expand, check, defaults, compile, name, document."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from attrs import frozen

from kvnet._html import drawing, table
from kvnet.compiler import Compiled, compile
from kvnet.domain.build import build, domain_name, left_out
from kvnet.errors import KvnetError, Place, Problem, Rejected, Severity
from kvnet.instancetypes import expand
from kvnet.rules.check import findings, without_consequences
from kvnet.spec import Machine, Origin
from kvnet.spec.nic import interfaces_at
from kvnet.target import Target, checked_target

__all__ = ["Rendered", "host_findings", "placed", "render"]

_NOTHING = Compiled(nics=())


@frozen(kw_only=True, slots=False)
class Rendered:
    """What rendering gives for one machine: its document, or the errors for which there is none.

    ``machine`` is the one that was given, ``name`` that of its domain, ``compiled`` its devices. ``document`` is the
    ``<domain>``, ``None`` where there are errors or where it was not wanted. ``problems`` are errors; ``notes`` are
    warnings and notes. Both have their places where the machine was read from text.
    """

    machine: Machine
    target: Target
    name: str
    compiled: Compiled = _NOTHING
    document: str | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    def _repr_html_(self) -> str:
        rows = [(str(each.severity), each.code, each.field, each.message) for each in (*self.problems, *self.notes)]
        told = table(f"Domain {self.name}", ("Severity", "Code", "Field", "Message"), rows)
        return drawing([self.machine, self.target]) + told

    @property
    def is_refused(self) -> bool:
        """Whether there are errors, and therefore no XML."""
        return bool(self.problems)

    def devices(self, *, indent: int | None = None) -> list[str]:
        """The XML of each device. Raises Rejected where the machine is refused."""
        if self.problems:
            raise Rejected(self.problems)
        return self.compiled.xml(indent=indent)

    def domain(self) -> str:
        """The ``<domain>``, made now if it was not wanted before. Raises Rejected where the machine is refused."""
        if self.problems:
            raise Rejected(self.problems)
        return self.document if self.document is not None else _document(self.machine, self.target, self.compiled)


def render(machine: Machine, target: Target | None = None, *, whole: bool = True) -> Rendered:
    """Give a machine its instancetype, its preference and its defaults, check it, compile it, and build its domain.

    Errors are in the result, never raised. ``whole=False`` leaves out the domain's document, for those who want the
    devices alone. ``kvnet render`` and ``kvnet bulk`` print what this gives.

    >>> import kvnet
    >>> spec = "{domain: {devices: {interfaces: [{name: a, bridge: {}}]}}, networks: [{name: a, pod: {}}]}"
    >>> machine = kvnet.loads(spec)
    >>> made = kvnet.render(machine)
    >>> made.name, made.is_refused, [note.code for note in made.notes]
    ('default_vm', False, ['KN906', 'KN321', 'KN310', 'KN312'])
    """
    target = checked_target(machine, target)
    # to give a value other fields takes five times as long as to make it
    rendered = partial(Rendered, machine=machine, target=target, name=domain_name(machine, target.profile))
    expansion = expand(machine, target)
    found = without_consequences(expansion.machine, findings(expansion, target))
    errors = tuple([each for each in found if each.is_error])
    if errors:
        return rendered(problems=errors, notes=tuple([each for each in found if not each.is_error]))
    machine = expansion.machine
    compiled = compile(machine, target)
    if compiled.problems:
        return rendered(compiled=compiled, problems=placed(machine.origin, compiled.problems), notes=found)
    noted = without_consequences(machine, (*found, *placed(machine.origin, compiled.notes)))
    if not whole:
        return rendered(compiled=compiled, notes=noted)
    try:
        document = _document(machine, target, compiled)
    except KvnetError as error:
        return rendered(compiled=compiled, problems=placed(machine.origin, error.problems), notes=found)
    notes = (*noted, *placed(machine.origin, left_out(machine)))
    return rendered(compiled=compiled, document=document, notes=notes)


def host_findings(machine: Machine, target: Target, groups: frozenset[str]) -> tuple[Problem, ...]:
    """What ``check`` finds of a machine for a plain host: what rules find, and what rendering refuses and warns of.

    A NIC that has an error already is not told another one, for both may have one reason.
    """
    expansion = expand(machine, target)
    found = without_consequences(expansion.machine, findings(expansion, target, groups))
    if expansion.refusals:
        return found
    machine, compiled = expansion.machine, compile(expansion.machine, target)
    depth = len(interfaces_at(machine).parts) + 1
    refused = {each.at.parts[:depth] for each in found if each.is_error}
    told = [each for each in (*compiled.problems, *compiled.notes) if each.severity is not Severity.NOTE]
    told = [each for each in told if each.at.parts[:depth] not in refused]
    if not refused and not compiled.problems:
        try:
            _document(machine, target, compiled)
        except KvnetError as error:
            told += error.problems
    return without_consequences(machine, (*found, *placed(machine.origin, told)))


def _document(machine: Machine, target: Target, compiled: Compiled) -> str:
    return build(machine, target, compiled.devices)


def placed(origin: Origin | None, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems with their places in the text of an object, where there is one and they have none yet."""
    if origin is None:
        return tuple(problems)
    return tuple(
        [each if each.place else each.placed(Place.later(partial(origin.place, each.at))) for each in problems]
    )
