from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DATA = HERE.parents[1].parent / "shared" / "conformance"


KINDS = (
    "admission-and-devices",
    "auto-migration",
    "hotplug",
    "hotplug-ports",
    "migratable",
    "pci-hotplug-off",
    "restart-required",
    "status",
    "vcpu",
)


@pytest.mark.parametrize("kind", KINDS)
def test_kvnet_answers_as_kubevirt_does(kind: str) -> None:
    path = DATA / f"{kind}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"KubeVirt's recorded answers are not there: {path.name} is looked for in ../shared/conformance")
    script = HERE / "replay_kubevirt.py"
    done = subprocess.run([sys.executable, script, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" agree, 0 differ\n")
