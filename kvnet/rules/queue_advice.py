"""Advice on multiqueue: the interrupts and the memory that queues take, and where they are of little use."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from kvnet.defaults import MAX_QUEUES, topology, vcpus, with_cpu_request
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.rules.context import Rule, RuleContext, note, warning
from kvnet.rules.occasions import MULTIQUEUE, is_windows
from kvnet.spec import TEMPLATES, Bridge, Masquerade, PasstBinding, Plugin
from kvnet.target import architecture_of

__all__ = ["RULES"]

_MOST_VECTORS = 200
"""About how many MSI vectors a guest has, as KubeVirt's user guide says."""
_KIB_OF_QUEUE = 64
_MOST_WINDOWS_QUEUES = 16
_WITHOUT_MSI = "s390x"


def queues_are_of_use(context: RuleContext) -> Iterator[Problem]:
    """Multiqueue has its price in interrupts and memory, and is not always of use."""
    nics, taps = _queued(context)
    count = _vcpus(context) if nics else None
    if count is None:
        return
    pairs = min(max(count, 1), MAX_QUEUES)
    # most machines have enough of everything, and are asked no more
    if nics * (2 * pairs + 2) > _MOST_VECTORS:
        yield from _few_vectors(context, nics, pairs)
    if count <= max(nics, 1) or pairs > _MOST_WINDOWS_QUEUES:
        yield from _little_use(context, nics, count)
    if pairs > 1 and taps:
        yield _memory_note(context.machine.kind, taps * pairs, pairs, is_windows(context.machine, context.target))


def _few_vectors(context: RuleContext, nics: int, pairs: int) -> Iterator[Problem]:
    """The queues of all virtio NICs fit into the MSI vectors of a guest.

    QEMU gives each NIC two vectors for each queue pair, one for its control queue and one for its configuration
    (``hw/virtio/virtio-net-pci.c``).
    """
    if architecture_of(context.machine, context.target) == _WITHOUT_MSI:
        return
    yield warning(
        _multiqueue(context.machine.kind),
        "KN920",
        f"{_counted(nics, 'virtio NIC')} with {_counted(pairs, 'queue')} each need {nics * pairs} MSI vectors at one "
        f"a queue, and QEMU allocates {nics * (2 * pairs + 2)}: a guest has about {_MOST_VECTORS} for all of its "
        "devices",
        "give the machine fewer NICs or vCPUs, or leave multiqueue out",
    )


def _little_use(context: RuleContext, nics: int, count: int) -> Iterator[Problem]:
    """Queues help where several vCPUs serve few NICs, and Windows uses a limited number of them."""
    at, pairs = _multiqueue(context.machine.kind), min(count, MAX_QUEUES)
    if count <= 1:
        yield note(at, "KN921", "with one vCPU, a NIC has one queue all the same", "leave multiqueue out")
    elif nics >= count:
        message = f"with {_counted(nics, 'NIC')} for {count} vCPUs, multiqueue is of little use"
        yield note(at, "KN921", message, "leave it out, unless a few of the NICs carry most of the traffic")
    if pairs > _MOST_WINDOWS_QUEUES and is_windows(context.machine, context.target):
        message = f"Windows may lose its network with {pairs} queues for a NIC"
        hint = f"give it at most {_MOST_WINDOWS_QUEUES} vCPUs, or leave multiqueue out"
        yield note(at, "KN921", message, hint)


@lru_cache(maxsize=1024)
def _memory_note(kind: str, count: int, pairs: int, windows: bool) -> Problem:
    """The note on the memory of queues. The machines of a fleet have few different ones."""
    memory = count * _KIB_OF_QUEUE
    message = f"{count} vhost queues take {memory} KiB of the node's kernel memory, used by the guest or not"
    use = "Enable-NetAdapterRss -Name *" if windows else f"ethtool -L eth0 combined {pairs}"
    return note(_multiqueue(kind), "KN922", message, f"run `{use}` in the guest, for each of its NICs")


def _multiqueue(kind: str) -> FieldPath:
    """The path of the field in an object of a kind."""
    return FieldPath((*TEMPLATES.get(kind, ()), "spec", "domain", "devices", "networkInterfaceMultiqueue"))


def _queued(context: RuleContext) -> tuple[int, int]:
    """How many NICs multiqueue gives queues, and how many of those have a tap: virtio ones on a tap or on passt."""
    if not context.machine.spec.domain.devices.network_interface_multiqueue:
        return 0, 0
    tapped = [*context.bound_by(Bridge), *context.bound_by(Masquerade)]
    tapped += [nic for nic in context.bound_by(Plugin) if context.has_tap(nic)]
    taps, others = (
        len([nic for nic in nics if nic.interface.is_virtio and nic.interface.state != "absent"])
        for nics in (tapped, context.bound_by(PasstBinding))
    )
    return taps + others, taps


def _vcpus(context: RuleContext) -> int | None:
    """The vCPUs of a machine, or nothing where they cannot be counted."""
    cpu = context.machine.spec.domain.cpu
    if cpu is not None and (cpu.sockets or cpu.cores or cpu.threads):
        return (cpu.sockets or 1) * (cpu.cores or 1) * (cpu.threads or 1)
    try:
        return vcpus(topology(with_cpu_request(context.machine, context.target.cluster)))
    except Rejected:
        return None  # of what is no quantity, cpu_quantities tells


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


RULES = (Rule(queues_are_of_use, MULTIQUEUE),)
