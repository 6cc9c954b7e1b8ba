"""Tell what is up: each machine with its pod, its domain, and what its guest has taken."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from kvnet.compiler.pod import link_names_in_use
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.interface_status import status
from kvnet.manifest import dump, loads
from kvnet.node._keeper_files import KeeperFiles
from kvnet.node.domains import Domain, domain_of
from kvnet.node.namespaces import exists
from kvnet.node.pods import Pod, Progress, pods
from kvnet.node.programs import NodeError, node_error
from kvnet.node.servers import Lease, read_leases
from kvnet.node.state import StateFolder, damaged, full_name, machine_name, write_private
from kvnet.node.work import known_networks, tell
from kvnet.pipeline import placed
from kvnet.pod import pod_dhcp
from kvnet.pod.nft import Forward
from kvnet.spec import InterfaceStatus, Machine, Nad
from kvnet.target import Target

__all__ = [
    "DOMAIN",
    "Running",
    "interfaces_of",
    "known_names",
    "machine_file",
    "machine_of",
    "pod_named",
    "record_machine",
    "running_machine",
    "running_machines",
    "seen",
    "target_of",
    "wait_for_leases",
]

DOMAIN: Final = "domain"
"""The folder of a machine's libvirt, in that of its pod."""
_MACHINE: Final = "machine.yaml"
_POLL_SECONDS: Final = 0.25


