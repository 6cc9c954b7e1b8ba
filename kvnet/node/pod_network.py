"""What a pod has on a host without a cluster: its pod network where none is given, its name and its DNS.

Rules of the host keep machines apart. Each state folder has a number of its own, so that two of them can be used on one
host: the bridge ``kvnet0``, the next one ``kvnet1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from kvnet.spec import Machine
from kvnet.spec.wire import text

__all__ = [
    "NUMBERS",
    "default_pod_network",
    "forwarding_of",
    "is_pod_bridge",
    "pod_bridge",
    "pod_hostname",
    "pod_ranges",
    "pod_resolv_conf",
    "ruleset",
    "table_name",
]

NUMBERS: Final = range(10)
"""How many state folders can have a pod network on one host."""
_FIRST: Final = 243
_FORWARDING: Final = "forwarding_"
_ABSENT: Final = "n"
"""Stands for a family that the kernel lacks."""
_BRIDGE: Final = re.compile(r"kvnet\d")

_HOST_FILES: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The host's DNS. The second is that of systemd-resolved, which itself answers where a pod cannot reach it."""


def pod_bridge(number: int) -> str:
    """The bridge of the pod network of a number.

    >>> pod_bridge(0), pod_ranges(0), pod_ranges(1)
    ('kvnet0', ('10.243.0.0/16', 'fd10:243::/64'), ('10.242.0.0/16', 'fd10:242::/64'))
    """
    return f"kvnet{number}"


def is_pod_bridge(name: Any) -> bool:
    """Whether a bridge is that of a pod network."""
    return isinstance(name, str) and _BRIDGE.fullmatch(name) is not None


def pod_ranges(number: int) -> tuple[str, str]:
    """The IPv4 and the IPv6 addresses of the pod network of a number."""
    return f"10.{_FIRST - number}.0.0/16", f"fd10:{_FIRST - number}::/64"


def table_name(number: int) -> str:
    """The nft table of the family inet for a number: ``kvnet``, ``kvnet1``."""
    return f"kvnet{number or ''}"


def default_pod_network(number: int = 0) -> dict[str, Any]:
    """The CNI configuration of the pod network that is used where none is given, as plain data.

    A bridge of kvnet's own, with addresses of both families where the host has them. Its traffic to the outside is
    masqueraded by kvnet's own nft table, as ``ipMasq`` needs iptables, and leaves chains of its own behind.
    """
    ranges = pod_ranges(number) if Path("/proc/sys/net/ipv6").exists() else pod_ranges(number)[:1]
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": each}] for each in ranges],
        "routes": [{"dst": "::/0" if ":" in each else "0.0.0.0/0"} for each in ranges],
    }
    bridge = {"type": "bridge", "bridge": pod_bridge(number), "isGateway": True, "ipam": ipam}
    return {"cniVersion": "0.4.0", "name": "kvnet", "plugins": [bridge]}


def ruleset(number: int, bridges: Sequence[str], forwarding: Sequence[str | None]) -> str:
    """The nft table of a state folder, as one file that replaces it.

    ``forwarding`` is whether the host forwarded IPv4 and IPv6 before its first pod. An empty chain has it in its name,
    for other state folders to read: the last of them restores it.

    The host does not route between the bridges that were made for machines, nor between pod networks, nor from one pod
    of such a network to another. Traffic of the pod network leaves the host under the host's own address.
    """
    table, ranges = f"inet {table_name(number)}", pod_ranges(number)
    drops = "\n".join(f"    {each} drop" for each in _kept_apart(bridges))
    return f"""\
add table {table}
delete table {table}
table {table} {{
  chain {_FORWARDING}{"_".join(each or _ABSENT for each in forwarding)} {{
  }}
  chain forward {{
    type filter hook forward priority filter;
{drops}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {ranges[0]} ip daddr != {ranges[0]} masquerade
    ip6 saddr {ranges[1]} ip6 daddr != {ranges[1]} masquerade
  }}
}}
"""


def forwarding_of(chain: str) -> tuple[str | None, ...] | None:
    """The ``forwarding`` of a ruleset, by the name of its chain that has it; ``None`` for another chain.

    >>> forwarding_of("forwarding_0_1"), forwarding_of("forward")
    (('0', '1'), None)
    """
    if not chain.startswith(_FORWARDING):
        return None
    return tuple(None if each == _ABSENT else each for each in chain.removeprefix(_FORWARDING).split("_"))


def _kept_apart(bridges: Iterable[str]) -> Iterator[str]:
    """What matches traffic from one bridge to another. What stays on the bridge of a NAD is among its machines."""
    pods = '"kvnet*"'
    yield f"iifname {pods} oifname {pods}"
    names = [f'"{each}"' for each in bridges if not is_pod_bridge(each)]
    for each in names:
        others = ", ".join([other for other in names if other != each])
        yield f"iifname {each} oifname {pods}"
        yield f"iifname {pods} oifname {each}"
        if others:
            yield f"iifname {each} oifname {{ {others} }}"


def pod_hostname(machine: Machine) -> str:
    """``spec.hostname``, else the machine's name up to its first dot, as KubeVirt has it."""
    return text(machine.spec.rest, "hostname") or (machine.name or "vm").partition(".")[0]


def pod_resolv_conf(machine: Machine, results: Sequence[Mapping[str, Any]] = ()) -> str:
    """The text of the pod's ``resolv.conf``.

    It has what ``spec.dnsConfig`` says, after the DNS that the pod network's CNI plugins give, or else the host's.
    With the ``dnsPolicy`` None it has only the first.
    """
    config = machine.spec.rest.get("dnsConfig") or {}
    is_alone = machine.spec.rest.get("dnsPolicy") == "None"
    given: Mapping[str, Any] = {} if is_alone else next((each["dns"] for each in results if each.get("dns")), {})
    servers, searches = list(given.get("nameservers") or ()), list(given.get("search") or ())
    if given.get("domain") and not searches:
        searches = [given["domain"]]
    if not is_alone and not servers:
        servers, host_searches = _of_host()
        searches = searches or host_searches
    servers += config.get("nameservers") or ()
    searches += config.get("searches") or ()
    lines = [f"nameserver {each}" for each in dict.fromkeys(servers)]
    return "\n".join([*lines, f"search {' '.join(dict.fromkeys(searches))}" if searches else "", ""])


def _of_host() -> tuple[list[str], list[str]]:
    """The host's name servers that a pod can reach, and its search domains."""
    for file in _HOST_FILES:
        words = [line.split() for line in file.read_text(errors="replace").splitlines()] if file.exists() else []
        servers = [each[1] for each in words if len(each) == 2 and each[0] == "nameserver" and _is_reachable(each[1])]
        searches = [name for each in words if each[:1] == ["search"] for name in each[1:]]
        if servers:
            return servers, searches
    return [], []


def _is_reachable(server: str) -> bool:
    try:
        address = ip_address(server)
    except ValueError:
        return False
    return not address.is_loopback
