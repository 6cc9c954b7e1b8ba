"""The target: what a machine is checked, compiled, planned and applied against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import chain
from typing import Annotated, Any, Final, NoReturn

from attrs import field, frozen

from kvnet._arguments import refusal
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.spec import Instancetype, Machine, Multus, Nad, Preference
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.machine import checked_machine
from kvnet.spec.wire import Architecture, BriefRepr, Parsed, Release
from kvnet.values import ARCHITECTURES, NODE_ARCHITECTURES, is_release

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_ARCHITECTURE",
    "VIRT_TYPES",
    "Profile",
    "Target",
    "VirtType",
    "architecture_conflict",
    "architecture_of",
    "checked_target",
    "known_architecture",
    "nad_name",
    "nad_of",
    "object_names",
    "objects_named",
    "other_nads",
]

DEFAULT_ARCHITECTURE: Final = "amd64"
"""What KubeVirt assumes where nothing names an architecture."""

VIRT_TYPES: Final = ("kvm", "qemu", "hvf", "xen", "bhyve", "test")
"""The types of libvirt's domains that boot a machine of their own, as KubeVirt's do, and that of its test driver."""

_DEFAULT_NAMESPACE = "default"
_NO_FACTS = HostFacts()
_STOCK_CLUSTER = ClusterConfig()


def _virt_type(value: Any) -> str:
    if value not in VIRT_TYPES:
        raise ValueError(f"'{value}' is no type of domains: use one of {', '.join(VIRT_TYPES)}")
    return str(value)


VirtType = Annotated[str, Parsed(_virt_type, f"one of {', '.join(VIRT_TYPES)}")]
"""The type of a whole domain, as in ``<domain type='kvm'>``."""


# one function for each type, for mypy reads no generic converters
def _nads(values: Iterable[Nad]) -> tuple[Nad, ...]:
    return () if values == () else _items("nads", Nad, values)


def _instancetypes(values: Iterable[Instancetype]) -> tuple[Instancetype, ...]:
    return () if values == () else _items("instancetypes", Instancetype, values)


def _preferences(values: Iterable[Preference]) -> tuple[Preference, ...]:
    return () if values == () else _items("preferences", Preference, values)


def _items(name: str, kind: type, values: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        _refuse(name, values)
    items = tuple(values)
    for each in items:
        if not isinstance(each, kind):
            _refuse(name, each)
    return items


class Profile(StrEnum):
    """Whose XML is wanted."""

    KUBEVIRT = "kubevirt"
    """What KubeVirt itself would hand to libvirt inside the pod."""
    HOST = "host"
    """The equivalent for a plain libvirt host, without pod or cluster."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"the profile is 'kubevirt' or 'host', not {value!r}")


def _profile(word: Profile | str) -> Profile:
    return word if word.__class__ is Profile else Profile(word)


