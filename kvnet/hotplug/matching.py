"""Match each interface of a machine with the domain's NICs, and find the differences that need a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from kvnet.compiler import Compiled, CompiledNic
from kvnet.device import Device
from kvnet.device.diff import Change, Noticed, diff
from kvnet.errors import Problem, Severity
from kvnet.hotplug.live_domain import LiveDomain, LiveNic
from kvnet.hotplug.policy import Conditions
from kvnet.spec import Machine
from kvnet.spec.nic import Nic, nics_of
from kvnet.target import Profile

__all__ = ["POD_FIELDS", "MatchedNic", "matched_nics", "restart_differences"]

_CHANGED_LIVE = ("link.@state", "alias.@name")
_POD_PATHS = ("mtu.@size", "target.@dev", "target.@managed")
POD_FIELDS = ("mtu", "target", "target_managed")
"""The fields of a NIC that come from its pod in KubeVirt's profile."""


@frozen(kw_only=True)
class MatchedNic:
    """A ``nic`` of the machine, what it is ``compiled`` to, and the domain's NICs of its alias: usually one or none."""

    nic: Nic
    compiled: CompiledNic
    found: tuple[LiveNic, ...]

    @property
    def live(self) -> LiveNic | None:
        """The domain's NIC, if there is exactly one."""
        return self.found[0] if len(self.found) == 1 else None

    @property
    def is_new(self) -> bool:
        """Whether the machine has the NIC, and the domain does not."""
        return not self.nic.interface.is_absent and not self.found

    @property
    def device(self) -> Device | None:
        """The device that the machine asks for."""
        return self.compiled.device


def matched_nics(machine: Machine, compiled: Compiled, domain: LiveDomain, conditions: Conditions) -> list[MatchedNic]:
    """Match every interface of a machine, in order; an absent one is compiled to nothing."""
    present: Iterator[CompiledNic] = iter(compiled.nics)
    return [
        MatchedNic(
            nic=nic,
            compiled=CompiledNic(name=nic.name) if nic.interface.is_absent else next(present),
            found=domain.nics_of(nic.interface, conditions.name_of),
        )
        for nic in nics_of(machine)
    ]


def restart_differences(matched: MatchedNic, profile: Profile) -> Sequence[Problem]:
    """A warning that lists every difference which only a restart changes: MAC address, model, queues, MTU and so on.

    The link state is left out, because libvirt changes it live, and so is what libvirt adds by itself. In KubeVirt's
    profile the MTU and the target come from the pod, and count only where they are known.
    """
    if matched.live is None or matched.device is None:
        return ()
    changes = [
        change
        for change in _changes(matched.live.device, matched.device)
        if not (profile is Profile.KUBEVIRT and change.after is None and _path(change) in _POD_PATHS)
    ]
    if not changes:
        return ()
    listed = "; ".join(f"{_path(each)} {each.before or 'none'} → {each.after or 'none'}" for each in changes)
    told = f"the running NIC '{matched.nic.name}' differs from the machine: {listed}"
    hint = "restart the machine: libvirt changes none of this while it runs"
    return (Problem(matched.nic.at, "KN851", told, hint=hint, severity=Severity.WARNING),)


def _changes(live: Any, wanted: Device) -> Iterator[Change]:
    # a machine cannot ask for what kvnet does not model
    for change in diff(evolve(live, verbatim=None), wanted):
        if change.noticed is not Noticed.NOISE and _path(change) not in _CHANGED_LIVE:
            yield change


def _path(change: Change) -> str:
    """The path inside the device; a change of the whole device has none."""
    return ".".join(map(str, change.at.parts[1:])) or "the device"
