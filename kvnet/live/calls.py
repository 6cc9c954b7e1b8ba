"""Each kind of step as calls to libvirt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kvnet.hotplug import Action, Call
from kvnet.live.binding import libvirt_module
from kvnet.live.removal import Removals

if TYPE_CHECKING:
    import libvirt

__all__ = ["carry_out"]

_UNDER_WAY = "in the process of unplug"


def carry_out(domain: libvirt.virDomain, call: Call, gone: Removals) -> None:
    """Do a step, so that doing it again does no harm. Raises libvirt's own error.

    A running NIC that is detached may not be gone yet, though libvirt waits five seconds: ``gone`` hears of that.
    """
    libvirt = libvirt_module()
    step = call.step
    flags = (libvirt.VIR_DOMAIN_AFFECT_LIVE if call.live else 0) | (
        libvirt.VIR_DOMAIN_AFFECT_CONFIG if call.persistent else 0
    )
    match step.action:
        case Action.ATTACH:
            domain.attachDeviceFlags(step.xml, flags)
        case Action.UPDATE_LINK:
            domain.updateDeviceFlags(step.xml, flags)
        case Action.DETACH:
            _detach(domain, call, flags, gone)
        case Action.REPLACE:
            _replace(domain, call, flags)


def _detach(domain: libvirt.virDomain, call: Call, flags: int, gone: Removals) -> None:
    libvirt = libvirt_module()
    gone.forget(call.step.alias)
    try:
        # The call that takes an alias is no choice: it does not write down what became of the running domain, so a
        # libvirt that starts again may find a NIC in its notes that QEMU has no more.
        domain.detachDeviceFlags(call.step.xml, flags)
    except libvirt.libvirtError as error:
        is_gone = error.get_error_code() == libvirt.VIR_ERR_DEVICE_MISSING
        if not is_gone and not (call.live and _UNDER_WAY in error.get_error_message()):
            raise
        if call.live and call.persistent:
            # libvirt changes neither where it cannot change both
            domain.detachDeviceFlags(call.step.xml, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def _replace(domain: libvirt.virDomain, call: Call, flags: int) -> None:
    """At once where libvirt knows the NIC by what stays of it, else by way of none, which is undone at a refusal."""
    error: Any = libvirt_module().libvirtError
    step = call.step
    try:
        domain.updateDeviceFlags(step.xml, flags)
    except error:
        domain.detachDeviceFlags(step.before, flags)
        try:
            domain.attachDeviceFlags(step.xml, flags)
        except error:
            domain.attachDeviceFlags(step.before, flags)
            raise
