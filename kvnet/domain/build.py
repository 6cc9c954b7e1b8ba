"""A whole ``<domain>`` around the NICs of a machine: enough to boot, and no disks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from attrs import frozen

from kvnet.compiler import compile
from kvnet.compiler.topology import Topology, topology, vcpus
from kvnet.defaults import defaulted, has_cpu_hotplug
from kvnet.device import Device
from kvnet.domain.layout import laid_out, only_element
from kvnet.domain.naming import domain_name
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.spec import Cpu, Domain, Firmware, Machine, MachineType, Memory, Resources, VmiSpec
from kvnet.target import Target, architecture_conflict, architecture_of
from kvnet.values import quantity_ceil
from kvnet.xml import escape, write
from kvnet.xml.types import Text

__all__ = ["build", "domain_uuid", "left_out"]

_KUBEVIRT = Target()
_NAMELESS = "vm"
_DEFAULT_MEMORY = "1Gi"
_KIB = 1024
_INDENT = "    "
_NICS = FieldPath(("nics",))
_NO_CPU = (None, None, None, None)
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
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
    target: Target | None = None,
    devices: Sequence[Device | str] | None = None,
    *,
    name: str | None = None,
) -> str:
    """The domain document of a machine, enough to boot but without disks.

    ``devices`` are those that ``compile`` makes, unless others are given; texts of devices are laid out anew. ``name``
    is that of ``domain_name`` unless another one is given. Memory is the guest's, else what is requested, else the
    limit, else 1 GiB; vCPUs follow KubeVirt, with the sockets that may be plugged in later. Raises Rejected where the
    machine cannot be compiled, or libvirt could not define it, and XmlError where a text is not one NIC.
    """
    target = _KUBEVIRT if target is None else target
    conflict = architecture_conflict(machine, target)
    flaws = [conflict] if conflict else _vcpu_flaws(machine)
    if flaws:
        raise Rejected(flaws)
    devices = compile(machine, target).devices if devices is None else devices
    machine, architecture = defaulted(machine, target), architecture_of(machine, target)
    name = name or domain_name(machine, target.profile)
    frame = _frame(_size(machine), architecture, target.virt_type)
    if frame is None or not _SAFE_NAME.fullmatch(name):
        problems = _problems(machine, name, architecture)
        if problems or frame is None:
            raise Rejected(problems)
    inside = "".join([_nic(device, n) for n, device in enumerate(devices)])
    return frame.format(escape(name), domain_uuid(machine), inside)


class _Size(NamedTuple):
    """What decides on a domain beside its name and its NICs; machines of one size share all of the rest."""

    machine_type: str | None
    guest_memory: str | int | None
    cpu: tuple[int | None, ...]
    requests: tuple[tuple[str, Any], ...]
    limits: tuple[tuple[str, Any], ...]
    uuid: str | None

    def machine(self) -> Machine:
        """The least machine of this size."""
        cores, sockets, threads, max_sockets = self.cpu
        domain = Domain(
            cpu=Cpu(cores=cores, sockets=sockets, threads=threads, max_sockets=max_sockets),
            memory=Memory(guest=self.guest_memory),
            machine=MachineType(type=self.machine_type),
            resources=Resources(requests=dict(self.requests), limits=dict(self.limits)),
            firmware=Firmware(uuid=self.uuid),
        )
        return Machine(spec=VmiSpec(domain=domain))


def _size(machine: Machine) -> _Size:
    domain = machine.spec.domain
    cpu, resources = domain.cpu, domain.resources
    return _Size(
        domain.machine.type if domain.machine else None,
        domain.memory.guest if domain.memory else None,
        (cpu.cores, cpu.sockets, cpu.threads, cpu.max_sockets) if cpu else _NO_CPU,
        tuple(_sizes(resources.requests)) if resources else (),
        tuple(_sizes(resources.limits)) if resources else (),
        domain.firmware.uuid if domain.firmware else None,
    )


def _sizes(quantities: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, quantities[name]) for name in ("cpu", "memory") if name in quantities)


@lru_cache(maxsize=1024)
def _frame(size: _Size, architecture: str, virt_type: str) -> str | None:
    """The document without name, UUID and NICs, which ``format`` fills in; nothing where there can be none."""
    machine = size.machine()
    if _problems(machine, _NAMELESS, architecture):
        return None
    platform = _PLATFORMS[architecture]
    kind = size.machine_type or platform.machine
    lines = [
        f"<domain type='{_braced(virt_type)}'>",
        "  <name>{}</name>",
        "  <uuid>{}</uuid>",
        f"  <memory unit='KiB'>{_memory_kib(machine)}</memory>",
        *_vcpus(machine, architecture),
        "  <os>",
        f"    <type arch='{platform.arch}' machine='{_braced(kind)}'>hvm</type>",
        "  </os>",
        *_features(platform),
        *_cpu(machine, architecture),
        "  <devices>{}",
        "    <serial type='pty'/>",
        "    <console type='pty'/>",
        "  </devices>",
        "</domain>",
    ]
    return "\n".join(lines) + "\n"


def _braced(text: str) -> str:
    return escape(text).replace("{", "{{").replace("}", "}}")


def _nic(nic: Device | str, number: int) -> str:
    if isinstance(nic, str):
        text = laid_out(only_element(nic, _NICS[number]), _INDENT, "  ", "\n")
        return f"\n{_INDENT}{text}"
    text = write(nic, indent=len(_INDENT))
    return f"\n{text if text.startswith(_INDENT) else _INDENT + text}"


def _problems(machine: Machine, name: str, architecture: str) -> list[Problem]:
    problems = [*_name_flaws(machine, name), *_vcpu_flaws(machine), *_memory_flaws(machine), *_uuid_flaws(machine)]
    if architecture not in _PLATFORMS:
        told, hint = f"'{architecture}' is no architecture of KubeVirt", f"use one of {', '.join(_PLATFORMS)}"
        problems.append(Problem(machine.root / "architecture", "KN604", told, hint=hint))
    return problems


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
        if vcpus(topology(machine)) >= 0:
            return []
    except ValueError as reason:
        return [Problem(at, "KN603", f"the CPUs cannot be counted: {reason}", hint="write 2, or 500m")]
    return [Problem(at, "KN603", "the CPU limit is negative", hint="give it at least 1")]


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
