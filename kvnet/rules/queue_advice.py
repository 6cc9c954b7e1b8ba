"""Advice on multiqueue: the interrupts and the memory that queues take, and where they are of little use."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.defaults import with_cpu_request
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.rules.context import Nic, Rule, RuleContext, note, warning
from kvnet.rules.labels import is_windows
from kvnet.rules.occasions import MULTIQUEUE
from kvnet.spec import PasstBinding
from kvnet.target import architecture_of
from kvnet.topology import MAX_QUEUES, topology, vcpus

__all__ = ["RULES"]

_MOST_VECTORS = 200
"""About how many MSI vectors a guest has, as KubeVirt's user guide says."""
_KIB_OF_QUEUE = 64
_MOST_WINDOWS_QUEUES = 16
_WITHOUT_MSI = "s390x"


def enough_interrupts(context: RuleContext) -> Iterator[Problem]:
    """The queues of all virtio NICs fit into the MSI vectors of a guest.

    QEMU gives each NIC two vectors for each queue pair, one for its control queue and one for its configuration
    (``hw/virtio/virtio-net-pci.c``).
    """
    nics, queues = len(_queued(context)), _queues(context)
    allocated = nics * (2 * queues + 2)
    if allocated <= _MOST_VECTORS or architecture_of(context.machine, context.target) == _WITHOUT_MSI:
        return
    yield warning(
        _at(context),
        "KN920",
        f"{_counted(nics, 'virtio NIC')} with {_counted(queues, 'queue')} each need {nics * queues} MSI vectors at one "
        f"a queue, and QEMU allocates {allocated}: a guest has about {_MOST_VECTORS} for all of its devices",
        "give the machine fewer NICs or vCPUs, or leave multiqueue out",
    )


def queues_are_of_use(context: RuleContext) -> Iterator[Problem]:
    """Queues help where several vCPUs serve few NICs, and Windows uses a limited number of them."""
    nics, count = len(_queued(context)), _vcpus(context)
    if not nics or count is None:
        return
    if count <= 1:
        yield note(_at(context), "KN921", "with one vCPU, a NIC has one queue all the same", "leave multiqueue out")
    elif nics >= count:
        message = f"with {_counted(nics, 'NIC')} for {count} vCPUs, multiqueue is of little use"
        yield note(_at(context), "KN921", message, "leave it out, unless a few of the NICs carry most of the traffic")
    if min(count, MAX_QUEUES) > _MOST_WINDOWS_QUEUES and is_windows(context.machine):
        message = f"Windows may lose its network with {min(count, MAX_QUEUES)} queues for a NIC"
        hint = f"give it at most {_MOST_WINDOWS_QUEUES} vCPUs, or leave multiqueue out"
        yield note(_at(context), "KN921", message, hint)


def queues_take_memory(context: RuleContext) -> Iterator[Problem]:
    """Each queue takes memory of the node's kernel, also where the guest does not use it."""
    queues = _queues(context)
    taps = len([nic for nic in _queued(context) if context.has_tap(nic)])
    if queues <= 1 or not taps:
        return
    memory = taps * queues * _KIB_OF_QUEUE
    message = f"{taps * queues} vhost queues take {memory} KiB of the node's kernel memory, used by the guest or not"
    use = "Enable-NetAdapterRss -Name *" if is_windows(context.machine) else f"ethtool -L eth0 combined {queues}"
    yield note(_at(context), "KN922", message, f"run `{use}` in the guest, for each of its NICs")


def _at(context: RuleContext) -> FieldPath:
    return context.root / "domain" / "devices" / "networkInterfaceMultiqueue"


def _queued(context: RuleContext) -> list[Nic]:
    """The NICs to which multiqueue gives queues: virtio ones on a tap or on passt."""
    if not context.machine.spec.domain.devices.network_interface_multiqueue:
        return []
    return [
        nic
        for nic in context.nics
        if nic.interface.is_virtio
        and not nic.interface.is_absent
        and (isinstance(nic.binding, PasstBinding) or context.has_tap(nic))
    ]


def _queues(context: RuleContext) -> int:
    """The queue pairs of each NIC, 0 where the vCPUs cannot be counted."""
    count = _vcpus(context)
    return 0 if count is None else min(max(count, 1), MAX_QUEUES)


def _vcpus(context: RuleContext) -> int | None:
    try:
        return vcpus(topology(with_cpu_request(context.machine, context.target.cluster)))
    except Rejected:
        return None  # of what is no quantity, cpu_quantities tells


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


RULES = tuple(Rule(judge, MULTIQUEUE) for judge in (enough_interrupts, queues_are_of_use, queues_take_memory))
