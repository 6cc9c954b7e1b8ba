"""A user's own script is type-checked against kvnet as it is installed, an editable installation included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is not there: pip install -e '.[lint]'")
pytestmark = pytest.mark.slow

RIGHT = """\
import attrs

import kvnet
from kvnet.device import Interface
from kvnet.spec import Network, Pod

manifest = kvnet.load_all("vm.yaml")
target = attrs.evolve(manifest.target(profile=kvnet.Profile.HOST), virt_type="qemu")
for machine in manifest.machines:
    for problem in kvnet.check(machine, target):
        print(problem.code.lower())
    rendered = kvnet.render(machine, target)
    for device in rendered.compiled.devices:
        changed = attrs.evolve(device, alias="ua-a", verbatim=None)
        if isinstance(changed, Interface):
            changed = attrs.evolve(changed, mtu=9000)
        print(kvnet.write(changed), changed.alias)
    networks = (Network(name="a", sources=Pod()),)
    on_pod = attrs.evolve(machine, spec=attrs.evolve(machine.spec, networks=networks))
    print(kvnet.compile(on_pod, target).devices)
"""
BEFORE = """\
import attrs
import kvnet
from kvnet.device import EthernetSource, Interface
from kvnet.spec import Network
machine = kvnet.load("vm.yaml")
nic = Interface(source=EthernetSource())
"""
WRONG = {
    "a number for a target": ("kvnet.check(machine, 7)", 'Argument 2 to "check" has incompatible type "int"'),
    "text for a target": ('kvnet.render(machine, "host")', 'Argument 2 to "render" has incompatible type "str"'),
    "a device without a source": ("Interface(mtu=9000)", 'Missing named argument "source" for "Interface"'),
    "an MTU that is text": ('attrs.evolve(nic, mtu="9000")', 'Argument "mtu" to "evolve" of "Interface"'),
    "a field that no device has": ("attrs.evolve(nic, mut=9000)", 'Unexpected keyword argument "mut" for "evolve"'),
    "a device that is changed in place": ("nic.mtu = 9000", 'Property "mtu" defined in "Interface" is read-only'),
    "a source that is text": ('Network(name="a", sources="pod")', 'Argument "sources" to "Network"'),
    "a device that is text": ('kvnet.write("<interface/>")', 'Argument 1 to "write" has incompatible type "str"'),
}


def checked(folder: Path, script: str) -> list[str]:
    """What mypy says of a script in a folder of its own."""
    (folder / "script.py").write_text(script, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key not in ("MYPYPATH", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir=cache", "script.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if ": note:" not in line or "Revealed" in line]


def test_mypy_accepts_a_script_from_loading_to_writing(tmp_path: Path) -> None:
    assert checked(tmp_path, RIGHT) == []


def test_mypy_knows_the_types_of_what_kvnet_returns(tmp_path: Path) -> None:
    script = "import kvnet\nreveal_type(kvnet.check)\nreveal_type(kvnet.load_all('vm.yaml').target())\n"
    check, target = checked(tmp_path, script)
    assert "-> tuple[kvnet.errors.Problem, ...]" in check
    assert "kvnet.target.Target" in target


def test_mypy_reports_each_wrong_argument_and_nothing_else(tmp_path: Path) -> None:
    first = BEFORE.count("\n") + 1
    reports = checked(tmp_path, BEFORE + "\n".join(statement for statement, _ in WRONG.values()) + "\n")
    assert len(reports) == len(WRONG)
    for number, (report, (_, message)) in enumerate(zip(reports, WRONG.values(), strict=True), first):
        assert report.startswith(f"script.py:{number}: error: {message}")
