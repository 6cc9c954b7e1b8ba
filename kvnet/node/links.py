"""Make the links that a plan asks for inside a pod, and take them away again."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kvnet.node.namespaces import entered
from kvnet.node.programs import node_error
from kvnet.pod.link_sets import AddressFamily, BridgeLink, DesiredLink, DummyLink, RenamedLink, Sysctl, TapLink

if TYPE_CHECKING:
    from pyroute2 import IPRoute

__all__ = ["isolate", "loopback_up", "make_links", "remove_links", "set_kernel"]

_TUN: Final = "/dev/net/tun"
_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
_TAP, _NO_PACKET_INFO, _MULTI_QUEUE = 0x0002, 0x1000, 0x0100
_NO_DAD: Final = 0x02
"""IFA_F_NODAD: the address is of use at once, for nobody else in the pod can have it."""


@contextmanager
def _kernel(namespace: str) -> Iterator[IPRoute]:
    """The kernel's interface inside a pod. Raises NodeError (KN884) with what the kernel refuses."""
    from pyroute2 import IPRoute  # noqa: PLC0415 - an extra
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    with entered(namespace), IPRoute() as kernel:
        try:
            yield kernel
        except (OSError, NetlinkError) as error:
            raise node_error("KN884", f"the kernel refuses a change of the links in {namespace}: {error}") from error


def make_links(namespace: str, links: Iterable[DesiredLink]) -> None:
    """Make links inside a pod, in order; those that are absent in the plan are removed. One that is there stays.

    Raises NodeError (KN884) with what the kernel refuses, as the other functions do.
    """
    with _kernel(namespace) as kernel:
        for link in links:
            _MAKERS[type(link)](kernel, link)


def remove_links(namespace: str, links: Iterable[DesiredLink]) -> None:
    """Take links away that were made, and give the pod's NIC its name, MAC address and addresses back.

    Its CNI plugin finds it as it made it, then. It can be interrupted, and begun again.
    """
    made = tuple(links)
    moved = {each.network: each.name for each in made if isinstance(each, RenamedLink)}
    with _kernel(namespace) as kernel:
        for link in made:
            if isinstance(link, BridgeLink | TapLink):
                _delete(kernel, link.name)
        for link in made:
            if isinstance(link, DummyLink):
                _move_back(kernel, moved[link.network], link)


def _move_back(kernel: IPRoute, moved: str, dummy: DummyLink) -> None:
    """Put the pod's NIC in place of the dummy. Without a NIC under the other name, what has the name is the NIC."""
    nic = _index(kernel, moved)
    if nic is not None:
        _delete(kernel, dummy.name)
        kernel.link("set", index=nic, state="down")
        kernel.link("set", index=nic, ifname=dummy.name, **_given(dummy))
    nic = _index(kernel, dummy.name)
    if nic is not None:
        _set_ipv6(dummy.name, dummy.ipv6)
        kernel.link("set", index=nic, state="up")
        _add_addresses(kernel, nic, dummy.ipv4, dummy.ipv6)


def set_kernel(namespace: str, sysctls: Iterable[Sysctl]) -> None:
    """Set values of the kernel inside a pod."""
    with entered(namespace):
        for each in sysctls:
            _set(each.path, each.value)


def loopback_up(namespace: str) -> None:
    """Switch the loopback link of a pod on, as container runtimes do."""
    with _kernel(namespace) as kernel:
        kernel.link("set", index=1, state="up")


def isolate(names: Iterable[str]) -> None:
    """Isolate ports of a bridge of the host from each other."""
    from pyroute2 import IPRoute  # noqa: PLC0415 - an extra

    with IPRoute() as kernel:
        for name in names:
            port = _index(kernel, name)
            if port is not None:
                kernel.brport("set", index=port, isolated=1)


def _bridge(kernel: IPRoute, link: BridgeLink) -> None:
    if _gone(kernel, link):
        return
    index = _index(kernel, link.name)
    if index is None:
        kernel.link("add", ifname=link.name, kind="bridge", **_given(link))
        index = _known(kernel, link.name)
    _set_ipv6(link.name, link.ipv6)
    kernel.link("set", index=index, state="up")
    _add_addresses(kernel, index, link.ipv4, link.ipv6)


