"""The work of a patch grows as the NICs do."""

from __future__ import annotations

import pytest

import kvnet
from kvnet.domain import patch as module


def _nics(count: int, first: int) -> list[str]:
    return [
        f"<interface type='bridge'><mac address='52:54:00:00:{first + n >> 8:02x}:{first + n & 255:02x}'/>"
        f"<source bridge='br{n}'/></interface>"
        for n in range(count)
    ]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pairs of NICs that are compared."""
    found: list[int] = []

    def counted(key: module._Key, replaces: object) -> tuple[module._Key, object]:
        def asked(nic: module._Nic, old: module._Nic) -> bool:
            found.append(1)
            return bool(replaces(nic, old))  # type: ignore[operator]

        return key, asked

    monkeypatch.setattr(module, "_ORDER", tuple(counted(*each) for each in module._ORDER))
    return found


@pytest.mark.parametrize("first", [0, 10, 1000], ids=["the same NICs", "some others", "all others"])
def test_a_nic_is_compared_with_those_alone_that_it_may_replace(compared: list[int], first: int) -> None:
    present = "".join(_nics(100, 0))
    patched = kvnet.patch(f"<domain><devices>{present}</devices></domain>", _nics(100, first))
    assert patched.count("<interface ") == 100 + min(first, 100)
    assert len(compared) <= 300
