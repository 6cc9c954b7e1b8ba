"""How the cost grows: with the NICs of a machine, from JSON to XML, and with the machines of a fleet.

    python benchmarks/growth.py --most 1000000

The CPU time for a NIC, and for a machine, should not depend on how many there are. A machine that is refused ends the
run, for the time of refusing says nothing about that of rendering.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from itertools import chain, cycle, islice

import kvnet
import kvnet.bulk
from compare import Step, in_chunks
from work import facts, manifest, vms

__all__ = ["main"]

NICS = (1, 2, 4, 8, 16, 32)
FLEET = 2000
TARGET = kvnet.Target(facts=kvnet.HostFacts(architecture="amd64"))


def of_nics(count: int, number: int) -> str:
    """The JSON of a machine with so many NICs on bridges of their own."""
    names = [f"net-{n}-{number}" for n in range(count)]
    first = 0x525400000000 + number * max(NICS)
    interfaces = [
        {"name": name, "bridge": {}, "macAddress": (first + n).to_bytes(6, "big").hex(":")}
        for n, name in enumerate(names)
    ]
    domain = {"cpu": {"cores": 4}, "devices": {"networkInterfaceMultiqueue": True, "interfaces": interfaces}}
    networks = [{"name": name, "multus": {"networkName": "lan"}} for name in names]
    return json.dumps(
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {"name": f"vm-{number}"},
            "spec": {"architecture": "amd64", "domain": domain, "networks": networks},
        }
    )


def with_nics(rounds: int) -> Iterator[str]:
    steps = {f"{count} NICs": Step(partial(of_nics, count), _xml) for count in NICS}
    taken = in_chunks(steps, range(FLEET // 10), rounds)
    for count, seconds in zip(NICS, taken.values(), strict=True):
        yield f"{count:>9,} NICs      {seconds * 1e6:8.1f} µs a machine  {seconds * 1e6 / count:6.1f} µs a NIC"


def with_machines(most: int) -> Iterator[str]:
    machines = [(json.dumps(manifest(vm)), facts(vm)) for vm in vms(FLEET)]
    count = 10
    while count <= most:
        started = time.process_time()
        for result in kvnet.bulk.render(islice(cycle(machines), count), TARGET):
            _demand_none(result.problems)
        seconds = time.process_time() - started
        yield f"{count:>9,} machines  {seconds:8.3f} s           {seconds / count * 1e6:6.1f} µs a machine"
        count *= 10


def _xml(text: str) -> list[str]:
    machine = kvnet.loads(text)
    _demand_none(problem for problem in kvnet.check(machine, TARGET) if problem.is_error)
    return kvnet.compile(machine, TARGET).xml()


def _demand_none(problems: Iterator[kvnet.Problem] | tuple[kvnet.Problem, ...]) -> None:
    refused = tuple(problems)
    if refused:
        raise kvnet.Rejected(refused)


def main() -> int:
    """Print a line for each number of NICs, and of machines."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000, help="machines of the largest fleet (default: 100000)")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    for line in chain(with_nics(asked.rounds), with_machines(asked.most)):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
