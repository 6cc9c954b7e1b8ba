"""Objects with flawed fields: machines are read without these, so that rules can judge the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final

from attrs import frozen

from kvnet.errors import Problem
from kvnet.manifest._kinds import KUBEVIRT, NAD
from kvnet.manifest._problems import MISSING, ODD_KEY, Flaw, Misfit
from kvnet.manifest.document import Document
from kvnet.manifest.objects import object_of
from kvnet.spec import INSTANCETYPE_KINDS, PREFERENCE_KINDS, TEMPLATES, Interface, Machine, Multus, Network
from kvnet.spec.keys import meant
from kvnet.spec.nic import nics_of
from kvnet.target import nad_name

__all__ = ["Name", "PartialMachine", "follows_from_unread", "names_of_unread", "partial_machine", "with_misplaced_keys"]

_Path = tuple[str | int, ...]
Name = tuple[str, str | None, str]
"""The kind of an object, its namespace, if any, and its name."""
_Entry = tuple[str, int]
"""``interfaces`` or ``networks``, and the number of an entry."""
_ROUNDS: Final = 8
"""How often a machine is read again without further fields, before it is given up."""
_MOST_FLAWS: Final = 64
_WHOLE: Final = frozenset({"spec", "template", "virtualMachineTemplate", "domain", "devices", "interfaces", "networks"})
"""Members without which there is no machine to judge."""
_OF_QUEUES: Final = frozenset({"KN920", "KN921", "KN922"})
_OF_SLOTS: Final = frozenset({"KN413", "KN415", "KN416", "KN417"})
_OF_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "name": frozenset({"KN125", "KN127"}),
    "model": _OF_SLOTS | _OF_QUEUES,
    "state": _OF_SLOTS | _OF_QUEUES | {"KN912", "KN913", "KN916", "KN917", "KN919", "KN926"},
}
"""Problems that follow where a member of an interface or network is flawed."""
_OF_CIDRS: Final = frozenset({"KN923", "KN924"})
"""Problems elsewhere that follow where the guest's network is flawed."""
_OF_SEVERAL: Final = frozenset({"KN105", "KN111"})
"""Problems of an interface or network that has several bindings or sources."""
_OF_NETWORKS: Final = frozenset({"KN204"})
"""Problems elsewhere that follow where the source of a network is flawed."""
_OF_RESOURCES: Final = frozenset({"KN209", "KN212", "KN227"}) | _OF_QUEUES
_KINDS: Final[Mapping[str | int, tuple[str, ...]]] = {
    "instancetype": INSTANCETYPE_KINDS,
    "preference": PREFERENCE_KINDS,
}
"""By the member that refers to an object, the kinds that it may have."""
_NAMED: Final = frozenset({NAD, *INSTANCETYPE_KINDS, *PREFERENCE_KINDS})
_NO_REFERRED: Final = "KN210"
_NO_NAD: Final = frozenset({"KN340", "KN914"})
"""The problems that no document has the instancetype, the preference or the NAD that a machine names."""
_OF_CLUSTER: Final = frozenset({"KN100", "KN114", "KN115", "KN118", "KN137", "KN228", "KN928", "KN930"})
"""The problems that depend on what the cluster's KubeVirt object says."""
_NO_MIGRATION: Final = "KN906"
"""Of a machine, and not of its interface, it is about the cluster's default NIC."""
_CLUSTER: Final = (KUBEVIRT, None, "")
_DEFAULT_NAMESPACE: Final = "default"
_VMI: Final = "VirtualMachineInstance"
_OF_OTHERS: Final[Mapping[str | int, frozenset[str]]] = {
    **dict.fromkeys(("cpu", "memory", "resources"), _OF_RESOURCES),
    "autoattachPodInterface": _OF_QUEUES,
}
"""Problems elsewhere that follow where one of these members is flawed; the last one decides on the default NIC."""


@frozen(kw_only=True)
class _Left:
    """What was left out of a machine: the paths, those around them, codes that follow from any, and paths by names."""

    paths: frozenset[_Path]
    around: frozenset[_Path]
    codes: frozenset[str]
    of_names: Mapping[str, Sequence[_Path]]

    def has_related(self, at: _Path) -> bool:
        """Whether a path leads to, into or around what was left out."""
        return at in self.around or any(at[:length] in self.paths for length in range(len(at) + 1))


