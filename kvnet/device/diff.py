"""Compare two descriptions of NICs, and tell for each change whether the guest or the host notices it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any

from attrs import frozen

from kvnet._html import table
from kvnet.device.address import PciGuestAddress, PciHostAddress, UnassignedGuestAddress, VfHostAddress
from kvnet.device.devices import Device, Hostdev, Interface
from kvnet.device.driver import Driver, HostdevDriver
from kvnet.device.source import BridgeSource, DirectSource, HostdevSource, NetworkSource
from kvnet.device.traffic import VirtualPortParameters
from kvnet.errors import FieldPath
from kvnet.values import printable
from kvnet.xml.compare import Difference, compare, text_of, undeclared
from kvnet.xml.schema import RawElement

__all__ = ["Change", "Changes", "Noticed", "diff"]


class Noticed(StrEnum):
    """Who notices a change."""

    GUEST = "guest-visible"
    HOST = "host-side"
    NOISE = "noise"


@frozen
class Change:
    """One difference: its path, who notices it, and the XML or value before and after, None if there is none."""

    at: FieldPath
    noticed: Noticed
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before, after = self.before or "''", self.after or "''"
        values = f"{before} → {after}"
        if self.before is None or self.after is None:
            values = f"added {after}" if self.before is None else f"removed {before}"
        return printable(f"{self.at}: {values} ({self.noticed})")


class Changes(tuple[Change, ...]):
    """The changes between two domains, in order; a tuple that notebooks show as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        rows = [(each.at, each.before, each.after, each.noticed) for each in self]
        return table("Changes", ("Path", "Before", "After", "Noticed"), rows)


def diff(before: Device | Sequence[Device], after: Device | Sequence[Device]) -> Changes:
    """Every change from one device to another, or between the devices of two domains.

    A change is guest-visible (model, MAC address, guest address, ACPI index, boot order, queues, offloads),
    host-side (source, target, bandwidth), or noise: what libvirt adds to a domain, such as ``vnetN``, its own aliases,
    MAC and guest addresses and defaults. Without noise, a live dump equals the XML it was defined from. A model, a MAC
    address, a guest address or the identity of a switch port is noise only where there was none before: without it,
    libvirt would choose another one.

    Devices are paired by the user's aliases (``ua-…``), else by MAC and guest address, else by MAC and source, else by
    MAC, guest address or host device, else by source where one is gone or new, else by order. The path of a device has
    its index among the devices before, or for an added device, among those after. What kvnet does not model is compared
    only for devices that were read without loss. Raises TypeError for what are not devices.

    >>> import attrs, kvnet
    >>> before = kvnet.read_device("<interface type='user'><mtu size='1500'/></interface>")
    >>> [str(change) for change in diff(before, attrs.evolve(before, mtu=9000))]
    ['interface.mtu.@size: 1500 → 9000 (guest-visible)']
    """
    old, new = _devices(before), _devices(after)
    return Changes(change for pair in _paired(old, new) for change in _changes(*pair))


def _devices(given: Device | Sequence[Device]) -> tuple[Device, ...]:
    if isinstance(given, Device):
        return (given,)
    if (
        not isinstance(given, Sequence)
        or isinstance(given, str | bytes)
        or not all(isinstance(each, Device) for each in given)
    ):
        kind = "a sequence with others" if isinstance(given, list | tuple) else type(given).__name__
        raise TypeError(f"diff takes Interface and Hostdev objects, or sequences of them, not {kind}")
    return tuple(given)


def _changes(at: FieldPath, old: Device | None, new: Device | None) -> Iterator[Change]:
    if old is None or new is None or (type(old) is not type(new) and not _same_kind(old, new)):
        yield Change(at, Noticed.GUEST, text_of(old), text_of(new))
        return
    if type(old) is not type(new):
        # both pass the same device through
        yield Change(at, Noticed.HOST, text_of(old), text_of(new))
        old, new = (_as_hostdev(each) if isinstance(each, Interface) else each for each in (old, new))
    for found in compare(old, new, at):
        yield Change(found.at, _noticed(found, old, new), found.before_text, found.after_text)
    was, now = undeclared(old), undeclared(new)
    for path in dict.fromkeys((*was, *now)):
        if was.get(path) != now.get(path):
            place = FieldPath((*at.parts, *path.split(".")[1:]))
            # most of it may be anything, so it counts as guest-visible
            noticed = next((kind for prefix, kind in _UNDECLARED.items() if path.startswith(prefix)), Noticed.GUEST)
            yield Change(place, noticed, was.get(path), now.get(path))


