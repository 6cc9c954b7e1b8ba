"""KubeVirt's defaulting webhook: CPU requests, vCPU topology, the queues that follow from it, and the default NIC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from kvnet.errors import Problem, Rejected
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.interface import Bridge, Interface, Masquerade
from kvnet.spec.machine import Cpu, Machine, Resources
from kvnet.spec.network import Network, Pod
from kvnet.target import Target, architecture_of
from kvnet.values import quantity_ceil, quantity_text

__all__ = [
    "MAX_QUEUES",
    "Topology",
    "counted_cpus",
    "default_nic_refusal",
    "defaulted",
    "has_cpu_hotplug",
    "queue_capacity",
    "requested_sockets",
    "topology",
    "vcpus",
    "with_cpu_request",
    "with_default_nic",
    "with_default_topology",
]

MAX_QUEUES = 256
"""The most queues a tap has (MAX_TAP_QUEUES of the Linux kernel)."""
_NAME = "default"
_POD_NETWORK = Network(name=_NAME, sources=(Pod(),))
_DEFAULT_NICS = {
    "bridge": Interface(name=_NAME, bindings=(Bridge(),)),
    "masquerade": Interface(name=_NAME, bindings=(Masquerade(),)),
}
_NO_RESOURCES = Resources()
_NO_CPU = Cpu()
_STOCK_CPU_REQUEST = "100m"
_HOTPLUG_RATIO = 4
_MOST_HOTPLUG_VCPUS = 512
_COUNTED_SOCKETS = 2**32
"""KubeVirt counts sockets in 32 bits, and leaves out what they cannot hold."""


def defaulted(machine: Machine, target: Target) -> Machine:
    """The machine after KubeVirt's defaulting, in its order: requests, CPU topology, CPU hotplug, NIC.

    Where the cluster would refuse to add the default NIC (``default_nic_refusal``), none is added. A machine that
    has its defaults stays as it is. Source: KubeVirt's mutating webhook for VMIs.

    Raises Rejected where the CPU limit or request is no quantity.
    """
    cluster, architecture = target.cluster.in_effect, architecture_of(machine, target)
    machine = with_cpu_request(machine, cluster)
    machine = with_default_topology(machine)
    machine = _with_cpu_model(machine, cluster, architecture)
    machine = _with_max_sockets(machine, cluster, architecture)
    return machine if default_nic_refusal(machine, cluster) else with_default_nic(machine, cluster)


def default_nic_refusal(machine: Machine, cluster: ClusterConfig) -> str | None:
    """Why the cluster cannot give the machine its default NIC, or nothing."""
    if not _wants_default_nic(machine):
        return None
    cluster = cluster.in_effect
    kind = cluster.default_network_interface
    if kind in ("", "bridge") and not cluster.permit_bridge_on_pod_network:
        return "the default interface is a bridge, which this cluster forbids on the pod network"
    if kind == "slirp":
        return "the default interface of this cluster is slirp, which KubeVirt removed"
    return None


def with_default_nic(machine: Machine, cluster: ClusterConfig) -> Machine:
    """The machine with the default pod NIC, where it lists neither networks nor interfaces.

    A cluster whose default is slirp gives none.
    """
    if not _wants_default_nic(machine):
        return machine
    nic = _DEFAULT_NICS.get(cluster.in_effect.default_network_interface or "bridge")
    return machine.with_nics((nic,), (_POD_NETWORK,)) if nic else machine


def with_default_topology(machine: Machine) -> Machine:
    """The machine with sockets from its CPU limit, else its request, where no factor is given."""
    cpu = machine.spec.domain.cpu or _NO_CPU
    if cpu.cores or cpu.sockets or cpu.threads:
        return machine
    return _with_domain(machine, cpu=attrs.evolve(cpu, sockets=requested_sockets(machine), cores=1, threads=1))


def has_cpu_hotplug(architecture: str) -> bool:
    """Whether KubeVirt plugs vCPUs into running machines of this architecture."""
    return architecture != "arm64"


def _wants_default_nic(machine: Machine) -> bool:
    if machine.interfaces or machine.networks:
        return False
    return machine.spec.domain.devices.autoattach_pod_interface is not False


def requested_sockets(machine: Machine) -> int:
    """Sockets from the CPU limit, else the CPU request, rounded up; 1 where neither is given.

    Raises Rejected where it is no quantity.
    """
    resources = machine.spec.domain.resources or _NO_RESOURCES
    for source, quantities in (("limits", resources.limits), ("requests", resources.requests)):
        if "cpu" in quantities:
            return counted_cpus(machine, source, quantities["cpu"]) % _COUNTED_SOCKETS
    return 1


def counted_cpus(machine: Machine, source: str, quantity: Any, count: Callable[[str], int] = quantity_ceil) -> int:
    """The CPUs of a quantity, rounded up, or what ``count`` makes of its text.

    ``source`` is ``limits`` or ``requests``. Raises Rejected where it is no quantity.
    """
    try:
        return count(quantity if type(quantity) is str else quantity_text(quantity))
    except ValueError as reason:
        at = machine.root / "domain" / "resources" / source / "cpu"
        raise Rejected([Problem(at, "KN603", str(reason), hint="write 2, or 500m")]) from None


def with_cpu_request(machine: Machine, cluster: ClusterConfig) -> Machine:
    """The machine with the CPU request that follows from its limit, or that the cluster gives."""
    resources, request = machine.spec.domain.resources, None
    if resources is None:
        resources = _NO_RESOURCES
    else:
        request, limit = resources.requests.get("cpu"), resources.limits.get("cpu")
        if _is_zero(machine, "requests", request) and not _is_zero(machine, "limits", limit):
            return _with_request(machine, resources, limit)
    dedicated = machine.spec.domain.cpu is not None and machine.spec.domain.cpu.dedicated_cpu_placement
    changed = cluster.cpu_request not in (None, _STOCK_CPU_REQUEST)
    if request is None and changed and not dedicated:
        return _with_request(machine, resources, cluster.cpu_request)
    return machine


def _is_zero(machine: Machine, source: str, quantity: Any) -> bool:
    return quantity is None or counted_cpus(machine, source, quantity) == 0


def _with_request(machine: Machine, resources: Resources, cpu: Any) -> Machine:
    requests = {**resources.requests, "cpu": cpu}
    return _with_domain(machine, resources=attrs.evolve(resources, requests=requests))


def _with_cpu_model(machine: Machine, cluster: ClusterConfig, architecture: str) -> Machine:
    cpu = machine.spec.domain.cpu or _NO_CPU
    if cpu.model:
        return machine
    # arm64 knows no named models, so the cluster's does not count there
    model = "host-passthrough" if architecture == "arm64" else cluster.cpu_model or "host-model"
    return _with_domain(machine, cpu=attrs.evolve(cpu, model=model))


def _with_max_sockets(machine: Machine, cluster: ClusterConfig, architecture: str) -> Machine:
    cpu = machine.spec.domain.cpu or _NO_CPU
    live = cluster.vm_rollout_strategy in (None, "", "LiveUpdate")
    if cpu.max_sockets or not live or not has_cpu_hotplug(architecture):
        return machine
    most = _most_sockets(cpu, cluster)
    return _with_domain(machine, cpu=attrs.evolve(cpu, max_sockets=most)) if most else machine


def _most_sockets(cpu: Cpu, cluster: ClusterConfig) -> int:
    """As KubeVirt computes it: from the factors as written, a factor that is absent being 0."""
    sockets, per_socket = cpu.sockets or 0, (cpu.cores or 0) * (cpu.threads or 0)
    if cluster.max_cpu_sockets:
        return max(cluster.max_cpu_sockets, sockets)
    most = sockets * (cluster.max_hotplug_ratio or _HOTPLUG_RATIO)
    if most * per_socket > _MOST_HOTPLUG_VCPUS:
        return max(_MOST_HOTPLUG_VCPUS // per_socket, sockets)
    return most


def _with_domain(machine: Machine, **fields: Any) -> Machine:
    domain = attrs.evolve(machine.spec.domain, **fields)
    return attrs.evolve(machine, spec=attrs.evolve(machine.spec, domain=domain))


@attrs.frozen(kw_only=True, slots=False)
class Topology:
    """The guest's CPUs: ``sockets`` may be 0, where the CPU limit is 0."""

    sockets: int
    cores: int
    threads: int


def topology(machine: Machine) -> Topology:
    """The topology the guest starts with: a factor that is absent or 0 counts as 1 (KubeVirt's GetCPUTopology).

    Where no factor is given, the sockets are the CPU limit, else the CPU request, rounded up, else 1.
    """
    cpu = machine.spec.domain.cpu or _NO_CPU
    if not (cpu.cores or cpu.sockets or cpu.threads):
        return Topology(sockets=requested_sockets(machine), cores=1, threads=1)
    return Topology(sockets=cpu.sockets or 1, cores=cpu.cores or 1, threads=cpu.threads or 1)


def vcpus(topology: Topology) -> int:
    """The number of vCPUs."""
    return topology.sockets * topology.cores * topology.threads


def queue_capacity(machine: Machine) -> int:
    """Queue pairs for each virtio NIC: the vCPUs up to ``MAX_QUEUES``, 0 without multiqueue.

    Source: KubeVirt's ``NetworkQueuesCapacity``.
    """
    if not machine.spec.domain.devices.network_interface_multiqueue:
        return 0
    return min(vcpus(topology(machine)), MAX_QUEUES)
