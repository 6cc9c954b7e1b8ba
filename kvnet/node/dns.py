"""Say which name and which DNS a pod has on a host without a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from kvnet.spec import Machine
from kvnet.spec.wire import text

__all__ = ["pod_hostname", "pod_resolv_conf"]

_HOST_FILES: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The host's DNS. The second is that of systemd-resolved, which itself answers where a pod cannot reach it."""


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