def _noticed(found: Difference, old: Device, new: Device) -> Noticed:
    is_noise = _NOISE.get(found.field)
    if is_noise is not None and is_noise(found.before, found.after):
        return Noticed.NOISE
    if found.field == "vlan.trunk" and isinstance(new, Interface) and new.vlan and len(new.vlan.tags) > 1:
        return Noticed.NOISE
    if found.field in _OF_A_NETWORK and found.before is None and _is_live(old.source, new.source):
        return Noticed.NOISE
    if found.field == "model" and _is_spelled_out(found.before, found.after):
        return Noticed.HOST
    if found.field.startswith("rom") and (old.boot_order is not None or new.boot_order is not None):
        # firmware boots from the network by the option ROM
        return Noticed.GUEST
    passed_through = found.field == "source" and isinstance(found.before, HostdevSource) != isinstance(
        found.after, HostdevSource
    )
    return Noticed.GUEST if found.guest or passed_through else Noticed.HOST


def _is_added(before: Any, after: Any) -> bool:
    return before is None and after is not None


def _only_live(before: Any, after: Any) -> bool:
    """Whether one side has none: libvirt writes it into live domains, and reads it from nowhere else."""
    return before is None or after is None


def _default(*values: Any) -> Callable[[Any, Any], bool]:
    """Whether one side spells out a default, which means the same as nothing."""
    return lambda before, after: {before, after} <= {None, *values}


def _own_alias(before: Any, after: Any) -> bool:
    """Whether neither alias is the user's."""
    return not any(each is not None and each.startswith("ua-") for each in (before, after))


def _own_target(before: Any, after: Any) -> bool:
    return all(each is None or _OWN_TARGET.fullmatch(each) for each in (before, after))


_OWN_TARGET = re.compile(r"(vnet|macvtap|macvlan|vif)[0-9][0-9.]*")


def _same_model(before: Any, after: Any) -> bool:
    """Whether a model was spelled in another letter case, or libvirt gave one where there was none."""
    if before is None or after is None:
        return before is None and after in _DEFAULT_MODELS
    return bool(before.lower() == after.lower())


def _is_spelled_out(before: Any, after: Any) -> bool:
    """Whether one is plain virtio and the other its transitional or non-transitional kind, which depends on the bus."""
    kinds = ("virtio-transitional", "virtio-non-transitional")
    return (before, after) in [(a, b) for kind in kinds for a, b in (("virtio", kind), (kind, "virtio"))]


def _same_network(before: Any, after: Any) -> bool:
    """Whether both use one network, one of them by the bridge or link that libvirt names in a live domain."""
    return (
        isinstance(before, _NETWORKED)
        and isinstance(after, _NETWORKED)
        and (before.network, before.portgroup) == (after.network, after.portgroup)
    )


def _is_live(before: Any, after: Any) -> bool:
    """Whether a source is what libvirt made of a network: in a live domain, it names the port or what it leads to."""
    if not isinstance(before, NetworkSource) or not _same_network(before, after):
        return False
    is_running = not isinstance(after, NetworkSource) or after.portid is not None or after.bridge is not None
    return is_running and before.portid is None and before.bridge is None


_NETWORKED = (BridgeSource, DirectSource, NetworkSource)
_OF_A_NETWORK = ("bandwidth", "port", "virtualport", "vlan")
"""The fields that a network of libvirt or its port group gives to the NICs of live domains."""


def _own_identity(before: Any, after: Any) -> bool:
    """Whether libvirt gave a switch port its identity."""
    return before is None and after in (
        VirtualPortParameters(interface_id=after.interface_id),
        VirtualPortParameters(instance_id=after.instance_id),
    )


_DEFAULT_MODELS = ("rtl8139", "virtio", "e1000", "lan9118", "smc91c111")
"""The models that libvirt gives to interfaces without one, depending on the machine (``qemuDomainDefaultNetModel``)."""

_NOISE: dict[str, Callable[[Any, Any], bool]] = {
    "managed": _default(False),
    "mac": _is_added,
    "mac_type": _is_added,
    "mac_current": lambda _before, _after: True,
    "source": _same_network,
    "source.portid": _only_live,
    "source.bridge": _only_live,
    "source.mac_table_manager": _only_live,
    "source.domain": _default(0),
    "source.address.domain": _default(0),
    "bandwidth.class_id": _only_live,
    "virtualport.parameters": _own_identity,
    "virtualport.parameters.interface_id": _is_added,
    "virtualport.parameters.instance_id": _is_added,
    "target": _own_target,
    "target_managed": _default(True),
    "model": _same_model,
    "driver": _default(HostdevDriver(name="vfio"), Driver(name="vfio"), Driver(queues=1)),
    "driver.name": _default("vfio"),
    "driver.queues": _default(1),
    "link": _default("up"),
    "alias": _own_alias,
    "address": _is_added,
    "address.domain": _default(0),
    "address.bus": _default(0),
    "address.function": _default(0),
    "address.multifunction": _default(False),
}
"""For each field, whether a value before and one after differ only by what libvirt adds."""

_UNDECLARED = {
    "interface.actual": Noticed.NOISE,
    "interface.script": Noticed.HOST,
    "interface.downscript": Noticed.HOST,
}
"""Who notices a change of what kvnet cannot read, by the beginning of its path; an empty path means no script."""


