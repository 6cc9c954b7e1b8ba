"""Plans and changes as plain data, for ``-o json`` and ``-o yaml``."""

from __future__ import annotations

from typing import Any

from kvnet.device.diff import Change
from kvnet.hotplug import Call

__all__ = ["call_dict", "change_dict"]


def call_dict(call: Call) -> dict[str, Any]:
    """A step, and which configurations it changes: ``running``, ``next_start`` or both.

    ``xml`` is what libvirt is given, and ``before`` the NIC in the domain now, where there is one.
    """
    step = call.step
    described = {
        "action": str(step.action),
        "nic": step.nic,
        "alias": step.alias,
        "running": call.live,
        "next_start": call.persistent,
        "xml": step.xml,
    }
    return described | ({"before": step.before} if step.before else {})


def change_dict(change: Change) -> dict[str, Any]:
    """A difference between two domains: its path, who notices it, and both values."""
    return {
        "field": str(change.at),
        "noticed": str(change.noticed),
        "before": change.before,
        "after": change.after,
    }