@frozen(kw_only=True, slots=False, repr=False)
class Target(BriefRepr):
    """Everything besides the machine that decides what libvirt is given.

    - ``profile``: whose XML is wanted
    - ``facts``: what is known of the host
    - ``cluster``: how the KubeVirt object configures networking
    - ``nads``: the NetworkAttachmentDefinitions that networks may refer to
    - ``instancetypes``, ``preferences``: those that machines may refer to
    - ``virt_type``: the type of whole domains, such as ``kvm`` or ``qemu``
    - ``architecture``: a Kubernetes name such as ``arm64``, where the facts do not say it
    - ``libvirt_release``: such as ``9.0.0``, where the facts do not say it

    Of several NADs, instancetypes or preferences with one kind, name and namespace, the last one counts.

    Raises TypeError for a field of another type, ValueError for a profile or a type of domains that does not exist,
    and Rejected where Kubernetes knows no such architecture, the release is not written like ``9.0.0``, or the facts
    contradict them.

    >>> Target(profile="host", architecture="arm64")
    Target(profile=<Profile.HOST: 'host'>, architecture='arm64')
    """

    profile: Profile = field(default=Profile.KUBEVIRT, converter=_profile)
    facts: HostFacts = _NO_FACTS
    cluster: ClusterConfig = _STOCK_CLUSTER
    nads: tuple[Nad, ...] = field(default=(), converter=_nads)
    instancetypes: tuple[Instancetype, ...] = field(default=(), converter=_instancetypes)
    preferences: tuple[Preference, ...] = field(default=(), converter=_preferences)
    virt_type: VirtType = "kvm"
    architecture: Architecture | None = None
    libvirt_release: Release | None = None

    def __attrs_post_init__(self) -> None:
        facts = self.facts
        if not isinstance(facts, HostFacts):
            _refuse("facts", facts)
        if not isinstance(self.cluster, ClusterConfig):
            _refuse("cluster", self.cluster)
        if self.virt_type not in VIRT_TYPES:
            _refuse("virt_type", self.virt_type)
        names = (self.architecture, facts.architecture, self.libvirt_release, facts.libvirt_version, facts.qemu_version)
        if names != _UNNAMED:
            try:
                problems = _problems_of(*names)
            except TypeError:
                for value, name in zip(names, _NAMES, strict=True):
                    if value is not None and not isinstance(value, str):
                        _refuse(name, value)
                raise
            if problems:
                raise Rejected(problems)

    @cached_property
    def _numbered_nads(self) -> Mapping[tuple[str | None, str], tuple[int, Nad]]:
        """The last NAD of each namespace and name, with its number."""
        return {(nad.namespace or None, nad.name): (n, nad) for n, nad in enumerate(self.nads)}

    @cached_property
    def _nad_namespaces(self) -> Mapping[str, str]:
        """The first namespace that a NAD of each name has."""
        return {nad.name: nad.namespace for nad in reversed(self.nads) if nad.namespace}

    @cached_property
    def _nad_names(self) -> Mapping[str | None, list[str]]:
        """The names of the NADs of each namespace."""
        names: dict[str | None, list[str]] = {}
        for nad in self.nads:
            names.setdefault(nad.namespace, []).append(nad.name)
        return names

    @cached_property
    def _objects(self) -> Mapping[str, list[Instancetype | Preference]]:
        """The instancetypes and preferences of each name."""
        objects: tuple[Instancetype | Preference, ...] = (*self.instancetypes, *self.preferences)
        named: dict[str, list[Instancetype | Preference]] = {}
        for each in objects:
            named.setdefault(each.name, []).append(each)
        return named

    @cached_property
    def _object_names(self) -> Mapping[tuple[str, str], list[str]]:
        """The names of the instancetypes and preferences of each kind and namespace."""
        names: dict[tuple[str, str], list[str]] = {}
        for each in chain.from_iterable(self._objects.values()):
            names.setdefault((each.kind, each.namespace or _DEFAULT_NAMESPACE), []).append(each.name)
        return names


_UNNAMED = (None, None, None, None, None)
_NAMES = ("architecture", "architecture", "libvirt_release", "libvirt_release", "facts")
_WANTED: Mapping[str, tuple[str, str]] = {
    "facts": ("HostFacts", "read them with kvnet.load_facts, or leave them out"),
    "cluster": ("a ClusterConfig", "read it with kvnet.load_cluster, or leave it out"),
    "nads": ("a sequence of Nad", "take manifest.nads of kvnet.load_all"),
    "instancetypes": ("a sequence of Instancetype", "take manifest.instancetypes of kvnet.load_all"),
    "preferences": ("a sequence of Preference", "take manifest.preferences of kvnet.load_all"),
    "virt_type": ("a text", f"write one of {', '.join(VIRT_TYPES)}"),
    "architecture": ("a text", f"write one of {', '.join(ARCHITECTURES)}"),
    "libvirt_release": ("a text", "write it like '9.0.0'"),
}


def _refuse(name: str, value: object) -> NoReturn:
    """Raise TypeError for a field of another type, or ValueError for the type of a domain that does not exist."""
    if name == "virt_type" and isinstance(value, str):
        _virt_type(value)
    wanted, hint = _WANTED[name]
    raise TypeError(f"Target({name}=…) is {wanted}, not {type(value).__name__}: {hint}")


@lru_cache(maxsize=64)
def _problems_of(
    architecture: str | None,
    known_architecture: str | None,
    libvirt: str | None,
    known_libvirt: str | None,
    qemu: str | None,
) -> tuple[Problem, ...]:
    """What is wrong with the names that a target and its facts give. The targets of a fleet give the same few.

    Raises TypeError for what is not text.
    """
    names = (architecture, known_architecture, libvirt, known_libvirt, qemu)
    if not all(isinstance(each, str | None) for each in names):
        raise TypeError
    at = FieldPath(("architecture",))
    hint = f"use one of {', '.join(ARCHITECTURES)}"
    problems = [
        Problem(at, "KN604", f"'{each}' names no architecture in Kubernetes", hint=hint)
        for each in dict.fromkeys((architecture, known_architecture))
        if each is not None and each not in NODE_ARCHITECTURES
    ]
    problems += _contradiction(at, architecture, known_architecture)
    at = FieldPath(("libvirtVersion",))
    problems += [
        Problem(at, "KN025", f"'{each}' is no release of libvirt", hint="write it like 9.0.0")
        for each in dict.fromkeys((libvirt, known_libvirt))
        if each is not None and not is_release(each)
    ]
    if qemu is not None and not is_release(qemu):
        message = f"'{qemu}' is no release of QEMU"
        problems.append(Problem(FieldPath(("qemuVersion",)), "KN025", message, hint="write it like 8.0.0"))
    return (*problems, *_contradiction(at, libvirt, known_libvirt))


