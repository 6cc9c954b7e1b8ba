"""Each promise of speed beside what was measured: ``python benchmarks/check.py``. The status is 1 if one is broken.

All figures are ratios within this run. The measure is the floor of ``peers/fstring.py``: an f-string for each NIC,
with every text escaped in C.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID, uuid5

import yaml
from attrs import frozen

import fleets
import kvnet
import kvnet.device
import reading
from compare import Step, in_chunks
from kvnet.cli import main as command
from kvnet.compiler import compile
from kvnet.manifest import load, loads
from kvnet.rules.check import check
from kvnet.spec import Machine
from kvnet.xml import write
from memory import Peak, measured
from peers import fstring, jinja, lxml_
from work import Vm, devices, facts, manifest, vms

__all__ = ["Promise", "main"]

YAML_SHARE = 20
"""Of the machines, one in so many is read as YAML, which takes long."""
STARTS = 15
FEW, SCALED, ALTERNATIONS = 10_000, 40_000, 5
FILES = 1_000


@frozen(kw_only=True)
class Promise:
    """One goal: ``measured`` is to be at most ``goal``, or at least where more is better."""

    name: str
    goal: float
    measured: float
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        return self.measured >= self.goal if self.at_least else self.measured <= self.goal

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return f"{'kept  ' if self.is_kept else 'BROKEN'} {self.measured:7.2f}  {bound} {self.goal:5.2f}  {self.name}"


def in_this_process(fleet: Sequence[Vm], rounds: int) -> Iterator[Promise]:
    """From devices, specs and JSON to XML, and what lies between."""
    taken = in_chunks(_STEPS, fleet, rounds)
    floor = taken["f-string"]
    times = {name: seconds / floor for name, seconds in taken.items()}
    yield Promise(name="devices to XML, in f-strings", goal=1.7, measured=times["devices"])
    for peer, goal in (("lxml", 8), ("jinja2", 13)):
        measured = taken[peer] / taken["devices"]
        yield Promise(name=f"devices to XML, times faster than {peer}", goal=goal, measured=measured, at_least=True)
    yield Promise(name="spec and facts to XML, in f-strings", goal=10, measured=times["spec"])
    yield Promise(name="check with all rules, read from JSON, in f-strings", goal=2, measured=times["check"])
    yield Promise(name="check with all rules, of plain data, in f-strings", goal=2, measured=times["check of data"])
    yield Promise(name="KubeVirt JSON to XML with load and check, in f-strings", goal=12, measured=times["json"])
    told = "the same, no two of one shape, in f-strings"
    yield Promise(name=told, goal=40, measured=times["json of many shapes"])
    told = "a whole domain, to its interface elements and its fixed text"
    yield Promise(name=told, goal=1.3, measured=taken["domain"] / taken["elements and text"])
    parsed = in_chunks(_YAML_STEPS, fleet[::YAML_SHARE], rounds)
    told = "KubeVirt YAML to XML, to PyYAML's C loader"
    yield Promise(name=told, goal=1.5, measured=parsed["yaml"] / parsed["C loader"])


def in_fresh_interpreters() -> Iterator[Promise]:
    """What it takes to begin, in CPU time."""
    one = str(Path(__file__).parents[1] / "examples" / "pod.yaml")
    starts = {
        "dependencies": ["-c", "import attrs, cattrs, lxml.etree"],
        "dependencies and yaml": ["-c", "import attrs, cattrs, lxml.etree, yaml"],
        "kvnet": ["-c", "import kvnet"],
        "help": ["-m", "kvnet", "--help"],
        "check": ["-m", "kvnet", "check", "-q", one],
        "render": ["-m", "kvnet", "render", "-q", one],
    }
    taken: dict[str, list[float]] = {name: [] for name in starts}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(STARTS + 1):
            for name, arguments in starts.items():
                started = _of_children()
                command = [sys.executable, *arguments]
                made = subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
                taken[name].append(_of_children() - started)
                if name == "render" and b"<domain" not in made.stdout:
                    raise ValueError("kvnet render gives no domain")
    base, whole, own, asked, checked, rendered = (statistics.median(each[1:]) for each in taken.values())
    yield Promise(name="import kvnet, to its dependencies", goal=1.3, measured=own / base)
    yield Promise(name="kvnet --help, to the import of its dependencies", goal=1.5, measured=asked / base)
    yield Promise(name="kvnet check of one file, to the import of its dependencies", goal=6, measured=checked / base)
    told = "kvnet render of one file, to the import of its dependencies and yaml"
    yield Promise(name=told, goal=2.5, measured=rendered / whole)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_reading() -> Iterator[Promise]:
    """Reading a device, beside lxml's parse of the same text."""
    for told, texts in (("a tap", reading.TAPS), ("a small bridge NIC", [reading.SMALL])):
        yield Promise(name=f"reading {told} of a known shape, to lxml's parse", goal=1, measured=reading.known(texts))
        yield Promise(name=f"reading {told} of a new shape, to lxml's parse", goal=3, measured=reading.unknown(texts))


