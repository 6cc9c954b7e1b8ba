"""The target: what a machine is checked, compiled, planned and applied against."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.facts import HostFacts
from kvnet.spec import Instancetype, Machine, Nad, Preference
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.wire import BriefRepr
from kvnet.values import release

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_ARCHITECTURE",
    "Profile",
    "Target",
    "architecture_conflict",
    "architecture_of",
    "checked_target",
    "known_architecture",
]

ARCHITECTURES: Final = ("amd64", "arm64", "s390x")
"""Those that KubeVirt runs on."""
DEFAULT_ARCHITECTURE: Final = "amd64"
"""What KubeVirt assumes where nothing names an architecture."""

_NO_FACTS = HostFacts()
_STOCK_CLUSTER = ClusterConfig()


# one function for each type, for mypy reads no generic converters
def _nads(values: Iterable[Nad]) -> tuple[Nad, ...]:
    return tuple(values)


def _instancetypes(values: Iterable[Instancetype]) -> tuple[Instancetype, ...]:
    return tuple(values)


def _preferences(values: Iterable[Preference]) -> tuple[Preference, ...]:
    return tuple(values)


class Profile(StrEnum):
    """Whose XML is wanted."""

    KUBEVIRT = "kubevirt"
    """What KubeVirt itself would hand to libvirt inside the pod."""
    HOST = "host"
    """The equivalent for a plain libvirt host, without pod or cluster."""


@frozen(kw_only=True, slots=False, repr=False)
class Target(BriefRepr):
    """Everything besides the machine that decides what libvirt is given.

    - ``profile``: whose XML is wanted
    - ``facts``: what is known of the host
    - ``cluster``: how the KubeVirt object configures networking
    - ``nads``: the NetworkAttachmentDefinitions that networks may refer to
    - ``instancetypes``, ``preferences``: those that machines may refer to; of several with one kind, name and
      namespace, the last one counts
    - ``virt_type``: the type of whole domains, ``kvm`` or ``qemu``
    - ``architecture``: a Kubernetes name such as ``arm64``, where the facts do not say it
    - ``libvirt_release``: such as ``9.0.0``, where the facts do not say it

    Raises Rejected where the facts contradict ``architecture`` or ``libvirt_release``, or a release cannot be read.

    >>> Target(profile="host", architecture="arm64")
    Target(profile=<Profile.HOST: 'host'>, architecture='arm64')
    """

    profile: Profile = field(default=Profile.KUBEVIRT, converter=Profile)
    facts: HostFacts = _NO_FACTS
    cluster: ClusterConfig = _STOCK_CLUSTER
    nads: tuple[Nad, ...] = field(default=(), converter=_nads)
    instancetypes: tuple[Instancetype, ...] = field(default=(), converter=_instancetypes)
    preferences: tuple[Preference, ...] = field(default=(), converter=_preferences)
    virt_type: str = "kvm"
    architecture: str | None = None
    libvirt_release: str | None = None

    def __attrs_post_init__(self) -> None:
        releases = (self.libvirt_release, self.facts.libvirt_version, self.facts.qemu_version)
        if self.architecture is not None or releases != _NO_RELEASES:
            problems = [*_contradictions(self), *_unreadable_releases(*releases)]
            if problems:
                raise Rejected(problems)


def _contradictions(target: Target) -> Iterable[Problem]:
    pairs = (
        ("architecture", target.architecture, target.facts.architecture),
        ("libvirtVersion", target.libvirt_release, target.facts.libvirt_version),
    )
    for name, said, known in pairs:
        if said is not None and known is not None and said != known:
            message = f"the target says {said}, and the host facts say {known}"
            yield Problem(FieldPath((name,)), "KN023", message, hint="leave one of them out")


_NO_RELEASES = (None, None, None)


def _unreadable_releases(*releases: str | None) -> Iterable[Problem]:
    for name, text in zip(("libvirtVersion", "libvirtVersion", "qemuVersion"), releases, strict=True):
        try:
            if text is not None:
                release(text)
        except (TypeError, ValueError) as reason:
            yield Problem(FieldPath((name,)), "KN022", str(reason), hint="write the release alone")


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
        given = type(machine).__name__
        hint = "take each of manifest.machines" if given == "Manifest" else "read one with kvnet.load"
        raise TypeError(f"a Machine is wanted, not {given}: {hint}")
    if target is None:
        return _DEFAULT
    if not isinstance(target, Target):
        given = type(target).__name__
        raise TypeError(
            f"a Target is wanted after the machine, not {given}: {_INSTEAD.get(given, 'make one with Target(…)')}"
        )
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
