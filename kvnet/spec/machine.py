"""The machine: a VMI spec and the object it came in, whichever kind that was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import attrs
from attrs import field, frozen

from kvnet.errors import FieldPath
from kvnet.spec.interface import Interface
from kvnet.spec.network import Network
from kvnet.spec.origin import Origin
from kvnet.spec.wire import AtMost, BriefRepr, Int32, Quantities, Quantity, Rest, UInt32, mapping, rest

__all__ = [
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
    "Memory",
    "PodResourceClaim",
    "Resources",
    "Status",
    "VmiSpec",
]

TEMPLATES: dict[str, tuple[str, ...]] = {
    "VirtualMachine": ("spec", "template"),
    "VirtualMachineInstance": (),
    "VirtualMachineInstanceReplicaSet": ("spec", "template"),
    "VirtualMachinePool": ("spec", "virtualMachineTemplate", "spec", "template"),
}
"""Where each kind of object keeps the metadata and spec of its VMIs."""


@frozen(kw_only=True, slots=False, repr=False)
class Cpu(BriefRepr):
    """``domain.cpu``: a factor that is absent or 0 counts as 1 once any factor is given."""

    cores: UInt32 | None = None
    sockets: UInt32 | None = None
    threads: UInt32 | None = None
    max_sockets: UInt32 | None = None
    model: str | None = None
    dedicated_cpu_placement: bool | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Resources(BriefRepr):
    """Kubernetes quantities by resource name, as written (``2``, ``500m``, ``1Gi``)."""

    requests: Annotated[Mapping[str, Any], Quantities(("cpu", "memory"))] = mapping()
    limits: Annotated[Mapping[str, Any], Quantities(("cpu", "memory"))] = mapping()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Disk(BriefRepr):
    """A disk, as far as it shares the boot order with the NICs."""

    name: str | None = None
    boot_order: UInt32 | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Devices(BriefRepr):
    """``domain.devices``: the NICs, and what decides on them."""

    interfaces: Annotated[tuple[Interface, ...], AtMost(256)] = ()
    autoattach_pod_interface: bool | None = None
    network_interface_multiqueue: bool | None = None
    use_virtio_transitional: bool | None = None
    disks: tuple[Disk, ...] = ()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class MachineType(BriefRepr):
    """``domain.machine``."""

    type: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Memory(BriefRepr):
    """``domain.memory``: ``guest`` is a Kubernetes quantity of bytes."""

    guest: Quantity | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Firmware(BriefRepr):
    """``domain.firmware``."""

    uuid: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class LaunchSecurity(BriefRepr):
    """``domain.launchSecurity``: confidential computing; on s390x an empty object asks for PV."""

    sev: Mapping[str, Any] | None = mapping(default=None)
    snp: Mapping[str, Any] | None = mapping(default=None)
    tdx: Mapping[str, Any] | None = mapping(default=None)
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Domain(BriefRepr):
    """``spec.domain``."""

    devices: Devices = field(factory=Devices)
    cpu: Cpu | None = None
    resources: Resources | None = None
    memory: Memory | None = None
    machine: MachineType | None = None
    firmware: Firmware | None = None
    launch_security: LaunchSecurity | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class PodResourceClaim(BriefRepr):
    """``spec.resourceClaims[]``, as far as networks refer to it."""

    name: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class VmiSpec(BriefRepr):
    """The spec of a VirtualMachineInstance."""

    domain: Domain = field(factory=Domain)
    networks: Annotated[tuple[Network, ...], AtMost(256)] = ()
    resource_claims: tuple[PodResourceClaim, ...] = ()
    architecture: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class InterfaceStatus(BriefRepr):
    """``status.interfaces[]``: what KubeVirt last reported of one NIC."""

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
    """``status.conditions[]``: ``status`` is ``True``, ``False`` or ``Unknown``, as text."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Status(BriefRepr):
    """``status`` of a VirtualMachineInstance."""

    phase: str | None = None
    conditions: tuple[Condition, ...] = ()
    interfaces: tuple[InterfaceStatus, ...] = ()
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class Machine(BriefRepr):
    """One VM: what its owner asked for, and the object it was asked in.

    ``kind`` is a key of ``TEMPLATES``, or empty for a bare VMI spec. ``annotations`` are the VMI's.
    ``around`` is the rest of the object; ``origin`` finds fields in the text and counts for nothing
    when machines are compared.
    """

    kind: str = "VirtualMachineInstance"
    name: str | None = None
    namespace: str | None = None
    annotations: Mapping[str, str] = mapping()
    spec: VmiSpec = field(factory=VmiSpec)
    status: Status | None = None
    around: Rest = mapping(repr=False)
    origin: Origin | None = field(default=None, eq=False, repr=False)

    @property
    def root(self) -> FieldPath:
        """The path of the VMI spec inside the object, as KubeVirt prints it."""
        return FieldPath((*TEMPLATES.get(self.kind, ()), "spec"))

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        return self.spec.domain.devices.interfaces

    @property
    def networks(self) -> tuple[Network, ...]:
        return self.spec.networks

    def with_nics(
        self, interfaces: Annotated[tuple[Interface, ...], AtMost(256)], networks: tuple[Network, ...]
    ) -> Machine:
        """The same machine with other NICs and networks."""
        devices = attrs.evolve(self.spec.domain.devices, interfaces=interfaces)
        domain = attrs.evolve(self.spec.domain, devices=devices)
        return attrs.evolve(self, spec=attrs.evolve(self.spec, domain=domain, networks=networks))
