"""Peak memory and CPU time of ``kvnet bulk`` by the number of machines, each measured in a process of its own.

    python benchmarks/memory.py 10000 1000000 --jobs 2

Each machine has four NICs and facts of its own, and no two use the same. With --check, the status is 1 where the peak
grows by more than 15 MiB from the first size to the last. A machine that is refused ends the run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

MOST = 15.0
MIB = 1024  # KiB
COMPARED = 500
"""Of so many machines, the lines are compared with those that are rendered without templates."""


class Peak(NamedTuple):
    """MiB of the main process and of its largest worker, seconds, and the bytes of the output.

    ``main_cpu`` and ``workers_cpu`` are seconds of CPU time, from the start of the interpreter to its end.
    """

    main: float
    worker: float
    seconds: float
    output: int
    main_cpu: float
    workers_cpu: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", metavar="MACHINES", type=int, nargs="*", default=[10_000, 200_000])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--shapes", type=int, default=1, help="how many shapes are mixed")
    parser.add_argument("--devices", action="store_true", help="render the devices alone")
    parser.add_argument("--folder", help="where there is room for input and output (default: the temporary folder)")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    print(f"{'machines':>10} {'main MiB':>9} {'worker MiB':>11} {'seconds':>8} {'a second':>9} {'CPU s':>7}  output")
    peaks = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            peak = measured(size, Path(folder), arguments.jobs, arguments.devices, arguments.shapes)
        print(
            f"{size:>10,} {peak.main:>9.1f} {peak.worker:>11.1f} {peak.seconds:>8.1f} {size / peak.seconds:>9,.0f}"
            f" {peak.main_cpu + peak.workers_cpu:>7.1f}  {peak.output / 1e6:,.0f} MB",
            flush=True,
        )
        peaks.append(peak)
    growth = max(peaks[-1].main - peaks[0].main, peaks[-1].worker - peaks[0].worker)
    print(f"the peak grows by {growth:.1f} MiB; {MOST:.0f} are allowed")
    return 1 if arguments.check and growth > MOST else 0


def measured(size: int, folder: Path, jobs: int, devices: bool, shapes: int = 1) -> Peak:
    """Run the command in a fresh process that tells what it and its workers took at most.

    Raises CalledProcessError where a machine is refused, and ValueError where the ordinary way gives something else.
    """
    source, output = folder / "vms.ndjson", folder / "out.ndjson"
    with source.open("w") as file:
        file.writelines(lines(size, shapes))
    words = ["bulk", "-f", str(source), "-o", str(output), "--jobs", str(jobs), "-q"]
    started = time.perf_counter()
    told = subprocess.run(
        [sys.executable, __file__, "--inside", *words, *(["--devices"] if devices else [])],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - started
    peaks = json.loads(told.stdout)
    _demand_ordinary(source, output, devices)
    return Peak(
        peaks["main"] / MIB,
        peaks["worker"] / MIB,
        seconds,
        output.stat().st_size,
        peaks["main_cpu"],
        peaks["workers_cpu"],
    )


def _demand_ordinary(source: Path, output: Path, devices: bool) -> None:
    """Raise ValueError where the first machines have other lines than without templates."""
    few, plain = source.with_name("few.ndjson"), source.with_name("plain.ndjson")
    with source.open("rb") as file:
        few.write_bytes(b"".join(islice(file, COMPARED)))
    words = ["bulk", "-f", str(few), "-o", str(plain), "--jobs", "1", "-q", "--no-templates"]
    command = [sys.executable, "-m", "kvnet", *words, *(["--devices"] if devices else [])]
    subprocess.run(command, capture_output=True, check=True)
    with output.open("rb") as made, plain.open("rb") as wanted:
        if any(one != other for one, other in zip(wanted, made, strict=False)):
            raise ValueError("templates gave other lines than the ordinary way")


def inside(words: list[str]) -> int:
    """The measured process."""
    from kvnet.cli import main as command  # noqa: PLC0415 - the other process has no use for it

    status = command(words)
    if status:
        return status
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    workers, main = (resource.getrusage(each) for each in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    told = {
        "main": int(own.split()[1]),
        "worker": workers.ru_maxrss,
        "main_cpu": main.ru_utime + main.ru_stime,
        "workers_cpu": workers.ru_utime + workers.ru_stime,
    }
    os.write(1, json.dumps(told).encode())
    return 0


def lines(count: int, shapes: int = 1, first: int = 0) -> Iterator[str]:
    """Envelopes of machines with four NICs, no two of them alike, of so many shapes by turns."""
    for n in range(first, first + count):
        shape = n % shapes
        networks = [f"{kind}-{n:07}" for kind in ("pod", "lan", "bridge", "vf")]
        macs = [f"52:54:0{k}:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}" for k in range(3)]
        interfaces = [
            {"name": networks[0], "masquerade": {}, "model": "virtio", "macAddress": macs[0]},
            {"name": networks[1], "bridge": {}, "model": "e1000", "macAddress": macs[1]},
            {"name": networks[2], "bridge": {}, "model": "virtio", "macAddress": macs[2], "state": "down"},
            {"name": networks[3], "sriov": {}},
        ]
        vm = {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {"name": f"vm-{n:07}", "namespace": "default"},
            "spec": {
                "domain": {
                    "cpu": {"cores": 4 + shape % 4},
                    "memory": {"guest": f"{1 + shape}Gi"},
                    "devices": {"networkInterfaceMultiqueue": True, "interfaces": interfaces},
                },
                "networks": [
                    {"name": networks[0], "pod": {}},
                    *({"name": name, "multus": {"networkName": f"default/{name[:-8]}"}} for name in networks[1:]),
                ],
            },
            "status": {"nodeName": f"node-{n // 256}"},
        }
        facts = {
            "architecture": "amd64",
            "links": {
                name: {"name": f"eth{k}", "mac": macs[k], "mtu": 1400 + shape % 5}
                for k, name in enumerate(networks[:3])
            },
            "pciAddresses": {networks[3]: f"0000:3b:{n % 256 >> 3:02x}.{n % 8}"},
        }
        yield json.dumps({"vm": vm, "facts": facts}) + "\n"


if __name__ == "__main__":
    sys.exit(inside(sys.argv[2:]) if sys.argv[1:2] == ["--inside"] else main())
