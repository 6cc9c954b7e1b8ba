"""A whole ``<domain>`` around the NICs of a machine: enough to boot, and no disks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from attrs import frozen

from kvnet.compile.topology import Topology, topology, vcpus
from kvnet.domain.layout import laid_out, only_element
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.spec import Cpu, Machine, Resources
from kvnet.spec.defaults import has_cpu_hotplug
from kvnet.values import quantity_ceil
from kvnet.xml import escape
from kvnet.xml.scalars import Text

__all__ = ["build", "domain_uuid", "left_out"]

_NAMELESS = "vm"
_DEFAULT_MEMORY = "1Gi"
_KIB = 1024
_INDENT = "    "
_NICS = FieldPath(("nics",))
# Version 1 of the rule that gives a machine its UUID; another rule would take another namespace
_UUID_NAMESPACE = UUID("8b0f6c1e-3f0e-5d0c-9a55-0b1f0b7a2d11")


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
    nics: Sequence[str],
    *,
    architecture: str = "amd64",
    virt_type: str = "kvm",
    name: str | None = None,
) -> str:
    """The domain document of a machine; ``nics`` are the texts of its devices, which are laid out anew.

    Memory is the guest's, else what is requested, else the limit, else 1 GiB; vCPUs follow KubeVirt, with
    the sockets that may be plugged in later. Raises Rejected where libvirt could not define it, XmlError
    where a NIC is not one element.
    """
    name = name or machine.name or _NAMELESS
    problems = [*_name_flaws(machine, name), *_vcpu_flaws(machine), *_memory_flaws(machine), *_uuid_flaws(machine)]
    platform = _PLATFORMS.get(architecture)
    if platform is None:
        told, hint = f"'{architecture}' is no architecture of KubeVirt", f"use one of {', '.join(_PLATFORMS)}"
        problems.append(Problem(machine.root / "architecture", "KN604", told, hint=hint))
    if problems or platform is None:
        raise Rejected(problems)
    asked = machine.spec.domain.machine
    kind = asked.type if asked and asked.type else platform.machine
    lines = [
        f"<domain type='{escape(virt_type)}'>",
        f"  <name>{escape(name)}</name>",
        f"  <uuid>{domain_uuid(machine)}</uuid>",
        f"  <memory unit='KiB'>{_memory_kib(machine)}</memory>",
        *_vcpus(machine, architecture),
        "  <os>",
        f"    <type arch='{platform.arch}' machine='{escape(kind)}'>hvm</type>",
        "  </os>",
        *_features(platform),
        *_cpu(machine, architecture),
        "  <devices>",
        *(_INDENT + laid_out(only_element(nic, _NICS[n]), _INDENT, "  ", "\n") for n, nic in enumerate(nics)),
        "    <serial type='pty'/>",
        "    <console type='pty'/>",
        "  </devices>",
        "</domain>",
    ]
    return "\n".join(lines) + "\n"


def domain_uuid(machine: Machine) -> UUID:
    """The firmware's UUID that the spec asks for, else one derived from namespace and name."""
    firmware = machine.spec.domain.firmware
    if firmware is not None and firmware.uuid:
        return UUID(firmware.uuid)
    return uuid5(_UUID_NAMESPACE, f"{machine.namespace or 'default'}/{machine.name or _NAMELESS}")


_LEFT_OUT = {
    "disks": "its disks",
    "filesystems": "its filesystems",
    "gpus": "its GPUs",
    "hostDevices": "its host devices",
}


def left_out(machine: Machine) -> tuple[Problem, ...]:
    """Notes on what the spec asks for and the domain does not carry, for kvnet is about NICs."""
    at = machine.root / "domain" / "devices"
    devices = machine.spec.domain.devices
    asked = {key for key, value in devices.rest.items() if value} | ({"disks"} if devices.disks else set())
    notes = [_note(at / key, f"the domain is made without {what}") for key, what in _LEFT_OUT.items() if key in asked]
    if machine.spec.rest.get("volumes"):
        notes.append(_note(machine.root / "volumes", "the domain is made without its volumes"))
    return tuple(notes)


