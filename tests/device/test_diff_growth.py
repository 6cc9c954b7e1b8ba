"""The work of a comparison grows as the devices do."""

from __future__ import annotations

import pytest

import kvnet
from kvnet.device import diff as module
from kvnet.device.devices import Device


def _nics(count: int, first: int) -> list[Device]:
    return [
        kvnet.read_device(
            f"<interface type='bridge'><mac address='52:54:00:00:{first + n >> 8:02x}:{first + n & 255:02x}'/>"
            f"<source bridge='br{first + n}'/></interface>"
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(("before", "after"), [(100, 100), (100, 99)])
def test_devices_are_compared_with_those_alone_that_they_may_be(
    monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    compared: list[int] = []

    def counted(key: module._Key, is_same: object) -> tuple[module._Key, object]:
        def asked(one: Device, other: Device) -> bool:
            compared.append(1)
            return bool(is_same(one, other))  # type: ignore[operator]

        return key, asked

    monkeypatch.setattr(module, "_IDENTITIES", tuple(counted(*each) for each in module._IDENTITIES))
    assert kvnet.diff(_nics(before, 0), _nics(after, 1000))
    assert len(compared) <= before
