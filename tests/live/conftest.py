"""A real libvirt: embedded QEMU, and the test driver."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from live.daemon import MISSING as MISSING_DAEMON
from live.daemon import Daemon, daemon, end_domains

from kvnet.live import connect

_MISSING = [
    what
    for what, is_there in {
        "libvirt-python": importlib.util.find_spec("libvirt") is not None,
        "qemu-system-x86_64": shutil.which("qemu-system-x86_64") is not None,
    }.items()
    if not is_there
]


@pytest.fixture(autouse=True, scope="session")
def libvirt_is_there() -> None:
    if _MISSING and os.environ.get("CI"):
        pytest.fail(f"missing here: {', '.join(_MISSING)}")
    if _MISSING:
        pytest.skip(f"missing here: {', '.join(_MISSING)}")


@pytest.fixture(scope="session")
def qemu(libvirt_is_there: None) -> Iterator[Any]:
    """The embedded driver: it asks QEMU what it can do once, which takes seconds."""
    with connect() as connection:
        yield connection


@pytest.fixture
def test_driver(libvirt_is_there: None) -> Iterator[Any]:
    with connect("test:///default") as connection:
        yield connection


@pytest.fixture(scope="module")
def libvirtd(libvirt_is_there: None) -> Iterator[Daemon]:
    """A daemon of the module's own, whose domains are gone with it."""
    if MISSING_DAEMON and os.environ.get("CI"):
        pytest.fail(f"missing here: {', '.join(MISSING_DAEMON)}")
    if MISSING_DAEMON:
        pytest.skip(f"missing here: {', '.join(MISSING_DAEMON)}")
    with daemon() as made:
        yield made
        with connect(made.uri) as connection:
            end_domains(connection)
