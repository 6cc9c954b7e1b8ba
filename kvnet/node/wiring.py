"""Wire a pod: its links, its NAT and its DHCP servers, each recorded before it is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from kvnet.errors import Problem
from kvnet.manifest.binder import plain
from kvnet.node import namespaces
from kvnet.node.collect import found
from kvnet.node.links import make_links, remove_links, set_kernel
from kvnet.node.programs import run
from kvnet.node.servers import revive_server, start_server, stop_servers
from kvnet.node.work import Wanted, Work, collected, refuse
from kvnet.pod import (
    AddressFamily,
    BridgeLink,
    DesiredLink,
    DhcpServer,
    DummyLink,
    PodFound,
    RenamedLink,
    TapLink,
    pod_dhcp,
    pod_links,
    pod_nat,
)
from kvnet.values import MacAddress

__all__ = ["revive", "serve", "stop", "unwire", "wire"]

_KINDS: Final[Mapping[str, type]] = {
    "bridge": BridgeLink,
    "dummy": DummyLink,
    "renamed": RenamedLink,
    "tap": TapLink,
}
_REMEMBERED: Final = ("network", "name", "controller", "mac", "mtu")


def wire(wanted: Wanted, work: Work, before: PodFound) -> PodFound:
    """Make the links and the NAT of the networks that have none yet. Returns what is in the pod then.

    Raises Rejected where they cannot be planned.
    """
    namespace, record = work.folder.record["namespace"], work.folder.record
    planned = pod_links(wanted.machine, wanted.target, before)
    nat = pod_nat(wanted.machine, wanted.target, before)
    refuse(*planned.problems, *nat.problems)
    new = [each for each in planned.links if each.network not in before.preparations]
    if new:
        names = ", ".join(each.name for each in new)
        work.step(f"make the links {names}", links=[*record.get("links", ()), *map(_recorded, new)])
        make_links(namespace, new)
    set_kernel(namespace, planned.sysctls)
    if nat.operations and not before.preparations:
        work.step("set the NAT of the pod")
        with namespaces.entered(namespace):
            run("nft", ["-f", "-"], given=nat.text)
    now = found(namespace)
    return evolve(before, links=now.links, routes=now.routes, leases=planned.leases, preparations=planned.after)


def unwire(work: Work, problems: list[Problem], networks: Collection[str] | None = None) -> None:
    """Take the links of networks away, or all of them, so that CNI plugins find theirs as they made it."""
    record = work.folder.record
    gone = [each for each in record.get("links", ()) if networks is None or each["network"] in networks]
    if not gone or not namespaces.exists(record["namespace"]):
        return
    work.step(f"take the links {', '.join(each['name'] for each in gone)} away")
    with collected(problems):
        remove_links(record["namespace"], map(_link_of, gone))
        work.folder.write({**record, "links": [each for each in record["links"] if each not in gone]})


def serve(wanted: Wanted, work: Work, after: PodFound) -> None:
    """Start the DHCP servers that do not run. Raises Rejected where they cannot be planned."""
    served = pod_dhcp(wanted.machine, wanted.target, after)
    refuse(*served.problems)
    for each in served.servers:
        _serve(work, each)


def revive(work: Work) -> None:
    """Start the DHCP servers again that were started and do not run any more."""
    record = work.folder.record
    for each in record.get("servers", {}).values():
        revive_server(record["namespace"], Path(each))


def stop(work: Work, networks: Iterable[str]) -> None:
    """End the DHCP servers of networks."""
    record = work.folder.record
    servers: Mapping[str, str] = record.get("servers", {})
    gone = [each for each in networks if each in servers]
    stop_servers(Path(servers[each]) for each in gone)
    left = {network: folder for network, folder in servers.items() if network not in gone}
    work.folder.write({**record, "servers": left})


def _serve(work: Work, served: DhcpServer) -> None:
    """Start a DHCP server in a folder of its own, named by the pod's link."""
    record = work.folder.record
    folder = work.folder.path / f"dhcp-{served.link}"
    servers = {**record.get("servers", {}), served.network: str(folder)}
    work.step(f"serve DHCP on {served.bridge}", servers=servers)
    start_server(served, record["namespace"], folder)


def _recorded(link: DesiredLink) -> dict[str, Any]:
    """What must be known of a link to take it away, as plain data."""
    kind = next(kind for kind, known in _KINDS.items() if isinstance(link, known))
    written: dict[str, Any] = {key: value for key, value in plain(link).items() if key in _REMEMBERED}
    if isinstance(link, DummyLink):
        written["addresses"] = [str(each) for each in (*link.ipv4.addresses, *link.ipv6.addresses)]
        written["ipv6"] = link.ipv6.enabled
    return {"kind": kind, **written}


def _link_of(recorded: Mapping[str, Any]) -> DesiredLink:
    """The link of a record."""
    kind, given = _KINDS[recorded["kind"]], {key: recorded[key] for key in _REMEMBERED if key in recorded}
    if kind is DummyLink:
        addresses = [ip_interface(each) for each in recorded["addresses"]]
        ipv4 = tuple(each for each in addresses if isinstance(each, IPv4Interface))
        ipv6 = tuple(each for each in addresses if isinstance(each, IPv6Interface))
        mac = MacAddress.parse(recorded["mac"]) if recorded.get("mac") else None
        given |= {
            "mac": mac,
            "ipv4": AddressFamily(addresses=ipv4),
            "ipv6": AddressFamily(enabled=recorded["ipv6"], addresses=ipv6),
        }
    link: DesiredLink = kind(**given)
    return link