def _contradiction(at: FieldPath, said: str | None, known: str | None) -> Iterable[Problem]:
    if said is not None and known is not None and said != known:
        message = f"the target says {said}, and the host facts say {known}"
        yield Problem(at, "KN023", message, hint="leave one of them out")


_DEFAULT = Target()
_INSTEAD = {
    "ClusterConfig": "write Target(cluster=…)",
    "HostFacts": "write Target(facts=…)",
    "Manifest": "write manifest.target(…)",
    "Profile": "write Target(profile=…)",
    "str": "write Target(profile=…)",
    "dict": "write Target(facts=load_facts(…))",
    "Nad": "write Target(nads=…)",
    "Instancetype": "write Target(instancetypes=…)",
    "Preference": "write Target(preferences=…)",
    "list": "write Target(nads=…)",
    "tuple": "write Target(nads=…)",
}


def checked_target(machine: object, target: object) -> Target:
    """The target, or the stock one for ``None``.

    Raises TypeError where the machine is not a Machine or the target not a Target, and says what to write instead.
    """
    if not isinstance(machine, Machine):
        checked_machine(machine)
    if target is None:
        return _DEFAULT
    if not isinstance(target, Target):
        raise refusal(target, "a Target", "make one with Target(…)", _INSTEAD)
    return target


def architecture_of(machine: Machine, target: Target) -> str:
    """The architecture that a machine is checked, compiled and built for.

    The machine's own ``spec.architecture`` decides, else the target's, else that of the host facts, else amd64. Where
    the machine and the target disagree, ``architecture_conflict`` is a problem of the machine.
    """
    return known_architecture(machine, target) or DEFAULT_ARCHITECTURE


def known_architecture(machine: Machine, target: Target) -> str | None:
    """The architecture that the machine, the target or the facts name; ``None`` where nobody names one."""
    return machine.spec.architecture or target.architecture or target.facts.architecture


def architecture_conflict(machine: Machine, target: Target) -> Problem | None:
    """The error for a machine whose architecture is not that of the target, or nothing."""
    asked = machine.spec.architecture
    if not asked:
        return None
    known = target.architecture or target.facts.architecture
    if known is None or asked == known:
        return None
    message = f"the machine is for {asked}, and its host is {known}"
    hint = f"choose a host of that architecture, or write `architecture: {known}`"
    return Problem(machine.root / "architecture", "KN306", message, hint=hint)


def nad_name(machine: Machine, multus: Multus) -> tuple[str, str]:
    """The namespace and the name of the NAD of a machine's network; without a namespace it is in the machine's."""
    first, slash, second = multus.network_name.partition("/")
    return (first, second) if slash else (machine.namespace or _DEFAULT_NAMESPACE, first)


def nad_of(machine: Machine, target: Target, multus: Multus) -> Nad | None:
    """The NAD that a machine's network names, where the target has it; of several, the last.

    A NAD without a namespace is in that of the machine.
    """
    namespace, name = nad_name(machine, multus)
    known = target._numbered_nads
    found = [known.get((namespace, name))]
    if namespace == (machine.namespace or _DEFAULT_NAMESPACE):
        found.append(known.get((None, name)))
    return max((each for each in found if each is not None), default=(0, None), key=lambda each: each[0])[1]


def other_nads(target: Target, namespace: str, name: str) -> tuple[str, Iterator[str]]:
    """Another namespace that has a NAD of a name, or nothing, and the names of the NADs that count in a namespace."""
    names = target._nad_names
    return target._nad_namespaces.get(name, ""), chain(names.get(namespace, ()), names.get(None, ()))


def objects_named(target: Target, name: str) -> Sequence[Instancetype | Preference]:
    """The instancetypes and preferences of a name, in their order."""
    return target._objects.get(name, ())


def object_names(target: Target, kind: str, namespace: str) -> Sequence[str]:
    """The names of the instancetypes or preferences of a kind and a namespace, in their order."""
    return target._object_names.get((kind, namespace), ())
