"""Run inside a network namespace."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from kvnet.node.namespaces import namespace_path

__all__ = ["enter", "execute"]

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
    """Become a command inside a network namespace. Raises OSError where there is no such command or namespace."""
    enter(namespace_path(namespace))
    os.execvp(command[0], list(command))
