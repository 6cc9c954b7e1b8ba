"""Bring a machine up on this host, from the namespace of its pod to its guest's lease, and take it down again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from kvnet.defaults import with_default_nic
from kvnet.domain.build import build, domain_name
from kvnet.errors import FieldPath, KvnetError, Problem, Rejected
from kvnet.hotplug import with_hotplug_ports
from kvnet.instancetypes import expand
from kvnet.live import LibvirtError
from kvnet.live._libvirt import libvirt_module
from kvnet.manifest import dump
from kvnet.node import namespaces
from kvnet.node._keeper_files import NO_KVM
from kvnet.node.attachments import networks_of_pod
from kvnet.node.domains import Boot, bootable, domain_of, start_domain, stop_domain
from kvnet.node.host import number_of
from kvnet.node.namespaces import namespace_name
from kvnet.node.pods import Pod, Progress, pod_down, pod_up
from kvnet.node.programs import SEARCH_PATH, check_host, node_error
from kvnet.node.running import DOMAIN, Running, machine_file, machine_of, record_machine, seen
from kvnet.node.state import PodFolder, StateFolder, full_name, machine_name
from kvnet.node.work import tell
from kvnet.pipeline import placed, render
from kvnet.pod import DesiredLink, assumed_found, pod_dhcp, pod_links, pod_nat
from kvnet.spec import Machine
from kvnet.target import Target, architecture_of, checked_target

__all__ = [
    "check_machines",
    "has_kvm",
    "locked_machine",
    "machine_down",
    "machine_up",
    "planned_steps",
    "written_out",
]

_QEMUS: Final = {"amd64": "qemu-system-x86_64", "arm64": "qemu-system-aarch64", "s390x": "qemu-system-s390x"}
"""The QEMU of each architecture."""
_KVM: Final = Path("/dev/kvm")
_LONGEST_NAME: Final = 247
"""libvirt writes ``NAME.xml.new``, and names of files have 255 bytes."""


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

    A machine that runs goes on as it is, whatever the manifest says now: ``machine_change`` changes it. One whose
    domain has ended starts as the manifest has it.

    Args:
        machine: what is brought up, in KubeVirt's profile.
        target: the cluster's configuration and the NADs.
        state: the folder that everything is recorded in.
        boot: what the domain boots from; without it, what its firmware finds.
        pod_network: the CNI configuration of the pod network, in a file; a bridge with NAT without it.
        virt_type: ``kvm`` or ``qemu``; KVM where its device can be opened and libvirt offers it.
        progress: is told of each step before it is taken.

    Raises Rejected where the machine cannot be rendered, NodeError where the network of the pod cannot be made, and
    LibvirtError where the domain does not start. A domain that does not start takes its pod with it.
    """
    target = checked_target(machine, target)
    machine = written_out(machine, target)
    _check_domain(machine, target)
    name = machine_name(machine)
    with state.locked(_lock(name)):
        folder = state.pod(name)
        runs = domain_of(folder.path / DOMAIN) is not None
        if not _has_pod(folder) or (not runs and _is_another(machine, folder)):
            _down(name, state, progress)
        pod = pod_up(machine, target, state=state, pod_network=pod_network, progress=progress)
        if runs and machine_file(pod.folder).exists():
            return seen(machine_of(pod), pod)
        try:
            record_machine(machine, pod)
            tell(progress, f"start the domain of {name}")
            _start(machine, target, pod, boot or Boot(), virt_type)
        except BaseException:
            with suppress(KvnetError):
                _down(name, state, progress)
            raise
        return seen(machine, pod)


def written_out(machine: Machine, target: Target) -> Machine:
    """The machine with its instancetype, its preference and its default NIC. Raises Rejected."""
    expansion = expand(machine, target)
    if expansion.refusals:
        raise Rejected(expansion.refusals)
    return with_default_nic(expansion.machine, target.cluster.in_effect)


def _has_pod(folder: PodFolder) -> bool:
    """Whether a machine has a whole pod; what is left of another one, and of its domain, is removed first."""
    record = folder.record
    return bool(record.get("complete")) and namespaces.exists(record["namespace"])