def _paired(
    old: tuple[Device, ...], new: tuple[Device, ...]
) -> Iterator[tuple[FieldPath, Device | None, Device | None]]:
    unpaired = dict(enumerate(new))
    found: dict[int, Device] = {}
    # of as many NICs as before, none is gone, and those without any identity keep their order
    is_gone = _interfaces(old) != _interfaces(new)
    for key, is_same in (*_IDENTITIES, *(((_by_source, _same_source),) if is_gone else ()), (_by_no_key, _same_kind)):
        alike: dict[object, dict[int, Device]] = {}
        for m, each in unpaired.items():
            if (common := key(each)) is not None:
                alike.setdefault(common, {})[m] = each
        for n, device in enumerate(old):
            others = {} if n in found else alike.get(key(device), {})
            match = next((m for m, each in others.items() if is_same(device, each)), None)
            if match is not None:
                del others[match]
                found[n] = unpaired.pop(match)
    alone = len(old) == len(new) == 1
    for n, device in enumerate(old):
        yield _path(device, None if alone else n), device, found.get(n)
    for n, device in unpaired.items():
        yield _path(device, None if alone else n), None, device


def _interfaces(devices: tuple[Device, ...]) -> int:
    return sum(isinstance(each, Interface) for each in devices)


def _path(device: Device, n: int | None) -> FieldPath:
    root = FieldPath(("hostdev" if isinstance(device, Hostdev) else "interface",))
    return root if n is None else root[n]


def _same_alias(one: Device, other: Device) -> bool:
    return one.alias is not None and one.alias.startswith("ua-") and one.alias == other.alias


def _same_mac(one: Device, other: Device) -> bool:
    if not isinstance(one, Interface) or not isinstance(other, Interface):
        return False
    return one.mac is not None and one.mac == other.mac


def _same_mac_and_place(one: Device, other: Device) -> bool:
    return _same_mac(one, other) and _same_place(one, other)


def _same_place(one: Device, other: Device) -> bool:
    """Whether the guest sees both at one address."""
    return one.address is not None and one.address == other.address and _same_kind(one, other)


def _same_mac_and_source(one: Device, other: Device) -> bool:
    return _same_mac(one, other) and one.source == other.source


def _same_source(one: Device, other: Device) -> bool:
    return type(one) is type(other) and one.source == other.source


def _is_same_key(_: Device, __: Device) -> bool:
    """The key alone tells that two devices are the same."""
    return True


def _same_kind(one: Device, other: Device) -> bool:
    return type(one) is type(other) or (_is_passed_through(one) and _is_passed_through(other))


_Key = Callable[[Device], object]
_by_address: _Key = attrgetter("address")


def _by_source(device: Device) -> object:
    # two without a source have that in common
    return (device.source,)


def _by_mac(device: Device) -> object:
    return device.mac if isinstance(device, Interface) else None


def _by_host_device(device: Device) -> object:
    """The host device that is passed through, of which an ``<interface>`` writes the address as a hostdev does."""
    if not _is_passed_through(device):
        return None
    source = device.source if isinstance(device, Hostdev) else _host_address(device)
    return source if isinstance(source, PciHostAddress) else None


def _by_no_key(_: Device) -> object:
    """All devices in one group: there are two kinds alone."""
    return True


_IDENTITIES: tuple[tuple[_Key, Callable[[Device, Device], bool]], ...] = (
    (attrgetter("alias"), _same_alias),
    (_by_mac, _same_mac_and_place),
    (_by_mac, _same_mac_and_source),
    (_by_mac, _same_mac),
    (_by_address, _same_place),
    (_by_host_device, _is_same_key),
)
"""What the same device has in common before and after, and whether it is the same: the surest sign first."""


def _is_passed_through(device: Device) -> bool:
    return isinstance(device, Hostdev) or isinstance(device.source, HostdevSource)


def _as_hostdev(nic: Interface) -> Hostdev:
    """The hostdev of the same host device, without the MAC address and the VLAN, which the host sets."""
    shared = ("managed", "teaming", "boot_order", "load_parameter", "alias", "rom", "acpi")
    place: Any = nic.address
    if place is not None and not isinstance(place, PciGuestAddress | UnassignedGuestAddress):
        # no hostdev has it; as XML, it can still be compared
        place = RawElement(xml=text_of(place) or "")
    return Hostdev(source=_host_address(nic), address=place, **{name: getattr(nic, name) for name in shared})


def _host_address(nic: Interface) -> PciHostAddress | RawElement:
    """What a hostdev of the same host device has as its source."""
    assert isinstance(nic.source, HostdevSource)
    address = nic.source.address
    if not isinstance(address, VfHostAddress):
        return RawElement()
    parts = ("domain", "bus", "slot", "function", "multifunction")
    return PciHostAddress(**{part: getattr(address, part) for part in parts})
