"""Peak memory of ``kvnet bulk`` by the number of machines, each measured in a process of its own.

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
from pathlib import Path
from typing import NamedTuple

MOST = 15.0
MIB = 1024  # KiB


class Peak(NamedTuple):
    """MiB of the main process and of its largest worker, seconds, and the bytes of the output."""

    main: float
    worker: float
    seconds: float
    output: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", metavar="MACHINES", type=int, nargs="*", default=[10_000, 200_000])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--devices", action="store_true", help="render the devices alone")
    parser.add_argument("--folder", help="where there is room for input and output (default: the temporary folder)")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    print(f"{'machines':>10} {'main MiB':>9} {'worker MiB':>11} {'seconds':>8} {'a second':>9}  output")
    peaks = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            peak = measured(size, Path(folder), arguments.jobs, arguments.devices)
        print(
            f"{size:>10,} {peak.main:>9.1f} {peak.worker:>11.1f} {peak.seconds:>8.1f} {size / peak.seconds:>9,.0f}"
            f"  {peak.output / 1e6:,.0f} MB",
            flush=True,
        )
        peaks.append(peak)
    growth = max(peaks[-1].main - peaks[0].main, peaks[-1].worker - peaks[0].worker)
    print(f"the peak grows by {growth:.1f} MiB; {MOST:.0f} are allowed")
    return 1 if arguments.check and growth > MOST else 0


def measured(size: int, folder: Path, jobs: int, devices: bool) -> Peak:
    """Run the command in a fresh process that tells what it and its workers took at most."""
    source, output = folder / "vms.ndjson", folder / "out.ndjson"
    with source.open("w") as file:
        file.writelines(lines(size))
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
    return Peak(peaks["main"] / MIB, peaks["worker"] / MIB, seconds, output.stat().st_size)


def inside(words: list[str]) -> int:
    """The measured process."""
    from kvnet.cli import main as command  # noqa: PLC0415 - the other process has no use for it

    status = command(words)
    if status:
        return status
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    os.write(1, json.dumps({"main": int(own.split()[1]), "worker": worker}).encode())
    return 0


def lines(count: int) -> Iterator[str]:
    """Envelopes of machines with four NICs, no two of them alike."""
    for n in range(count):
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
                    "cpu": {"cores": 4},
                    "memory": {"guest": "1Gi"},
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
            "links": {name: {"name": f"eth{k}", "mac": macs[k], "mtu": 1400} for k, name in enumerate(networks[:3])},
            "pciAddresses": {networks[3]: f"0000:3b:{n % 256 >> 3:02x}.{n % 8}"},
        }
        yield json.dumps({"vm": vm, "facts": facts}) + "\n"


if __name__ == "__main__":
    sys.exit(inside(sys.argv[2:]) if sys.argv[1:2] == ["--inside"] else main())
