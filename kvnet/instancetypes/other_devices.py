"""Apply what a preference says of disks, inputs and the like: on PCI bus 0, they take slots beside the NICs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from kvnet.spec import Devices, Disk, PreferenceDevices
from kvnet.spec.wire import entries, member, text

__all__ = ["with_other_devices"]


def with_other_devices(devices: Devices, wanted: PreferenceDevices) -> Devices:
    """The devices with the preferred buses, and with the controllers that a preference asks for.

    The template wins but for ``disableHotplug``, which the preference overwrites. Sources: KubeVirt's
    ``pkg/instancetype/preference/apply/device.go``, ``disk.go`` and ``input.go``.
    """
    rest = dict(devices.rest)
    if wanted.preferred_disable_hotplug is not None:
        rest["disableHotplug"] = wanted.preferred_disable_hotplug
    for name, preferred in (
        ("autoattachSerialConsole", wanted.preferred_autoattach_serial_console),
        ("rng", wanted.preferred_rng),
    ):
        if preferred is not None and rest.get(name) is None:
            rest[name] = preferred
    if wanted.preferred_input_bus and rest.get("inputs"):
        rest["inputs"] = [_on_bus(each, wanted.preferred_input_bus) for each in entries(rest, "inputs")]
    return evolve(devices, disks=tuple([_disk(each, wanted) for each in devices.disks]), rest=rest)


def _disk(disk: Disk, wanted: PreferenceDevices) -> Disk:
    """A disk with the preferred bus of its kind; one of no kind is a plain disk."""
    buses = {"disk": wanted.preferred_disk_bus, "cdrom": wanted.preferred_cdrom_bus, "lun": wanted.preferred_lun_bus}
    kind = next((kind for kind in buses if disk.rest.get(kind) is not None), "disk")
    bus = buses[kind]
    return evolve(disk, rest={**disk.rest, kind: _on_bus(disk.rest.get(kind) or {}, bus)}) if bus else disk


def _on_bus(device: Any, bus: str) -> Any:
    is_open = isinstance(device, Mapping) and not text(member(device), "bus")
    return {**device, "bus": bus} if is_open else device
