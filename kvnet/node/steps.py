"""Take the steps that make the network of a pod, and those that remove it; each is recorded before it is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from pathlib import Path
from typing import Any, Final

from attrs import asdict, evolve, frozen

from kvnet.errors import Problem, Rejected
from kvnet.manifest.binder import plain
from kvnet.node import cni, host, namespaces
from kvnet.node._errors import NodeError
from kvnet.node.attachments import POD_BRIDGE, PodNetworkConfig, attachments
from kvnet.node.cni import Attachment
from kvnet.node.collect import facts, found
from kvnet.node.dns import pod_hostname, pod_resolv_conf
from kvnet.node.links import isolate, loopback_up, make_links, remove_links, set_kernel
from kvnet.node.programs import run
from kvnet.node.servers import start_server, stop_servers
from kvnet.node.state import PodFolder, StateFolder, private_folder
from kvnet.pod import (
    AddressFamily,
    BridgeLink,
    DesiredLink,
    DhcpServer,
    DummyLink,
    PodFound,
    PodLinks,
    RenamedLink,
    TapLink,
    pod_dhcp,
    pod_links,
    pod_nat,
)
from kvnet.spec import Machine
from kvnet.target import Target
from kvnet.values import MacAddress

__all__ = ["Progress", "Wanted", "Work", "attached", "make", "undo"]

Progress = Callable[[str], None]
"""Is told of each step, once it is recorded and before it is taken."""
_KINDS: Final[Mapping[str, type]] = {
    "bridge": BridgeLink,
    "dummy": DummyLink,
    "renamed": RenamedLink,
    "tap": TapLink,
}
_REMEMBERED: Final = ("network", "name", "controller", "mac", "mtu")


@frozen(kw_only=True)
class Wanted:
    """The pod that is to be made.

    - ``name``: ``namespace/name`` of the machine
    - ``machine``, ``target``: what it is made for
    - ``networks``: that it is attached to, in order
    """

    name: str
    machine: Machine
    target: Target
    networks: tuple[PodNetworkConfig, ...]


@frozen(kw_only=True)
class Work:
    """The work on one pod: where it is recorded, and who is told.

    - ``state``: of all machines
    - ``folder``: of this one
    - ``progress``: is told of each step
    """

    state: StateFolder
    folder: PodFolder
    progress: Progress | None = None

    def step(self, text: str, **changes: Any) -> None:
        """Record what the step is about to do, and tell it."""
        self.folder.write({**self.folder.record, **changes})
        if self.progress is not None:
            self.progress(text)


def make(wanted: Wanted, work: Work) -> None:
    """Take every step, from nothing to the whole pod."""
    namespace = namespaces.namespace_name(work.state.root, wanted.name)
    work.step(f"make the network namespace {namespace}", name=wanted.name, namespace=namespace)
    namespaces.create(namespace)
    loopback_up(namespace)
    given = attachments(wanted.networks, name=wanted.name, namespace=namespace, ipam=work.state.ipam)
    done = _attach(work, namespace, given)
    after = _link(wanted, work, _found_before(wanted, namespace, done))
    served = pod_dhcp(wanted.machine, wanted.target, after)
    _refuse(*served.problems)
    for number, each in enumerate(served.servers):
        _serve(work, each, number)
    results = [(each.network, each.interface, each.result or {}) for each in done]
    known = facts(wanted.machine, after, target=wanted.target, results=results)
    work.step("record that the pod is complete", complete=True, found=plain(after), facts=plain(known))


def undo(work: Work) -> None:
    """Remove all that was recorded, the last first. Raises NodeError at the end, with what could not be removed."""
    record, state = work.folder.record, work.state
    problems: list[Problem] = []
    if record:
        work.step(f"take the pod of {record['name']} down", complete=False)
        stop_servers(Path(each) for each in record.get("servers", {}).values())
        _unlink(work, problems)
        _detach(work, problems)
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


def attached(record: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The networks that were attached, or begun to be, in order."""
    return tuple(Attachment(**each) for each in record.get("attachments", ()))


