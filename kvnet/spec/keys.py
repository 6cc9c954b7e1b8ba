"""KubeVirt's keys of the objects around interfaces and networks, and what an unknown key was meant to be.

The classes of ``kvnet.spec`` keep members that they have no field for in ``rest``, and those of the object itself are
in ``Machine.around``. Source: KubeVirt 1.9, ``staging/src/kubevirt.io/api``: ``core/v1/schema.go``,
``core/v1/types.go`` and ``pool/v1beta1/types.go``, with fields that older releases had; ``ObjectMeta`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Final

from attrs import frozen

from kvnet._spelling import near_word, sure_word
from kvnet.errors import FieldPath
from kvnet.spec.machine import TEMPLATES, Machine

__all__ = ["VMI_KEYS", "Meant", "has_odd_keys", "is_domain", "known_keys", "meant", "odd_keys"]

_LONGEST: Final = 64
"""Characters of a key that is compared; KubeVirt's have at most 29."""
_MOST: Final = 64
"""Unknown keys of one machine that are looked at."""
_NEAR: Final = 0.8


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OBJECT = _words("apiVersion kind metadata spec status")
_METADATA = _words(
    "name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp "
    "deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields clusterName initializers"
)
_TEMPLATE = _words("metadata spec")
_VM_SPEC = _words(
    "running runStrategy instancetype preference template dataVolumeTemplates updateVolumesStrategy liveUpdateFeatures"
)
_OUTER: dict[str, dict[tuple[str, ...], frozenset[str]]] = {
    "VirtualMachineInstance": {(): _OBJECT, ("metadata",): _METADATA},
    "VirtualMachine": {
        (): _OBJECT,
        ("metadata",): _METADATA,
        ("spec",): _VM_SPEC,
        ("spec", "template"): _TEMPLATE,
        ("spec", "template", "metadata"): _METADATA,
    },
    "VirtualMachineInstanceReplicaSet": {
        (): _OBJECT,
        ("metadata",): _METADATA,
        ("spec",): _words("replicas selector template paused"),
        ("spec", "template"): _TEMPLATE,
        ("spec", "template", "metadata"): _METADATA,
    },
    "VirtualMachinePool": {
        (): _OBJECT,
        ("metadata",): _METADATA,
        ("spec",): _words(
            "replicas selector virtualMachineTemplate paused nameGeneration maxUnavailable scaleInStrategy "
            "updateStrategy autohealing"
        ),
        ("spec", "virtualMachineTemplate"): _TEMPLATE,
        ("spec", "virtualMachineTemplate", "metadata"): _METADATA,
        ("spec", "virtualMachineTemplate", "spec"): _VM_SPEC,
        ("spec", "virtualMachineTemplate", "spec", "template"): _TEMPLATE,
        ("spec", "virtualMachineTemplate", "spec", "template", "metadata"): _METADATA,
    },
}
"""The keys of what is around the spec of a VMI, by the kind of the object and the path of the mapping."""
_NONE: dict[tuple[str, ...], frozenset[str]] = {(): _OBJECT}
_Tree = tuple[frozenset[str], Mapping[str, Any]]
"""The keys of an object, and the trees of the objects in it."""


def _tree(outer: Mapping[tuple[str, ...], frozenset[str]], path: tuple[str, ...] = ()) -> _Tree:
    inner = {each[-1]: _tree(outer, each) for each in outer if each and each[:-1] == path}
    return outer[path], inner


_AROUND = {kind: _tree(outer) for kind, outer in _OUTER.items()}
_UNKNOWN = _tree(_NONE)

