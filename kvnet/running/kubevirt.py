"""When KubeVirt plugs NICs in and out: what its status must say first."""

from __future__ import annotations

from kvnet.compiler.naming import hashed_name, tap_name
from kvnet.device import Interface as InterfaceDevice
from kvnet.errors import Problem, Severity
from kvnet.running.asked import Asked, is_virtual_function
from kvnet.running.reported import InfoSource, has_source, reported
from kvnet.spec import InterfaceStatus, Machine, Network

__all__ = [
    "attach_is_held",
    "detach_is_held",
    "has_pod_link",
    "has_status",
    "machine_is_held",
    "networks_to_set_up",
]

_RUNNING = "Running"


def has_status(machine: Machine) -> bool:
    """Whether KubeVirt has reported on a machine: its phase, or NICs."""
    return machine.status is not None and bool(machine.status.phase or machine.status.interfaces)


def machine_is_held(machine: Machine) -> Problem | None:
    """KubeVirt changes NICs in the phase Running alone."""
    phase = machine.status.phase if machine.status else None
    if phase == _RUNNING:
        return None
    told = f"the machine's phase is {phase or 'not known'}: KubeVirt changes NICs while it is Running"
    return Problem(machine.root, "KN858", told, hint="try again when it runs", severity=Severity.NOTE)


def attach_is_held(nic: Asked) -> Problem | None:
    """KubeVirt attaches what Multus has put into the pod; virtual functions come with a migration."""
    if is_virtual_function(nic.interface):
        told = f"KubeVirt gives a running machine the SR-IOV NIC '{nic.name}' by migrating it"
        return Problem(nic.at, "KN852", told, hint="migrate the machine", severity=Severity.WARNING)
    if not has_pod_link(nic.machine, nic.name):
        told = f"the pod has no link for '{nic.name}' yet: its status does not say {InfoSource.MULTUS}"
        hint = "wait for Multus, or migrate the machine"
        return Problem(nic.at, "KN858", told, hint=hint, severity=Severity.NOTE)
    return None


def detach_is_held(nic: Asked) -> Problem | None:
    """KubeVirt detaches NICs on taps of the hashed name scheme, and virtual functions by a migration."""
    device = nic.live.device if nic.live else None
    if not isinstance(device, InterfaceDevice):
        told = f"KubeVirt takes the SR-IOV NIC '{nic.name}' out by migrating the machine"
        return Problem(nic.at / "state", "KN852", told, hint="migrate the machine", severity=Severity.WARNING)
    tap = tap_name(hashed_name(nic.name), secondary=True)
    if device.target == tap:
        return None
    told = f"'{nic.name}' is on {device.target or 'no link that is named'}, and KubeVirt detaches it from {tap} alone"
    hint = "migrate or restart the machine: its new pod has the new names"
    return Problem(nic.at / "state", "KN857", told, hint=hint, severity=Severity.WARNING)


def has_pod_link(machine: Machine, name: str) -> bool:
    """Whether the status says that Multus has put a NIC's link into the pod."""
    return any(has_source(entry, InfoSource.MULTUS) for entry in _entries(machine, name))


def networks_to_set_up(machine: Machine) -> tuple[str, ...]:
    """The networks whose links KubeVirt makes, or takes away, in the pod of a running machine.

    First those of NICs that the pod has and the domain has not, then those of absent NICs that the domain has
    no more; both in the order of networks.
    """
    interfaces = {each.name: each for each in machine.interfaces}
    fresh, gone = [], []
    for network in machine.networks:
        interface = interfaces.get(network.name)
        if interface is None or not _is_out(machine, network):
            continue
        if interface.is_absent:
            gone.append(network.name)
        elif has_pod_link(machine, network.name):
            fresh.append(network.name)
    return (*fresh, *gone)


def _is_out(machine: Machine, network: Network) -> bool:
    """Whether the status has an entry for a NIC, and it is not in the domain."""
    entries = _entries(machine, network.name)
    return bool(entries) and not any(has_source(entry, InfoSource.DOMAIN) for entry in entries)


def _entries(machine: Machine, name: str) -> list[InterfaceStatus]:
    return [entry for entry in reported(machine) if entry.name == name]
