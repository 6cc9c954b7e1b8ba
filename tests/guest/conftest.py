"""Guests that boot on a real libvirt: one at a time, and nothing is left of them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
from guest.image import Image, made_image
from guest.machine import Guest, booted

from kvnet.live import connect

URI = os.environ.get("KVNET_GUEST_URI")
"""The libvirt that runs the guests, such as ``qemu:///system``; without it, one inside this process."""

_CI = bool(os.environ.get("CI"))
_WANTED = _CI or bool(os.environ.get("KVNET_GUEST"))
_NEEDED = {
    "root (run as root: taps are made)": os.geteuid() == 0,
    "/dev/net/tun (modprobe tun)": Path("/dev/net/tun").exists(),
    "libvirt-python (pip install 'kvnet[libvirt]')": importlib.util.find_spec("libvirt") is not None,
    **{
        f"{program} (run scripts/system-packages)": shutil.which(program) is not None
        for program in ("qemu-system-x86_64", "busybox", "cpio", "ip")
    },
}


def _unable(reason: str) -> NoReturn:
    """Under CI guests have to boot; elsewhere they boot where they can."""
    if _CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="session")
def guests_can_boot() -> None:
    if not _WANTED:
        pytest.skip("guests boot under CI; KVNET_GUEST=1 boots them here")
    missing = [what for what, is_there in _NEEDED.items() if not is_there]
    if missing:
        _unable(f"missing here: {', '.join(missing)}")


@pytest.fixture(scope="session")
def image(guests_can_boot: None) -> Image:
    try:
        return made_image()
    except RuntimeError as reason:
        _unable(f"the guest's image cannot be made: {reason}")


@pytest.fixture(scope="session")
def libvirt(guests_can_boot: None) -> Iterator[Any]:
    """The connection that guests run on."""
    with connect(URI) as connection:
        yield connection


@pytest.fixture
def boot(libvirt: Any, image: Image) -> Iterator[Callable[[str], Guest]]:
    """Start a domain, and wait until its guest has come up; it is gone when the test ends."""
    with ExitStack() as stack:
        yield lambda domain_xml: stack.enter_context(booted(domain_xml, libvirt, image))