def of_files(rounds: int) -> Iterator[Promise]:
    """What the command takes for a folder of manifests, beside what only parses its files."""
    taken: dict[str, list[float]] = {"parse": [], "check": []}
    with tempfile.TemporaryDirectory() as folder:
        for n, vm in enumerate(vms(FILES)):
            Path(folder, f"{n:04}.yaml").write_text(yaml.safe_dump(manifest(vm)), encoding="utf-8")
        steps: dict[str, Callable[[], object]] = {
            "parse": partial(_parsed, folder),
            "check": partial(command, ["check", folder, "--isolated", "-q"]),
        }
        for _ in range(rounds + 1):
            for name, step in steps.items():
                started = time.perf_counter()
                step()
                taken[name].append(time.perf_counter() - started)
    parsed, checked = (statistics.median(each[1:]) for each in taken.values())
    told = f"kvnet check of {FILES:,} files, to PyYAML's C loader"
    yield Promise(name=told, goal=3, measured=checked / parsed)


def _parsed(folder: str) -> None:
    for path in sorted(Path(folder).iterdir()):
        yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)


def of_shapes(rounds: int) -> Iterator[Promise]:
    """What the command takes for a machine in one process, by what the machines have in common."""
    # the last in CPU time: in instructions it is at most 40, as instructions.py has it
    goals = {"known shape, devices": 3, "known shape, domains": 4, "no two of one shape, devices": 85}
    measured_ = fleets.in_floors(rounds)
    for name, goal in goals.items():
        yield Promise(name=f"NDJSON to NDJSON, {name}, in f-strings", goal=goal, measured=measured_[name])


def of_processors(most: int) -> Iterator[Promise]:
    """CPU time of the command, beyond what it takes to start and to learn."""
    one, two = (_slope(jobs) for jobs in (1, 2))
    told = "CPU time of two jobs, compared with one"
    yield Promise(name=told, goal=1.1, measured=sum(two) / sum(one))
    yield Promise(name="main process of two jobs, in µs a VM", goal=1.5, measured=two[0] * 1e6)
    many = _by_command(most, 1, shapes=20)
    told = f"{most:,} VMs of 20 shapes from NDJSON to NDJSON, in seconds of CPU for 1,000,000"
    yield Promise(name=told, goal=15, measured=(many.main_cpu + many.workers_cpu) / most * 1e6)


def _slope(jobs: int) -> tuple[float, float]:
    """Seconds of CPU that one more VM takes, of the main process and of its workers: the least of several runs."""
    few, many = ([_by_command(size, jobs) for _ in range(ALTERNATIONS)] for size in (SCALED, SCALED * 6))
    main, workers = (
        (min(getattr(each, name) for each in many) - min(getattr(each, name) for each in few)) / (SCALED * 5)
        for name in ("main_cpu", "workers_cpu")
    )
    return main, workers


def of_fleets(most: int) -> Iterator[Promise]:
    """What the command takes for fleets: memory, and how far a second core helps where there is enough to do."""
    few, many, alone = _by_command(FEW, 2), _by_command(most, 2), _by_command(most, 1)
    told = f"two cores, times faster than one, {most:,} VMs by command"
    yield Promise(name=told, goal=1.75, measured=alone.seconds / many.seconds, at_least=True)
    growth = max(many.main - few.main, many.worker - few.worker)
    told = f"{most:,} VMs from NDJSON to NDJSON, peak memory beyond that of {FEW:,}, in MiB"
    yield Promise(name=told, goal=15, measured=growth)


def _by_command(count: int, jobs: int, shapes: int = 1) -> Peak:
    with tempfile.TemporaryDirectory() as folder:
        return measured(count, Path(folder), jobs, devices=True, shapes=shapes)


def _written(made: Sequence[kvnet.device.Device]) -> list[str]:
    return [write(device) for device in made]


def _spec(vm: Vm) -> tuple[Machine, kvnet.Target]:
    return load(manifest(vm)), kvnet.Target(facts=facts(vm))


def _compiled(asked: tuple[Machine, kvnet.Target]) -> list[str]:
    return compile(*asked).xml()


def _loaded(asked: tuple[str, kvnet.HostFacts]) -> list[str]:
    text, known = asked
    machine = loads(text)
    if any(problem.is_error for problem in check(machine)):
        raise ValueError(f"{machine.name} is refused")
    return compile(machine, kvnet.Target(facts=known)).xml()


