"""A user's own script is type-checked against kvnet as it is installed, an editable installation included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is not there: pip install -e '.[lint]'")

SCRIPT = """\
import kvnet

reveal_type(kvnet.check)
machine = kvnet.load("vm.yaml")
for problem in kvnet.check(machine, kvnet.Target()):
    print(problem.code.lower())
device = kvnet.compile(machine).devices[0]
print(kvnet.write(device), device.alias)
kvnet.check(machine, 7)
"""


@pytest.mark.slow
def test_mypy_knows_the_types_of_kvnet_in_a_script_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key not in ("MYPYPATH", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir=cache", "script.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    revealed, wrong = done.stdout.splitlines()
    assert "-> tuple[kvnet.errors.Problem, ...]" in revealed
    assert 'script.py:9: error: Argument 2 to "check" has incompatible type "int"' in wrong
