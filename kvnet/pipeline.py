"""From a machine and its target to the document, in one call: expand, check, defaults, compile, name, document."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from kvnet.compiler import Compiled, compile
from kvnet.domain.build import build, domain_name, left_out
from kvnet.errors import KvnetError, Problem, Rejected, Severity
from kvnet.instancetypes import expand
from kvnet.rules.check import check as judge
from kvnet.rules.check import checked_groups, findings
from kvnet.rules.consequences import without_consequences
from kvnet.spec import Machine, Origin
from kvnet.spec.nic import interfaces_at
from kvnet.target import Profile, Target, checked_target

__all__ = ["Rendered", "check", "placed", "render"]

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
    return _rendered(machine, checked_target(machine, target), whole=whole)


def _rendered(machine: Machine, target: Target, *, whole: bool, groups: frozenset[str] = frozenset()) -> Rendered:
    """What ``render`` gives; problems that rules of some groups find are among its problems and notes, too."""
    rendered = Rendered(machine=machine, target=target, name=domain_name(machine, target.profile))
    expansion = expand(machine, target)
    found = without_consequences(expansion.machine, findings(expansion, target, groups))
    errors = tuple([each for each in found if each.is_error])
    if errors:
        return evolve(rendered, problems=errors, notes=tuple([each for each in found if not each.is_error]))
    machine = expansion.machine
    compiled = compile(machine, target)
    if compiled.problems:
        return evolve(rendered, compiled=compiled, problems=placed(machine.origin, compiled.problems), notes=found)
    noted = without_consequences(machine, (*found, *placed(machine.origin, compiled.notes)))
    if not whole:
        return evolve(rendered, compiled=compiled, notes=noted)
    try:
        document = _document(machine, target, compiled)
    except KvnetError as error:
        return evolve(rendered, compiled=compiled, problems=placed(machine.origin, error.problems), notes=found)
    notes = (*noted, *placed(machine.origin, left_out(machine)))
    return evolve(rendered, compiled=compiled, document=document, notes=notes)


def check(machine: Machine, target: Target | None = None, *, groups: Iterable[str] = ()) -> tuple[Problem, ...]:
    """Give a machine its instancetype, its preference and its default NIC, and judge it.

    First what there is to say of its instancetype and preference, then every cause for which KubeVirt's admission would
    refuse it (these have a ``cause``), then errors for what libvirt would refuse, then warnings and notes. ``groups``
    names groups of rules that are asked too: ``security`` warns of NADs that let a guest forge or see the frames of
    others. For the host profile,
    also everything else for which ``render`` would give no XML, and what a plain host does not carry over. Each problem
    has its place where the machine was read from text. Without a target, the cluster is KubeVirt's stock configuration.
    Of a new VirtualMachine with a binding that KubeVirt removed, nothing else is told, as KubeVirt does. Sources:
    KubeVirt 1.9 (``pkg/network/admitter``), libvirt 9.0.

    >>> import kvnet
    >>> nic = {"name": "red", "bridge": {}, "macAddress": "01:00:00:00:00:01"}
    >>> machine = kvnet.load({"domain": {"devices": {"interfaces": [nic]}}})
    >>> [problem.code for problem in kvnet.check(machine)]
    ['KN127', 'KN410']

    Raises TypeError for arguments of another kind, and ValueError for a group that does not exist.
    """
    target = checked_target(machine, target)
    if target.profile is not Profile.HOST:
        return judge(machine, target, groups=groups)
    made = _rendered(machine, target, whole=True, groups=checked_groups(groups))
    told = tuple([each for each in (*made.problems, *made.notes) if each.severity is not Severity.NOTE])
    return told if made.compiled is not _NOTHING else (*told, *_refused_by_host(machine, target, made.problems))


def _refused_by_host(machine: Machine, target: Target, errors: Iterable[Problem]) -> tuple[Problem, ...]:
    """What compiling a machine for the host tells of NICs without an error, where rules refuse others of it.

    A NIC that has an error already is not told another one, for both may have one reason.
    """
    expansion = expand(machine, target)
    if expansion.refusals:
        return ()
    depth = len(interfaces_at(machine).parts) + 1
    refused = {each.at.parts[:depth] for each in errors}
    compiled = compile(expansion.machine, target)
    told = [each for each in (*compiled.problems, *compiled.notes) if each.severity is not Severity.NOTE]
    return placed(expansion.machine.origin, [each for each in told if each.at.parts[:depth] not in refused])


def _document(machine: Machine, target: Target, compiled: Compiled) -> str:
    return build(machine, target, compiled.devices)


def placed(origin: Origin | None, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems with their places in the text of an object, where there is one and they have none yet."""
    if origin is None:
        return tuple(problems)
    return tuple([each if each.place else each.placed(origin.place(each.at)) for each in problems])
