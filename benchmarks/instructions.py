"""What a machine or a NIC takes in instructions: ``python benchmarks/instructions.py``.

A busy machine does not change them. Each step runs in a process of its own under valgrind's callgrind, for two numbers
of machines; the difference is what the further ones take. The status is 1 where a figure is over its goal. It takes
about ten minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial

from lxml import etree

import fleets
import kvnet
import reading
from check import Promise
from kvnet.bulk.outputs import FileOutput
from kvnet.bulk.run import render_chunk
from kvnet.bulk.settings import Worker
from peers import fstring
from work import vms

__all__ = ["STEPS", "main"]

FEW = fleets.GROUP * 4
"""Every shape that is learnt is known after so many machines."""
MANY = FEW * 4


def _floor(count: int) -> None:
    for vm in vms(count):
        fstring.render(vm)


def _made(count: int) -> None:
    """What ``_floor`` takes besides its rendering."""
    vms(count)


def _fleet(name: str, count: int, *, is_rendered: bool = True) -> None:
    """Render machines of a fleet; otherwise make their lines alone."""
    fleet = fleets.FLEETS[name]
    worker = Worker(fleet.settings)
    with tempfile.TemporaryDirectory() as folder, closing(FileOutput(f"{folder}/out.ndjson", force=True)) as output:
        for block in map(fleet.block, range(count // fleets.GROUP)):
            if is_rendered:
                output.write(render_chunk(worker, block, run=output.run))
        if output.tally.refused:
            raise ValueError("a machine was refused")


def _read(read: Callable[[str], object], texts: list[str], count: int) -> None:
    for text in reading.of_new_shapes(texts, count):
        read(text)


Run = Callable[[int], None]
FLEETS = {"known shape, devices": 3.0, "known shape, domains": 4.0, "no two of one shape, devices": 40.0}
"""The goals of fleets, in f-strings."""
NICS = {"a tap": reading.TAPS, "a small bridge NIC": [reading.SMALL]}
READ = 2.5
"""How many times the instructions of lxml's parse a NIC of a new shape may take."""
STEPS: Mapping[str, Run] = {
    "f-string": _floor,
    "f-string, made": _made,
    **{name: partial(_fleet, name) for name in FLEETS},
    **{f"{name}, made": partial(_fleet, name, is_rendered=False) for name in FLEETS},
    **{f"read {name}": partial(_read, kvnet.read_device, texts) for name, texts in NICS.items()},
    **{f"parse {name}": partial(_read, etree.fromstring, texts) for name, texts in NICS.items()},
    **{f"{name}, made": partial(_read, str, texts) for name, texts in NICS.items()},
}
"""What is measured, by name; what is made for another step is taken from it."""


def promises() -> Iterator[Promise]:
    """Each figure with its goal."""
    floor = _taken("f-string") - _taken("f-string, made")
    for name, goal in FLEETS.items():
        measured = (_taken(name) - _taken(f"{name}, made")) / floor
        yield Promise(name=f"NDJSON to NDJSON, {name}, in f-strings", goal=goal, measured=measured)
    for name in NICS:
        made = _taken(f"{name}, made")
        measured = (_taken(f"read {name}") - made) / (_taken(f"parse {name}") - made)
        yield Promise(name=f"reading {name} of a new shape, to lxml's parse", goal=READ, measured=measured)


def _taken(name: str) -> float:
    """The instructions that a step takes for one machine or NIC."""
    few, many = (_counted(name, count) for count in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _counted(name: str, count: int) -> int:
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    command = [*valgrind, sys.executable, __file__, name, str(count)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stderr
    found = re.search(r"Collected : (\d+)", told)
    assert found is not None, told
    return int(found[1])


def main() -> int:
    """Print each figure; with the name of a step and a number, run that."""
    if sys.argv[1:]:
        name, count = sys.argv[1:]
        STEPS[name](int(count))
        return 0
    broken = 0
    for promise in promises():
        print(promise, flush=True)
        broken += not promise.is_kept
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
