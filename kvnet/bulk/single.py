"""One VM of many: whatever is wrong with it becomes the problems of its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from io import BytesIO
from typing import Any

from attrs import evolve

from kvnet.bulk.rendered import Rendered
from kvnet.bulk.settings import Settings
from kvnet.bulk.uses import uses_of
from kvnet.compile import compile
from kvnet.domain import build, left_out
from kvnet.domain.naming import domain_name
from kvnet.errors import FieldPath, KvnetError, Place, Problem, Rejected
from kvnet.facts import HostFacts, load_facts
from kvnet.manifest import documents, load
from kvnet.rules.check import check
from kvnet.spec import Machine
from kvnet.spec.defaults import defaulted, with_default_nic

__all__ = [
    "NamedText",
    "Placed",
    "guarded",
    "identity",
    "placed",
    "read",
    "rendered_machine",
    "rendered_vm",
    "unexpected",
]

Placed = Callable[[FieldPath], "Place | None"]
"""Finds the place of a field in the text that a VM was read from."""


class NamedText(BytesIO):
    """A text with the name to call it by in problems."""

    def __init__(self, text: str | bytes, name: str) -> None:
        super().__init__(text.encode() if isinstance(text, str) else text)
        self.name = name


def rendered_vm(vm: Any, settings: Settings, index: int) -> Rendered:
    """Render a VM of any form that ``kvnet.bulk.render`` takes. Never raises an Exception."""
    own, facts = vm if isinstance(vm, tuple) and len(vm) == 2 else (vm, None)

    def made() -> Rendered:
        machine = read(own, f"vms[{index}]")
        try:
            known = _facts(facts, settings)
        except KvnetError as error:
            return _refused(machine, error.problems)
        return rendered_machine(machine, settings, known)

    return guarded(made, own).at(index)


def _facts(given: Any, settings: Settings) -> HostFacts:
    if given is None or isinstance(given, HostFacts):
        return given or settings.facts
    if isinstance(given, Mapping):
        return load_facts(given)
    told = f"facts are HostFacts or a mapping, not {type(given).__name__}"
    raise Rejected([Problem(FieldPath(), "KN700", told, hint="give a pair of a VM and its facts")])


def guarded(made: Callable[[], Rendered], source: Any = None) -> Rendered:
    """What is made, or the problems for which it could not be; bugs of kvnet's own are problems, too."""
    try:
        return made()
    except KvnetError as error:
        problems = error.problems
    except Exception as error:
        problems = (unexpected(error),)
    namespace, name = identity(source)
    return Rendered(index=0, namespace=namespace, name=name, problems=problems)


def unexpected(error: BaseException) -> Problem:
    """An exception that nobody foresaw."""
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Problem(FieldPath(), "KN701", told, hint="report this as a defect of kvnet")


def read(vm: Any, name: str) -> Machine:
    """The machine of a text (never a path), a mapping, or itself. Raises Rejected."""
    if isinstance(vm, Machine):
        return vm
    if isinstance(vm, str | bytes):
        return load(NamedText(vm, name))
    if isinstance(vm, Mapping):
        return load(vm)
    told = f"a VM is a machine, a mapping or a text, not {type(vm).__name__}"
    raise Rejected([Problem(FieldPath(), "KN700", told, hint="give one object for each VM")])


def rendered_machine(machine: Machine, settings: Settings, facts: HostFacts) -> Rendered:
    """Check and compile a machine as ``kvnet render`` does."""
    origin = machine.origin
    # a place costs more than all the rest: problems get theirs, notes go without
    machine = evolve(machine, origin=None) if origin is not None else machine
    architecture = facts.architecture or machine.spec.architecture or "amd64"
    found = check(machine, settings.cluster, architecture=architecture)
    errors = tuple(problem for problem in found if problem.is_error)
    if errors:
        return _refused(machine, placed(errors, origin.place if origin else None))
    compiled = compile(machine, facts, nads=settings.nads, cluster=settings.cluster, profile=settings.profile)
    if compiled.problems:
        return _refused(machine, placed(compiled.problems, origin.place if origin else None))
    uses = uses_of(with_default_nic(machine, settings.cluster), compiled, facts, settings.profile)
    notes = (*found, *compiled.notes)
    result = partial(Rendered, index=0, namespace=machine.namespace, name=machine.name, uses=uses)
    if not settings.whole:
        return result(notes=notes, devices=tuple(compiled.xml()))
    whole = defaulted(machine, settings.cluster, architecture)
    name = domain_name(machine, settings.profile)
    try:
        text = build(whole, compiled.devices, architecture=architecture, name=name)
    except KvnetError as error:
        return _refused(machine, placed(error.problems, origin.place if origin else None))
    return result(notes=(*notes, *left_out(whole)), domain=text)


def placed(problems: Iterable[Problem], place: Placed | None) -> tuple[Problem, ...]:
    """The problems, with places where they have none and there is a text."""
    if place is None:
        return tuple(problems)
    return tuple(problem if problem.place else problem.placed(place(problem.at)) for problem in problems)


def _refused(machine: Machine, problems: Iterable[Problem]) -> Rendered:
    return Rendered(index=0, namespace=machine.namespace, name=machine.name, problems=tuple(problems))


def identity(source: Any) -> tuple[str | None, str | None]:
    """Namespace and name of what may be an object in some form, as far as they can be told."""
    if isinstance(source, Machine):
        return source.namespace, source.name
    if isinstance(source, str | bytes):
        try:
            found = documents(NamedText(source, ""))
        except (KvnetError, ValueError):
            return None, None
        source = found[0].data if found else None
    metadata = source.get("metadata") if isinstance(source, Mapping) else None
    if not isinstance(metadata, Mapping):
        return None, None
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return namespace if isinstance(namespace, str) else None, name if isinstance(name, str) else None
