"""Advice on multiqueue: the interrupts and the memory that queues take, and where they are of little use."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from attrs import frozen

from kvnet.defaults import with_cpu_request
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.rules.context import Rule, RuleContext, note, warning
from kvnet.rules.labels import is_windows
from kvnet.rules.occasions import MULTIQUEUE
from kvnet.spec import TEMPLATES, PasstBinding
from kvnet.target import architecture_of
from kvnet.topology import MAX_QUEUES, topology, vcpus

__all__ = ["RULES"]

_MOST_VECTORS = 200
"""About how many MSI vectors a guest has, as KubeVirt's user guide says."""
_KIB_OF_QUEUE = 64
_MOST_WINDOWS_QUEUES = 16
_WITHOUT_MSI = "s390x"


@frozen
class _Queues:
    """The NICs that multiqueue gives queues, those of them with a tap, the vCPUs, and the queue pairs of each NIC."""

    nics: int
    taps: int
    vcpus: int
    pairs: int


def queues_are_of_use(context: RuleContext) -> Iterator[Problem]:
    """Multiqueue has its price in interrupts and memory, and is not always of use."""
    queues = _counted_queues(context)
    if queues is not None:
        yield from _few_vectors(context, queues)
        yield from _little_use(context, queues)
        yield from _memory(context, queues)


def _few_vectors(context: RuleContext, queues: _Queues) -> Iterator[Problem]:
    """The queues of all virtio NICs fit into the MSI vectors of a guest.

    QEMU gives each NIC two vectors for each queue pair, one for its control queue and one for its configuration
    (``hw/virtio/virtio-net-pci.c``).
    """
    nics, pairs = queues.nics, queues.pairs
    allocated = nics * (2 * pairs + 2)
    if allocated <= _MOST_VECTORS or architecture_of(context.machine, context.target) == _WITHOUT_MSI:
        return
    yield warning(
        _at(context),
        "KN920",
        f"{_counted(nics, 'virtio NIC')} with {_counted(pairs, 'queue')} each need {nics * pairs} MSI vectors at one "
        f"a queue, and QEMU allocates {allocated}: a guest has about {_MOST_VECTORS} for all of its devices",
        "give the machine fewer NICs or vCPUs, or leave multiqueue out",
    )


def _little_use(context: RuleContext, queues: _Queues) -> Iterator[Problem]:
    """Queues help where several vCPUs serve few NICs, and Windows uses a limited number of them."""
    if queues.vcpus <= 1:
        yield note(_at(context), "KN921", "with one vCPU, a NIC has one queue all the same", "leave multiqueue out")
    elif queues.nics >= queues.vcpus:
        message = f"with {_counted(queues.nics, 'NIC')} for {queues.vcpus} vCPUs, multiqueue is of little use"
        yield note(_at(context), "KN921", message, "leave it out, unless a few of the NICs carry most of the traffic")
    if queues.pairs > _MOST_WINDOWS_QUEUES and is_windows(context.machine):
        message = f"Windows may lose its network with {queues.pairs} queues for a NIC"
        hint = f"give it at most {_MOST_WINDOWS_QUEUES} vCPUs, or leave multiqueue out"
        yield note(_at(context), "KN921", message, hint)


def _memory(context: RuleContext, queues: _Queues) -> Iterator[Problem]:
    """Each queue takes memory of the node's kernel, also where the guest does not use it."""
    if queues.pairs > 1 and queues.taps:
        yield _memory_note(context.machine.kind, queues.taps * queues.pairs, queues.pairs, is_windows(context.machine))


@lru_cache(maxsize=1024)
def _memory_note(kind: str, count: int, pairs: int, windows: bool) -> Problem:
    """The note on the memory of queues. The machines of a fleet have few of them: made anew, it takes 4 % of check."""
    memory = count * _KIB_OF_QUEUE
    message = f"{count} vhost queues take {memory} KiB of the node's kernel memory, used by the guest or not"
    use = "Enable-NetAdapterRss -Name *" if windows else f"ethtool -L eth0 combined {pairs}"
    return note(_multiqueue(kind), "KN922", message, f"run `{use}` in the guest, for each of its NICs")


def _at(context: RuleContext) -> FieldPath:
    return _multiqueue(context.machine.kind)


def _multiqueue(kind: str) -> FieldPath:
    """The path of the field in an object of a kind."""
    return FieldPath((*TEMPLATES.get(kind, ()), "spec", "domain", "devices", "networkInterfaceMultiqueue"))


def _counted_queues(context: RuleContext) -> _Queues | None:
    """The queues of a machine; nothing where multiqueue gives none, or the vCPUs cannot be counted."""
    nics = taps = 0
    for nic in context.nics:
        interface = nic.interface
        if interface.is_virtio and not interface.is_absent:
            has_tap = context.has_tap(nic)
            taps += has_tap
            nics += has_tap or isinstance(nic.binding, PasstBinding)
    if not nics or not context.machine.spec.domain.devices.network_interface_multiqueue:
        return None
    try:
        count = vcpus(topology(with_cpu_request(context.machine, context.target.cluster)))
    except Rejected:
        return None  # of what is no quantity, cpu_quantities tells
    return _Queues(nics, taps, count, min(max(count, 1), MAX_QUEUES))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


RULES = (Rule(queues_are_of_use, MULTIQUEUE),)
