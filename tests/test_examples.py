"""Every example renders in both profiles, and a real libvirt keeps all of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kvnet
from kvnet import live

EXAMPLES = Path(__file__).parents[1] / "examples"
MANIFESTS = sorted(path for path in EXAMPLES.glob("*.yaml") if ".facts." not in path.name)


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    if shutil.which("qemu-system-x86_64") is None and not os.environ.get("CI"):
        pytest.skip("QEMU is not installed: apt-get install qemu-system-x86")
    with live.connect() as opened:
        yield opened


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["kubevirt", "host"])
def test_an_example_is_defined_without_loss(path: Path, profile: str, connection: Any) -> None:
    manifest = kvnet.load_all(path)
    facts = kvnet.load_facts(EXAMPLES / "sriov.facts.yaml")
    for machine in manifest.machines:
        assert not [problem for problem in kvnet.check(machine) if problem.is_error]
        compiled = kvnet.compile(machine, kvnet.Target(facts=facts, nads=manifest.nads, profile=profile))
        text = kvnet.build(machine, kvnet.Target(virt_type="qemu"), compiled.xml(indent=4))
        assert live.define(text, connection).lost == ()
