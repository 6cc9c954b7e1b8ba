"""MAC addresses that are made up once and for all."""

from __future__ import annotations

from collections.abc import Container
from hashlib import sha256
from itertools import count

from kvnet.values import MacAddress

__all__ = ["stable_mac"]

_OF_QEMU = bytes((0x52, 0x54, 0x00))
"""QEMU's own prefix, from which libvirt invents addresses, too; it is locally administered."""


def stable_mac(uuid: str, nic: str, taken: Container[MacAddress] = ()) -> MacAddress:
    """The MAC address of a NIC for which nobody gave one, the same whenever it is asked for.

    It is 52:54:00 and the first three bytes of the SHA-256 of ``UUID/NAME``, where ``uuid`` is the domain's, in lower
    case; where another NIC has that address, of ``UUID/NAME/1`` and so on. libvirt would invent one address for
    the running domain and another one for its next start.
    """
    seed = f"{uuid.lower()}/{nic}"
    seeds = (seed if n == 0 else f"{seed}/{n}" for n in count())
    macs = (MacAddress(_OF_QEMU + sha256(each.encode()).digest()[:3]) for each in seeds)
    return next(mac for mac in macs if mac not in taken)