def _dummy(kernel: IPRoute, link: DummyLink) -> None:
    """The dummy stays down, as KubeVirt's: its addresses are there to be read.

    Where the kernel has no dummies, a bridge without ports takes its place, which does as little.
    """
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415 - an extra

    if _gone(kernel, link) or _index(kernel, link.name) is not None:
        return
    try:
        kernel.link("add", ifname=link.name, kind="dummy", **_given(link))
    except NetlinkError as error:
        if error.code != errno.EOPNOTSUPP:
            raise
        kernel.link("add", ifname=link.name, kind="bridge", **_given(link))
    _set_ipv6(link.name, link.ipv6)
    _add_addresses(kernel, _known(kernel, link.name), link.ipv4, link.ipv6)


def _renamed(kernel: IPRoute, link: RenamedLink) -> None:
    """The NIC gets the MAC address that the bridge has now, which then stays whatever ports it has."""
    if link.index is None or _index(kernel, link.name) is not None:
        return
    bridge = _known(kernel, link.controller)
    mac = next(iter(kernel.get_links(bridge))).get("address")
    kernel.link("set", index=bridge, address=mac)
    kernel.flush_addr(index=link.index)
    kernel.link("set", index=link.index, state="down")
    kernel.link("set", index=link.index, ifname=link.name, address=mac)
    _set(f"net/ipv6/conf/{link.name}/disable_ipv6", "1")
    kernel.link("set", index=link.index, master=bridge, state="up")
    kernel.brport("set", index=link.index, learning=0)


def _tap(kernel: IPRoute, link: TapLink) -> None:
    if _gone(kernel, link):
        return
    if _index(kernel, link.name) is None:
        _make_tap(link)
    index = _known(kernel, link.name)
    mtu = {"mtu": link.mtu} if link.mtu else {}
    kernel.link("set", index=index, master=_known(kernel, link.controller), state="up", **mtu)


def _make_tap(link: TapLink) -> None:
    """Make a tap that outlives this process, and that its owner may open."""
    flags = _TAP | _NO_PACKET_INFO | (_MULTI_QUEUE if link.multi_queue else 0)
    tun = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", link.name.encode(), flags))
        fcntl.ioctl(tun, _TUNSETOWNER, link.owner)
        fcntl.ioctl(tun, _TUNSETGROUP, link.owner)
        fcntl.ioctl(tun, _TUNSETPERSIST, 1)
    finally:
        os.close(tun)


_MAKERS: Mapping[type, Callable[[Any, Any], None]] = {
    BridgeLink: _bridge,
    DummyLink: _dummy,
    RenamedLink: _renamed,
    TapLink: _tap,
}


def _given(link: BridgeLink | DummyLink) -> dict[str, Any]:
    """The MAC address and the MTU of a link, as far as the plan has them."""
    mac = {} if link.mac is None else {"address": str(link.mac)}
    return mac | ({} if link.mtu is None else {"mtu": link.mtu})


def _gone(kernel: IPRoute, link: BridgeLink | DummyLink | TapLink) -> bool:
    """Whether a link is to be absent; it is removed then."""
    if link.is_absent:
        _delete(kernel, link.name)
    return link.is_absent


def _delete(kernel: IPRoute, name: str) -> None:
    index = _index(kernel, name)
    if index is not None:
        kernel.link("del", index=index)


def _index(kernel: IPRoute, name: str) -> int | None:
    return next(iter(kernel.link_lookup(ifname=name)), None) if name else None


def _known(kernel: IPRoute, name: str) -> int:
    index = _index(kernel, name)
    if index is None:
        raise OSError(f"there is no link '{name}'")
    return index


def _set_ipv6(name: str, family: AddressFamily) -> None:
    if family.enabled is not None:
        _set(f"net/ipv6/conf/{name}/disable_ipv6", "0" if family.enabled else "1")


def _add_addresses(kernel: IPRoute, index: int, *families: AddressFamily) -> None:
    """Give a link addresses; one that it has already is no error, as the kernel makes link-local ones by itself."""
    for address in (each for family in families for each in family.addresses):
        given = {"address": str(address.ip), "prefixlen": address.network.prefixlen, **_flags(address)}
        kernel.addr("replace", index=index, **given)


def _flags(address: IPv4Interface | IPv6Interface) -> dict[str, int]:
    return {"flags": _NO_DAD} if isinstance(address, IPv6Interface) else {}


def _set(path: str, value: str) -> None:
    """Set a value of the kernel; a host without IPv6 has none to set."""
    file = Path("/proc/sys") / path
    if file.exists():
        file.write_text(value)
