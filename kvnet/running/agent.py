"""What the guest's agent reports of the guest's links (QEMU's ``guest-network-get-interfaces``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from kvnet.errors import FieldPath
from kvnet.manifest.binder import bind_or_reject
from kvnet.spec.wire import Lenient, named

__all__ = ["AgentNic", "agent_nics"]

_AT = FieldPath(("guestAgent",))
_HINT = "give what the agent's command guest-network-get-interfaces returns"
_LOOPBACK = "lo"


@frozen(kw_only=True)
class _Address(Lenient):
    ip: str = named("ip-address", default="")
    kind: str = named("ip-address-type", default="")


@frozen(kw_only=True)
class _Link(Lenient):
    name: str = ""
    mac: str = named("hardware-address", default="")
    addresses: tuple[_Address, ...] = named("ip-addresses", default=())


@frozen(kw_only=True)
class AgentNic:
    """A link of the guest: its name there, its MAC as text, its addresses without prefix, and the main one."""

    name: str = ""
    mac: str = ""
    ip: str = ""
    ips: tuple[str, ...] = ()


def agent_nics(report: Any, at: FieldPath = _AT) -> tuple[AgentNic, ...]:
    """The links of an agent's report but the loopback, in order; ``None`` is a guest without an agent.

    ``report`` is the command's list, or its whole answer with the list under ``return``. The main address is the
    first of IPv4, else the first. Follows KubeVirt's agent poller. Raises Rejected with every problem.
    """
    if report is None:
        return ()
    if isinstance(report, Mapping) and "return" in report:
        report, at = report["return"], at / "return"
    links = bind_or_reject(tuple[_Link, ...], report, at, code="KN801", hint=_HINT)
    return tuple(_nic(link) for link in links if link.name != _LOOPBACK)


def _nic(link: _Link) -> AgentNic:
    ips = tuple(each.ip for each in link.addresses)
    of_ipv4 = (each.ip for each in link.addresses if each.kind == "ipv4")
    return AgentNic(name=link.name, mac=link.mac, ip=next(of_ipv4, next(iter(ips), "")), ips=ips)
