"""Build the whole ``<domain>`` of a machine: its NICs and what it takes to boot, but no disks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha1
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from kvnet._arguments import checked, checked_items
from kvnet.compiler import compile
from kvnet.defaults import Topology, counted_cpus, defaulted, has_cpu_hotplug, topology, vcpus
from kvnet.device import Device, PciGuestAddress, read_device
from kvnet.domain.edit import Style, laid_out
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.instancetypes import expand
from kvnet.root_complex import ROOT_SLOTS, is_on_root_complex
from kvnet.spec import Cpu, Machine, Resources
from kvnet.target import Profile, Target, architecture_conflict, architecture_of, checked_target
from kvnet.values import quantity_ceil, quantity_text
from kvnet.xml import escape, write
from kvnet.xml.types import Text
from kvnet.xml.writing import to_text

__all__ = ["build", "derived_uuid", "domain_name", "domain_uuid", "left_out"]

_TEXT = Text()
_NAMELESS = "vm"
_DEFAULT_MEMORY = "1Gi"
_KIB = 1024
_INDENT = "    "
_NICS = FieldPath(("nics",))
# Version 1 of the rule that gives a machine its UUID; another rule would take another namespace
_UUID_NAMESPACE = UUID("8b0f6c1e-3f0e-5d0c-9a55-0b1f0b7a2d11").bytes
_APIC_VCPUS = 255
"""The most vCPUs that an x86 guest can have without extended APIC ids."""
_MOST_VCPUS = 2**32 - 1
"""KubeVirt and libvirt count vCPUs in 32 bits."""
_MOST_BYTES = 2**63 - 1
"""Kubernetes holds quantities in 64 bits with a sign."""


@frozen
class _Platform:
    arch: str
    machine: str
    features: tuple[str, ...]


_PLATFORMS = {
    "amd64": _Platform("x86_64", "q35", ("acpi", "apic")),
    "arm64": _Platform("aarch64", "virt", ("gic",)),
    "s390x": _Platform("s390x", "s390-ccw-virtio", ()),
}


def build(
    machine: Machine,
    target: Target | None = None,
    devices: Sequence[Device | str] | None = None,
    *,
    name: str | None = None,
    uuid: UUID | None = None,
) -> str:
    """Build the domain document of a machine, enough to boot but without disks.

    ``devices`` are those that ``compile`` makes, unless others are given as values or as XML; XML is indented anew.
    ``name`` is ``domain_name`` and ``uuid`` is ``domain_uuid``, unless others are given. Memory is ``memory.guest``,
    else the memory request, else the limit, else 1 GiB. vCPUs follow KubeVirt's topology, with the sockets that may be
    plugged in later.

    Returns the document that ``render`` has for the same machine and target.

    Raises Rejected where the machine cannot be compiled or libvirt could not define it, XmlError where the XML of a
    device is not one NIC, and TypeError for arguments of another kind.
    """
    target = checked_target(machine, target)
    if machine.refers:
        expansion = expand(machine, target)
        if expansion.refusals:
            raise Rejected(expansion.refusals)
        machine = expansion.machine
    name = domain_name(machine, target.profile) if name is None else checked(name, str, "a name as text", _NAME_HINT)
    size = _size(machine, target)
    frame = None if size is None else _FRAMES.get(size)
    if frame is None or machine.spec.domain.firmware or not _PLAIN_NAME.fullmatch(name):
        problems = [*_problems(machine, target, name)]
        if problems:
            raise Rejected(problems)
        frame = _frame(defaulted(machine, target), target)
        if size is not None and len(_FRAMES) < _MOST_FRAMES:
            _FRAMES[size] = frame
    if devices is None:
        devices = compile(machine, target).devices
    else:
        devices = checked_items(
            devices, "a list of devices", "take compiled.devices, or leave them out", _DEVICES_HINTS
        )
    nics = "".join([_nic(device, n) for n, device in enumerate(devices)])
    if is_on_root_complex(machine, target):
        nics += _on_root_bus(machine, target, devices)
    uuid = domain_uuid(machine) if uuid is None else checked(uuid, UUID, "a uuid.UUID", "write uuid=UUID('…')")
    return frame % (escape(name), uuid, nics)


_NAME_HINT = "write one, or leave it out"
_DEVICES_HINTS = {
    "str": "write [xml] for one NIC",
    "Interface": "write [device]",
    "Hostdev": "write [device]",
    "Rendered": "take rendered.compiled.devices",
}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_FRAMES: dict[tuple[Any, ...], str] = {}
"""Frames by the size of their machines. Without it, ``build`` takes 2.3 times as long for a machine of known size."""

_MOST_FRAMES = 1024


def _size(machine: Machine, target: Target) -> tuple[Any, ...] | None:
    """Everything that a frame, and the problems of building it, depend on beside name and firmware.

    ``None`` where a quantity is a number that Python does not print.
    """
    domain = machine.spec.domain
    cpu, resources = domain.cpu, domain.resources
    try:
        return (
            machine.spec.architecture,
            target.architecture,
            target.facts.architecture,
            target.virt_type,
            target.cluster,
            domain.machine and domain.machine.type,
            domain.memory and str(domain.memory.guest),
            cpu and (cpu.cores, cpu.sockets, cpu.threads, cpu.max_sockets, cpu.dedicated_cpu_placement),
            *(_sizes(resources.requests, resources.limits) if resources else ()),
        )
    except ValueError:
        return None


def _sizes(*quantities: Mapping[str, Any]) -> list[str]:
    return [str(each.get(name)) for each in quantities for name in ("cpu", "memory")]


def _frame(machine: Machine, target: Target) -> str:
    """The document of a machine with its defaults, for ``%`` to put name, UUID and NICs in."""
    architecture = architecture_of(machine, target)
    platform, now = _PLATFORMS[architecture], topology(machine)
    most = _most_topology(machine, architecture)
    count, current = vcpus(most), "" if vcpus(most) == vcpus(now) else f" current='{vcpus(now)}'"
    machine_type = _machine_type(machine) or platform.machine
    is_extended = architecture == "amd64" and "q35" in machine_type and count > _APIC_VCPUS
    features = (*platform.features, _SPLIT_IOAPIC) if is_extended else platform.features
    lines = [
        f"<domain type='{target.virt_type}'>",
        "  <name>%s</name>",
        "  <uuid>%s</uuid>",
        f"  <memory unit='KiB'>{_memory_kib(machine)}</memory>",
        f"  <vcpu placement='static'{current}>{count}</vcpu>",
        "  <os>",
        f"    <type arch='{platform.arch}' machine='{escape(machine_type).replace('%', '%%')}'>hvm</type>",
        "  </os>",
        *(["  <features>", *(f"    <{each}/>" for each in features), "  </features>"] if features else ()),
        "  <cpu>",
        f"    <topology sockets='{most.sockets}' cores='{most.cores}' threads='{most.threads}'/>",
        "  </cpu>",
        "  <devices>%s",
        *(_IOMMU if is_extended else ()),
        "    <serial type='pty'/>",
        "    <console type='pty'/>",
        "  </devices>",
        "</domain>\n",
    ]
    return "\n".join(lines)


# Extended interrupt mode. libvirt adds it by itself from 11.0 on, and refuses such a domain before. QEMU wants the
# caching mode for the virtual functions of SR-IOV.
_SPLIT_IOAPIC = "ioapic driver='qemu'"
_IOMMU = (
    "    <iommu model='intel'>",
    "      <driver intremap='on' caching_mode='on' eim='on'/>",
    "    </iommu>",
)


def domain_name(machine: Machine, profile: Profile | str = Profile.KUBEVIRT) -> str:
    """The name of a machine's domain: ``namespace_name`` as in KubeVirt, or the plain name in the host profile.

    A machine without a name is ``vm``, one without a namespace is in ``default``.
    """
    name = machine.name or _NAMELESS
    return f"{machine.namespace or 'default'}_{name}" if Profile(profile) is Profile.KUBEVIRT else name


def domain_uuid(machine: Machine) -> UUID:
    """The UUID of a machine's domain: ``firmware.uuid``, else one derived from namespace and name.

    Raises Rejected where ``firmware.uuid`` is no UUID, and where namespace and name are not of characters.
    """
    given = _given_uuid(machine)
    if given is not None:
        return given
    try:
        return UUID(derived_uuid(machine.namespace or "default", machine.name or _NAMELESS))
    except UnicodeEncodeError:
        message = "the namespace or the name has half of a surrogate pair, which is not a character"
        at = FieldPath(("metadata",))
        raise Rejected([Problem(at, "KN602", message, hint="use letters, no / and no line break")]) from None


def derived_uuid(namespace: str, name: str) -> str:
    """The UUID of the domain of a machine whose firmware has none: version 5 of RFC 9562. Raises UnicodeEncodeError.

    >>> from uuid import uuid5
    >>> derived_uuid("default", "vm") == str(uuid5(UUID("8b0f6c1e-3f0e-5d0c-9a55-0b1f0b7a2d11"), "default/vm"))
    True
    """
    # for a domain of a fleet, uuid.uuid5 takes a fifth of all time
    digits = sha1(_UUID_NAMESPACE + f"{namespace}/{name}".encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


_LEFT_OUT = {"disks": "disks", "filesystems": "filesystems", "gpus": "GPUs", "hostDevices": "host devices"}


def left_out(machine: Machine) -> tuple[Problem, ...]:
    """A note (``KN601``) for each part of the spec that the domain does not have, because it is not network."""
    at = machine.root / "domain" / "devices"
    devices = machine.spec.domain.devices
    given = {key for key, value in devices.rest.items() if value} | ({"disks"} if devices.disks else set())
    parts = [(at / key, what) for key, what in _LEFT_OUT.items() if key in given]
    if machine.spec.rest.get("volumes"):
        parts.append((machine.root / "volumes", "volumes"))
    note = partial(Problem, code="KN601", hint="add them with a tool for disks", severity=Severity.NOTE)
    return tuple(note(at, message=f"the domain is built without its {what}") for at, what in parts)


def _problems(machine: Machine, target: Target, name: str) -> Iterator[Problem]:
    """Why libvirt could not define the machine's domain."""
    conflict, architecture = architecture_conflict(machine, target), architecture_of(machine, target)
    if conflict:
        yield conflict
    elif architecture not in _PLATFORMS:
        message, hint = f"'{architecture}' is no architecture of KubeVirt", f"use one of {', '.join(_PLATFORMS)}"
        yield Problem(machine.root / "architecture", "KN604", message, hint=hint)
    try:
        _check_name(name)
    except ValueError as error:
        yield Problem(FieldPath(("metadata", "name")), "KN602", str(error), hint="use letters, no / and no line break")
    try:
        _TEXT.check(_machine_type(machine))
    except ValueError as error:
        at = machine.root / "domain" / "machine" / "type"
        yield Problem(at, "KN602", str(error), hint="use printable characters")
    yield from _uuid_problems(machine)
    yield from _vcpu_problems(machine, target)
    yield from _memory_problems(machine)


