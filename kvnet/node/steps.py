"""Take the steps that make the network of a pod, change it, and remove it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from kvnet.compiler.pod import pod_link_names
from kvnet.errors import Problem, Rejected
from kvnet.manifest.binder import plain
from kvnet.node import host, namespaces
from kvnet.node.attachments import attachments
from kvnet.node.cni import Attachment
from kvnet.node.collect import addresses_of, facts, found
from kvnet.node.links import loopback_up, make_links, remove_links, set_kernel
from kvnet.node.pod_network import pod_hostname, pod_resolv_conf
from kvnet.node.programs import NodeError, run
from kvnet.node.servers import is_running, revive_server, start_server, stop_servers
from kvnet.node.work import Wanted, Work, attach, attached, collected, detach, refuse
from kvnet.pod import (
    AddressFamily,
    BridgeLink,
    DesiredLink,
    DhcpServer,
    DummyLink,
    PodFound,
    RenamedLink,
    TapLink,
    load_found,
    pod_dhcp,
    pod_links,
    pod_nat,
)
from kvnet.pod.assumed import with_lease_routes
from kvnet.pod.nft import forwards
from kvnet.values import MacAddress

__all__ = ["change", "make", "revive", "serve", "stop", "undo", "unwire", "wire"]


def make(wanted: Wanted, work: Work) -> None:
    """Take every step, from nothing to the whole pod."""
    namespace = namespaces.namespace_name(work.state.root, wanted.name)
    work.step(f"make the network namespace {namespace}", name=wanted.name, namespace=namespace)
    namespaces.create(namespace)
    loopback_up(namespace)
    done = attach(wanted, work, namespace, _given(wanted, work, namespace))
    _complete(wanted, work, done, _found(wanted, namespace, done))


def change(wanted: Wanted, work: Work) -> None:
    """Detach a pod from the networks that are not wanted any more, and attach it to new ones. The others stay.

    Where nothing is to be changed, servers that have ended are started again. It can be interrupted, and begun again:
    what was begun and not finished is taken out first. Raises NodeError at the end, with what could not be detached.
    """
    record, problems = work.folder.record, list[Problem]()
    namespace, known = record["namespace"], load_found(record["found"])
    present = pod_links(wanted.machine, wanted.target, known).networks
    kept = {network: how for network, how in known.preparations.items() if network in present}
    before = evolve(known, preparations=kept)
    gone = {each["network"] for each in record.get("links", ()) if each["network"] not in kept}
    left = _left(wanted, record, gone)
    has_all = len(left) == len(wanted.networks) == len(attached(record))
    if has_all and not record.get("changes") and not pod_links(wanted.machine, wanted.target, before).is_due:
        revive(work)
        return
    # a network that is taken out is as one that was begun, until nothing of it is left
    work.step("change the networks of the pod", changes=True, found=plain(before))
    stop(work, [each for each in record.get("servers", {}) if each not in kept])
    unwire(work, problems, gone)
    detach(work, problems, [each for each in attached(record) if each not in left])
    done = attach(wanted, work, namespace, _given(wanted, work, namespace))
    now = evolve(_found(wanted, namespace, done), preparations=kept, leases=known.leases)
    _complete(wanted, work, done, with_lease_routes(now))
    if problems:
        raise NodeError(problems)


def _left(wanted: Wanted, record: Mapping[str, Any], gone: Collection[str]) -> tuple[Attachment, ...]:
    """The networks that a pod stays attached to: those that are wanted, were attached, and whose links are whole."""
    names = pod_link_names(wanted.machine)
    interfaces = {each.interface for each in wanted.networks} - {names.get(each) for each in gone}
    return tuple(each for each in attached(record) if each.interface in interfaces and each.result is not None)


def undo(work: Work) -> None:
    """Remove all that was recorded, the last first. Raises NodeError at the end, with what could not be removed."""
    record, state = work.folder.record, work.state
    problems: list[Problem] = []
    if record:
        work.step(f"take the pod of {record['name']} down", complete=False)
        stop(work, record.get("servers", {}))
        unwire(work, problems)
        detach(work, problems, attached(record))
        work.step(f"remove the network namespace {record['namespace']}")
        namespaces.remove(record["namespace"])
        if problems:
            raise NodeError(problems)
        work.step("restore the host")
        if record.get("claims"):
            host.release(state, record["namespace"])
    work.folder.remove()
    # one that was about to start when its parent was killed; without its configuration, none can start any more
    stop_servers(Path(each) for each in record.get("servers", {}).values())
    state.tidy()


def _given(wanted: Wanted, work: Work, namespace: str) -> tuple[Attachment, ...]:
    """What each network is attached with; those that are attached already have it on record."""
    known = {each.interface: each for each in attached(work.folder.record)}
    given = attachments(wanted.networks, name=wanted.name, namespace=namespace, ipam=work.state.ipam)
    return tuple(known.get(each.interface, each) for each in given)


def _complete(wanted: Wanted, work: Work, done: tuple[Attachment, ...], before: PodFound) -> None:
    """Wire the pod once it is attached, and record what it has."""
    after = wire(wanted, work, before)
    serve(wanted, work, after)
    results = [(each.network, each.interface, each.result or {}) for each in done]
    known = facts(wanted.machine, after, target=wanted.target, results=results)
    made = {"complete": True, "changes": False, "found": plain(after), "facts": plain(known)}
    work.step("record that the pod is complete", **made)


def _found(wanted: Wanted, namespace: str, done: tuple[Attachment, ...]) -> PodFound:
    """What is in the pod once CNI is done, with what the host tells of it."""
    return evolve(
        found(namespace),
        hostname=pod_hostname(wanted.machine),
        resolv_conf=pod_resolv_conf(wanted.machine, [each.result or {} for each in done[:1]]),
        host_ip=_host_ip(done[0].result or {}),
    )


def _host_ip(result: Mapping[str, Any]) -> IPv4Address | IPv6Address | None:
    """The address by which the pod knows the host: the gateway of its own network, else the loopback of its family.

    The family of that decides which of the pod's two addresses is the main one: that which the network gives first.
    """
    addresses = addresses_of(result)
    if not addresses:
        return None
    gateways = [each.get("gateway") for each in result.get("ips") or ()]
    return ip_address(next(iter(gateways), None) or ("127.0.0.1" if addresses[0].version == 4 else "::1"))


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
    refuse(wanted.machine, *planned.problems, *nat.problems)
    new = [each for each in planned.links if each.network not in before.preparations]
    if new:
        names = ", ".join(each.name for each in new)
        work.step(f"make the links {names}", links=[*record.get("links", ()), *map(_recorded, new)])
        make_links(namespace, new)
    set_kernel(namespace, planned.sysctls)
    if nat.operations and not before.preparations:
        work.step("set the NAT of the pod", forwards=[plain(each) for each in forwards(nat)])
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
    """Start the DHCP servers that do not run. Raises Rejected where they cannot be planned, or dnsmasq be told them."""
    served = pod_dhcp(wanted.machine, wanted.target, after)
    refuse(wanted.machine, *served.problems)
    for each in served.servers:
        try:
            _serve(work, each)
        except Rejected as unsendable:
            refuse(wanted.machine, *unsendable.problems)
            raise


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
    """Start a DHCP server in a folder of its own, named by the pod's link, unless it runs."""
    record = work.folder.record
    folder = work.folder.path / f"dhcp-{served.link}"
    if served.network in record.get("servers", {}) and is_running(folder):
        return
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
