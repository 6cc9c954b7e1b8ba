"""Make the whole network of a machine's pod on this host, and remove it: namespace, CNI, links, NAT and DHCP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from pathlib import Path
from typing import Any

from attrs import field, frozen

from kvnet.facts import HostFacts
from kvnet.manifest import load_facts
from kvnet.node import namespaces
from kvnet.node.attachments import PodNetworkConfig, networks_of_pod
from kvnet.node.collect import addresses_of
from kvnet.node.host import number_of
from kvnet.node.programs import NodeError, check_host, node_error
from kvnet.node.servers import LEASES
from kvnet.node.state import PodFolder, StateFolder, full_name, machine_name
from kvnet.node.steps import change, make, revive, undo
from kvnet.node.work import Progress, Wanted, Work, attached, known_networks
from kvnet.pod import PodFound, load_found
from kvnet.pod.nft import Forward
from kvnet.spec import Machine
from kvnet.target import Target, checked_target

__all__ = ["Pod", "Progress", "pod", "pod_change", "pod_down", "pod_up", "pods"]

Addresses = tuple[IPv4Interface | IPv6Interface, ...]


@frozen(kw_only=True)
class Pod:
    """The network of one machine on this host.

    - ``name``: ``namespace/name`` of the machine
    - ``namespace``: the name of the network namespace, as ``ip netns`` lists it
    - ``is_complete``: whether all of it was made; one that was interrupted is made anew by ``pod_up``
    - ``found``: what is in the pod, and what KubeVirt would keep of it
    - ``facts``: the host facts with which the machine is compiled
    - ``addresses``: of the pod, by the link that CNI made for it
    - ``folder``: the state folder of the machine
    - ``leases_files``: by network, the file in which its DHCP server writes the guest's lease
    - ``forwards``: the ports that lead to the guest
    """

    name: str
    namespace: str
    is_complete: bool = True
    found: PodFound = PodFound()
    facts: HostFacts = HostFacts()
    addresses: Mapping[str, Addresses] = field(factory=dict, hash=False)
    folder: Path
    leases_files: Mapping[str, Path] = field(factory=dict, hash=False)
    forwards: tuple[Forward, ...] = ()

    @property
    def leases_file(self) -> Path | None:
        """The file of leases of the first network that has a DHCP server; None without one."""
        return next(iter(self.leases_files.values()), None)


def pod_up(
    machine: Machine,
    target: Target | None = None,
    *,
    state: StateFolder | None = None,
    pod_network: Path | str | None = None,
    progress: Progress | None = None,
) -> Pod:
    """Make the network of a machine's pod on this host, as a cluster would.

    One that is there is left as it is, but for DHCP servers that have ended, which are started again. A set-up that
    was interrupted is undone, and made anew. One that fails is undone too.

    Args:
        machine: whose pod it is; check it before.
        target: the NADs that its networks refer to, the cluster's configuration, and known facts.
        state: where it is recorded what was done, to be undone.
        pod_network: the file of a CNI configuration for the pod's own network, in place of a bridge such as ``kvnet0``.
        progress: is told of each step before it is taken.

    Raises Rejected where the pod cannot be planned, and NodeError where the host lacks something (KN880), a CNI
    plugin is missing (KN881) or refuses (KN882), a configuration is missing or wrong (KN883), a program or the kernel
    refuses (KN884), or something is in the way (KN885).
    """
    state = state or StateFolder()
    wanted = _wanted(machine, target, pod_network, state)
    with state.locked(wanted.name):
        work = Work(state=state, folder=state.pod(wanted.name), progress=progress)
        record = work.folder.record
        if record.get("complete") and namespaces.exists(record["namespace"]):
            revive(work)
            return _pod(work.folder)
        undo(work)
        try:
            make(wanted, work)
        except BaseException as error:
            _undo_after(error, work)
            raise
        return _pod(work.folder)


def pod_change(
    machine: Machine,
    target: Target | None = None,
    *,
    state: StateFolder | None = None,
    pod_network: Path | str | None = None,
    progress: Progress | None = None,
) -> Pod:
    """Attach the pod of a running machine to the networks that its manifest has more, and detach it from others.

    Networks that it is attached to already stay as they are, and so does the pod network. Take a NIC out of the domain
    before its network, and plug one in after. A NIC with ``state: absent`` counts as taken out. One that was
    interrupted is completed by the next. Arguments and errors are as of ``pod_up``; a pod that is not complete raises
    NodeError (KN885).
    """
    state, name = state or StateFolder(), machine_name(machine)
    check_host()
    with state.locked(name):
        work = Work(state=state, folder=state.pod(name), progress=progress)
        record = work.folder.record
        if not record.get("complete") or not namespaces.exists(record["namespace"]):
            raise node_error("KN885", f"the machine {name} has no pod that is complete", "make it with pod_up")
        change(_wanted(machine, target, pod_network, state, known_networks(record)), work)
        return _pod(work.folder)


def pod_down(name: str, *, state: StateFolder | None = None, progress: Progress | None = None) -> None:
    """Remove the network of a machine's pod, and all that was made for it. One that is not there is no error.

    Args:
        name: of the machine, as ``namespace/name``; a name alone is in the namespace ``default``.
        state: as of ``pod_up``.
        progress: is told of each step before it is taken.

    Raises NodeError with what could not be removed; all else is, and what is left is recorded for the next time.
    """
    state, name = state or StateFolder(), full_name(name)
    check_host()
    with state.locked(name):
        undo(Work(state=state, folder=state.pod(name), progress=progress))


def pods(state: StateFolder | None = None) -> tuple[Pod, ...]:
    """The pods that were made and not removed, by name."""
    folders = (state or StateFolder()).pods
    return tuple(sorted((_pod(each) for each in folders if each.record), key=lambda each: each.name))


@contextmanager
def pod(
    machine: Machine,
    target: Target | None = None,
    *,
    state: StateFolder | None = None,
    pod_network: Path | str | None = None,
    progress: Progress | None = None,
) -> Iterator[Pod]:
    """The network of a machine's pod, for as long as the context lasts. Arguments and errors are as of ``pod_up``."""
    made = pod_up(machine, target, state=state, pod_network=pod_network, progress=progress)
    try:
        yield made
    finally:
        pod_down(made.name, state=state, progress=progress)


