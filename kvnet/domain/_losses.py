"""What an imported machine says otherwise than its domain, found by compiling it again and comparing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import NOTHING, fields

from kvnet.device import Device, Hostdev, HostdevSource, Interface, PciHostAddress
from kvnet.device.diff import Change, Changes, Noticed, diff
from kvnet.xml.element import evolve
from kvnet.xml.schema import RawElement

__all__ = ["guest_changes", "lost_settings"]

_IDENTITY = ("bridge", "network", "dev", "mode", "address")
"""The fields of a source that name the network, which the note on the network speaks of."""


def guest_changes(device: Device, compiled: Device) -> Iterator[Change]:
    """What the guest sees otherwise."""
    return (change for change in diff(device, compiled) if change.noticed is Noticed.GUEST)


def lost_settings(device: Device, on_host: Device | None, in_pod: Device | None) -> Iterator[Change]:
    """The settings of the host's side that neither profile gives back.

    ``on_host`` and ``in_pod`` are the NIC as it was compiled for each of them, ``None`` where it could not be.
    """
    lost = {change.at.parts for change in _of_the_host(_compared(device, in_pod))}
    for change in dict.fromkeys(_of_the_host((*_compared(device, on_host), *_settings_of_the_source(device, on_host)))):
        parts = change.at.parts
        # a whole source is another network, and the alias is the name; how virtio is spelled depends on the profile
        is_said = parts[1:] == ("source",) or parts[1:2] in (("alias",), ("model",))
        if not is_said and any(parts[:length] in lost for length in range(1, len(parts) + 1)):
            yield change


def _of_the_host(changes: Iterable[Change]) -> Iterator[Change]:
    """The settings of the host's side that are changed or taken away."""
    return (change for change in changes if change.noticed is Noticed.HOST and change.before is not None)


def _compared(device: Device, compiled: Device | None) -> Changes:
    """The changes from a device to the compiled one; one of another element has none of its settings."""
    if isinstance(device, Hostdev):
        return diff(device, compiled if isinstance(compiled, Hostdev) else Hostdev(source=device.source))
    bare = Interface(source=device.source, managed=device.managed)
    return diff(device, compiled if isinstance(compiled, Interface) else bare)


def _settings_of_the_source(device: Device, compiled: Device | None) -> Changes:
    """What a source says beyond the network that it names, where the compiled one is of another type."""
    source = device.source
    if compiled is not None and type(compiled.source) is type(source):
        return Changes()
    if isinstance(source, PciHostAddress | HostdevSource | RawElement):
        return Changes()
    optional = [each for each in fields(type(source)) if each.default is not NOTHING]
    others = {each.name: each.default for each in optional if each.name not in (*_IDENTITY, "verbatim")}
    return diff(Interface(source=source), Interface(source=evolve(source, **others)))