def _are_related(one: _Path, other: _Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


@frozen(kw_only=True, slots=False)
class PartialMachine:
    """A machine without its flawed fields.

    - ``machine``: what is left, with names that stand for those that are flawed
    - ``left_out``: the paths of what was left out, or stands for something else
    """

    machine: Machine
    left_out: tuple[_Path, ...]

    def stands(self, problem: Problem) -> bool:
        """Whether a problem of the machine does not follow from what was left out."""
        return not self._explains(problem.at.parts, problem.code)

    def _explains(self, at: _Path, code: str) -> bool:
        is_of_several = code in _OF_SEVERAL and self._has_several(at)
        if self._left.has_related(at) and not is_of_several:
            return True
        if code in self._left.codes:
            return True
        other, _ = self._entry(at)
        paths = () if other is None else self._left.of_names.get(self._of(other).name, ())
        return any(not (is_of_several and _are_related(path, at)) for path in paths)

    @cached_property
    def _left(self) -> _Left:
        """What was left out, as it is asked for: there may be as many problems as paths."""
        codes: set[str] = set()
        of_names: dict[str, list[_Path]] = {}
        for path in self.left_out:
            entry, member = self._entry(path)
            if entry is None:
                codes = codes.union(*(_OF_OTHERS.get(step, ()) for step in path))
                continue
            codes |= _OF_MEMBERS.get(member, frozenset()) | (_OF_CIDRS if entry[0] == "networks" else frozenset())
            if not member or (member != "name" and self._is_joined(entry)):
                continue
            codes |= frozenset() if member == "name" else _OF_NETWORKS
            of_names.setdefault(self._of(entry).name, []).append(path)
        around = frozenset(path[:length] for path in self.left_out for length in range(len(path)))
        return _Left(paths=frozenset(self.left_out), around=around, codes=frozenset(codes), of_names=of_names)

    def _has_several(self, at: _Path) -> bool:
        """Whether an interface has several bindings, or a network several sources: leaving out makes none."""
        entry, _ = self._entry(at)
        value = entry and self._of(entry)
        return value is not None and len(value.bindings if isinstance(value, Interface) else value.sources) > 1

    def _is_joined(self, entry: _Entry) -> bool:
        """Whether an interface still has a binding, or a network a source."""
        value = self._of(entry)
        return bool(value.bindings if isinstance(value, Interface) else value.sources)

    def _of(self, entry: _Entry) -> Interface | Network:
        return (self.machine.networks if entry[0] == "networks" else self.machine.interfaces)[entry[1]]

    def _entry(self, path: _Path) -> tuple[_Entry | None, str]:
        """The interface or network that a path leads into, and its member where the path ends with that."""
        root = self.machine.root.parts
        for name, of in (("networks", (*root, "networks")), ("interfaces", (*root, "domain", "devices", "interfaces"))):
            number = path[len(of)] if len(path) > len(of) and path[: len(of)] == of else None
            if isinstance(number, int):
                return (name, number), str(path[-1]) if len(path) == len(of) + 2 else ""
        return None, ""


def names_of_unread(documents: Iterable[Any]) -> frozenset[Name]:
    """What objects in documents with flaws are called that say how machines are judged.

    That is the kind, the namespace, if any, and the name of those to which machines refer, and the kind of the KubeVirt
    object alone.
    """
    return frozenset([name for each in documents for name in _names_of(each)])


def follows_from_unread(problem: Problem, machine: Machine, names: frozenset[Name]) -> bool:
    """Whether a problem of a machine says that no document has, or the cluster does not allow, what these may."""
    return bool(names) and any(name in names for name in _missed(problem, machine))


def _names_of(data: Any) -> Iterator[Name]:
    """What an object is called, if machines are judged by it; one with a wrong name is called nothing."""
    if isinstance(data, Mapping) and data.get("kind") == KUBEVIRT:
        yield _CLUSTER
    metadata = data.get("metadata") if isinstance(data, Mapping) and data.get("kind") in _NAMED else None
    name, namespace = (
        (metadata.get(key) for key in ("name", "namespace")) if isinstance(metadata, Mapping) else ("", "")
    )
    if name and isinstance(name, str) and isinstance(namespace, str | None):
        yield data["kind"], namespace or None, name


def _missed(problem: Problem, machine: Machine) -> Iterator[Name]:
    """What the object may be called that a problem says is in no document, or of which it says what it allows."""
    if problem.code in _OF_CLUSTER or (problem.code == _NO_MIGRATION and problem.at == machine.root):
        yield _CLUSTER
    last = problem.at.parts[-1] if problem.at.parts else ""
    if problem.code == _NO_REFERRED and last in _KINDS:
        matcher = machine.instancetype if last == "instancetype" else machine.preference
        name = matcher.name if matcher is not None else None
        namespaces = (None, machine.namespace or _DEFAULT_NAMESPACE)
        yield from ((kind, namespace, name) for kind in _KINDS[last] for namespace in namespaces if name)
    elif problem.code in _NO_NAD:
        multus = _multus_at(machine, problem.at.parts)
        if multus is not None:
            namespace, name = nad_name(machine, multus)
            yield from ((NAD, each, name) for each in (None, namespace))


def _multus_at(machine: Machine, at: _Path) -> Multus | None:
    """What an interface or a network, or the one that a path leads into, names for Multus."""
    network = next((nic.network for nic in nics_of(machine) if nic.at.parts == at), None)
    root = (*machine.root.parts, "networks")
    if network is None and at[: len(root)] == root and isinstance(at[len(root)], int):
        network = machine.networks[int(at[len(root)])]
    return network.multus if network is not None else None


def partial_machine(document: Document, flaws: Sequence[Flaw]) -> PartialMachine | None:
    """The machine of a document without the fields that have flaws; nothing where too much would be missing."""
    is_bare = isinstance(document.data, Mapping) and "kind" not in document.data
    data: Any = {"spec": document.data} if is_bare else document.data
    left_out: list[_Path] = []
    for _ in range(_ROUNDS):
        paths = [_dispensable(flaw) for flaw in flaws]
        known = [path for path in paths if path is not None]
        if len(known) < len(paths):
            return None
        data = _replaced(data, {path: f"unnamed-{path[-3]}-{path[-2]}" if _is_name(path) else None for path in known})
        left_out += known
        try:
            made = object_of(data["spec"] if is_bare else data, document.origin)
        except Misfit as misfit:
            flaws = misfit.flaws
            continue
        return PartialMachine(machine=made, left_out=tuple(left_out)) if isinstance(made, Machine) else None
    return None


def _dispensable(flaw: Flaw) -> _Path | None:
    """The path of what can be left out for a flaw, or stand for something else; nothing where that cannot be."""
    path = flaw.path
    if flaw.code == MISSING and not _is_name(path):
        path = path[:-1]
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path if path and path[-1] not in _WHOLE else None


def _is_name(path: _Path) -> bool:
    """Whether a path is that of the name of an interface or network."""
    return len(path) > 2 and path[-1] == "name" and path[-3] in ("interfaces", "networks") and isinstance(path[-2], int)


def _replaced(data: Any, names: Mapping[_Path, str | None]) -> Any:
    """A copy of plain data with a name at each path, or without the member there."""
    inner: dict[str | int, dict[_Path, str | None]] = {}
    for path, name in names.items():
        inner.setdefault(path[0], {})[path[1:]] = name
    if isinstance(data, list | tuple):
        return [_replaced(each, inner[n]) if n in inner else each for n, each in enumerate(data)]
    if not isinstance(data, Mapping):
        return data
    ended = {step: each[()] for step, each in inner.items() if () in each}
    kept = {
        key: _replaced(each, inner[key]) if key in inner else each for key, each in data.items() if key not in ended
    }
    return kept | {str(step): name for step, name in ended.items() if name is not None}


def with_misplaced_keys(misfit: Misfit, data: Any) -> Misfit:
    """The flaws of a document; a missing field is told as the key that was meant to be it, or that belongs into it."""
    kind = data.get("kind", "") if isinstance(data, Mapping) else None
    if not isinstance(kind, str) or (kind and kind not in TEMPLATES):
        return misfit
    flaws: list[Flaw] = []
    for flaw in misfit.flaws:
        is_missing = flaw.code == MISSING and all(isinstance(step, str) for step in flaw.path)
        flaws += (is_missing and [*_misplaced(flaw.path, kind, data)]) or [flaw]
    return Misfit(*flaws)


def _misplaced(missing: _Path, kind: str, data: Mapping[str, Any]) -> Iterator[Flaw]:
    """The flaws of keys that were meant to be a missing field, or belong into it: in its object, or around that."""
    spec = data.get("spec")
    if kind == _VMI and isinstance(spec, Mapping) and isinstance(spec.get("template"), Mapping):
        message, hint = f"a {kind} has no template", "write `kind: VirtualMachine`, which has one"
        yield Flaw(code=ODD_KEY, path=("spec", "template"), value="template", message=message, hint=hint)
        return
    holder: Any = data if kind else {"spec": data}
    for depth in range(len(missing)):
        path = missing[:depth]
        for key in islice(holder if isinstance(holder, Mapping) else (), _MOST_FLAWS):
            found = meant(kind, path, key) if isinstance(key, str) else None
            home = path if found is None or found.holder is None else found.holder.parts
            is_inside = depth == len(missing) - 1 and home[: len(missing)] == missing
            if found is not None and ((*home, found.key) == missing or is_inside):
                message = f"KubeVirt has no field '{key}' here"
                yield Flaw(
                    code=ODD_KEY, path=(*path, key), value=key, message=message, hint=found.hint, instead=found.instead
                )
        holder = holder.get(missing[depth]) if isinstance(holder, Mapping) else None