def _is_another(machine: Machine, folder: PodFolder) -> bool:
    """Whether a machine has changed since its pod was made, so that it needs another one to start."""
    file = machine_file(folder.path)
    return file.exists() and file.read_text() != dump(machine)


def _check_domain(machine: Machine, target: Target) -> None:
    """See whether libvirt could define the domain of a machine, whatever its NICs are. Raises Rejected."""
    size = len(os.fsencode(domain_name(machine, target.profile)))
    try:
        if size > _LONGEST_NAME:
            message = f"the name of the domain has {size} bytes, and libvirt makes files of up to {_LONGEST_NAME}"
            at = FieldPath(("metadata", "name"))
            raise Rejected([Problem(at, "KN602", message, hint="shorten the name, or that of the namespace")])
        build(machine, target, ())
    except Rejected as refused:
        raise Rejected(placed(machine.origin, refused.problems)) from refused


def check_machines(machines: Iterable[Machine], target: Target, *, pod_network: Path | None = None) -> None:
    """See whether this host can run machines, and whether their networks are known, before anything is touched.

    Raises NodeError with all that is missing, LibvirtError where libvirt's Python binding is, and Rejected where a pod
    cannot be planned.
    """
    check_host()
    libvirt_module()
    for machine in machines:
        _check_domain(machine, target)
        _check_qemu(architecture_of(machine, target))
        networks_of_pod(machine, target, pod_network)


def _check_qemu(architecture: str) -> None:
    name = _QEMUS.get(architecture)
    if name is not None and shutil.which(name, path=SEARCH_PATH) is None:
        raise node_error("KN880", f"the program {name} is missing", "install Debian's package qemu-system")


def _document(machine: Machine, target: Target, pod: Pod, boot: Boot, virt_type: str) -> str:
    """The domain of a machine whose pod is there, with as many free root ports as KubeVirt has. Raises Rejected."""
    domain = render(machine, evolve(target, facts=pod.facts, virt_type=virt_type)).domain()
    return with_hotplug_ports(bootable(domain, boot), machine)


def _start(machine: Machine, target: Target, pod: Pod, boot: Boot, virt_type: str | None) -> None:
    """Start the domain of a machine: of the type that is asked for, else with KVM where host and libvirt have it.

    Raises Rejected and LibvirtError.
    """
    types = (virt_type,) if virt_type is not None else ("kvm", "qemu") if has_kvm() else ("qemu",)
    for each in types:
        try:
            start_domain(_document(machine, target, pod, boot, each), pod.folder / DOMAIN, pod.namespace)
        except LibvirtError as refused:
            if each == types[-1] or refused.problems[0].code != NO_KVM:
                raise
        else:
            return


def has_kvm(device: Path = _KVM) -> bool:
    """Whether this process may use the host's KVM: its device can be opened, to read and to write."""
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def machine_down(name: str, *, state: StateFolder, progress: Progress | None = None) -> None:
    """Take a machine down: its domain, which is switched off, and its pod. Nothing is left; nothing there is no error.

    Raises LibvirtError where a process does not end, and NodeError with what could not be removed.
    """
    name = full_name(name)
    with state.locked(_lock(name)):
        _down(name, state, progress)


def _down(name: str, state: StateFolder, progress: Progress | None) -> None:
    folder = state.pod(name)
    if (folder.path / DOMAIN).is_dir():
        tell(progress, f"stop the domain of {name}")
        stop_domain(folder.path / DOMAIN, folder.record.get("namespace", ""))
    pod_down(name, state=state, progress=progress)


def locked_machine(machine: Machine, *, state: StateFolder) -> Any:
    """A context in which no other process brings a machine up, changes it or takes it down."""
    return state.locked(_lock(machine_name(machine)))


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
    machine = written_out(machine, target)
    _check_domain(machine, target)
    name = machine_name(machine)
    yield f"make the network namespace {namespace_name(state.root, name)}"
    yield from (f"attach {each}" for each in networks_of_pod(machine, target, network, number=number_of(state)))
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
    if machine.interfaces:
        yield f"wait for the guest of {name} to take its address"


def _kind(link: DesiredLink) -> str:
    return type(link).__name__.removesuffix("Link").lower()
