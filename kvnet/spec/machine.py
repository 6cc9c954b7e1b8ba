"""The machine: a VMI spec, and the object of any kind that holds it.

Classes with a field ``rest`` keep there the members that kvnet has no field for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast

import attrs
from attrs import field, frozen

from kvnet._arguments import checked
from kvnet._html import drawing, table
from kvnet.errors import FieldPath
from kvnet.spec.interface import Interface
from kvnet.spec.network import Network
from kvnet.spec.wire import (
    Between,
    BriefRepr,
    Int32,
    Origin,
    Plain,
    Plains,
    Quantity,
    Rest,
    UInt31,
    UInt32,
    mapping,
    required,
    rest,
)

__all__ = [
    "REFERRING",
    "REPLICATING",
    "TEMPLATES",
    "Condition",
    "Cpu",
    "Devices",
    "Disk",
    "Domain",
    "Firmware",
    "InterfaceStatus",
    "LaunchSecurity",
    "Machine",
    "MachineType",
    "Matcher",
    "Memory",
    "PodResourceClaim",
    "Resources",
    "Status",
    "VmiSpec",
    "checked_machine",
]

TEMPLATES: dict[str, tuple[str, ...]] = {
    "VirtualMachine": ("spec", "template"),
    "VirtualMachineInstance": (),
    "VirtualMachineInstanceReplicaSet": ("spec", "template"),
    "VirtualMachinePool": ("spec", "virtualMachineTemplate", "spec", "template"),
}
"""Where each kind of object keeps the metadata and spec of its VMIs."""
REPLICATING = frozenset({"VirtualMachineInstanceReplicaSet", "VirtualMachinePool"})
"""The kinds of objects that stand for ``spec.replicas`` machines."""
REFERRING: dict[str, tuple[str, ...]] = {
    "VirtualMachine": ("spec",),
    "VirtualMachinePool": ("spec", "virtualMachineTemplate", "spec"),
}
"""Where the kinds of objects that may refer to an instancetype and a preference do so."""


@frozen(kw_only=True, slots=False, repr=False)
class Cpu(BriefRepr):
    """``domain.cpu``. A factor that is absent or 0 counts as 1 once any factor is given.

    - ``cores``, ``sockets``, ``threads``: the factors of the number of vCPUs
    - ``max_sockets``: sockets up to which CPUs can be plugged in
    - ``model``: such as ``host-model``
    - ``dedicated_cpu_placement``: whether each vCPU has a host CPU of its own
    """

    cores: UInt31 | None = None
    sockets: UInt31 | None = None
    threads: UInt31 | None = None
    max_sockets: UInt31 | None = None
    model: str | None = None
    dedicated_cpu_placement: bool | None = None
    rest: Rest = rest(isolateEmulatorThread=bool, numa=Plain, realtime=Plain, features=Plains)


@frozen(kw_only=True, slots=False, repr=False)
class Resources(BriefRepr):
    """``domain.resources``: Kubernetes quantities as they were written, such as ``2``, ``500m`` or ``1Gi``.

    - ``requests``, ``limits``: by the name of the resource
    """

    requests: Mapping[str, Quantity] = mapping()
    limits: Mapping[str, Quantity] = mapping()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Disk(BriefRepr):
    """An entry of ``devices.disks``.

    - ``name``: of the disk
    - ``boot_order``: its turn among NICs and disks, from 1
    """

    name: str | None = None
    boot_order: UInt32 | None = None
    rest: Rest = rest(disk=Plain, cdrom=Plain, lun=Plain)


@frozen(kw_only=True, slots=False, repr=False)
class Devices(BriefRepr):
    """``domain.devices``.

    - ``interfaces``: the NICs, at most 256
    - ``autoattach_pod_interface``: ``False`` for a machine that is to have no default NIC
    - ``network_interface_multiqueue``: whether virtio NICs get a queue pair for each vCPU
    - ``use_virtio_transitional``: whether virtio devices are transitional
    - ``disks``: which share the boot order with the NICs
    """

    interfaces: Annotated[tuple[Interface, ...], Between(0, 256)] = ()
    autoattach_pod_interface: bool | None = None
    network_interface_multiqueue: bool | None = None
    use_virtio_transitional: bool | None = None
    disks: tuple[Disk, ...] = ()
    rest: Rest = rest(
        gpus=Plains,
        hostDevices=Plains,
        inputs=Plains,
        rng=Plain,
        watchdog=Plain,
        disableHotplug=bool,
        autoattachSerialConsole=bool,
    )


@frozen(kw_only=True, slots=False, repr=False)
class MachineType(BriefRepr):
    """``domain.machine``.

    - ``type``: such as ``q35``
    """

    type: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Memory(BriefRepr):
    """``domain.memory``.

    - ``guest``: a Kubernetes quantity of bytes
    """

    guest: Quantity | None = None
    rest: Rest = rest(maxGuest=Quantity, hugepages=Plain)


@frozen(kw_only=True, slots=False, repr=False)
class Firmware(BriefRepr):
    """``domain.firmware``.

    - ``uuid``: of the machine
    """

    uuid: str | None = None
    rest: Rest = rest(bootloader=Plain)


@frozen(kw_only=True, slots=False, repr=False)
class LaunchSecurity(BriefRepr):
    """``domain.launchSecurity``: confidential computing. On s390x an empty object means Protected Virtualization.

    - ``sev``, ``snp``, ``tdx``: the kind, with its settings
    """

    sev: Mapping[str, Any] | None = mapping(default=None)
    snp: Mapping[str, Any] | None = mapping(default=None)
    tdx: Mapping[str, Any] | None = mapping(default=None)
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Domain(BriefRepr):
    """``spec.domain``.

    - ``devices``: the NICs among others
    - ``cpu``: topology and model
    - ``resources``: requests and limits
    - ``memory``: of the guest
    - ``machine``: the type of machine
    - ``firmware``: the machine's UUID
    - ``launch_security``: confidential computing
    """

    devices: Devices = required(Devices)
    cpu: Cpu | None = None
    resources: Resources | None = None
    memory: Memory | None = None
    machine: MachineType | None = None
    firmware: Firmware | None = None
    launch_security: LaunchSecurity | None = None
    rest: Rest = rest(features=Plain, ioThreads=Plain, ioThreadsPolicy=str)


@frozen(kw_only=True, slots=False, repr=False)
class PodResourceClaim(BriefRepr):
    """An entry of ``spec.resourceClaims``.

    - ``name``: by which networks refer to it
    """

    name: str
    rest: Rest = rest(resourceClaimName=str, resourceClaimTemplateName=str)


@frozen(kw_only=True, slots=False, repr=False)
class VmiSpec(BriefRepr):
    """The spec of a VirtualMachineInstance.

    - ``domain``: the machine itself
    - ``networks``: at most 256
    - ``resource_claims``: claims of devices that networks may refer to
    - ``architecture``: in Kubernetes' words, such as ``amd64``
    """

    domain: Domain = required(Domain)
    networks: Annotated[tuple[Network, ...], Between(0, 256)] = ()
    resource_claims: tuple[PodResourceClaim, ...] = ()
    architecture: str | None = None
    rest: Rest = rest(
        hostname=str,
        subdomain=str,
        dnsPolicy=str,
        dnsConfig=Plain,
        schedulerName=str,
        startStrategy=str,
        nodeSelector=Plain,
        readinessProbe=Plain,
        livenessProbe=Plain,
        volumes=Plains,
    )


@frozen(kw_only=True, slots=False, repr=False)
class InterfaceStatus(BriefRepr):
    """An entry of ``status.interfaces``: what KubeVirt last reported of one NIC.

    - ``name``: of the interface
    - ``mac``: its address, as text
    - ``ip_address``, ``ip_addresses``: the main address and all of them, as text
    - ``pod_interface_name``: of the link in the pod
    - ``interface_name``: of the link in the guest
    - ``info_source``: a list in text of where this is known from, such as ``domain, guest-agent``
    - ``queue_count``: queue pairs
    - ``link_state``: ``up`` or ``down``
    """

    name: str | None = None
    mac: str | None = None
    ip_address: str | None = None
    ip_addresses: tuple[str, ...] = ()
    pod_interface_name: str | None = None
    interface_name: str | None = None
    info_source: str | None = None
    queue_count: Int32 | None = None
    link_state: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Condition(BriefRepr):
    """An entry of ``status.conditions``.

    - ``type``: such as ``LiveMigratable``
    - ``status``: ``True``, ``False`` or ``Unknown``, as text
    - ``reason``, ``message``: why
    - ``last_transition_time``: as RFC 3339 text
    """

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Status(BriefRepr):
    """``status`` of a VirtualMachineInstance.

    - ``phase``: such as ``Running``
    - ``conditions``, ``interfaces``: the entries of these lists
    """

    phase: str | None = None
    conditions: tuple[Condition, ...] = ()
    interfaces: tuple[InterfaceStatus, ...] = ()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Matcher(BriefRepr):
    """``spec.instancetype`` or ``spec.preference`` of a VirtualMachine: a reference.

    - ``name``: of the object that is referred to
    - ``kind``: of it, in any letter case, singular or plural; the cluster-wide kind where it is absent
    - ``infer_from_volume``: the volume of the machine whose labels name the object
    - ``revision_name``: the ControllerRevision that holds the object as it was when the machine first started
    """

    name: str | None = None
    kind: str | None = None
    infer_from_volume: str | None = None
    revision_name: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Machine(BriefRepr):
    """One machine: its spec, and the object that held it.

    - ``kind``: a key of ``TEMPLATES``, or empty for a bare VMI spec
    - ``name``, ``namespace``: of the object
    - ``annotations``: of the VMI, or of the template for VMIs
    - ``spec``: of the VMI
    - ``status``: of the VMI
    - ``instancetype``, ``preference``: what a VirtualMachine, or a pool of them, refers to
    - ``around``: the rest of the object
    - ``origin``: finds fields in the text, and does not count when machines are compared
    """

    kind: str = "VirtualMachineInstance"
    name: str | None = None
    namespace: str | None = None
    annotations: Mapping[str, str] = mapping()
    spec: VmiSpec = field(factory=VmiSpec)
    status: Status | None = None
    instancetype: Matcher | None = None
    preference: Matcher | None = None
    around: Rest = mapping(repr=False)
    origin: Origin | None = field(default=None, eq=False, repr=False)
    text_shape: ClassVar[str] = ""
    """A digest of the text that a machine was read from, without its names and addresses; empty where it is not known,
    as in all machines that were changed, and where those are not usual (``kvnet.spec.nic``). Machines of one shape
    differ in nothing else."""

    def _repr_html_(self) -> str:
        sources = {network.name: network.sources for network in self.networks}
        rows = [
            (nic.name, nic.binding, nic.model or "virtio", nic.mac_address, *sources.get(nic.name, ()))
            for nic in self.interfaces
        ]
        headings = ("NIC", "Binding", "Model", "MAC address", "Network")
        return table(f"Machine {self.name or ''}", headings, rows) + drawing([self])

    @property
    def root(self) -> FieldPath:
        """The path of the VMI spec inside the object, as KubeVirt prints it."""
        return FieldPath((*TEMPLATES.get(self.kind, ()), "spec"))

    @property
    def refers(self) -> bool:
        """Whether it refers to an instancetype or a preference, which ``kvnet.expand`` writes out."""
        return self.instancetype is not None or self.preference is not None

    @property
    def replicas(self) -> int:
        """How many machines the object stands for: 1, but for replica sets and pools that ask for another number."""
        spec = self.around.get("spec") if self.kind in REPLICATING else None
        count = spec.get("replicas") if isinstance(spec, Mapping) else None
        return count if type(count) is int else 1

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        return self.spec.domain.devices.interfaces

    @property
    def networks(self) -> tuple[Network, ...]:
        return self.spec.networks

    def with_nics(
        self, interfaces: Annotated[tuple[Interface, ...], Between(0, 256)], networks: tuple[Network, ...]
    ) -> Machine:
        """The same machine with other NICs and networks."""
        devices = attrs.evolve(self.spec.domain.devices, interfaces=interfaces)
        domain = attrs.evolve(self.spec.domain, devices=devices)
        return attrs.evolve(self, spec=attrs.evolve(self.spec, domain=domain, networks=networks))


def checked_machine(machine: object) -> Machine:
    """The machine. Raises TypeError for anything else, and says what to write instead."""
    hints = {"Manifest": "take each of manifest.machines", "Rendered": "take rendered.machine"}
    return cast(Machine, checked(machine, Machine, "a Machine", "read one with kvnet.load", hints))
