"""Many VMs through an executor, in chunks that cost less to ship than to render."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

from kvnet.bulk.look_ahead import Work, results
from kvnet.bulk.rendered import Rendered
from kvnet.bulk.settings import Settings
from kvnet.bulk.shipping import packed, unpacked
from kvnet.bulk.single import identity, rendered_vm
from kvnet.errors import FieldPath, Problem
from kvnet.facts import HostFacts
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["AHEAD", "CHUNK", "Vm", "lost_worker", "render"]

CHUNK = 256
AHEAD = 16
_MOST_BYTES = 1 << 20
_USUAL_BYTES = 1 << 10

Vm = Machine | Mapping[str, Any] | str | bytes | tuple[Any, HostFacts | Mapping[str, Any] | None]
"""A machine, a plain mapping, a text of one object, or a pair of one of those and the facts of its own."""
_Chunk = tuple[int, tuple[Any, ...]]


def render(
    machines: Iterable[Vm],
    target: Target | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    ordered: bool = True,
    *,
    whole: bool = False,
    chunk: int = CHUNK,
    ahead: int = AHEAD,
) -> Generator[Rendered, None, None]:
    """Render VMs, and give a result for each, in the order of the input unless told otherwise.

    The input is consumed as results are: at most ``ahead`` chunks of ``chunk`` VMs are under way (without an
    executor, one VM). ``executor`` is any executor of ``concurrent.futures``, or a callable that makes one and
    makes another where that breaks. No VM keeps another from being rendered: what is wrong with it is in its
    own result. Raises what the input itself raises.
    """
    settings = Settings(target=target or Target(), whole=whole)
    return _results(machines, settings, executor, ordered=ordered, chunk=chunk, ahead=ahead)


def _results(
    vms: Iterable[Vm],
    settings: Settings,
    executor: Executor | Callable[[], Executor] | None,
    *,
    ordered: bool,
    chunk: int,
    ahead: int,
) -> Generator[Rendered, None, None]:
    if executor is None:
        for index, vm in enumerate(vms):
            yield rendered_vm(vm, settings, index)
        return
    work: Work[_Chunk, tuple[Any, ...]] = Work(call=partial(_rendered, settings.packed()), halves=_halves, lost=_lost)
    chunks = results(work, _chunks(vms, chunk), executor, ahead=max(ahead, 1), ordered=ordered)
    try:
        for shipped in chunks:
            yield from map(unpacked, shipped)
    finally:
        chunks.close()


def _rendered(settings: bytes, chunk: _Chunk) -> tuple[Any, ...]:
    known = Settings.unpacked(settings)
    first, vms = chunk
    return tuple(packed(rendered_vm(vm, known, index)) for index, vm in enumerate(vms, first))


def _chunks(vms: Iterable[Vm], most: int) -> Iterator[_Chunk]:
    first, held, size = 0, [], 0
    for vm in vms:
        held.append(vm)
        size += _size(vm)
        if len(held) >= most or size >= _MOST_BYTES:
            yield first, tuple(held)
            first, held, size = first + len(held), [], 0
    if held:
        yield first, tuple(held)


def _size(vm: Any) -> int:
    own = vm[0] if isinstance(vm, tuple) and vm else vm
    return len(own) if isinstance(own, str | bytes) else _USUAL_BYTES


def _halves(chunk: _Chunk) -> tuple[_Chunk, ...]:
    first, vms = chunk
    middle = len(vms) // 2
    return ((first, vms[:middle]), (first + middle, vms[middle:])) if middle else ()


def _lost(chunk: _Chunk, error: BaseException) -> tuple[Any, ...]:
    first, vms = chunk
    own = vms[0][0] if isinstance(vms[0], tuple) and vms[0] else vms[0]
    namespace, name = identity(own)
    return (packed(Rendered(index=first, namespace=namespace, name=name, problems=(lost_worker(error),))),)


def lost_worker(error: BaseException) -> Problem:
    """What there is to say of a VM that no worker gives a result for."""
    told = f"no worker gave a result for it: {type(error).__name__}: {error}"
    return Problem(FieldPath(), "KN702", told, hint="render it alone, and look at memory and at what it is made of")
