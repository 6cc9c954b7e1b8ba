"""What the NICs of one machine share, and the guest's side of each: model, driver, ROM, link, ACPI index, address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from attrs import frozen

from kvnet.compiler.pod import PodNetworks
from kvnet.compiler.result import note
from kvnet.defaults import MAX_QUEUES, queue_capacity, topology, vcpus
from kvnet.device import Acpi, Driver, PciGuestAddress, Rom
from kvnet.errors import Problem
from kvnet.facts import Confidential, HostFacts
from kvnet.spec import Interface, Machine, Network
from kvnet.spec.cluster import BindingPlugin
from kvnet.spec.nic import Nic
from kvnet.target import DEFAULT_ARCHITECTURE, Profile, Target, known_architecture
from kvnet.values import PciAddress

__all__ = [
    "Context",
    "Guest",
    "acpi",
    "driver",
    "guest_address",
    "guest_of",
    "link",
    "model",
    "network_of",
    "rom",
]


@frozen(kw_only=True, eq=False)
class Guest:
    """What all NICs of one machine share.

    ``virtio_model`` is the model of virtio NICs and ``driver`` their ``<driver>``. ``rom`` is the ``<rom>`` of NICs
    without a boot order; with ``tunes_rom``, NICs with a boot order have it too.
    """

    virtio_model: str
    driver: Driver | None
    rom: Rom | None
    tunes_rom: bool


@frozen(slots=False)
class Context:
    """The machine with its defaults, its target, and what was decided for all of its NICs.

    ``plugins`` are the binding plugins by the names that they are registered under.
    """

    machine: Machine
    target: Target
    guest: Guest
    pod: PodNetworks
    plugins: Mapping[str, BindingPlugin]

    @property
    def facts(self) -> HostFacts:
        return self.target.facts


def network_of(nic: Nic) -> Network:
    """The network of a NIC that is compiled, for one without a network is not."""
    assert nic.network is not None
    return nic.network


def guest_of(machine: Machine, target: Target) -> tuple[Guest, tuple[Problem, ...]]:
    """What all NICs of a machine share, with notes. In the host profile the model is plain ``virtio`` by default."""
    known = known_architecture(machine, target)
    architecture = known or DEFAULT_ARCHITECTURE
    confidential = target.facts.launch_security or _asked_confidential(machine, architecture)
    queues = _queues(machine)
    guest = _guest(
        architecture != "s390x",
        _virtio_model(machine, architecture, target.profile is Profile.HOST),
        queues,
        confidential is not None and confidential.shields_memory,
    )
    return guest, () if known and queues != MAX_QUEUES else tuple(_notes(machine, known))


def _queues(machine: Machine) -> int:
    """The queue pairs of each virtio NIC, at least 1 with multiqueue, since every machine has a vCPU."""
    asked = machine.spec.domain.devices.network_interface_multiqueue
    return max(queue_capacity(machine), 1) if asked else 0


@lru_cache(maxsize=256)
def _guest(tunes_rom: bool, virtio_model: str, queues: int, iommu: bool) -> Guest:
    """Machines with the same settings share one value."""
    driver = Driver(name="vhost", queues=queues or None, iommu=iommu or None) if queues or iommu else None
    rom = Rom(enabled=False) if tunes_rom else None
    return Guest(virtio_model=virtio_model, driver=driver, rom=rom, tunes_rom=iommu)


def _notes(machine: Machine, architecture: str | None) -> Iterator[Problem]:
    if architecture is None:
        yield note(machine.root / "architecture", "KN321", "the architecture is not known: amd64 is assumed")
    wanted = vcpus(topology(machine))
    if machine.spec.domain.devices.network_interface_multiqueue and wanted > MAX_QUEUES:
        at = machine.root / "domain" / "devices" / "networkInterfaceMultiqueue"
        yield note(at, "KN320", f"{wanted} vCPUs, but a tap has at most {MAX_QUEUES} queues")


def model(interface: Interface, guest: Guest) -> str | None:
    """The model of a NIC."""
    return guest.virtio_model if interface.is_virtio else interface.model


def driver(interface: Interface, guest: Guest) -> Driver | None:
    """The ``<driver>`` of a NIC: only virtio NICs have one."""
    return guest.driver if interface.is_virtio else None


def rom(interface: Interface, guest: Guest) -> Rom | None:
    """The ``<rom>`` of a NIC: off where it has no boot order, so that firmware does not try to boot from it."""
    return guest.rom if interface.boot_order is None or guest.tunes_rom else None


def link(interface: Interface) -> str | None:
    """The link state that the device names: ``down``, or ``None``."""
    return "down" if interface.state == "down" else None


def acpi(interface: Interface) -> Acpi | None:
    """The ``<acpi>`` of a NIC with an ACPI index from 1."""
    return Acpi(index=interface.acpi_index) if (interface.acpi_index or 0) > 0 else None


def guest_address(interface: Interface) -> PciGuestAddress | None:
    """The PCI address in the guest, if the spec asks for one."""
    return _address(interface.pci_address) if interface.pci_address else None


@lru_cache(maxsize=1024)
def _address(text: str) -> PciGuestAddress:
    """The machines of a fleet ask for the same few addresses."""
    return PciGuestAddress.of(PciAddress.parse(text))


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
