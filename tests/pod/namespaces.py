"""Two network namespaces of a test's own, joined by a cable: the pod has a bridge in one, the guest is the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from attrs import frozen

__all__ = ["Cable", "cable", "ran"]

_SECONDS: Final = 20


@frozen(kw_only=True)
class Cable:
    """A ``pod`` and a ``guest``, by the names of their namespaces, and the guest's ``link``."""

    pod: str
    guest: str
    link: str = "eth0"


@contextmanager
def cable(bridge: str, *addresses: str) -> Iterator[Cable]:
    """A bridge with addresses in the pod, and the guest's link plugged into it; all of it is gone at the end."""
    made = Cable(pod=f"kvnet-pod-{os.getpid()}", guest=f"kvnet-guest-{os.getpid()}")
    with ExitStack() as stack:
        for name in (made.pod, made.guest):
            ran("ip", "netns", "add", name)
            stack.callback(ran, "ip", "netns", "delete", name)
        plug = ("link", "add", "plug", "type", "veth", "peer", "name", made.link, "netns", made.guest)
        _ip(made.pod, *plug)
        _ip(made.pod, "link", "add", bridge, "type", "bridge")
        _ip(made.pod, "link", "set", "plug", "master", bridge, "up")
        for address in addresses:
            _ip(made.pod, "address", "add", address, "dev", bridge, *(("nodad",) if ":" in address else ()))
        _ip(made.pod, "link", "set", bridge, "up")
        _ip(made.guest, "link", "set", made.link, "up")
        yield made


def ran(*command: str) -> str:
    """What a command prints. Raises RuntimeError with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _ip(namespace: str, *words: str) -> None:
    ran("ip", "-n", namespace, *words)
