"""Links of the host that NICs are plugged into: taps, as whoever starts a domain makes them, and a bridge."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from kvnet import Requirement

__all__ = ["bridge", "ip", "taps"]

_SECONDS = 20


@contextmanager
def taps(requirements: Iterable[Requirement]) -> Iterator[None]:
    """Every tap among the requirements, with the flags and the MTU that it must have; gone at the end."""
    with ExitStack() as stack:
        for needed in requirements:
            if needed.kind == "tap":
                flags = ("multi_queue",) if needed.multi_queue else ()
                ip("tuntap", "add", "dev", needed.name, "mode", "tap", "vnet_hdr", *flags)
                stack.callback(ip, "link", "delete", needed.name)
                ip("link", "set", needed.name, "mtu", str(needed.mtu or 1500), "addrgenmode", "none")
        yield


def ip(*words: str) -> None:
    """Run `ip`. Raises RuntimeError with its complaint."""
    ran = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=_SECONDS, check=False)
    if ran.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {ran.stderr.strip()}")


@contextmanager
def bridge() -> Iterator[str]:
    """A bridge of the test's own, with nothing on it; gone at the end."""
    name = f"b{os.getpid()}"
    ip("link", "add", name, "type", "bridge")
    try:
        ip("link", "set", name, "addrgenmode", "none", "up")
        yield name
    finally:
        ip("link", "delete", name)