def _note(at: FieldPath, message: str) -> Problem:
    return Problem(at, "KN601", message, hint="add them with a tool for disks", severity=Severity.NOTE)


def _name_flaws(machine: Machine, name: str) -> list[Problem]:
    try:
        Text().check(name)
    except ValueError as reason:
        return [Problem(FieldPath(("metadata", "name")), "KN602", str(reason), hint="use printable characters")]
    if "/" in name or "\n" in name or not name.strip():
        told = f"{name!r} cannot name a domain"
        return [Problem(FieldPath(("metadata", "name")), "KN602", told, hint="use letters, no / and no line break")]
    kind = machine.spec.domain.machine
    try:
        Text().check(kind.type if kind and kind.type else "")
    except ValueError as reason:
        return [Problem(machine.root / "domain" / "machine" / "type", "KN602", str(reason))]
    return []


def _vcpu_flaws(machine: Machine) -> list[Problem]:
    at = machine.root / "domain" / "resources"
    try:
        if vcpus(topology(machine)) > 0:
            return []
    except ValueError as reason:
        return [Problem(at, "KN603", f"the CPUs cannot be counted: {reason}", hint="write 2, or 500m")]
    return [Problem(at, "KN603", "the CPU limit leaves the machine no vCPU", hint="give it at least 1")]


def _memory_flaws(machine: Machine) -> list[Problem]:
    at = machine.root / "domain" / "memory" / "guest"
    try:
        if _memory_kib(machine) > 0:
            return []
    except ValueError as reason:
        return [Problem(at, "KN606", str(reason), hint="write 512Mi, or 2Gi")]
    return [Problem(at, "KN606", "the machine has no memory", hint="write 512Mi, or 2Gi")]


def _uuid_flaws(machine: Machine) -> list[Problem]:
    try:
        domain_uuid(machine)
    except ValueError:
        firmware = machine.spec.domain.firmware
        told = f"'{firmware.uuid if firmware else ''}' is not a UUID"
        hint = "write 32 hexadecimal digits in groups, or leave it out"
        return [Problem(machine.root / "domain" / "firmware" / "uuid", "KN605", told, hint=hint)]
    return []


def _memory_kib(machine: Machine) -> int:
    domain = machine.spec.domain
    resources = domain.resources or Resources()
    wishes = (
        domain.memory.guest if domain.memory else None,
        resources.requests.get("memory"),
        resources.limits.get("memory"),
        _DEFAULT_MEMORY,
    )
    given = next(wish for wish in wishes if wish is not None)
    return -(-quantity_ceil(str(given)) // _KIB)


def _most(machine: Machine, architecture: str) -> tuple[Topology, int]:
    """The topology with all sockets that may be plugged in, and the vCPUs to start with."""
    now = topology(machine)
    most = (machine.spec.domain.cpu or Cpu()).max_sockets or 0
    if not has_cpu_hotplug(architecture) or most <= now.sockets:
        return now, vcpus(now)
    return Topology(sockets=most, cores=now.cores, threads=now.threads), vcpus(now)


def _vcpus(machine: Machine, architecture: str) -> list[str]:
    most, now = _most(machine, architecture)
    current = f" current='{now}'" if vcpus(most) != now else ""
    return [f"  <vcpu placement='static'{current}>{vcpus(most)}</vcpu>"]


def _cpu(machine: Machine, architecture: str) -> list[str]:
    most, _ = _most(machine, architecture)
    parts = f"sockets='{most.sockets}' cores='{most.cores}' threads='{most.threads}'"
    return ["  <cpu>", f"    <topology {parts}/>", "  </cpu>"]


def _features(platform: _Platform) -> list[str]:
    if not platform.features:
        return []
    return ["  <features>", *(f"    <{feature}/>" for feature in platform.features), "  </features>"]
