"""What the guest's agent reports of the guest's links (QEMU's ``guest-network-get-interfaces``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from kvnet.errors import FieldPath
from kvnet.running.shape import demand_shape

__all__ = ["AgentNic", "agent_nics"]

_AT = FieldPath(("guestAgent",))
_SHAPE = [
    {
        "name": str,
        "hardware-address": str,
        "ip-addresses": [{"ip-address": str, "ip-address-type": str}],
    }
]
_HINT = "give what the agent's command guest-network-get-interfaces returns"
_LOOPBACK = "lo"


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
    demand_shape(report, _SHAPE, at, "KN801", _HINT)
    return tuple(_nic(link) for link in report if link.get("name") != _LOOPBACK)


def _nic(link: Mapping[str, Any]) -> AgentNic:
    addresses = link.get("ip-addresses") or ()
    ips = tuple(each.get("ip-address") or "" for each in addresses)
    of_ipv4 = (ip for ip, each in zip(ips, addresses, strict=True) if each.get("ip-address-type") == "ipv4")
    return AgentNic(
        name=link.get("name") or "",
        mac=link.get("hardware-address") or "",
        ip=next(of_ipv4, next(iter(ips), "")),
        ips=ips,
    )
