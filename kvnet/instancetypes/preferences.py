"""Apply a preference to a machine: what its template, and its instancetype, say wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from kvnet.instancetypes.other_devices import with_other_devices
from kvnet.spec import (
    Devices,
    Domain,
    Firmware,
    Interface,
    Machine,
    MachineType,
    Network,
    Preference,
    PreferenceDevices,
    PreferenceFirmware,
    PreferenceSpec,
)
from kvnet.spec.wire import member, text

__all__ = ["with_creation_preferences", "with_preference", "with_preferred_autoattach"]

_NONE = PreferenceDevices()


def with_creation_preferences(machine: Machine, preference: Preference) -> Machine:
    """The machine with the architecture and the machine type of a preference, which are fixed when a VM is created.

    Source: KubeVirt's ``pkg/instancetype/webhooks/vm/mutator.go``.
    """
    spec, domain = machine.spec, machine.spec.domain
    wanted = preference.spec.machine and preference.spec.machine.preferred_machine_type
    if wanted and not (domain.machine and domain.machine.type):
        domain = evolve(domain, machine=evolve(domain.machine or MachineType(), type=wanted))
    architecture = spec.architecture or preference.spec.preferred_architecture or None
    return evolve(machine, spec=evolve(spec, domain=domain, architecture=architecture))


def with_preferred_autoattach(machine: Machine, preference: Preference) -> Machine:
    """The machine with the preference about the default NIC, which counts before that NIC is added."""
    devices = machine.spec.domain.devices
    wanted = (preference.spec.devices or _NONE).preferred_autoattach_pod_interface
    if wanted is None or devices.autoattach_pod_interface is not None:
        return machine
    return _with_domain(machine, evolve(machine.spec.domain, devices=evolve(devices, autoattach_pod_interface=wanted)))


def with_preference(machine: Machine, preference: Preference) -> Machine:
    """The machine with what a preference says of its devices, firmware, launch security, subdomain and annotations.

    Sources: KubeVirt's ``pkg/instancetype/preference/apply``.
    """
    spec, domain = preference.spec, machine.spec.domain
    wanted = spec.devices or _NONE
    domain = evolve(
        domain,
        devices=_devices(domain.devices, wanted, machine.networks),
        launch_security=spec.preferred_launch_security if domain.launch_security is None else domain.launch_security,
        firmware=domain.firmware if spec.firmware is None else _firmware(domain.firmware or Firmware(), spec.firmware),
        rest=_with_smm(domain.rest, spec),
    )
    annotations, rest = {**spec.annotations, **machine.annotations}, _with_subdomain(machine.spec.rest, spec)
    return evolve(machine, annotations=annotations, spec=evolve(machine.spec, domain=domain, rest=rest))


def _firmware(firmware: Firmware, wanted: PreferenceFirmware) -> Firmware:
    """The firmware with the preferred boot loader; one that is preferred in full takes no older preference beside it.

    A preference with any firmware leaves a boot loader behind, if only an empty one.
    """
    held = member(firmware.rest, "bootloader") or {}
    bootloader: dict[str, Any] = {kind: each for kind, each in held.items() if each is not None}
    is_open = not bootloader.keys() & {"bios", "efi"}
    if is_open and wanted.preferred_use_bios:
        bootloader["bios"] = {}
    elif is_open and wanted.preferred_efi is not None:
        bootloader["efi"] = wanted.preferred_efi
        return evolve(firmware, rest={**firmware.rest, "bootloader": bootloader})
    elif is_open and wanted.preferred_use_efi:
        bootloader["efi"] = {}
    for kind, setting, preferred in (
        ("bios", "useSerial", wanted.preferred_use_bios_serial),
        ("efi", "secureBoot", wanted.preferred_use_secure_boot),
    ):
        loader = member(bootloader, kind)
        if loader is not None and loader.get(setting) is None and preferred is not None:
            bootloader[kind] = {**loader, setting: preferred}
    return evolve(firmware, rest={**firmware.rest, "bootloader": bootloader})


def _with_smm(rest: Mapping[str, Any], spec: PreferenceSpec) -> Mapping[str, Any]:
    preferred = spec.features and spec.features.preferred_smm
    if preferred is None or member(rest, "features", "smm") is not None:
        return rest
    return {**rest, "features": {**(member(rest, "features") or {}), "smm": preferred}}


def _with_subdomain(rest: Mapping[str, Any], spec: PreferenceSpec) -> Mapping[str, Any]:
    if not spec.preferred_subdomain or text(rest, "subdomain"):
        return rest
    return {**rest, "subdomain": spec.preferred_subdomain}


def _with_domain(machine: Machine, domain: Domain) -> Machine:
    return evolve(machine, spec=evolve(machine.spec, domain=domain))


def _devices(devices: Devices, wanted: PreferenceDevices, networks: tuple[Network, ...]) -> Devices:
    queues, transitional = devices.network_interface_multiqueue, devices.use_virtio_transitional
    on_pod = _names_on_pod(networks)
    return evolve(
        with_other_devices(devices, wanted),
        network_interface_multiqueue=wanted.preferred_network_interface_multi_queue if queues is None else queues,
        use_virtio_transitional=wanted.preferred_use_virtio_transitional if transitional is None else transitional,
        interfaces=tuple([_interface(each, wanted, each.name in on_pod) for each in devices.interfaces]),
    )


def _names_on_pod(networks: tuple[Network, ...]) -> set[str]:
    """The networks that are the pod's; of several with one name, the first counts here."""
    first = {network.name: network for network in reversed(networks)}
    return {name for name, network in first.items() if network.pod is not None}


def _interface(interface: Interface, wanted: PreferenceDevices, on_pod: bool) -> Interface:
    masquerade = wanted.preferred_interface_masquerade
    if masquerade is not None and on_pod and not interface.bindings:
        interface = evolve(interface, bindings=(masquerade,))
    if wanted.preferred_interface_model and not interface.model:
        interface = evolve(interface, model=wanted.preferred_interface_model)
    return interface
