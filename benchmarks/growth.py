"""How the cost grows: with the NICs of a VM, from JSON to XML, and with the VMs of a fleet, one after another.

    python benchmarks/growth.py --most 1000000

Straight lines are wanted: the time for a NIC, and for a VM, should not depend on how many there are.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice

import kvnet
import kvnet.bulk
from compare import Step, in_chunks
from work import manifest, vms

__all__ = ["main"]

NICS = (1, 2, 4, 8, 16, 32)
FLEET = 2000


def of_nics(count: int, number: int) -> str:
    """The JSON of a VM with so many NICs on bridges of their own."""
    names = [f"net-{n}-{number}" for n in range(count)]
    mac = (0x525400000000 + number * max(NICS)).to_bytes(6, "big")
    interfaces = [
        {"name": name, "bridge": {}, "macAddress": (int.from_bytes(mac, "big") + n).to_bytes(6, "big").hex(":")}
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
        yield f"{count:>9,} NICs  {seconds * 1e6:8.1f} µs a VM  {seconds * 1e6 / count:6.1f} µs a NIC"


def with_vms(most: int) -> Iterator[str]:
    texts = [json.dumps(manifest(vm)) for vm in vms(FLEET)]
    count = 10
    while count <= most:
        started = time.perf_counter()
        rendered = sum(1 for _ in kvnet.bulk.render(islice(_again(texts), count)))
        seconds = time.perf_counter() - started
        yield f"{rendered:>9,} VMs   {seconds:8.3f} s       {seconds / rendered * 1e6:6.1f} µs a VM"
        count *= 10


def _again(texts: Sequence[str]) -> Iterator[str]:
    while True:
        yield from texts


def _xml(text: str) -> list[str]:
    machine = kvnet.load(text)
    kvnet.check(machine)
    return kvnet.compile(machine).xml()


def main() -> int:
    """Print a line for each number of NICs, and of VMs."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000, help="VMs of the largest fleet (default: 100000)")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    for line in chain(with_nics(asked.rounds), with_vms(asked.most)):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
