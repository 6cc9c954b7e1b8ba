"""Write out the instancetype and the preference of a machine: what a template says wins over the preference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from kvnet._lazy import lazy
from kvnet.defaults import default_nic_refusal, with_default_nic
from kvnet.errors import Problem, Rejected
from kvnet.instancetypes.references import Referred, referred
from kvnet.spec import (
    Cpu,
    Devices,
    Disk,
    Domain,
    Firmware,
    Instancetype,
    InstancetypeCpu,
    InstancetypeMemory,
    InstancetypeSpec,
    Interface,
    Machine,
    MachineType,
    Memory,
    Network,
    Preference,
    PreferenceDevices,
    PreferenceFirmware,
    PreferenceSpec,
    Resources,
)
from kvnet.spec.wire import entries, member, text
from kvnet.target import Target, architecture_of, checked_target
from kvnet.values import quantity_ceil

if TYPE_CHECKING:
    from kvnet.instancetypes import refusals, topology
else:  # for machines that refer to something
    refusals, topology = lazy("kvnet.instancetypes.refusals"), lazy("kvnet.instancetypes.topology")

__all__ = ["Expansion", "expand"]

_PCI_TOPOLOGY = {"kubevirt.io/pci-topology-version": "v3"}
_PCIE_ARCHITECTURES = ("amd64", "arm64")
_NONE = PreferenceDevices()


class Expansion(NamedTuple):
    """A machine with its instancetype and preference written out, and what is to be said of them.

    - ``machine``: without references; the one that was given where it has none, or where an error kept them from being
      applied
    - ``problems``: without places
    """

    machine: Machine
    problems: tuple[Problem, ...] = ()

    @property
    def refusals(self) -> tuple[Problem, ...]:
        """The errors that kept references from being applied; there is no machine to judge or compile then."""
        return tuple([each for each in self.problems if each.is_error]) if self.problems and self.machine.refers else ()


def expand(machine: Machine, target: Target | None = None) -> Expansion:
    """Apply the instancetype and the preference that a machine refers to, as KubeVirt does.

    The preference's architecture and machine type are fixed first, then whether there is a default NIC. Models of the
    preference count for that NIC too, since KubeVirt's controller adds it before it applies the rest; its webhook adds
    it afterwards, and judges another machine than the one that runs. A machine without references is returned as it is.

    Problems are ``KN210`` to ``KN214``. An error that keeps a VMI from being made (``KN211``, ``KN213``, vCPUs that
    cannot be spread) ends it; a requirement that is not met does not, because KubeVirt's controller does not ask.

    >>> import kvnet
    >>> manifest = kvnet.loads_all('''
    ... kind: VirtualMachineClusterInstancetype
    ... metadata: {name: small}
    ... spec: {cpu: {guest: 2}, memory: {guest: 4Gi}}
    ... ---
    ... kind: VirtualMachine
    ... spec: {instancetype: {name: small}, template: {spec: {domain: {devices: {}}}}}
    ... ''')
    >>> expand(manifest.machines[0], manifest.target()).machine.spec.domain.cpu
    Cpu(cores=1, sockets=2, threads=1)
    """
    target = checked_target(machine, target)
    if not machine.refers:
        return Expansion(machine)
    try:
        return _expanded(machine, target)
    except Rejected as uncountable:
        return Expansion(machine, uncountable.problems)


def _expanded(machine: Machine, target: Target) -> Expansion:
    found = referred(machine, target)
    created = _with_creation_preferences(machine, found.preference) if found.preference else machine
    created = _with_pci_topology(created, target)
    errors = (*(problem for problem in found.problems if problem.is_error), *refusals.refusals(created, found))
    if errors:
        return Expansion(machine, errors)
    expanded = _applied(created, target, found)
    unmet = _unmet_requirement(expanded, target, found)
    problems = (*found.problems, *refusals.refused_objects(machine, found), *((unmet,) if unmet else ()))
    return Expansion(evolve(expanded, instancetype=None, preference=None), problems)


def _unmet_requirement(machine: Machine, target: Target, found: Referred) -> Problem | None:
    # the webhook gives the machine its defaults first, and where it cannot, it asks for nothing else
    if found.preference is None or default_nic_refusal(machine, target.cluster):
        return None
    return refusals.unmet_requirement(machine, target, found.instancetype, found.preference)


def _with_pci_topology(machine: Machine, target: Target) -> Machine:
    """The machine with the annotation that KubeVirt's webhook gives new VMs with PCI Express."""
    kind = machine.spec.domain.machine
    name = (kind and kind.type) or "q35"
    if architecture_of(machine, target) not in _PCIE_ARCHITECTURES or not ("q35" in name or name.startswith("virt")):
        return machine
    return evolve(machine, annotations={**_PCI_TOPOLOGY, **machine.annotations})