def _devices(vm: Vm) -> tuple[Machine, tuple[kvnet.device.Device, ...]]:
    machine, target = _spec(vm)
    return machine, compile(machine, target).devices


def _elements_and_text(asked: tuple[Machine, tuple[kvnet.device.Device, ...]]) -> str:
    machine, made = asked
    nics = "\n".join([write(device, indent=4) for device in made])
    uuid = uuid5(_NAMESPACE, f"{machine.namespace}/{machine.name}")
    return _DOMAIN % (machine.namespace, machine.name, uuid, nics)


def _built(asked: tuple[Machine, tuple[kvnet.device.Device, ...]]) -> str:
    machine, made = asked
    return kvnet.build(machine, devices=made)


_NAMESPACE = UUID("8b0f6c1e-3f0e-5d0c-9a55-0b1f0b7a2d11")
_DOMAIN = """\
<domain type='kvm'>
  <name>%s_%s</name>
  <uuid>%s</uuid>
  <memory unit='KiB'>1048576</memory>
  <vcpu placement='static'>4</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <cpu>
    <topology sockets='1' cores='4' threads='1'/>
  </cpu>
  <devices>
%s
    <serial type='pty'/>
    <console type='pty'/>
  </devices>
</domain>
"""


def _json(vm: Vm, **labels: str) -> str:
    data = manifest(vm)
    data["metadata"] |= {"labels": labels} if labels else {}
    return json.dumps(data)


def differing(fleet: Sequence[Vm]) -> Iterator[str]:
    """The machines for which what was learnt gives another result than the ordinary way, and why."""
    for vm in fleet:
        text, known = _json(vm), facts(vm)
        machine, plain = loads(text), load(manifest(vm))
        target = kvnet.Target(facts=known)
        if machine != plain:
            yield f"{vm.name} is read as another machine"
        if [(each.at, each.code) for each in check(machine)] != [(each.at, each.code) for each in check(plain)]:
            yield f"{vm.name} has another verdict"
        if any(problem.is_error for problem in check(plain)):
            yield f"{vm.name} is refused"
        if _loaded((text, known)) != compile(plain, target).xml():
            yield f"{vm.name} has other XML"
        if [kvnet.read_device(each) for each in _loaded((text, known))] != list(compile(plain, target).devices):
            yield f"{vm.name} has devices that are read as others"


def _itself(vm: Vm) -> Vm:
    return vm


_NUMBERS = count()
_STEPS = {
    "f-string": Step(_itself, fstring.render),
    "lxml": Step(_itself, lxml_.render),
    "jinja2": Step(_itself, jinja.render),
    "devices": Step(devices, _written),
    "spec": Step(_spec, _compiled),
    "check": Step(lambda vm: loads(_json(vm)), check),
    "check of data": Step(lambda vm: load(manifest(vm)), check),
    "json": Step(lambda vm: (_json(vm), facts(vm)), _loaded),
    "json of many shapes": Step(lambda vm: (_json(vm, app=f"{vm.name}-{next(_NUMBERS)}"), facts(vm)), _loaded),
    "elements and text": Step(_devices, _elements_and_text),
    "domain": Step(_devices, _built),
}
_YAML_STEPS = {
    "C loader": Step(lambda vm: yaml.safe_dump(manifest(vm)), partial(yaml.load, Loader=yaml.CSafeLoader)),
    "yaml": Step(lambda vm: (yaml.safe_dump(manifest(vm)), facts(vm)), _loaded),
}
_PARTS: dict[str, Callable[[Namespace], Iterator[Promise]]] = {
    "steps": lambda asked: in_this_process(vms(asked.vms), asked.rounds),
    "reading": lambda _: of_reading(),
    "start": lambda _: in_fresh_interpreters(),
    "files": lambda asked: of_files(asked.rounds),
    "shapes": lambda asked: of_shapes(asked.rounds),
    "processors": lambda asked: of_processors(asked.most),
    "fleets": lambda asked: of_fleets(asked.most),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each promise with what was measured."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], help="what to measure; without any, everything")
    parser.add_argument("--vms", type=int, default=10_000, help="machines a round (default: 10000)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds, of which the median counts (default: 9)")
    parser.add_argument("--most", type=int, default=1_000_000, help="machines of the largest fleet (default: 1000000)")
    asked = parser.parse_args(arguments)
    (first,) = vms(1)
    if _built(_devices(first)) != _elements_and_text(_devices(first)):
        parser.error("the fixed text is not that of the domains that kvnet builds")
    wrong = next(differing(vms(64)), None)
    if wrong is not None:
        parser.error(wrong)
    broken = 0
    for part in asked.parts or _PARTS:
        for promise in _PARTS[part](asked):
            print(promise, flush=True)
            broken += not promise.is_kept
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