def _attach(work: Work, namespace: str, given: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """Attach the networks, in order, and return them with their results."""
    work.step("prepare the host for the networks", claims=True)
    host.claim(work.state, namespace, host.bridges_of(given))
    private_folder(work.state.ipam)
    done: list[Attachment] = []
    for each in given:
        work.step(f"attach {each.interface} to {each.network}", attachments=_plain([*done, each]))
        done.append(evolve(each, result=cni.add(each)))
        work.step(f"check {each.interface}", attachments=_plain(done))
        cni.check(done[-1])
        if any(plugin.get("bridge") == POD_BRIDGE for plugin in each.plugins):
            isolate(_ports(done[-1]))
    return tuple(done)


def _detach(work: Work, problems: list[Problem]) -> None:
    """Detach the networks, the last first. One that its plugins do not detach stays recorded.

    Where ADD did not end, DEL may well refuse for the same reason, and that is no problem.
    """
    left = list(attached(work.folder.record))
    for each in reversed(tuple(left)):
        work.step(f"detach {each.interface} from {each.network}", attachments=_plain(left))
        with _collected(problems if each.result is not None else []):
            cni.delete(each)
            left.remove(each)
        if each.result is None:
            host.forget_addresses(work.state.ipam, each)
            left = [known for known in left if known != each]
    work.folder.write({**work.folder.record, "attachments": _plain(left)})


def _found_before(wanted: Wanted, namespace: str, done: tuple[Attachment, ...]) -> PodFound:
    """What is in the pod once CNI is done, with what the host tells of it."""
    return evolve(
        found(namespace),
        hostname=pod_hostname(wanted.machine),
        resolv_conf=pod_resolv_conf(wanted.machine, [each.result or {} for each in done[:1]]),
        host_ip=_host_ip(done[0].result or {}),
    )


def _link(wanted: Wanted, work: Work, before: PodFound) -> PodFound:
    """Make the links and the NAT of the pod, and return what is there then."""
    namespace = work.folder.record["namespace"]
    links = pod_links(wanted.machine, wanted.target, before)
    nat = pod_nat(wanted.machine, wanted.target, before)
    _refuse(*links.problems, *nat.problems)
    names = ", ".join(each.name for each in links.links)
    work.step(f"make the links {names}", links=[_recorded(each) for each in links.links])
    make_links(namespace, links.links)
    set_kernel(namespace, links.sysctls)
    if nat.operations:
        work.step("set the NAT of the pod")
        with namespaces.entered(namespace):
            run("nft", ["-f", "-"], given=nat.text)
    return _found_after(namespace, before, links)


def _found_after(namespace: str, before: PodFound, links: PodLinks) -> PodFound:
    now = found(namespace)
    return evolve(before, links=now.links, routes=now.routes, leases=links.leases, preparations=links.after)


def _unlink(work: Work, problems: list[Problem]) -> None:
    """Take the links away, so that CNI plugins find theirs as they made it."""
    record = work.folder.record
    if not namespaces.exists(record["namespace"]):
        return
    work.step("take the links of the pod away")
    with _collected(problems):
        remove_links(record["namespace"], [_link_of(each) for each in record.get("links", ())])


def _serve(work: Work, served: DhcpServer, number: int) -> None:
    """Start a DHCP server in a folder of its own, which is recorded before."""
    record = work.folder.record
    folder = work.folder.path / f"dhcp{number}"
    servers = {**record.get("servers", {}), served.network: str(folder)}
    work.step(f"serve DHCP on {served.bridge}", servers=servers)
    start_server(served, record["namespace"], folder)


@contextmanager
def _collected(problems: list[Problem]) -> Iterator[None]:
    """Go on after an error of the host or of a plugin, and keep its problems."""
    try:
        yield
    except NodeError as error:
        problems += error.problems


def _refuse(*problems: Problem) -> None:
    if any(each.is_error for each in problems):
        raise Rejected(problems)


def _host_ip(result: Mapping[str, Any]) -> IPv4Address | IPv6Address | None:
    """The address by which the pod knows the host: the gateway of its own network, else the loopback of its family.

    The family of that decides which of the pod's two addresses is the main one: that which the network gives first.
    """
    first = next(iter(result.get("ips") or ()), None)
    if first is None:
        return None
    return ip_address(first.get("gateway") or ("::1" if ":" in first["address"] else "127.0.0.1"))


def _ports(attachment: Attachment) -> Iterator[str]:
    """The links of the host that the plugins made for the pod, as ports of ``kvnet0``."""
    for each in (attachment.result or {}).get("interfaces") or ():
        if not each.get("sandbox") and each["name"] != POD_BRIDGE:
            yield each["name"]


def _plain(given: list[Attachment]) -> list[dict[str, Any]]:
    return [asdict(each) for each in given]


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
