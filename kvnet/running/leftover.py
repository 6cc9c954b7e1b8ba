"""What a NIC that runs differs in from what is asked, beyond what libvirt changes live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from kvnet.device import Device
from kvnet.device.diff import Change, Noticed, diff
from kvnet.errors import Problem, Severity
from kvnet.running.asked import Asked
from kvnet.target import Profile

__all__ = ["OF_THE_POD", "left_to_restart"]

_PLANNED = ("link.@state", "alias.@name")
_PATHS_OF_THE_POD = ("mtu.@size", "target.@dev", "target.@managed")
OF_THE_POD = ("mtu", "target", "target_managed")
"""What a NIC has of its pod in KubeVirt's profile."""


def left_to_restart(nic: Asked, profile: Profile) -> Iterator[Problem]:
    """A warning that names every difference which needs a restart: MAC address, model, queues, MTU and so on.

    The link is left out, for it has a step of its own, and so is what libvirt adds by itself. In KubeVirt's
    profile the MTU and the target are the pod's, and count only where they are known.
    """
    if nic.live is None or nic.device is None:
        return
    changes = [change for change in _changes(nic.live.device, nic.device) if not _is_unknown(change, profile)]
    if not changes:
        return
    told = "; ".join(f"{_path(change)} {change.before or 'none'} → {change.after or 'none'}" for change in changes)
    yield Problem(
        nic.at,
        "KN851",
        f"'{nic.name}' runs with other settings than are asked: {told}",
        hint="restart the machine: no running NIC takes them on",
        severity=Severity.WARNING,
    )


def _changes(live: Any, wanted: Device) -> Iterator[Change]:
    # what kvnet does not model is nothing that the spec could ask for
    for change in diff(evolve(live, verbatim=None), wanted):
        if change.noticed is not Noticed.NOISE and _path(change) not in _PLANNED:
            yield change


def _is_unknown(change: Change, profile: Profile) -> bool:
    return profile is Profile.KUBEVIRT and change.after is None and _path(change) in _PATHS_OF_THE_POD


def _path(change: Change) -> str:
    """The path inside the device; a change of the device's whole kind has none."""
    return ".".join(map(str, change.at.parts[1:])) or "the device"