def _vcpu_problems(machine: Machine, target: Target) -> Iterator[Problem]:
    resources = machine.spec.domain.resources or Resources()
    try:
        for source, quantities in (("limits", resources.limits), ("requests", resources.requests)):
            counted_cpus(machine, source, quantities.get("cpu", 0), _sockets)
        whole = defaulted(machine, target)
    except Rejected as uncountable:
        yield from uncountable.problems
        return
    count = vcpus(_most_topology(whole, architecture_of(machine, target)))
    if not 0 < count <= _MOST_VCPUS:
        message = f"{count} vCPUs, with the sockets to plug in, are not between 1 and {_MOST_VCPUS}"
        yield Problem(machine.root / "domain" / "cpu", "KN603", message, hint="lower sockets, cores or threads")


def _sockets(quantity: str) -> int:
    sockets = quantity_ceil(quantity)
    if not 0 <= sockets <= _MOST_VCPUS:
        raise ValueError(f"'{quantity}' is not a number of CPUs from 0 to {_MOST_VCPUS}")
    return sockets


def _uuid_problems(machine: Machine) -> Iterator[Problem]:
    try:
        _given_uuid(machine)
    except Rejected as refused:
        yield from refused.problems


def _given_uuid(machine: Machine) -> UUID | None:
    """The ``uuid`` of the machine's firmware. Raises Rejected where it is none."""
    firmware = machine.spec.domain.firmware
    if firmware is None or not firmware.uuid:
        return None
    try:
        return UUID(firmware.uuid)
    except ValueError:
        at, message = machine.root / "domain" / "firmware" / "uuid", f"'{firmware.uuid}' is not a UUID"
        hint = "write 32 hexadecimal digits in groups, or leave it out"
        raise Rejected([Problem(at, "KN605", message, hint=hint)]) from None


