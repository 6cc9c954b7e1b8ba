"""A host of its own for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node.hosts import host


@pytest.fixture(name="host")
def _host() -> Iterator[None]:
    with host():
        yield
