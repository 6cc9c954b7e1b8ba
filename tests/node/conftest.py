"""A host and a state folder of its own for each test that asks for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from node.hosts import host

from kvnet.node.machines import machine_down
from kvnet.node.state import StateFolder


@pytest.fixture(name="host")
def _host() -> Iterator[None]:
    with host():
        yield


@pytest.fixture
def state() -> Iterator[StateFolder]:
    """A state folder with a short path; what a test leaves in it is taken down."""
    with tempfile.TemporaryDirectory(prefix="kv", dir="/tmp") as folder:
        made = StateFolder(Path(folder))
        yield made
        machine_down("prod/web", state=made)
