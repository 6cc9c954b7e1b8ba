"""The values of CNI configurations that a plugin or libvirt would refuse outside their bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

from attrs import frozen

from kvnet.spec.wire import Between, BriefRepr, Parsed, named
from kvnet.values import PciAddress, ip_of, nic_mac

__all__ = [
    "NO_MTU",
    "Address",
    "BridgeTrunk",
    "BridgeTrunkEntry",
    "Count",
    "Excluded",
    "LinkName",
    "LinkState",
    "Mtu",
    "PciText",
    "Rate",
    "Span",
    "Subnet",
    "Switch",
    "Trunk",
    "TrunkEntry",
    "UsualMac",
    "VlanId",
    "VlanPriority",
    "VlanProtocol",
    "is_link_name",
    "vlans_of",
]

NO_MTU: Final = 0
"""The MTU of a configuration that leaves it to the kernel."""
_MTUS = range(68, 65536)
_LONGEST_NAME = 15
_NAME = re.compile(r"[a-zA-Z0-9_.\-\\]*")


def is_link_name(text: str) -> bool:
    """Whether the kernel and libvirt take a text for the name of a link."""
    return bool(_NAME.fullmatch(text)) and len(text) <= _LONGEST_NAME and text not in (".", "..")


def _link_name(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if len(value.encode()) > _LONGEST_NAME:
        raise ValueError(
            f"'{value}' has {len(value.encode())} bytes, and the name of a link has at most {_LONGEST_NAME}"
        )
    if not is_link_name(value):
        raise ValueError(f"'{value}' is not the name of a link: it has letters, digits, '.', '-' and '_'")
    return value


def _mtu(value: Any) -> int:
    if type(value) is not int or (value != NO_MTU and value not in _MTUS):
        raise ValueError
    return value


def _mac(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if value:
        nic_mac(value)
    return value


def _pci(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if value:
        PciAddress.parse(value)
    return value


def _address(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if value and ip_of(value) is None:
        raise ValueError(f"'{value}' is not an IP address")
    return value


def _subnet(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    text, _, digits = value.partition("/")
    address = ip_of(text)
    is_length = digits.isascii() and digits.isdigit()
    if value and (address is None or not is_length or int(digits) > address.max_prefixlen):
        raise ValueError(f"'{value}' is not a network in CIDR form, such as 10.1.0.0/24")
    return value


def _span(value: Any) -> str:
    """The range of whereabouts: a network, with or without a first and a last address."""
    if type(value) is not str:
        raise TypeError
    first, dash, last = value.partition("-")
    if dash:
        _address(first.strip())
    _subnet((last if dash else first).strip())
    return value


def _excluded(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return _subnet(value) if "/" in value else _address(value)


def _one_of(*words: str) -> Parsed:
    """A text that is one of some words, or empty."""

    def read(value: Any) -> str:
        if type(value) is not str:
            raise TypeError
        if value and value not in words:
            raise ValueError(f"'{value}' is none of {', '.join(words)}")
        return value

    return Parsed(read, "text")


LinkName = Annotated[str, Parsed(_link_name, "text")]
"""The name of a link of the host, of at most 15 bytes; an empty one leaves it to the plugin."""
Mtu = Annotated[int, Parsed(_mtu, f"an MTU from {_MTUS[0]} to {_MTUS[-1]}")]
"""An MTU in bytes; 0 leaves it to the kernel."""
UsualMac = Annotated[str, Parsed(_mac, "text")]
"""The MAC address of one link, as text; an empty one leaves it to the plugin."""
PciText = Annotated[str, Parsed(_pci, "text")]
"""The PCI address of a function of the host, as text; an empty one leaves it to the plugin."""
Address = Annotated[str, Parsed(_address, "text")]
"""An IP address as text; an empty one is none."""
Subnet = Annotated[str, Parsed(_subnet, "text")]
"""A network, or an address in its network, in CIDR form; an empty one is none."""
Excluded = Annotated[str, Parsed(_excluded, "text")]
"""An IP address, or a network in CIDR form."""
Span = Annotated[str, Parsed(_span, "text")]
"""A range of whereabouts: a network such as ``10.1.0.0/24``, or ``10.1.0.5-10.1.0.9/24``."""
VlanId = Annotated[int, Between(0, 4094)]
VlanPriority = Annotated[int, Between(0, 7)]
VlanProtocol = Annotated[str, _one_of("802.1q", "802.1Q", "802.1ad")]
LinkState = Annotated[str, _one_of("auto", "enable", "disable")]
Switch = Annotated[str, _one_of("on", "off")]
Count = Annotated[int, Between(0, 2**63 - 1)]
Rate = Annotated[int, Between(0, (2**32 - 1) * 1000 * 8)]
"""A rate in bit/s, as far as libvirt can hold it in kB/s."""


@frozen(kw_only=True, slots=False, repr=False)
class TrunkEntry(BriefRepr):
    """VLANs of a trunk: the one of ``id``, and those from ``min_id`` to ``max_id``.

    Raises ValueError for an entry without VLANs, for a range without one of its ends, and for one that is backwards.
    """

    id: VlanId | None = None
    min_id: VlanId | None = named("minID", default=None)
    max_id: VlanId | None = named("maxID", default=None)

    def __attrs_post_init__(self) -> None:
        if (self.min_id is None) != (self.max_id is None):
            missing = "minID" if self.min_id is None else "maxID"
            raise ValueError(f"a range of a trunk has both minID and maxID, and this one has no {missing}")
        if self.min_id is not None and self.max_id is not None and self.min_id > self.max_id:
            raise ValueError(f"the range from {self.min_id} to {self.max_id} is backwards")
        if self.id is None and self.min_id is None:
            raise ValueError("an entry of a trunk has an id, or minID and maxID")


@frozen(kw_only=True, slots=False, repr=False)
class BridgeTrunkEntry(TrunkEntry):
    """VLANs of a trunk of a Linux bridge, which has no VLAN 0. Raises ValueError for that, and as TrunkEntry does."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if 0 in (self.id, self.min_id):
            raise ValueError("VLAN 0 is not one of a Linux bridge, which has 1 to 4094")


Trunk = tuple[TrunkEntry, ...]
BridgeTrunk = tuple[BridgeTrunkEntry, ...]


def vlans_of(trunk: Iterable[TrunkEntry]) -> tuple[int, ...]:
    """The VLANs of a trunk in ascending order, each once. The work is bounded by the entries plus the 4,095 VLANs.

    >>> vlans_of([TrunkEntry(min_id=7, max_id=9), TrunkEntry(id=8), TrunkEntry(id=3)])
    (3, 7, 8, 9)
    """
    ranges = [(entry.id, entry.id) for entry in trunk if entry.id is not None]
    ranges += [(entry.min_id, entry.max_id) for entry in trunk if entry.min_id is not None and entry.max_id is not None]
    found: list[int] = []
    for first, last in sorted(ranges):
        start = max(first, found[-1] + 1) if found else first
        found += range(start, last + 1)
    return tuple(found)