def _wanted(
    machine: Machine,
    target: Target | None,
    pod_network: Path | str | None,
    state: StateFolder,
    known: Mapping[str, PodNetworkConfig] | None = None,
) -> Wanted:
    """The pod of a machine, on a host that has what it needs. Raises NodeError otherwise."""
    target = checked_target(machine, target)
    check_host()
    file, number = None if pod_network is None else Path(pod_network), number_of(state)
    networks = networks_of_pod(machine, target, file, known=known or {}, number=number)
    return Wanted(name=machine_name(machine), machine=machine, target=target, networks=networks, number=number)


def _undo_after(error: BaseException, work: Work) -> None:
    """Undo a set-up that failed. Raises NodeError with both errors where that fails too."""
    try:
        undo(work)
    except NodeError as left:
        raise NodeError((*getattr(error, "problems", ()), *left.problems)) from error


def _pod(folder: PodFolder) -> Pod:
    """What is recorded of a pod."""
    record = folder.record
    return Pod(
        name=record["name"],
        namespace=record["namespace"],
        is_complete=bool(record.get("complete")),
        found=load_found(record["found"]) if "found" in record else PodFound(),
        facts=load_facts(record["facts"]) if record.get("facts") else HostFacts(),
        addresses={each.interface: addresses_of(each.result) for each in attached(record) if each.result is not None},
        folder=folder.path,
        leases_files={network: Path(each) / LEASES for network, each in record.get("servers", {}).items()},
        forwards=tuple(_forward(each) for each in record.get("forwards", ())),
    )


def _forward(recorded: Mapping[str, Any]) -> Forward:
    to = ip_address(recorded["to"])
    return Forward(to=to, protocol=recorded.get("protocol"), ports=recorded.get("ports"))
