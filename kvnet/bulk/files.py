"""Keep the files of a run apart, and write them whole: no link is followed, and no other file is written over."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import combinations
from typing import NamedTuple, TextIO

from kvnet.bulk.inputs import Unusable

__all__ = ["REPORT_BEGINS", "Role", "check_report", "check_roles", "created", "locked", "report_file", "sync_folder"]

REPORT_BEGINS = '{"duplicates": ['
"""How a report begins."""


class Role(NamedTuple):
    """A file that an option names; ``path`` is - for a standard stream. ``is_written`` says that a run writes it."""

    option: str
    path: str
    is_written: bool = False


def check_roles(roles: Sequence[Role]) -> None:
    """Raise Unusable where two options name one file, or one inside another's folder, and a run would write it."""
    for one, other in combinations(roles, 2):
        if not (one.is_written or other.is_written):
            continue
        if _is_same(_named(one), _named(other)):
            raise Unusable(f"{one.option} and {other.option} are one file, '{other.path}': name two")
        for inner, outer in ((one, other), (other, one)):
            if "-" not in (inner.path, outer.path) and _is_inside(inner.path, outer.path):
                message = f"{inner.option} '{inner.path}' is inside the directory of {outer.option}, '{outer.path}'"
                raise Unusable(f"{message}: name a file elsewhere")


def _named(role: Role) -> str:
    if role.path == "-":
        return "/dev/stdout" if role.is_written else "/dev/stdin"
    return role.path


def _is_same(one: str, other: str) -> bool:
    """Whether two names are of one file or directory, also by a link; devices and pipes keep nothing."""
    try:
        first, second = os.stat(one), os.stat(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
    return os.path.samestat(first, second) and (stat.S_ISREG(first.st_mode) or stat.S_ISDIR(first.st_mode))


def _is_inside(inner: str, outer: str) -> bool:
    is_folder = os.path.isdir(outer) or outer.endswith("/")
    folder = os.path.join(os.path.realpath(outer), "")
    return is_folder and os.path.realpath(inner).startswith(folder)


def locked(file: str, name: str, *, is_new: bool) -> int:
    """The descriptor of a file that no other run writes to; ``name`` is that of the output in errors.

    Raises Unusable for a link, for a file with several names, and where another run is writing.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | (os.O_EXCL if is_new else 0)
    try:
        descriptor = os.open(file, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unusable(f"'{file}' is a symbolic link, which results are not written through") from None
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            raise Unusable(f"'{file}' has another name as well, whose content would change: name another file")
    except BlockingIOError:
        os.close(descriptor)
        raise Unusable(f"another run is writing to '{name}'") from None
    except Unusable:
        os.close(descriptor)
        raise
    return descriptor


def created(file: str) -> int:
    """The descriptor of a new file, in place of one that a run has left; a link there is removed, and not followed."""
    with suppress(FileNotFoundError):
        os.unlink(file)
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)


def sync_folder(folder: str) -> None:
    """Have the names in a directory on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_report(file: str, *, force: bool) -> None:
    """Raise Unusable where a report would not be written, or would be written over a file of another kind."""
    folder = os.path.dirname(file) or "."
    if not os.path.isdir(folder):
        raise Unusable(errno.ENOENT, os.strerror(errno.ENOENT), file)
    if _keeps_nothing(file):
        return
    if os.path.islink(file):
        raise Unusable(f"'{file}' is a symbolic link, which a report is not written through")
    if not os.access(folder, os.W_OK):
        raise Unusable(errno.EACCES, os.strerror(errno.EACCES), file)
    if not os.path.exists(file) or force:
        return
    with open(file, "rb") as before:
        beginning = before.read(len(REPORT_BEGINS))
    if beginning and beginning != REPORT_BEGINS.encode():
        raise Unusable(f"'{file}' exists and is no report: choose another, or overwrite it with --force")


@contextmanager
def report_file(file: str, *, fsync: bool = False) -> Iterator[TextIO]:
    """The file of a report, open for writing; it is there whole or not at all, with ``fsync`` also on the disk."""
    if _keeps_nothing(file):
        with open(file, "w", encoding="utf-8") as stream:
            yield stream
        return
    made = os.path.join(os.path.dirname(file), f".kvnet-report.{os.getpid()}.tmp")
    try:
        with open(created(made), "w", encoding="utf-8") as stream:
            yield stream
            if fsync:
                stream.flush()
                os.fsync(stream.fileno())
        if os.path.exists(file):
            shutil.copymode(file, made)
        os.rename(made, file)
        if fsync:
            sync_folder(os.path.dirname(file) or ".")
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(made)
        raise


def _keeps_nothing(file: str) -> bool:
    """Whether a name is that of a device or a pipe."""
    try:
        mode = os.stat(file).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
