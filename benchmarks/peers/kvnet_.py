"""kvnet: checked objects, and the writer that is generated from their declarations.

``render`` makes the devices and writes them, as the other peers do; ``write`` is for devices that are there
already, as they are after compiling or reading.
"""

from __future__ import annotations

from collections.abc import Iterable

import kvnet
from kvnet.device import Device
from work import Vm, devices

__all__ = ["NAME", "NAME_READY", "render", "write"]

NAME = "kvnet, devices made and written"
NAME_READY = "kvnet, ready devices written"


def render(vm: Vm) -> list[str]:
    """From the values to devices, each checked, and on to text."""
    return write(devices(vm))


def write(ready: Iterable[Device]) -> list[str]:
    """From ready devices to text."""
    return [kvnet.write(device) for device in ready]