VMI_KEYS: Final = _words(
    "priorityClassName domain nodeSelector affinity schedulerName serviceAccountName tolerations "
    "topologySpreadConstraints evictionStrategy startStrategy terminationGracePeriodSeconds volumes livenessProbe "
    "readinessProbe hostname subdomain networks dnsPolicy dnsConfig accessCredentials architecture resourceClaims "
    "utilityVolumes"
)
"""The keys of a VMI's spec."""
_DOMAIN = _words(
    "resources cpu memory machine firmware clock features devices ioThreadsPolicy ioThreads chassis launchSecurity "
    "rebootPolicy"
)
_DEVICES = _words(
    "useVirtioTransitional disableHotplug disks watchdog interfaces inputs autoattachPodInterface "
    "autoattachGraphicsDevice autoattachSerialConsole logSerialConsole autoattachMemBalloon autoattachInputDevice "
    "autoattachVSOCK rng blockMultiQueue networkInterfaceMultiqueue gpus downwardMetrics panicDevices filesystems "
    "hostDevices clientPassthrough sound tpm video"
)
_CPU = _words(
    "cores sockets maxSockets threads model features dedicatedCpuPlacement numa isolateEmulatorThread realtime"
)
_MEMORY = _words("hugepages guest maxGuest reservedOverhead")
_MACHINE = _words("type")
_FIRMWARE = _words("uuid bootloader serial kernelBoot acpi")
_RESOURCES = _words("requests limits overcommitGuestOverhead")
_SECURITY = _words("sev snp tdx")
_DISK = _words(
    "name bootOrder serial dedicatedIOThread cache io tag blockSize shareable errorPolicy changedBlockTracking disk "
    "lun cdrom floppy"
)
_INNER: dict[tuple[str, ...], frozenset[str]] = {
    (): VMI_KEYS,
    ("domain",): _DOMAIN,
    ("domain", "devices"): _DEVICES,
    ("domain", "cpu"): _CPU,
    ("domain", "memory"): _MEMORY,
    ("domain", "resources"): _RESOURCES,
    ("domain", "firmware"): _FIRMWARE,
    ("domain", "launchSecurity"): _SECURITY,
    ("domain", "machine"): _MACHINE,
    ("domain", "devices", "disks"): _DISK,
}
"""The keys of the spec of a VMI and of the objects in it, by their paths, in the order in which a key is looked for."""
_ANYWHERE = _words("name kind type serial spec status metadata features model guest")
"""Keys that say too little to be looked for in other objects."""


@frozen
class Meant:
    """What an unknown key was meant to be.

    - ``key``: the known key
    - ``holder``: the path of the object that has it, where that is another one
    - ``instead``: the known key, where nothing else can have been meant
    """

    key: str
    holder: FieldPath | None = None
    instead: str = ""

    @property
    def hint(self) -> str:
        """What to write instead."""
        return f"did you mean '{self.key}'?" if self.holder is None else f"'{self.key}' belongs in {self.holder}"


def is_domain(data: Mapping[str, Any]) -> bool:
    """Whether a mapping has a key that tells the domain of a VMI, or an object in it, from other data."""
    return any(key not in _ANYWHERE and (key in _DOMAIN or key in _DEVICES) for key in data)


def has_odd_keys(machine: Machine) -> bool:
    """Whether a machine has a key outside its interfaces and networks that KubeVirt does not know."""
    # every machine is asked: one expression takes a third of the time of going through _holders, 1 % of JSON to XML
    spec = machine.spec
    domain = spec.domain
    cpu, memory, resources = domain.cpu, domain.memory, domain.resources
    firmware, kind, security = domain.firmware, domain.machine, domain.launch_security
    return bool(
        (spec.rest and not spec.rest.keys() <= VMI_KEYS)
        or (domain.rest and not domain.rest.keys() <= _DOMAIN)
        or (domain.devices.rest and not domain.devices.rest.keys() <= _DEVICES)
        or (cpu and cpu.rest and not cpu.rest.keys() <= _CPU)
        or (memory and memory.rest and not memory.rest.keys() <= _MEMORY)
        or (resources and resources.rest and not resources.rest.keys() <= _RESOURCES)
        or (firmware and firmware.rest and not firmware.rest.keys() <= _FIRMWARE)
        or (kind and kind.rest and not kind.rest.keys() <= _MACHINE)
        or (security and security.rest and not security.rest.keys() <= _SECURITY)
        or (domain.devices.disks and not all(disk.rest.keys() <= _DISK for disk in domain.devices.disks))
        or (machine.around and _has_odd(machine.around, _AROUND.get(machine.kind, _UNKNOWN)))
    )


def _has_odd(holder: Mapping[str, Any], tree: _Tree) -> bool:
    known, inner = tree
    if not holder.keys() <= known:
        return True
    for key, branch in inner.items():
        each = holder.get(key)
        if each and (type(each) is dict or isinstance(each, Mapping)) and _has_odd(each, branch):
            return True
    return False


def odd_keys(machine: Machine) -> Iterator[tuple[FieldPath, str, Meant]]:
    """Each key outside interfaces and networks that differs little from a known one: its path, itself, what was meant.

    Keys that resemble none are passed over.
    """
    odd = (
        (path, key)
        for path, rest, known in _holders(machine)
        for key in rest
        if key not in known and isinstance(key, str)
    )
    for path, key in islice(odd, _MOST):
        found = meant(machine.kind, path, key)
        if found is not None:
            yield FieldPath((*path, key)), key, found