def _applied(machine: Machine, target: Target, found: Referred) -> Machine:
    """The machine as KubeVirt's controller makes it. Source: ``pkg/virt-controller/watch/vm/vm.go``."""
    if found.preference:
        machine = _with_preferred_autoattach(machine, found.preference)
    if not default_nic_refusal(machine, target.cluster):
        machine = with_default_nic(machine, target.cluster)
    machine = evolve(machine, annotations={**machine.annotations, **found.annotations})
    if found.instancetype:
        machine = _with_instancetype(machine, found.instancetype, found.preference)
    return _with_preference(machine, found.preference) if found.preference else machine


def _with_instancetype(machine: Machine, instancetype: Instancetype, preference: Preference | None) -> Machine:
    """The machine with the size and the annotations of an instancetype, its vCPUs as the preference has them.

    Sources: KubeVirt's ``pkg/instancetype/apply``.
    """
    spec, old = instancetype.spec, machine.spec
    domain = evolve(
        _with_memory(old.domain, spec.memory),
        cpu=_cpu(old.domain.cpu or Cpu(), spec.cpu, preference),
        launch_security=spec.launch_security or old.domain.launch_security,
        devices=evolve(old.domain.devices, rest=_with(old.domain.devices.rest, _of_devices(spec))),
        rest=_with(old.domain.rest, {"ioThreads": spec.io_threads, "ioThreadsPolicy": spec.io_threads_policy}),
    )
    rest = _with(old.rest, {"nodeSelector": spec.node_selector, "schedulerName": spec.scheduler_name or None})
    annotations = {**machine.annotations, **spec.annotations}
    return evolve(machine, annotations=annotations, spec=evolve(old, domain=domain, rest=rest))


def _with(rest: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {**rest, **{key: value for key, value in given.items() if value is not None}}


def _of_devices(spec: InstancetypeSpec) -> dict[str, Any]:
    return {"gpus": list(spec.gpus) or None, "hostDevices": list(spec.host_devices) or None}


def _cpu(cpu: Cpu, given: InstancetypeCpu, preference: Preference | None) -> Cpu:
    factors = topology.factors_of(given.guest, preference)
    kept = {
        "isolateEmulatorThread": given.isolate_emulator_thread,
        "numa": given.numa,
        "realtime": given.realtime,
    }
    placement = given.dedicated_cpu_placement
    return evolve(
        cpu,
        sockets=factors.sockets,
        cores=factors.cores,
        threads=factors.threads,
        model=cpu.model if given.model is None else given.model,
        max_sockets=cpu.max_sockets if given.max_sockets is None else given.max_sockets,
        dedicated_cpu_placement=cpu.dedicated_cpu_placement if placement is None else placement,
        rest=_with(cpu.rest, kept),
    )


def _with_memory(domain: Domain, given: InstancetypeMemory) -> Domain:
    old = domain.memory or Memory()
    rest = _with(old.rest, {"maxGuest": given.max_guest, "hugepages": given.hugepages})
    memory = evolve(old, guest=given.guest, rest=rest)
    percent = given.overcommit_percent or 0
    if percent <= 0:
        return evolve(domain, memory=memory)
    resources = domain.resources or Resources()
    requests = {**resources.requests, "memory": _overcommitted(given.guest, percent)}
    return evolve(domain, memory=memory, resources=evolve(resources, requests=requests))


def _overcommitted(guest: str | int, percent: int) -> str:
    """The bytes that the pod requests. KubeVirt computes them with 32-bit floats, whose error is in the 7th digit."""
    return str(quantity_ceil(str(guest)) * (100 - percent) // 100)


def _with_creation_preferences(machine: Machine, preference: Preference) -> Machine:
    """The machine with the architecture and the machine type of a preference, which are fixed when a VM is created.

    Source: KubeVirt's ``pkg/instancetype/webhooks/vm/mutator.go``.
    """
    spec, domain = machine.spec, machine.spec.domain
    wanted = preference.spec.machine and preference.spec.machine.preferred_machine_type
    if wanted and not (domain.machine and domain.machine.type):
        domain = evolve(domain, machine=evolve(domain.machine or MachineType(), type=wanted))
    architecture = spec.architecture or preference.spec.preferred_architecture or None
    return evolve(machine, spec=evolve(spec, domain=domain, architecture=architecture))


def _with_preferred_autoattach(machine: Machine, preference: Preference) -> Machine:
    """The machine with the preference about the default NIC, which counts before that NIC is added."""
    devices = machine.spec.domain.devices
    wanted = (preference.spec.devices or _NONE).preferred_autoattach_pod_interface
    if wanted is None or devices.autoattach_pod_interface is not None:
        return machine
    return _with_domain(machine, evolve(machine.spec.domain, devices=evolve(devices, autoattach_pod_interface=wanted)))


def _with_preference(machine: Machine, preference: Preference) -> Machine:
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
