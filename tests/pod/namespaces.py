"""Two network namespaces of a test's own: a pod with bridges, and a guest whose links are plugged into them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from attrs import frozen

__all__ = ["Namespaces", "namespaces", "ran"]

_SECONDS: Final = 20


@frozen(kw_only=True)
class Namespaces:
    """The ``pod`` and the ``guest``, by the names of their namespaces."""

    pod: str
    guest: str

    def plug(self, bridge: str, link: str, *addresses: str) -> None:
        """Make a bridge with addresses in the pod, and plug a link of the guest into it."""
        _ip(self.pod, "link", "add", f"p-{link}", "type", "veth", "peer", "name", link, "netns", self.guest)
        _ip(self.pod, "link", "add", bridge, "type", "bridge")
        _ip(self.pod, "link", "set", f"p-{link}", "master", bridge, "up")
        for address in addresses:
            _ip(self.pod, "address", "add", address, "dev", bridge, *(("nodad",) if ":" in address else ()))
        _ip(self.pod, "link", "set", bridge, "up")
        _ip(self.guest, "link", "set", link, "up")


@contextmanager
def namespaces() -> Iterator[Namespaces]:
    """Both namespaces; they and all that is in them are gone at the end."""
    made = Namespaces(pod=f"kvnet-pod-{os.getpid()}", guest=f"kvnet-guest-{os.getpid()}")
    with ExitStack() as stack:
        for name in (made.pod, made.guest):
            ran("ip", "netns", "add", name)
            stack.callback(ran, "ip", "netns", "delete", name)
        yield made


def ran(*command: str) -> str:
    """What a command prints. Raises RuntimeError with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _ip(namespace: str, *words: str) -> None:
    ran("ip", "-n", namespace, *words)
