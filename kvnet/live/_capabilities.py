"""Keep what libvirt's embedded driver finds out about QEMU: it asks QEMU again, for a second, in each new folder."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from kvnet.live._libvirt import libvirt_module

__all__ = ["keep", "on_one_cpu", "restore"]

_IN_ROOT: Final = Path("cache", "qemu", "capabilities")
"""Where libvirt keeps it below the root of an embedded driver: one file for each QEMU, which libvirt asks again when it
is another one, or libvirt or the kernel is."""
_LARGEST: Final = 8 * 1024 * 1024


def restore(root: Path) -> None:
    """Put what is kept into the root of an embedded driver that is about to start. Without any, it asks QEMU."""
    with suppress(OSError):
        kept = _private_folder()
        if kept is None:
            return
        into = root / _IN_ROOT
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in kept.glob("*.xml"):
            (into / file.name).write_bytes(_read(file))


def keep(root: Path) -> None:
    """Keep what an embedded driver has found out, for the next one of this user.

    Each file takes the place of the one before as a whole, so that two processes may do this at once.
    """
    with suppress(OSError):
        kept = _private_folder()
        if kept is None:
            return
        for file in (root / _IN_ROOT).glob("*.xml"):
            _replace(kept / file.name, _read(file))


@contextmanager
def on_one_cpu() -> Iterator[None]:
    """Run the block, in which the driver starts, on the first of the CPUs that this thread may use.

    The driver asks QEMU again where the host's CPUID has changed, and counts leaf 0x1f in, which holds the number of
    the core that is asked. The threads that are started in the block may use all CPUs behind it.
    """
    cpus, before = os.sched_getaffinity(0), set(_threads())
    os.sched_setaffinity(0, {min(cpus)})
    try:
        yield
    finally:
        for thread in (0, *(each for each in _threads() if each not in before)):
            with suppress(OSError):  # it has ended
                os.sched_setaffinity(thread, cpus)


def _threads() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/task")]


def _replace(file: Path, content: bytes) -> None:
    with suppress(OSError):
        if _read(file) == content:
            return
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with open(handle, "wb") as stream:
            stream.write(content)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def _read(file: Path) -> bytes:
    """What is in a file that is no link. Raises OSError."""
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
        return stream.read(_LARGEST)


def _private_folder() -> Path | None:
    """The folder in the user's cache for this release of libvirt, which is made where it is missing.

    ``None`` where the user has no cache of their own, as with sudo and the home of another, or others may write there:
    libvirt believes what it finds.
    """
    base = _cache_folder()
    if base is None:
        return None
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = base
    for name in ("kvnet", f"libvirt-{libvirt_module().getVersion()}"):
        if folder.stat().st_uid != os.geteuid():
            return None
        folder /= name
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return None
    return folder


def _cache_folder() -> Path | None:
    """That of the XDG Base Directory Specification, which passes over a path that is not absolute."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry in passwd(5)
        return None
