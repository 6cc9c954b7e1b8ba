"""One VM of many: whatever is wrong with it becomes the problems of its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

from attrs import evolve

from kvnet.bulk.rendered import Rendered
from kvnet.bulk.settings import Settings
from kvnet.bulk.uses import uses_of
from kvnet.defaults import with_default_nic
from kvnet.errors import FieldPath, KvnetError, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.manifest import documents, load, load_facts
from kvnet.pipeline import placed, render
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = [
    "NamedText",
    "guarded",
    "identity",
    "read",
    "rendered_machine",
    "rendered_vm",
    "unexpected",
]


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
            target = _target(facts, settings.target)
        except KvnetError as error:
            return _refused(machine, error.problems)
        return rendered_machine(machine, target, whole=settings.whole)

    return guarded(made, own).at(index)


def _target(given: Any, target: Target) -> Target:
    """The target of a machine that may bring facts of its own."""
    if given is None:
        return target
    if isinstance(given, HostFacts):
        return evolve(target, facts=given)
    if isinstance(given, Mapping):
        return evolve(target, facts=load_facts(given))
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


def rendered_machine(machine: Machine, target: Target, *, whole: bool) -> Rendered:
    """Render a machine as ``kvnet.render`` does, and note what it uses."""
    origin = machine.origin
    # to find a place costs more than all the rest: errors get theirs, notes go without
    made = render(evolve(machine, origin=None) if origin is not None else machine, target, whole=whole)
    if made.problems:
        return _refused(machine, placed(machine.origin, made.problems))
    uses = uses_of(with_default_nic(machine, target.cluster), made.compiled, target.facts, target.profile)
    return Rendered(
        index=0,
        namespace=machine.namespace,
        name=machine.name,
        uses=uses,
        notes=made.notes,
        domain=made.document,
        devices=() if whole else tuple(made.devices()),
    )


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
