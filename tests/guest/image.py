"""What the guest boots: made by the project's own script, once."""

from __future__ import annotations

import subprocess
from pathlib import Path

from attrs import frozen

__all__ = ["Image", "made_image"]

_ROOT = Path(__file__).parents[2]
_SECONDS = 600  # a kernel is downloaded


@frozen(kw_only=True)
class Image:
    """Files for a direct boot."""

    kernel: Path
    initrd: Path


def made_image(folder: Path = _ROOT / "build" / "guest") -> Image:
    """The image in a folder, made where it is not there or out of date. Raises RuntimeError with what is missing."""
    script = _ROOT / "scripts" / "guest-image"
    ran = subprocess.run(
        ["sh", str(script), str(folder)], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr.strip())
    return Image(kernel=folder / "vmlinuz", initrd=folder / "initramfs")
