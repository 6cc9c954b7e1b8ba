"""Bring a machine up on this host, from the namespace of its pod to its guest's lease, and take it down again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from kvnet.compiler.naming import link_names_in_use
from kvnet.domain.build import domain_name
from kvnet.errors import KvnetError, Rejected
from kvnet.instancetypes import expand
from kvnet.interface_status import status
from kvnet.live._libvirt import libvirt_module
from kvnet.manifest import dump, loads
from kvnet.node import namespaces
from kvnet.node._keeper_files import KeeperFiles
from kvnet.node.attachments import networks_of_pod
from kvnet.node.domains import Boot, Domain, bootable, domain_of, start_domain, stop_domain
from kvnet.node.namespaces import namespace_name
from kvnet.node.pods import Pod, Progress, pod_down, pod_up, pods
from kvnet.node.programs import SEARCH_PATH, check_host, node_error
from kvnet.node.servers import Lease, read_leases
from kvnet.node.state import PodFolder, StateFolder, full_name, write_private
from kvnet.pipeline import render
from kvnet.pod import DesiredLink, assumed_found, pod_dhcp, pod_links, pod_nat
from kvnet.pod.nft import Forward
from kvnet.spec import InterfaceStatus, Machine
from kvnet.target import Target, architecture_of, checked_target

__all__ = [
    "Running",
    "check_machines",
    "known_names",
    "machine_down",
    "machine_up",
    "machines",
    "planned_steps",
    "pod_named",
    "wait_for_leases",
]

_DOMAIN: Final = "domain"
"""The folder of a machine's libvirt, in that of its pod."""
_MACHINE: Final = "machine.yaml"
_QEMUS: Final = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64", "s390x": "qemu-system-s390x"}
"""The QEMU of each architecture."""
_KVM: Final = Path("/dev/kvm")
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
    def pod_ips(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """The addresses of the pod, those of its own network first."""
        return tuple(each.ip for addresses in self.pod.addresses.values() for each in addresses)

    @property
    def awaited(self) -> int:
        """How many NICs of the guest are yet to take the address that a server of the pod has for them."""
        served = pod_dhcp(self.machine, Target(facts=self.pod.facts), self.pod.found).servers
        expected = [each.address.ip for each in served if each.address is not None and not each.is_refused]
        return len(set(expected) - {each.address for each in self.leases})


def machine_up(
    machine: Machine,
    target: Target | None = None,
    *,
    state: StateFolder,
    boot: Boot | None = None,
    pod_network: Path | None = None,
    virt_type: str | None = None,
    progress: Progress | None = None,
) -> Running:
    """Bring a machine up: the network of its pod, and its domain. What is there already stays, and what lacks is made.

    Args:
        machine: what is brought up, in KubeVirt's profile.
        target: the cluster's configuration and the NADs.
        state: the folder that everything is recorded in.
        boot: what the domain boots from; without it, what its firmware finds.
        pod_network: the CNI configuration of the pod network, in a file; a bridge with NAT without it.
        virt_type: ``kvm`` or ``qemu``; KVM where the host has it.
        progress: is told of each step before it is taken.

    Raises Rejected where the machine cannot be rendered, NodeError where the network of the pod cannot be made, and
    LibvirtError where the domain does not start. A domain that does not start takes its pod with it.
    """
    target = checked_target(machine, target)
    expansion = expand(machine, target)
    if expansion.refusals:
        raise Rejected(expansion.refusals)
    machine = expansion.machine
    name = full_name(machine.name or "vm", machine.namespace)
    with state.locked(_lock(name)):
        if not _has_pod(state.pod(name)):
            _down(name, state, progress)
        pod = pod_up(machine, target, state=state, pod_network=pod_network, progress=progress)
        try:
            document = _document(machine, target, pod, boot or Boot(), virt_type or _best_virt_type())
            write_private(pod.folder / _MACHINE, dump(machine))
            _tell(progress, f"start the domain of {name}")
            start_domain(document, pod.folder / _DOMAIN, pod.namespace)
        except BaseException:
            with suppress(KvnetError):
                _down(name, state, progress)
            raise
        return _seen(machine, pod)


def _has_pod(folder: PodFolder) -> bool:
    """Whether a machine has a whole pod; what is left of another one, and of its domain, is removed first."""
    record = folder.record
    return bool(record.get("complete")) and namespaces.exists(record["namespace"])


def check_machines(machines: Iterable[Machine], target: Target, *, pod_network: Path | None = None) -> None:
    """See whether this host can run machines, and whether their networks are known, before anything is touched.

    Raises NodeError with all that is missing, LibvirtError where libvirt's Python binding is, and Rejected where a pod
    cannot be planned.
    """
    check_host()
    libvirt_module()
    for machine in machines:
        _check_qemu(architecture_of(machine, target))
        networks_of_pod(machine, target, pod_network)


def _check_qemu(architecture: str) -> None:
    name = _QEMUS.get(architecture)
    if name is not None and shutil.which(name, path=SEARCH_PATH) is None:
        raise node_error("KN880", f"the program {name} is missing", "install Debian's package qemu-system")


def _document(machine: Machine, target: Target, pod: Pod, boot: Boot, virt_type: str) -> str:
    """The domain of a machine whose pod is there. Raises Rejected."""
    return bootable(render(machine, evolve(target, facts=pod.facts, virt_type=virt_type)).domain(), boot)


def _best_virt_type() -> str:
    return "kvm" if os.access(_KVM, os.R_OK | os.W_OK) else "qemu"


def _tell(progress: Progress | None, step: str) -> None:
    if progress is not None:
        progress(step)


def _seen(machine: Machine, pod: Pod) -> Running:
    """The machine as it is now. Raises LibvirtError."""
    domain = domain_of(pod.folder / _DOMAIN)
    return Running(
        machine=machine,
        pod=pod,
        domain=domain,
        leases=_leases(pod),
        forwards=pod.forwards,
        interfaces=() if domain is None else _interfaces(machine, pod, domain),
    )


def _leases(pod: Pod) -> tuple[Lease, ...]:
    """What the pod's servers have leased, in the order of its networks."""
    texts = [file.read_text(errors="replace") for file in pod.leases_files.values() if file.exists()]
    return tuple(lease for text in texts for lease in read_leases(text))


def _interfaces(machine: Machine, pod: Pod, domain: Domain) -> tuple[InterfaceStatus, ...]:
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
        _tell(progress, f"wait for the guest of {running.name} to take its address")
        time.sleep(_POLL_SECONDS)
        seen = evolve(running, leases=_leases(running.pod))
        is_alive = KeeperFiles(running.pod.folder / _DOMAIN).is_kept
        running = seen if seen.awaited and is_alive else _seen(running.machine, running.pod)
    return running


def machine_down(name: str, *, state: StateFolder, progress: Progress | None = None) -> None:
    """Take a machine down: its domain, which is switched off, and its pod. Nothing is left; nothing there is no error.

    Raises LibvirtError where a process does not end, and NodeError with what could not be removed.
    """
    name = full_name(name)
    with state.locked(_lock(name)):
        _down(name, state, progress)


def _down(name: str, state: StateFolder, progress: Progress | None) -> None:
    folder = state.pod(name)
    if (folder.path / _DOMAIN).is_dir():
        _tell(progress, f"stop the domain of {name}")
        stop_domain(folder.path / _DOMAIN, folder.record.get("namespace", ""))
    pod_down(name, state=state, progress=progress)


def machines(*, state: StateFolder) -> tuple[Running, ...]:
    """The machines that were brought up, by name. Raises LibvirtError."""
    return tuple(_seen(_machine_of(each), each) for each in pods(state))


def _machine_of(pod: Pod) -> Machine:
    """The machine of a pod, as it was brought up; one without NICs where only its pod was made."""
    file = pod.folder / _MACHINE
    if file.exists():
        return loads(file.read_text())
    namespace, _, name = pod.name.partition("/")
    return Machine(name=name, namespace=namespace)


def pod_named(name: str, *, state: StateFolder) -> Pod:
    """The pod of a machine. Raises NodeError (KN885) where there is none."""
    name = _known(name, state)
    return next(each for each in pods(state) if each.name == name)


def known_names(names: Sequence[str], *, state: StateFolder) -> tuple[str, ...]:
    """Each name in full, or those of all machines without any. Raises NodeError (KN885) for one that is not up."""
    return tuple(_known(each, state) for each in names) or tuple(each.name for each in pods(state))


def _known(name: str, state: StateFolder) -> str:
    names = [each.name for each in pods(state)]
    if full_name(name) in names:
        return full_name(name)
    hint = f"those that are up: {', '.join(names)}" if names else "none is up in this state folder"
    raise node_error("KN885", f"no machine '{name}' is up", hint)


def _lock(name: str) -> str:
    """What is locked while a machine is brought up or taken down; its pod has a lock of its own."""
    return f"domain of {name}"


def planned_steps(
    machine: Machine, target: Target, *, state: StateFolder, boot: Boot, pod_network: Path | None = None
) -> tuple[str, ...]:
    """The steps of ``machine_up``, in order. Addresses of the pod are those that ``assumed_found`` has.

    Raises Rejected where the pod cannot be planned, and NodeError where a plugin or a configuration is missing.
    """
    return tuple(_steps(machine, target, state, boot, pod_network))


def _steps(machine: Machine, target: Target, state: StateFolder, boot: Boot, network: Path | None) -> Iterator[str]:
    name = full_name(machine.name or "vm", machine.namespace)
    yield f"make the network namespace {namespace_name(state.root, name)}"
    for each in networks_of_pod(machine, target, network):
        plugins = ", ".join(str(plugin["type"]) for plugin in each.config["plugins"])
        yield f"attach {each.interface} to {each.name} by CNI: {plugins}"
    found = assumed_found(machine, target)
    links = pod_links(machine, target, found)
    yield from (f"make the link {each.name}: {_kind(each)}" for each in links.links)
    yield from (f"set {each}" for each in links.sysctls)
    yield from (" ".join(command) for command in pod_nat(machine, target, found).commands)
    after = evolve(found, leases=links.leases)
    for served in pod_dhcp(machine, target, after).servers:
        yield f"serve DHCP on {served.bridge}: {served.address or served.address6}"
    files = [*boot.disks, *(each for each in (boot.kernel, boot.initrd) if each is not None)]
    booted = f" with {', '.join(map(str, files))}" if files else ""
    yield f"define and start the domain {domain_name(machine, target.profile)}{booted}"
    yield f"wait for the guest of {name} to take its address"


def _kind(link: DesiredLink) -> str:
    return type(link).__name__.removesuffix("Link").lower()