def meant(kind: str, path: tuple[str | int, ...], key: str) -> Meant | None:
    """What an unknown key in the mapping at a path of an object was meant to be, or nothing.

    Known keys of the object itself give nothing, too. ``kind`` is a key of ``TEMPLATES``, or empty for a bare VMI spec,
    whose path is ``spec``.

    >>> meant("VirtualMachine", ("spec",), "runstrategy").hint
    "did you mean 'runStrategy'?"
    >>> meant("VirtualMachineInstance", ("spec", "domain"), "interfaces").hint
    "'interfaces' belongs in spec.domain.devices"
    """
    if len(key) > _LONGEST:
        return None
    homes = known_keys(kind if kind in TEMPLATES else "")
    own = homes.get(tuple([part for part in path if isinstance(part, str)]), frozenset())
    if key in own:
        return None
    spelled = _folded(own).get(key.lower()) or _close(key, own)
    if spelled:
        return Meant(spelled, instead=sure_word(key, own))
    others = {holder: known - _ANYWHERE for holder, known in homes.items()}
    elsewhere = (
        *((_folded(known).get(key.lower()), holder) for holder, known in others.items()),
        *((_close(key, _with_initial(key, known)), holder) for holder, known in others.items()),
    )
    return next((Meant(spelled, FieldPath(holder)) for spelled, holder in elsewhere if spelled), None)


_Holder = tuple[tuple[str | int, ...], Mapping[str, Any], frozenset[str]]


def _holders(machine: Machine) -> list[_Holder]:
    """The members that kvnet has no field for: the path of their object, themselves, and the keys that it may have."""
    spec = machine.spec
    domain = spec.domain
    root = (*TEMPLATES.get(machine.kind, ()), "spec")
    found: list[_Holder] = []
    if spec.rest:
        found.append((root, spec.rest, VMI_KEYS))
    if domain.rest:
        found.append(((*root, "domain"), domain.rest, _DOMAIN))
    if domain.devices.rest:
        found.append(((*root, "domain", "devices"), domain.devices.rest, _DEVICES))
    for name, part, known in (
        ("cpu", domain.cpu, _CPU),
        ("memory", domain.memory, _MEMORY),
        ("resources", domain.resources, _RESOURCES),
        ("machine", domain.machine, _MACHINE),
        ("firmware", domain.firmware, _FIRMWARE),
        ("launchSecurity", domain.launch_security, _SECURITY),
    ):
        if part is not None and part.rest:
            found.append(((*root, "domain", name), part.rest, known))
    for n, disk in enumerate(domain.devices.disks):
        if disk.rest:
            found.append(((*root, "domain", "devices", "disks", n), disk.rest, _DISK))
    for path, known in _OUTER.get(machine.kind, _NONE).items() if machine.around else ():
        around: Any = machine.around
        for step in path:
            around = around.get(step) if isinstance(around, Mapping) else None
        if around and isinstance(around, Mapping):
            found.append((path, around, known))
    return found


@lru_cache(64)
def known_keys(kind: str) -> dict[tuple[str, ...], frozenset[str]]:
    """The keys of every mapping in an object of a kind, by its path; of a bare VMI spec for an empty kind."""
    root = (*TEMPLATES.get(kind, ()), "spec")
    inner = {(*root, *path): known for path, known in _INNER.items()}
    return inner | {path: known for path, known in _OUTER.get(kind, _NONE).items() if path not in inner}


@cache
def _folded(known: frozenset[str]) -> dict[str, str]:
    return {each.lower(): each for each in sorted(known)}


def _with_initial(key: str, known: frozenset[str]) -> frozenset[str]:
    """The known keys that begin as a key does; elsewhere, less resemblance is chance."""
    return frozenset([each for each in known if each[:1].lower() == key[:1].lower()])


def _close(key: str, known: frozenset[str]) -> str:
    folded, lower = _folded(known), key.lower()
    close = near_word(lower, folded, cutoff=_NEAR)
    # of two letters that changed places, difflib makes too much in a short key
    swapped = (
        []
        if close or len(key) > _LONGEST
        else [each for each in folded if len(each) > 3 and sorted(each) == sorted(lower)]
    )
    return folded.get(close or next(iter(swapped), ""), "")
