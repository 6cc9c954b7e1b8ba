"""Checking, compiling and rendering import neither lxml nor the C part of PyYAML: browsers have neither."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted(Path(__file__).parents[1].glob("examples/*.yaml"))
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "lxml" or name in ("_yaml", "yaml._yaml"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
RENDERING = """
import kvnet

made = 0
for path in sys.argv[1:]:
    if path.endswith(".facts.yaml"):
        continue
    manifest = kvnet.load_all(path)
    for profile in ("kubevirt", "host"):
        target = manifest.target(profile=profile)
        for machine in manifest.machines:
            kvnet.check(machine, target)
            rendered = kvnet.render(machine, target)
            made += not rendered.is_refused
            print(rendered.document, *rendered.problems)
print(made, "rendered")
"""


def output_of(program: str) -> str:
    command = [sys.executable, "-c", program, *map(str, EXAMPLES)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_every_example_is_rendered_alike_without_lxml_and_without_the_c_part_of_pyyaml() -> None:
    whole = output_of("import sys\n" + RENDERING)
    assert int(whole.splitlines()[-1].split()[0]) > 10
    assert output_of(BLOCKED + RENDERING) == whole


@pytest.mark.slow
def test_what_reads_xml_needs_lxml() -> None:
    asked = "import kvnet\nkvnet.read_device('<interface/>')\n"
    result = subprocess.run([sys.executable, "-c", BLOCKED + asked], capture_output=True, text=True, check=False)
    assert "No module named 'lxml" in result.stderr
