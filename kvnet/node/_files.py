"""Files and folders that only their owner reads."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["private_folder", "write_private"]


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(file)


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner enters, where it is not there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