def _memory_problems(machine: Machine) -> Iterator[Problem]:
    try:
        _memory_kib(machine)
    except ValueError as error:
        at = FieldPath((*machine.root.parts, "domain", *_memory(machine)[0]))
        yield Problem(at, "KN606", str(error), hint="write 512Mi, or 2Gi")


def _check_name(name: str) -> None:
    _TEXT.check(name)
    if "/" in name or "\n" in name or not name.strip():
        raise ValueError(f"{name!r} cannot name a domain")


def _memory(machine: Machine) -> tuple[tuple[str, ...], str]:
    """The field of a domain that says its memory, and the quantity there."""
    domain = machine.spec.domain
    resources = domain.resources or Resources()
    sources = {
        ("memory", "guest"): domain.memory and domain.memory.guest,
        ("resources", "requests", "memory"): resources.requests.get("memory"),
        ("resources", "limits", "memory"): resources.limits.get("memory"),
    }
    found = next(((path, each) for path, each in sources.items() if each is not None), None)
    path, quantity = found or (("memory", "guest"), _DEFAULT_MEMORY)
    return path, quantity_text(quantity)


def _memory_kib(machine: Machine) -> int:
    """The guest's memory in KiB, rounded up. Raises ValueError with a reason."""
    quantity = _memory(machine)[1]
    size = quantity_ceil(quantity)
    if size <= 0:
        raise ValueError("the machine has no memory")
    if size > _MOST_BYTES:
        raise ValueError(f"'{quantity}' is too large: a Kubernetes quantity is at most {_MOST_BYTES}")
    return -(-size // _KIB)


def _machine_type(machine: Machine) -> str:
    kind = machine.spec.domain.machine
    return (kind.type if kind else None) or ""


def _most_topology(machine: Machine, architecture: str) -> Topology:
    """The topology with all the sockets that may be plugged in while the machine runs."""
    now = topology(machine)
    most = (machine.spec.domain.cpu or Cpu()).max_sockets or 0
    return evolve(now, sockets=most) if has_cpu_hotplug(architecture) and most > now.sockets else now


_ADDED_BY_LIBVIRT = ("controller type='usb' index='0' model='qemu-xhci'", "memballoon model='virtio'")
"""The PCI devices that libvirt adds to a q35 machine by itself, on root ports if nothing else is said."""


def _on_root_bus(machine: Machine, target: Target, devices: Sequence[Device | str]) -> str:
    """What libvirt would add by itself, on slots of bus 0 that no NIC has; then it adds no root port either."""
    if architecture_of(machine, target) != "amd64" or "q35" not in (_machine_type(machine) or "q35"):
        return ""
    given = [read_device(each, lossless=True) if isinstance(each, str) else each for each in devices]
    addresses = [each.address for each in given if isinstance(each.address, PciGuestAddress)]
    taken = {each.slot for each in addresses if not each.bus}
    free = (slot for slot in ROOT_SLOTS if slot not in taken)
    lines = [
        line
        for device, slot in zip(_ADDED_BY_LIBVIRT, free, strict=False)
        for line in (
            f"<{device}>",
            f"  <address type='pci' domain='0x0000' bus='0x00' slot='{slot:#04x}' function='0x0'/>",
            f"</{device.partition(' ')[0]}>",
        )
    ]
    return "".join(f"\n{_INDENT}{line}" for line in lines)


def _nic(nic: Device | str, number: int) -> str:
    if isinstance(nic, str):
        from kvnet.domain.document import only_nic  # noqa: PLC0415 - takes lxml

        text = laid_out(only_nic(nic, _NICS[number])[0], Style("\n", _INDENT, "  "))
        return f"\n{_INDENT}{text}"
    if getattr(nic, "verbatim", None) is not None:
        # a device that was read without loss keeps its layout
        return f"\n{_INDENT}{write(nic).removeprefix(_INDENT)}"
    # with the detour through write, build takes a tenth longer
    return to_text(nic, f"\n{_INDENT}")
