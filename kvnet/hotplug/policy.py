"""Which changes of a running machine are due: KubeVirt's conditions, or those of a plain libvirt host.

KubeVirt's conditions follow ``pkg/virt-launcher/virtwrap/network/nichotplug.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from attrs import frozen

from kvnet.compiler.naming import USER_ALIAS, hashed_name, tap_name
from kvnet.device import Interface as InterfaceDevice
from kvnet.errors import Problem, Severity
from kvnet.hotplug.live_domain import LiveNic, is_virtual_function
from kvnet.interface_status.sources import InfoSource, sources_of, status_interfaces
from kvnet.spec import InterfaceStatus, Machine, Network
from kvnet.spec.nic import Nic
from kvnet.target import Profile

__all__ = ["CONDITIONS", "Conditions", "HotplugPolicy", "conditions_of", "has_pod_link", "networks_to_set_up"]

_RUNNING = "Running"


class HotplugPolicy(StrEnum):
    """Whose conditions decide which changes are due."""

    KUBEVIRT = "kubevirt"
    """What KubeVirt would do now, step for step, by the machine's phase and status."""
    PLAIN = "plain"
    """What a host without KubeVirt can do at once: attach every NIC that is missing, detach every absent one."""


def networks_to_set_up(machine: Machine) -> tuple[str, ...]:
    """The networks whose links KubeVirt adds to the pod of a running machine, or removes from it.

    First come the networks of NICs that are in the pod and not in the domain, then those of absent NICs that the domain
    no longer has; both in the order of networks.
    """
    interfaces = {each.name: each for each in machine.interfaces}
    added, removed = [], []
    for network in machine.networks:
        interface = interfaces.get(network.name)
        if interface is None or not _is_not_in_domain(machine, network):
            continue
        if interface.is_absent:
            removed.append(network.name)
        elif has_pod_link(machine, network.name):
            added.append(network.name)
    return (*added, *removed)


def has_pod_link(machine: Machine, name: str) -> bool:
    """Whether the status says that Multus has put a NIC's link into the pod."""
    return any(InfoSource.MULTUS in sources_of(entry) for entry in _entries(machine, name))


def _is_not_in_domain(machine: Machine, network: Network) -> bool:
    """Whether the status has an entry for a NIC, and none that was found in the domain."""
    entries = _entries(machine, network.name)
    return bool(entries) and not any(InfoSource.DOMAIN in sources_of(entry) for entry in entries)


def _entries(machine: Machine, name: str) -> list[InterfaceStatus]:
    return [entry for entry in status_interfaces(machine) if entry.name == name]


def _machine_waits(machine: Machine) -> Problem | None:
    """KubeVirt changes NICs only in the phase Running."""
    phase = machine.status.phase if machine.status else None
    if phase == _RUNNING:
        return None
    message = f"KubeVirt changes NICs only while the machine is Running, and its phase is {phase or 'not known'}"
    return Problem(machine.root, "KN858", message, hint="try again when it runs", severity=Severity.NOTE)


def _attachment_waits(nic: Nic) -> Problem | None:
    """KubeVirt attaches what Multus has put into the pod; it adds virtual functions by a migration."""
    if is_virtual_function(nic.interface):
        message = f"KubeVirt adds the SR-IOV NIC '{nic.name}' to a running machine by migrating it"
        return Problem(nic.at, "KN852", message, hint="migrate the machine", severity=Severity.WARNING)
    if has_pod_link(nic.machine, nic.name):
        return None
    message = (
        f"the pod has no link for '{nic.name}' yet: the infoSource in its status does not list {InfoSource.MULTUS}"
    )
    hint = "wait for Multus, or migrate the machine"
    return Problem(nic.at, "KN858", message, hint=hint, severity=Severity.NOTE)


def _detachment_waits(nic: Nic, live: LiveNic) -> Problem | None:
    """KubeVirt detaches NICs on taps with hashed names; it removes virtual functions by a migration."""
    device = live.device
    if not isinstance(device, InterfaceDevice):
        message = f"KubeVirt removes the SR-IOV NIC '{nic.name}' by migrating the machine"
        return Problem(nic.at / "state", "KN852", message, hint="migrate the machine", severity=Severity.WARNING)
    tap = tap_name(hashed_name(nic.name), secondary=True)
    if device.target == tap:
        return None
    message = f"KubeVirt detaches '{nic.name}' only from {tap}, and it is on {device.target or 'a link without a name'}"
    hint = "migrate or restart the machine: its new pod has the new names"
    return Problem(nic.at / "state", "KN857", message, hint=hint, severity=Severity.WARNING)


@frozen(kw_only=True)
class Conditions:
    """The conditions of a policy.

    ``machine_waits``, ``attachment_waits`` and ``detachment_waits`` tell why a change is not due yet, else ``None``.
    ``name_of`` reads a NIC's name from an alias, ``link_state`` gives the value that link states are compared by, and
    ``stops_at_error`` says whether no step follows the first error.
    """

    machine_waits: Callable[[Machine], Problem | None]
    attachment_waits: Callable[[Nic], Problem | None]
    detachment_waits: Callable[[Nic, LiveNic], Problem | None]
    name_of: Callable[[str], str | None]
    link_state: Callable[[str | None], str | None]
    stops_at_error: bool


CONDITIONS: Mapping[HotplugPolicy, Conditions] = {
    HotplugPolicy.KUBEVIRT: Conditions(
        machine_waits=_machine_waits,
        attachment_waits=_attachment_waits,
        detachment_waits=_detachment_waits,
        # KubeVirt also reads an alias without the prefix as a name
        name_of=lambda alias: alias.removeprefix(USER_ALIAS) or None,
        # to KubeVirt, a link that is explicitly up differs from one without a state
        link_state=lambda state: state,
        stops_at_error=True,
    ),
    HotplugPolicy.PLAIN: Conditions(
        machine_waits=lambda _: None,
        attachment_waits=lambda _: None,
        detachment_waits=lambda *_: None,
        # libvirt assigns its own aliases (net0) anew at every start, so they name no NIC
        name_of=lambda alias: alias.removeprefix(USER_ALIAS) if alias.startswith(USER_ALIAS) else None,
        link_state=lambda state: state or "up",
        stops_at_error=False,
    ),
}


def conditions_of(policy: HotplugPolicy | str | None, machine: Machine, profile: Profile) -> Conditions:
    """The conditions of a policy; without one, KubeVirt's for a machine with a status in KubeVirt's profile.

    Raises ValueError for a policy that does not exist.
    """
    if policy:
        return CONDITIONS[HotplugPolicy(policy)]
    status = machine.status
    has_status = status is not None and bool(status.phase or status.interfaces)
    is_kubevirts = profile is Profile.KUBEVIRT and has_status
    return CONDITIONS[HotplugPolicy.KUBEVIRT if is_kubevirts else HotplugPolicy.PLAIN]
