"""Write files whole: a reader finds what was there before, or what is there afterwards."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from errno import EACCES

__all__ = ["replace"]


def replace(file: str, content: bytes) -> None:
    """Write content in place of what a file may hold; the file is never half-written, and keeps its mode.

    A symbolic link stays, and its target is written. Raises OSError.
    """
    target = os.path.realpath(file)
    is_there = os.path.exists(target)
    if is_there and not os.access(target, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES), file)
    made = f"{target}.{os.getpid()}.new"
    try:
        with open(made, "xb") as stream:
            stream.write(content)
        if is_there:
            shutil.copymode(target, made)
        os.replace(made, target)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(made)
        raise
