"""The pipe that the README shows: what kvnet prints, virsh defines."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
MANIFESTS = sorted(path for path in EXAMPLES.glob("*.yaml") if ".facts." not in path.name)


@pytest.fixture(autouse=True, scope="module")
def virsh_is_there() -> None:
    if shutil.which("virsh"):
        return
    if os.environ.get("CI"):
        pytest.fail("virsh is not installed: apt-get install libvirt-clients")
    pytest.skip("virsh is not installed: apt-get install libvirt-clients")


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["kubevirt", "host"])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_virsh_defines_what_is_rendered(path: Path, profile: str, environment: dict[str, str]) -> None:
    facts = EXAMPLES / "sriov.facts.yaml"
    kvnet = shlex.join([sys.executable, "-m", "kvnet", "render", "-qq", "-f", str(path), "--facts", str(facts)])
    pipe = f"set -o pipefail; {kvnet} --profile {profile} | virsh -c test:///default define /dev/stdin"
    ended = subprocess.run(
        ["bash", "-c", pipe], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    name = path.stem if profile == "host" else f"default_{path.stem}"
    assert ended.stdout.strip() == f"Domain '{name}' defined from /dev/stdin"


def test_virsh_is_given_nothing_where_the_manifest_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text((EXAMPLES / "pod.yaml").read_text().replace("masquerade", "masqerade"))
    kvnet = shlex.join([sys.executable, "-m", "kvnet", "render", "-f", str(bad)])
    pipe = f"set -o pipefail; {kvnet} | virsh -c test:///default define /dev/stdin; echo ${{PIPESTATUS[@]}}"
    ended = subprocess.run(
        ["bash", "-c", pipe], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stdout.split() == ["1", "1"]
    assert "error KN003" in ended.stderr
