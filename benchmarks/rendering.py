"""From plain values to the XML of four NICs, beside other ways to it: ``python benchmarks/rendering.py``.

Every peer that is installed first has to make the same elements as kvnet, and is then timed over the same
machines, in turns; the figures of one run compare with each other, and with those of no other run. ``--json``
writes them to a file, which ``chart.py`` draws. The status is 1 where a peer makes other elements.
"""

from __future__ import annotations

import json
import platform
import sys
import timeit
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

import peers
from compare import medians
from peers import kvnet_
from peers.same import differences
from work import Vm, devices, vms

__all__ = ["Figure", "main", "measure", "table"]

SLOW = 200.0
"""Microseconds a machine, above which a peer has to render a tenth of them."""
BASE, OWN, READY = "fstring", "kvnet_", "kvnet_ready"


@frozen(kw_only=True)
class Figure:
    """The median time of one way, per machine, over ``vms`` of them; ``leaves_out`` is what it cannot say."""

    peer: str
    name: str
    microseconds: float
    vms: int
    leaves_out: tuple[str, ...] = ()


def measure(found: Sequence[peers.Peer], count: int, rounds: int) -> list[Figure]:
    """Time the peers, and kvnet once more with its devices ready, and sort them by time."""
    fleet = vms(count)
    fewer = fleet[: max(1, count // 10)]
    share = {peer.module: fewer if _is_slow(peer, fleet) else fleet for peer in found}
    calls: dict[str, Callable[[], object]] = {
        peer.module: partial(_each, peer.render, share[peer.module]) for peer in found
    }
    if OWN in calls:
        share[READY] = fleet
        calls[READY] = partial(_each, kvnet_.write, [devices(vm) for vm in fleet])
    names = {peer.module: peer.name for peer in found} | {READY: kvnet_.NAME_READY}
    leaves_out = {peer.module: peer.leaves_out for peer in found}
    figures = [
        Figure(
            peer=module,
            name=names[module],
            microseconds=round(seconds / len(share[module]) * 1e6, 2),
            vms=len(share[module]),
            leaves_out=leaves_out.get(module, ()),
        )
        for module, seconds in medians(calls, rounds).items()
    ]
    return sorted(figures, key=lambda figure: figure.microseconds)


def _each(render: Callable[[Any], object], each: Sequence[Any]) -> None:
    for one in each:
        render(one)


def _is_slow(peer: peers.Peer, fleet: Sequence[Vm]) -> bool:
    few = fleet[:20]
    return min(timeit.repeat(partial(_each, peer.render, few), number=1, repeat=3)) / len(few) * 1e6 > SLOW


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """The figures as lines; each ratio is to a way that was timed in the same run, or a dash."""
    times = {figure.peer: figure.microseconds for figure in figures}
    width = max(len(figure.name) for figure in figures)
    yield f"{'':{width}}   µs a VM  to f-string  to kvnet      VMs"
    for figure in figures:
        to_floor, to_kvnet = (_ratio(figure.microseconds, times.get(base)) for base in (BASE, OWN))
        yield f"{figure.name:{width}} {figure.microseconds:9.2f} {to_floor:>12} {to_kvnet:>9} {figure.vms:8,}"
    yield ""
    yield "To kvnet: to devices made and written, for the others come from the same plain values."
    if len({figure.vms for figure in figures}) > 1:
        yield f"Of what takes more than {SLOW:.0f} µs a VM, a tenth of the VMs was timed."
    for figure in figures:
        if figure.leaves_out:
            yield f"{figure.name.partition(',')[0]} has no way to say {', '.join(figure.leaves_out)}."


def _ratio(time: float, base: float | None) -> str:
    return "-" if base is None else f"{time / base:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, measure, print."""
    parser = ArgumentParser(description="Time the ways from plain values to the XML of four NICs.")
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"some of {', '.join(peers.PEERS)}; all if none")
    parser.add_argument("--vms", type=int, default=10_000, help="machines a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds, whose median counts (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="only look whether they make the same elements")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.peers if name not in peers.PEERS]
    if unknown:
        parser.error(f"there is no peer {', '.join(unknown)}")

    loaded = [peers.load(module) for module in options.peers or peers.PEERS]
    missing = [each for each in loaded if isinstance(each, peers.Missing)]
    found = [each for each in loaded if isinstance(each, peers.Peer)]
    different = [f"{peer.name} {told}" for peer in found for vm in vms(3) for told in differences(peer, vm)]
    print(*missing, *different, sep="\n", end="\n" if missing or different else "", file=sys.stderr)
    if different or options.check:
        return 1 if different else 0

    figures = measure(found, options.vms, options.rounds)
    print(
        f"Four NICs of each VM as XML, median of {options.rounds} rounds, Python {platform.python_version()}",
        end="\n\n",
    )
    print(*table(figures), sep="\n")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(_document(figures, missing, options.rounds), encoding="utf-8")
    return 0


def _document(figures: Sequence[Figure], missing: Sequence[peers.Missing], rounds: int) -> str:
    data = {
        "python": platform.python_version(),
        "rounds": rounds,
        "figures": [asdict(figure) for figure in figures],
        "missing": [str(each) for each in missing],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
