"""vCPUs and the queues that follow from them (KubeVirt's GetCPUTopology and NetworkQueuesCapacity)."""

from __future__ import annotations

from attrs import frozen

from kvnet.defaults import requested_sockets
from kvnet.spec import Cpu, Machine

__all__ = ["MAX_QUEUES", "Topology", "queue_capacity", "topology", "vcpus"]

_UNSAID = Cpu()
MAX_QUEUES = 256
"""The most queues a tap has (MAX_TAP_QUEUES of the Linux kernel)."""


@frozen(kw_only=True, slots=False)
class Topology:
    """The guest's CPUs: ``sockets`` may be 0, where the CPU limit is 0."""

    sockets: int
    cores: int
    threads: int


def topology(machine: Machine) -> Topology:
    """The topology the guest starts with: a factor that is absent or 0 counts as 1.

    Where no factor is given, the sockets are the CPU limit, else the CPU request, rounded up, else 1.
    """
    cpu = machine.spec.domain.cpu or _UNSAID
    if not (cpu.cores or cpu.sockets or cpu.threads):
        return Topology(sockets=requested_sockets(machine), cores=1, threads=1)
    return Topology(sockets=cpu.sockets or 1, cores=cpu.cores or 1, threads=cpu.threads or 1)


def vcpus(topology: Topology) -> int:
    """The number of vCPUs."""
    return topology.sockets * topology.cores * topology.threads


def queue_capacity(machine: Machine) -> int:
    """Queue pairs for each virtio NIC: the vCPUs up to ``MAX_QUEUES``, 0 without multiqueue."""
    if not machine.spec.domain.devices.network_interface_multiqueue:
        return 0
    return min(vcpus(topology(machine)), MAX_QUEUES)
