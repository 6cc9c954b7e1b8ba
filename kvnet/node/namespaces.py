"""Make, enter and remove the network namespace of a pod."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final, NoReturn

from kvnet.node.programs import node_error, run

__all__ = ["create", "enter", "entered", "execute", "exists", "namespace_name", "namespace_path", "remove"]

_FOLDER: Final = Path("/run/netns")
_DIGITS: Final = 12


def namespace_name(root: Path, name: str) -> str:
    """The name of the network namespace of a machine: a hash, so that no name of a manifest becomes part of a path.

    ``name`` is ``namespace/name`` of the machine. The folder of all state counts too, so that two of them can have a
    machine of the same name.

    >>> namespace_name(Path("/var/lib/kvnet"), "default/web")
    'kvnet-95ff88357169'
    """
    hashed = sha256(f"{root}\0{name}".encode(errors="surrogatepass")).hexdigest()
    return f"kvnet-{hashed[:_DIGITS]}"


def namespace_path(namespace: str) -> Path:
    """The file that holds a network namespace, as ``ip netns`` makes it."""
    return _FOLDER / namespace


def exists(namespace: str) -> bool:
    """Whether there is such a network namespace; a file that holds none, of an interrupted set-up, does not count."""
    path = namespace_path(namespace)
    return path.exists() and path.stat().st_dev != _FOLDER.stat().st_dev


def create(namespace: str) -> None:
    """Make a network namespace. Raises NodeError (KN884) where there is one of that name."""
    run("ip", ["netns", "add", namespace])


def remove(namespace: str) -> None:
    """Remove a network namespace, if there is one, and with it the links that are left in it."""
    if namespace_path(namespace).exists():
        run("ip", ["netns", "delete", namespace])


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Let the calling thread, and the programs that it starts, be in a network namespace for a while.

    Raises NodeError (KN885) where there is no such namespace.
    """
    from pyroute2 import netns  # noqa: PLC0415 - an extra

    try:
        inside = os.open(namespace_path(namespace), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise node_error("KN885", f"there is no network namespace '{namespace}'") from None
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        netns.setns(inside)
        try:
            yield
        finally:
            netns.setns(outside)
    finally:
        os.close(inside)
        os.close(outside)


_CLONE_NEWNET: Final = 0x40000000  # setns(2)


def enter(namespace: Path) -> None:
    """Enter a network namespace, for this thread and those that it starts. Raises OSError."""
    handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))
    finally:
        os.close(handle)


def execute(command: Sequence[str], namespace: str) -> NoReturn:
    """Become a command inside a network namespace.

    Raises NodeError (KN885) where there is no such namespace, and OSError where there is no such command.
    """
    if not exists(namespace):
        raise node_error("KN885", f"there is no network namespace '{namespace}'", "bring the machine up again")
    enter(namespace_path(namespace))
    os.execvp(command[0], list(command))
