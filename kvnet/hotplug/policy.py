"""Which changes of a running machine are due: KubeVirt's conditions, or those of a plain libvirt host.

KubeVirt's conditions follow ``pkg/virt-launcher/virtwrap/network/nichotplug.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NoReturn

from attrs import frozen

from kvnet.compiler.pod import USER_ALIAS, hashed_name, tap_name
from kvnet.device import Device, Interface
from kvnet.errors import Problem, Severity
from kvnet.hotplug.live_domain import is_virtual_function
from kvnet.interface_status.sources import InfoSource, sources_of, status_interfaces
from kvnet.spec import Machine
from kvnet.spec.nic import Nic
from kvnet.target import Profile

__all__ = [
    "ANSWERS",
    "Answers",
    "HotplugPolicy",
    "has_pod_link",
    "networks_to_set_up",
    "policy_of",
]


class HotplugPolicy(StrEnum):
    """Whose conditions decide which changes are due."""

    KUBEVIRT = "kubevirt"
    """What KubeVirt would do now, step for step, by the machine's phase and status."""
    PLAIN = "plain"
    """What a host without KubeVirt can do at once: attach every NIC that is missing, detach every absent one."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"the policy is 'kubevirt' or 'plain', not {value!r}")

    @property
    def answers(self) -> Answers:
        """What the policy answers to each question of a plan."""
        return ANSWERS[self]


@frozen(kw_only=True)
class Answers:
    """What a policy answers to each question of a plan.

    - ``machine_waits``: why no change of a machine is due yet, or nothing
    - ``attachment_waits``: why a NIC is not attached yet, or nothing
    - ``detachment_waits``: why a NIC, which is this device in the domain, is not detached yet, or nothing
    - ``stops_at_error``: whether the plan has no steps after the first error
    - ``replaces``: whether a NIC of the persistent configuration that differs from the machine is replaced, and new
      NICs step over the slots of bus 0 that other devices have
    - ``default_link``: the state of a link that names none; ``None`` where it differs from every state
    - ``reads_bare_aliases``: whether an alias without the prefix ``ua-`` names a NIC too
    """

    machine_waits: Callable[[Machine], Problem | None]
    attachment_waits: Callable[[Nic], Problem | None]
    detachment_waits: Callable[[Nic, Device], Problem | None]
    stops_at_error: bool
    replaces: bool
    default_link: str | None
    reads_bare_aliases: bool

    def name_of(self, alias: str) -> str | None:
        """The NIC's name in an alias; ``None`` where it names none."""
        has_prefix = alias.startswith(USER_ALIAS)
        return alias.removeprefix(USER_ALIAS) or None if has_prefix or self.reads_bare_aliases else None


def policy_of(policy: HotplugPolicy | str | None, machine: Machine, profile: Profile) -> HotplugPolicy:
    """The policy that is given; without one, KubeVirt's for a machine with a status in KubeVirt's profile.

    Raises ValueError for a policy that does not exist, and TypeError for what is not text.
    """
    if policy is not None:
        return HotplugPolicy(policy)
    status = machine.status
    has_status = status is not None and bool(status.phase or status.interfaces)
    return HotplugPolicy.KUBEVIRT if profile is Profile.KUBEVIRT and has_status else HotplugPolicy.PLAIN


def networks_to_set_up(machine: Machine) -> tuple[str, ...]:
    """The networks whose links KubeVirt adds to the pod of a running machine, or removes from it.

    First come the networks of NICs that are in the pod and not in the domain, then those of absent NICs that the domain
    no longer has; both in the order of interfaces.
    """
    networks = {each.name for each in machine.networks}
    due = [nic for nic in machine.interfaces if nic.name in networks and _is_not_in_domain(machine, nic.name)]
    added = (nic.name for nic in due if not nic.is_absent and has_pod_link(machine, nic.name))
    return (*added, *(nic.name for nic in due if nic.is_absent))


def has_pod_link(machine: Machine, name: str) -> bool:
    """Whether the status says that Multus has put a NIC's link into the pod."""
    return any(InfoSource.MULTUS in sources for sources in _sources(machine, name))


def _is_not_in_domain(machine: Machine, name: str) -> bool:
    """Whether the status has an entry for a NIC, and none that was found in the domain."""
    entries = _sources(machine, name)
    return bool(entries) and not any(InfoSource.DOMAIN in sources for sources in entries)


def _sources(machine: Machine, name: str) -> list[list[str]]:
    """The sources of each entry of a name in the status."""
    return [sources_of(entry) for entry in status_interfaces(machine) if entry.name == name]


def _machine_waits(machine: Machine) -> Problem | None:
    """Why no change is due yet: KubeVirt changes NICs only in the phase Running."""
    phase = machine.status.phase if machine.status else None
    if phase == "Running":
        return None
    message = f"KubeVirt changes NICs only while the machine is Running, and its phase is {phase or 'not known'}"
    return Problem(machine.root, "KN858", message, hint="try again when it runs", severity=Severity.NOTE)


def _attachment_waits(nic: Nic) -> Problem | None:
    """Why KubeVirt does not attach a NIC yet: it is not in the pod, or it is a virtual function."""
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


def _detachment_waits(nic: Nic, device: Device) -> Problem | None:
    """Why KubeVirt does not detach a NIC yet: its tap has no hashed name, or it is a virtual function."""
    if not isinstance(device, Interface):
        message = f"KubeVirt removes the SR-IOV NIC '{nic.name}' by migrating the machine"
        return Problem(nic.at / "state", "KN852", message, hint="migrate the machine", severity=Severity.WARNING)
    tap = tap_name(hashed_name(nic.name), secondary=True)
    if device.target == tap:
        return None
    message = f"KubeVirt detaches '{nic.name}' only from {tap}, and it is on {device.target or 'a link without a name'}"
    hint = "migrate or restart the machine: its new pod has the new names"
    return Problem(nic.at / "state", "KN857", message, hint=hint, severity=Severity.WARNING)


def _at_once(*_: object) -> None:
    """Nothing waits."""


ANSWERS: Mapping[HotplugPolicy, Answers] = {
    HotplugPolicy.KUBEVIRT: Answers(
        machine_waits=_machine_waits,
        attachment_waits=_attachment_waits,
        detachment_waits=_detachment_waits,
        stops_at_error=True,
        replaces=False,
        # to KubeVirt, a link that is explicitly up differs from one without a state
        default_link=None,
        reads_bare_aliases=True,
    ),
    HotplugPolicy.PLAIN: Answers(
        machine_waits=_at_once,
        attachment_waits=_at_once,
        detachment_waits=_at_once,
        stops_at_error=False,
        replaces=True,
        default_link="up",
        # libvirt assigns its own aliases (net0) anew at every start, so they name no NIC
        reads_bare_aliases=False,
    ),
}
