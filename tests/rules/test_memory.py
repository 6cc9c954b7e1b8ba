"""Memory that is too small for anything to boot is told."""

from __future__ import annotations

import pytest
from machines import multus, nic, vmi

import kvnet


def codes(guest: object) -> list[str]:
    return [
        each.code for each in kvnet.check(kvnet.load(vmi([nic()], [multus()], domain={"memory": {"guest": guest}})))
    ]


@pytest.mark.parametrize("guest", ["1024", 1024, "1M", "1m", "512Ki", "1048575"], ids=str)
def test_memory_without_its_unit_is_told(guest: object) -> None:
    assert codes(guest) == ["KN933"]


@pytest.mark.parametrize("guest", ["1Mi", "1048576", "2Gi", "1e9", "0"], ids=str)
def test_memory_that_may_be_meant_is_not_told(guest: object) -> None:
    assert codes(guest) == []


def test_no_memory_at_all_is_not_told() -> None:
    assert kvnet.check(kvnet.load(vmi([nic()], [multus()], domain={"memory": {}}))) == ()