@frozen(kw_only=True)
class Running:
    """A machine that was brought up.

    - ``machine``: as it was given
    - ``pod``: its network
    - ``domain``: as it runs; ``None`` where it has ended, or was never started
    - ``leases``: the addresses that its guest has taken
    - ``forwards``: the ports of the pod that lead to the guest
    - ``interfaces``: KubeVirt's ``status.interfaces``
    """

    machine: Machine
    pod: Pod
    domain: Domain | None = None
    leases: tuple[Lease, ...] = ()
    forwards: tuple[Forward, ...] = ()
    interfaces: tuple[InterfaceStatus, ...] = ()

    @property
    def name(self) -> str:
        """``namespace/name`` of the machine."""
        return self.pod.name

    @property
    def folder(self) -> Path:
        """The folder of its libvirt."""
        return self.pod.folder / DOMAIN

    @property
    def pod_ips(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """The addresses of the pod, those of its own network first."""
        return tuple(each.ip for addresses in self.pod.addresses.values() for each in addresses)

    @property
    def awaited(self) -> int:
        """How many NICs of the guest are yet to take the address that a server of the pod has for them.

        One whose link is down cannot.
        """
        served = pod_dhcp(self.machine, Target(facts=self.pod.facts), self.pod.found).servers
        down = {each.name for each in self.machine.interfaces if each.state == "down"}
        asked = [each for each in served if not each.is_refused and each.network not in down]
        expected = [each.address.ip for each in asked if each.address is not None]
        return len(set(expected) - {each.address for each in self.leases})


def seen(machine: Machine, pod: Pod) -> Running:
    """A machine as it is now in its pod. Raises LibvirtError."""
    domain = domain_of(pod.folder / DOMAIN)
    return Running(
        machine=machine,
        pod=pod,
        domain=domain,
        leases=_leases(pod),
        forwards=pod.forwards,
        interfaces=() if domain is None else interfaces_of(machine, pod, domain),
    )


def _leases(pod: Pod) -> tuple[Lease, ...]:
    """What the pod's servers have leased, in the order of its networks."""
    texts = [file.read_text(errors="replace") for file in pod.leases_files.values() if file.exists()]
    return tuple(lease for text in texts for lease in read_leases(text))


def interfaces_of(machine: Machine, pod: Pod, domain: Domain) -> tuple[InterfaceStatus, ...]:
    """KubeVirt's ``status.interfaces`` of a machine whose domain runs in a pod."""
    networks = [
        {"name": each.name, "interface": each.interface, "ips": list(each.ips), "default": each.default}
        for each in pod.facts.pod_networks or ()
    ]
    return status(machine, domain.xml, domain.agent, networks, pod_ips=_pod_ips(machine, pod))


def _pod_ips(machine: Machine, pod: Pod) -> dict[str, Any]:
    """The pod's addresses by network, as far as the pod keeps them; the first one is the main one."""
    links = link_names_in_use(machine, (each.name for each in pod.found.links))
    ips = {name: [str(each.ip) for each in pod.addresses.get(link, ())] for name, link in links.items()}
    return {name: {"podIP": each[0], "podIPs": each} for name, each in ips.items() if each}


def wait_for_leases(running: Running, *, timeout: float, progress: Progress | None = None) -> Running:
    """Wait until the guest has taken each address that is served to it, or its domain has ended.

    Returns the machine as it is then, or after ``timeout`` seconds. Raises LibvirtError.
    """
    end = time.monotonic() + timeout
    while running.awaited and running.domain is not None and time.monotonic() < end:
        tell(progress, f"wait for the guest of {running.name} to take its address")
        time.sleep(_POLL_SECONDS)
        waiting = evolve(running, leases=_leases(running.pod))
        is_alive = KeeperFiles(running.folder).is_kept
        running = waiting if waiting.awaited and is_alive else seen(running.machine, running.pod)
    return running


def running_machines(*, state: StateFolder) -> tuple[Running, ...]:
    """The machines that were brought up, by name. Raises LibvirtError."""
    return tuple(seen(machine_of(each), each) for each in pods(state))


def machine_file(folder: Path) -> Path:
    """The file in the folder of a pod that the machine is recorded in, as it is to run there."""
    return folder / _MACHINE


def record_machine(machine: Machine, pod: Pod) -> None:
    """Record the machine as it is to run in a pod."""
    write_private(machine_file(pod.folder), dump(machine))


def machine_of(pod: Pod) -> Machine:
    """The machine of a pod, as it was brought up; one without NICs where only its pod was made.

    Raises NodeError (KN885) where its record was damaged.
    """
    file = machine_file(pod.folder)
    if file.exists():
        try:
            return loads(file.read_text())
        except (Rejected, UnicodeDecodeError):
            raise damaged(file, "take the machine down with `kvnet down`") from None
    namespace, _, name = pod.name.partition("/")
    return Machine(name=name, namespace=namespace)


def target_of(running: Running, *, state: StateFolder) -> Target:
    """What a machine that is up was compiled against: the facts of its pod, and its networks as NADs."""
    known = known_networks(state.pod(running.name).record).values()
    names = ((each.name.rpartition("/"), each) for each in known)
    nads = [
        Nad(name=name, namespace=namespace or None, config=json.dumps(each.config))
        for (namespace, _, name), each in names
    ]
    return Target(facts=running.pod.facts, nads=nads)


def pod_named(name: str, *, state: StateFolder) -> Pod:
    """The pod of a machine. Raises NodeError (KN887) where there is none."""
    name = _known(name, state)
    return next(each for each in pods(state) if each.name == name)


def running_machine(machine: Machine, *, state: StateFolder) -> Running:
    """A machine of a manifest as it runs.

    Raises NodeError (KN887), at its name in the manifest, where it is not up, or its domain has ended.
    """
    name = machine_name(machine)
    running = next((seen(machine_of(each), each) for each in pods(state) if each.name == name), None)
    message = f"the machine '{name}' is not up in the state folder {state.root}"
    if running is not None:
        if not running.pod.is_complete or not exists(running.pod.namespace):
            message = f"the machine '{name}' was brought up, and its pod is not whole any more"
        elif running.domain is None:
            message = f"the machine '{name}' was brought up, and its domain does not run any more"
        else:
            return running
    hint = "bring it up with `kvnet up`, or name the libvirt that has its domain with --connect URI"
    problem = Problem(FieldPath(("metadata", "name")), "KN887", message, hint=hint)
    raise NodeError(placed(machine.origin, [problem]))


def known_names(names: Sequence[str], *, state: StateFolder) -> tuple[str, ...]:
    """Each name in full, or those of all machines without any. Raises NodeError (KN887) for one that is not up."""
    return tuple(_known(each, state) for each in names) or tuple(each.name for each in pods(state))


def _known(name: str, state: StateFolder) -> str:
    names = [each.name for each in pods(state)]
    if full_name(name) in names:
        return full_name(name)
    hint = f"those that are up: {', '.join(names)}" if names else "none is up in this state folder"
    raise node_error("KN887", f"no machine '{name}' is up", hint)
