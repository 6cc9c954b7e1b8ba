"""The taps that compiled NICs want to find, as whoever starts the domain makes them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from kvnet import Requirement

__all__ = ["ip", "taps"]

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
