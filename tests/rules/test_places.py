"""What is told of a machine that was read from a file has its place there."""

from __future__ import annotations

from pathlib import Path

import pytest

import kvnet

TEXT = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: vm}
spec:
  architecture: arm64
  domain:
    devices:
      interfaces:
      - name: a
        bridge: {}
        macAddress: 52:54
        state: Up
  networks:
  - {name: a, pod: {}}
"""


@pytest.mark.parametrize(
    ("target", "places"),
    [
        pytest.param(kvnet.Target(), [("KN107", 12), ("KN130", 11), ("KN906", 10)], id="rules"),
        pytest.param(
            kvnet.Target(architecture="amd64"),
            [("KN107", 12), ("KN130", 11), ("KN906", 10), ("KN306", 5)],
            id="the architecture",
        ),
    ],
)
def test_a_problem_has_its_line(target: kvnet.Target, places: list[tuple[str, int]], tmp_path: Path) -> None:
    path = tmp_path / "vm.yaml"
    path.write_text(TEXT, encoding="utf-8")
    (machine,) = kvnet.load_all(path).machines
    found = [(each.code, each.place.line if each.place else 0) for each in kvnet.check(machine, target)]
    assert found == places
