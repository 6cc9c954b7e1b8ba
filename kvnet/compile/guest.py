"""What the NICs of one guest share, and what the guest sees of each: the same in every profile."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from kvnet.compile.topology import MAX_QUEUES, queue_capacity, topology, vcpus
from kvnet.device import Acpi, Driver, PciGuestAddress, Rom
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.facts import Confidential, HostFacts
from kvnet.spec import Interface, Machine
from kvnet.values import PciAddress

__all__ = ["ARCHITECTURES", "Guest", "guest_of", "nic_settings"]

ARCHITECTURES = ("amd64", "arm64", "s390x")
_ROM_TUNING = ("amd64", "arm64")


@frozen(kw_only=True)
class Guest:
    """Decided once a machine: ``queues`` is 0 without multiqueue."""

    architecture: str
    virtio_model: str
    queues: int
    iommu: bool
    notes: tuple[Problem, ...] = ()


def guest_of(machine: Machine, facts: HostFacts, *, plain_virtio: bool = False) -> Guest:
    """Decide for a machine; ``plain_virtio`` asks for ``virtio`` where the spec wants no transitional one."""
    architecture = facts.architecture or machine.spec.architecture
    notes = []
    if architecture is None:
        notes.append(_note(machine.root / "architecture", "KN321", "assumed the architecture amd64"))
    queues = queue_capacity(machine)
    wanted = vcpus(topology(machine))
    if queues == MAX_QUEUES < wanted:
        at = machine.root / "domain" / "devices" / "networkInterfaceMultiqueue"
        notes.append(_note(at, "KN320", f"{wanted} vCPUs, but a tap has at most {MAX_QUEUES} queues"))
    confidential = facts.launch_security or _asked_confidential(machine, architecture or "amd64")
    return Guest(
        architecture=architecture or "amd64",
        virtio_model=_virtio_model(machine, architecture or "amd64", plain_virtio),
        queues=queues,
        iommu=confidential is not None and confidential.shields_memory,
        notes=tuple(notes),
    )


def nic_settings(interface: Interface, guest: Guest) -> dict[str, Any]:
    """The fields of a device that follow from the spec alone: model, driver, alias, ACPI index, address."""
    settings: dict[str, Any] = {
        "model": guest.virtio_model if interface.is_virtio else interface.model,
        "alias": f"ua-{interface.name}",
        "acpi": Acpi(index=interface.acpi_index) if (interface.acpi_index or 0) > 0 else None,
        "address": guest_address(interface),
    }
    if interface.is_virtio and (guest.queues or guest.iommu):
        settings["driver"] = Driver(name="vhost", queues=guest.queues or None, iommu=guest.iommu or None)
    return settings


def boot_settings(interface: Interface, guest: Guest) -> dict[str, Any]:
    """Boot order, or an option ROM switched off so that the NIC is not tried; and a link that is down."""
    tuned = guest.architecture in _ROM_TUNING and (interface.boot_order is None or guest.iommu)
    return {
        "boot_order": interface.boot_order,
        "rom": Rom(enabled=False) if tuned else None,
        "link": "down" if interface.state == "down" else None,
    }


def guest_address(interface: Interface) -> PciGuestAddress | None:
    """The guest's PCI address, if the spec asks for one."""
    return PciGuestAddress.of(PciAddress.parse(interface.pci_address)) if interface.pci_address else None


def _virtio_model(machine: Machine, architecture: str, plain: bool) -> str:
    if architecture == "s390x":
        return "virtio"
    if machine.spec.domain.devices.use_virtio_transitional:
        return "virtio-transitional"
    return "virtio" if plain else "virtio-non-transitional"


def _asked_confidential(machine: Machine, architecture: str) -> Confidential | None:
    asked = machine.spec.domain.launch_security
    if asked is None:
        return None
    if architecture == "s390x":
        return Confidential.PV
    kinds = {"sev": asked.sev, "snp": asked.snp, "tdx": asked.tdx}
    return next((Confidential(kind) for kind, value in kinds.items() if value is not None), None)


def _note(at: FieldPath, code: str, message: str) -> Problem:
    return Problem(at, code, message, severity=Severity.NOTE)
