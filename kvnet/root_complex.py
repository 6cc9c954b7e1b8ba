"""Hand out the slots of PCI bus 0, as KubeVirt does for machines with an annotation that asks for it.

Source: KubeVirt 1.9's ``pkg/virt-launcher/virtwrap/converter/pci-placement.go``, and for the devices that a domain has
the folder ``compute`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from kvnet.errors import Problem, Severity
from kvnet.spec import Machine, Sriov
from kvnet.spec.wire import entries, member, text
from kvnet.target import Target, architecture_of

__all__ = [
    "ROOT_SLOTS",
    "RootSlots",
    "asks_for_root_complex",
    "is_on_root_complex",
    "root_slots",
    "without_root_complex",
]

_ANNOTATION = "kubevirt.io/placePCIDevicesOnRootComplex"
ROOT_SLOTS = (*range(0x02, 0x1B), *range(0x1C, 0x1F))
"""The slots of bus 0 in the order in which KubeVirt hands them out: 0x1b is kept for a sound card, 0x1f for SATA."""


@frozen(kw_only=True)
class RootSlots:
    """The slots of bus 0 that a machine's devices get.

    ``nics`` has the slots of NICs by the numbers of their interfaces. ``used`` are all slots that surely have a device:
    each host device and GPU may be none on PCI, and then the devices after it move up. ``problems`` tell that not all
    devices of the machine find a slot, ``notes`` what was assumed.
    """

    nics: Mapping[int, int]
    used: tuple[int, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def asks_for_root_complex(machine: Machine) -> bool:
    """Whether the machine's annotation asks for its PCI devices on bus 0; it has to be ``true`` in small letters."""
    return machine.annotations.get(_ANNOTATION) == "true"


def is_on_root_complex(machine: Machine, target: Target) -> bool:
    """Whether KubeVirt places the machine's PCI devices on bus 0: where that is asked for, but not on s390x."""
    return asks_for_root_complex(machine) and architecture_of(machine, target) != "s390x"


def without_root_complex(machine: Machine) -> Machine:
    """The same machine without the annotation."""
    kept = {name: text for name, text in machine.annotations.items() if name != _ANNOTATION}
    return evolve(machine, annotations=kept) if asks_for_root_complex(machine) else machine


def root_slots(machine: Machine, target: Target, numbers: Iterable[int]) -> RootSlots:
    """Hand out the slots of bus 0 to the devices of a machine that name no PCI address themselves.

    ``numbers`` are those of the interfaces that have a device. First come NICs, then host devices and GPUs, then
    virtual functions, then all other devices. Addresses that interfaces ask for are not looked at, so a slot may be
    given that one of them has, too.
    """
    waiting = [n for n in numbers if not machine.interfaces[n].pci_address]
    functions = [n for n in waiting if isinstance(machine.interfaces[n].binding, Sriov)]
    others = [n for n in waiting if n not in functions]
    passed = _passed_through(machine)
    order = [*others, *[None] * passed, *functions]
    slots = zip(order, ROOT_SLOTS, strict=False)
    count = len(order) + _controllers_and_disks(machine, architecture_of(machine, target))
    return RootSlots(
        nics={n: slot for n, slot in slots if n is not None},
        used=ROOT_SLOTS[: count - passed],
        problems=(_overflow(machine, count),) if count > len(ROOT_SLOTS) else (),
        notes=(_assumption(machine, passed),) if passed and functions else (),
    )


def _overflow(machine: Machine, count: int) -> Problem:
    message = (
        f"{count} PCI devices do not fit on bus 0, which has {len(ROOT_SLOTS)} slots (controllers and disks count)"
    )
    hint = f"use fewer devices, or take the annotation {_ANNOTATION} from the machine"
    return Problem(machine.root / "domain" / "devices", "KN307", message, hint=hint)


def _assumption(machine: Machine, passed: int) -> Problem:
    message = f"assumed that each of the {passed} host devices and GPUs is a PCI function, with a slot on bus 0"
    return Problem(machine.root / "domain" / "devices", "KN322", message, severity=Severity.NOTE)


def _passed_through(machine: Machine) -> int:
    """The host devices and GPUs, each of which is taken for one PCI function."""
    rest = machine.spec.domain.devices.rest
    return sum(len(entries(rest, kind)) for kind in ("hostDevices", "gpus"))


def _controllers_and_disks(machine: Machine, architecture: str) -> int:
    """The other PCI devices of a machine in KubeVirt; a USB controller and a balloon are there even if switched off."""
    devices = machine.spec.domain.devices
    rest = devices.rest
    disks = [_DiskBus.of(disk.rest, architecture) for disk in devices.disks]
    return 2 + sum(
        (
            not rest.get("disableHotplug") or any(disk.bus == "scsi" for disk in disks),
            rest.get("autoattachSerialConsole") is not False,
            sum(disk.bus == "virtio" and not disk.has_address for disk in disks),
            sum(text(member(each), "bus") == "virtio" for each in entries(rest, "inputs")),
            rest.get("watchdog") is not None,
            rest.get("rng") is not None,
        )
    )


@frozen
class _DiskBus:
    """The bus of a disk, and whether it asks for a PCI address."""

    bus: str
    has_address: bool

    @classmethod
    def of(cls, disk: Mapping[str, Any], architecture: str) -> _DiskBus:
        asked = next((each for kind in ("lun", "disk", "cdrom") if (each := member(disk, kind)) is not None), None)
        default = "virtio" if architecture == "arm64" else "sata"
        return cls(text(asked, "bus") or default, bool(text(asked, "pciAddress")))
