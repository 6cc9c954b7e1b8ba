"""Instancetypes and preferences (``instancetype.kubevirt.io``), and how a VirtualMachine refers to them.

Classes with a field ``rest`` keep there the members that kvnet has no field for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from kvnet.spec.interface import Masquerade
from kvnet.spec.machine import LaunchSecurity
from kvnet.spec.wire import BriefRepr, Int32, Origin, Quantity, Rest, UInt31, mapping, named, rest

__all__ = [
    "INSTANCETYPE_KINDS",
    "PREFERENCE_KINDS",
    "Instancetype",
    "InstancetypeCpu",
    "InstancetypeMemory",
    "InstancetypeSpec",
    "Preference",
    "PreferenceCpu",
    "PreferenceDevices",
    "PreferenceFeatures",
    "PreferenceFirmware",
    "PreferenceMachine",
    "PreferenceSpec",
    "RequiredCpu",
    "RequiredMemory",
    "Requirements",
    "SpreadOptions",
]

INSTANCETYPE_KINDS: Final = ("VirtualMachineClusterInstancetype", "VirtualMachineInstancetype")
"""The kinds of instancetypes: cluster-wide ones, and those of a namespace."""
PREFERENCE_KINDS: Final = ("VirtualMachineClusterPreference", "VirtualMachinePreference")
"""The kinds of preferences: cluster-wide ones, and those of a namespace."""


@frozen(kw_only=True, slots=False, repr=False)
class InstancetypeCpu(BriefRepr):
    """``spec.cpu`` of an instancetype.

    - ``guest``: the number of vCPUs
    - ``max_sockets``: sockets up to which CPUs can be plugged in
    - ``model``: such as ``host-model``
    - ``dedicated_cpu_placement``: whether each vCPU has a host CPU of its own
    - ``isolate_emulator_thread``: whether the emulator has one, too
    - ``numa``, ``realtime``: as in ``domain.cpu``
    """

    guest: UInt31
    max_sockets: UInt31 | None = None
    model: str | None = None
    dedicated_cpu_placement: bool | None = named("dedicatedCPUPlacement", default=None)
    isolate_emulator_thread: bool | None = None
    numa: Mapping[str, Any] | None = mapping(default=None)
    realtime: Mapping[str, Any] | None = mapping(default=None)
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class InstancetypeMemory(BriefRepr):
    """``spec.memory`` of an instancetype.

    - ``guest``: a Kubernetes quantity of bytes
    - ``max_guest``: a quantity up to which memory can be plugged in
    - ``hugepages``: as in ``domain.memory``
    - ``overcommit_percent``: how much less than ``guest`` the pod requests, in percent
    """

    guest: Quantity
    max_guest: Quantity | None = None
    hugepages: Mapping[str, Any] | None = mapping(default=None)
    overcommit_percent: Int32 | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class InstancetypeSpec(BriefRepr):
    """``spec`` of an instancetype: the size of machines, which their templates must leave to it.

    - ``cpu``, ``memory``: of the guest
    - ``annotations``: of the VMI
    - ``launch_security``: confidential computing
    - ``node_selector``, ``scheduler_name``: as in the spec of a VMI
    - ``io_threads``, ``io_threads_policy``: as in ``domain``
    - ``gpus``, ``host_devices``: as in ``domain.devices``
    """

    cpu: InstancetypeCpu
    memory: InstancetypeMemory
    annotations: Mapping[str, str] = mapping()
    launch_security: LaunchSecurity | None = None
    node_selector: Mapping[str, str] | None = mapping(default=None)
    scheduler_name: str | None = None
    io_threads: Mapping[str, Any] | None = mapping(default=None)
    io_threads_policy: str | None = None
    gpus: tuple[Mapping[str, Any], ...] = mapping(default=())
    host_devices: tuple[Mapping[str, Any], ...] = mapping(default=())
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Instancetype(BriefRepr):
    """A VirtualMachineClusterInstancetype, or a VirtualMachineInstancetype of a namespace.

    - ``kind``: one of ``INSTANCETYPE_KINDS``
    - ``name``, ``namespace``: of the object
    - ``spec``: the size that it gives
    - ``around``: the rest of the object
    - ``origin``: finds fields in the text, and does not count when instancetypes are compared
    """

    name: str
    spec: InstancetypeSpec
    kind: str = INSTANCETYPE_KINDS[0]
    namespace: str | None = None
    around: Rest = mapping(repr=False)
    origin: Origin | None = field(default=None, eq=False, repr=False)


@frozen(kw_only=True, slots=False, repr=False)
class SpreadOptions(BriefRepr):
    """``spec.cpu.spreadOptions`` of a preference: how vCPUs are spread over sockets, cores and threads.

    - ``across``: ``SocketsCores``, ``CoresThreads`` or ``SocketsCoresThreads``
    - ``ratio``: cores to a socket, or threads to a core
    """

    across: str | None = None
    ratio: UInt31 | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PreferenceCpu(BriefRepr):
    """``spec.cpu`` of a preference.

    - ``preferred_cpu_topology``: what the vCPUs of an instancetype become: ``sockets``, ``cores``, ``threads``,
      ``spread`` or ``any``; the older names begin with ``prefer``
    - ``spread_options``: for ``spread``
    """

    preferred_cpu_topology: str | None = named("preferredCPUTopology", default=None)
    spread_options: SpreadOptions | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PreferenceDevices(BriefRepr):
    """``spec.devices`` of a preference.

    - ``preferred_interface_model``: of interfaces that name none
    - ``preferred_interface_masquerade``: for interfaces of the pod network without a binding
    - ``preferred_autoattach_pod_interface``: ``False`` for no default NIC
    - ``preferred_network_interface_multi_queue``: whether virtio NICs get a queue pair for each vCPU
    - ``preferred_use_virtio_transitional``: whether virtio devices are transitional
    - ``preferred_disk_bus``, ``preferred_lun_bus``, ``preferred_cdrom_bus``, ``preferred_input_bus``: of disks and
      inputs that name none, such as ``virtio``
    - ``preferred_disable_hotplug``: whether there is no SCSI controller to plug disks in
    - ``preferred_autoattach_serial_console``: ``False`` for no serial console
    - ``preferred_rng``: as ``domain.devices.rng``
    """

    preferred_interface_model: str | None = None
    preferred_interface_masquerade: Masquerade | None = None
    preferred_autoattach_pod_interface: bool | None = None
    preferred_network_interface_multi_queue: bool | None = None
    preferred_use_virtio_transitional: bool | None = None
    preferred_disk_bus: str | None = None
    preferred_lun_bus: str | None = None
    preferred_cdrom_bus: str | None = None
    preferred_input_bus: str | None = None
    preferred_disable_hotplug: bool | None = None
    preferred_autoattach_serial_console: bool | None = None
    preferred_rng: Mapping[str, Any] | None = mapping(default=None)
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PreferenceFeatures(BriefRepr):
    """``spec.features`` of a preference.

    - ``preferred_smm``: as ``domain.features.smm``
    """

    preferred_smm: Mapping[str, Any] | None = mapping(default=None)
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PreferenceFirmware(BriefRepr):
    """``spec.firmware`` of a preference: the boot loader of machines that name none.

    - ``preferred_use_bios``: whether it is BIOS, which goes before UEFI
    - ``preferred_use_bios_serial``: whether BIOS writes to the serial console
    - ``preferred_efi``: UEFI, as ``domain.firmware.bootloader.efi``
    - ``preferred_use_efi``, ``preferred_use_secure_boot``: the older way to ask for UEFI and SecureBoot
    """

    preferred_use_bios: bool | None = None
    preferred_use_bios_serial: bool | None = None
    preferred_efi: Mapping[str, Any] | None = mapping(default=None)
    preferred_use_efi: bool | None = None
    preferred_use_secure_boot: bool | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PreferenceMachine(BriefRepr):
    """``spec.machine`` of a preference.

    - ``preferred_machine_type``: such as ``q35``
    """

    preferred_machine_type: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class RequiredCpu(BriefRepr):
    """``spec.requirements.cpu`` of a preference.

    - ``guest``: the least number of vCPUs
    """

    guest: UInt31
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class RequiredMemory(BriefRepr):
    """``spec.requirements.memory`` of a preference.

    - ``guest``: the least memory, a Kubernetes quantity of bytes
    """

    guest: Quantity
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Requirements(BriefRepr):
    """``spec.requirements`` of a preference: what a machine must have at least.

    - ``cpu``, ``memory``: of the guest
    - ``architecture``: in Kubernetes' words, such as ``amd64``
    """

    cpu: RequiredCpu | None = None
    memory: RequiredMemory | None = None
    architecture: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PreferenceSpec(BriefRepr):
    """``spec`` of a preference: what machines get where their templates say nothing.

    - ``cpu``, ``devices``, ``features``, ``firmware``, ``machine``: of the guest
    - ``annotations``: of the VMI
    - ``prefer_spread_socket_to_core_ratio``: the ratio for ``spread`` where ``spread_options`` has none; 0 is none
    - ``preferred_architecture``: in Kubernetes' words, such as ``amd64``
    - ``preferred_launch_security``: confidential computing
    - ``preferred_subdomain``: of the guest's name in DNS
    - ``requirements``: what a machine must have at least
    """

    cpu: PreferenceCpu | None = None
    devices: PreferenceDevices | None = None
    features: PreferenceFeatures | None = None
    firmware: PreferenceFirmware | None = None
    machine: PreferenceMachine | None = None
    annotations: Mapping[str, str] = mapping()
    prefer_spread_socket_to_core_ratio: UInt31 | None = None
    preferred_architecture: str | None = None
    preferred_launch_security: LaunchSecurity | None = None
    preferred_subdomain: str | None = None
    requirements: Requirements | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Preference(BriefRepr):
    """A VirtualMachineClusterPreference, or a VirtualMachinePreference of a namespace.

    - ``kind``: one of ``PREFERENCE_KINDS``
    - ``name``, ``namespace``: of the object
    - ``spec``: what it prefers
    - ``around``: the rest of the object
    - ``origin``: finds fields in the text, and does not count when preferences are compared
    """

    name: str
    spec: PreferenceSpec = field(factory=PreferenceSpec)
    kind: str = PREFERENCE_KINDS[0]
    namespace: str | None = None
    around: Rest = mapping(repr=False)
    origin: Origin | None = field(default=None, eq=False, repr=False)
