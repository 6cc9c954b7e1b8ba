"""What does not go together in one element is refused by a real libvirt, and the nearest that does is taken."""

from __future__ import annotations

from typing import Any

import pytest
from device.refusals import DEFINED, RIGHT

import kvnet
from kvnet.live import LibvirtError, define
from kvnet.spec import Machine


def _domain(device: str) -> str:
    return kvnet.build(Machine(name="vm"), kvnet.Target(virt_type="qemu"), [device])


@pytest.mark.parametrize("device", [text for text, _ in DEFINED.values()], ids=DEFINED)
def test_libvirt_refuses_what_strict_reading_blames(device: str, qemu: Any) -> None:
    with pytest.raises(LibvirtError) as refused:
        define(_domain(device), qemu)
    assert [problem.code for problem in refused.value.problems] == ["KN402"]


@pytest.mark.parametrize("device", RIGHT.values(), ids=RIGHT)
def test_libvirt_takes_what_strict_reading_takes(device: str, qemu: Any) -> None:
    define(_domain(device), qemu)
