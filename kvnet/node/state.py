"""Keep what was done for each machine in a folder, so that it can be undone after any interruption."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, ENOTEMPTY
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from kvnet.node.programs import NodeError, node_error
from kvnet.spec import Machine

__all__ = [
    "DEFAULT_ROOT",
    "PodFolder",
    "StateFolder",
    "damaged",
    "full_name",
    "machine_name",
    "private_folder",
    "write_private",
]

DEFAULT_ROOT: Final = Path("/var/lib/kvnet")
_ROOT_VARIABLE: Final = "KVNET_ROOT"
_RECORD: Final = "state.json"
_DIGITS: Final = 24
_TRIES: Final = 1000
_OF_OBJECTS: Final = ("attachments", "links", "forwards")
_KINDS: Final[Mapping[str, type]] = {
    **dict.fromkeys(_OF_OBJECTS, list),
    **dict.fromkeys(("servers", "found", "facts"), dict),
    **dict.fromkeys(("complete", "changes", "claims"), bool),
}
"""The kinds of what is recorded of a machine beside its names."""
_KINDS_OF_HOST: Final[Mapping[str, type]] = {
    "before": dict,
    "bridges": list,
    "number": int,
    "ruleset": bool,
    "users": dict,
}
_FULL: Final = (ENOSPC, EDQUOT)
_BLOCK: Final = 512
"""Bytes of what stat(2) counts as a block."""


def full_name(name: str, namespace: str | None = None) -> str:
    """``namespace/name`` of a machine; one without a namespace is in ``default``.

    >>> full_name("web"), full_name("prod/web"), full_name("web", "prod")
    ('default/web', 'prod/web', 'prod/web')
    """
    return name if "/" in name and namespace is None else f"{namespace or 'default'}/{name}"


def machine_name(machine: Machine) -> str:
    """``namespace/name`` of a machine, whatever signs its name has."""
    return full_name(machine.name or "vm", machine.namespace or "default")


@frozen(kw_only=True)
class PodFolder:
    """What is kept of one machine.

    - ``path``: its folder, with mode 0700; files in it have 0600
    """

    path: Path

    @property
    def record(self) -> dict[str, Any]:
        """What was recorded last; nothing where nothing was. Raises NodeError (KN885) where it is no record."""
        file = self.path / _RECORD
        read = _read(file)
        if read and not _is_record(read):
            raise damaged(file)
        return read

    def write(self, record: Mapping[str, Any]) -> None:
        """Record in place of what was recorded before, all or nothing, on the disk."""
        private_folder(self.path)
        write_private(self.path / _RECORD, json.dumps(record))

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def _root(path: Path | str | None) -> Path:
    return Path(path or os.environ.get(_ROOT_VARIABLE) or DEFAULT_ROOT).absolute()


@frozen
class StateFolder:
    """The folder that holds the state of all machines: ``$KVNET_ROOT``, or ``/var/lib/kvnet``, unless it is given."""

    root: Path = field(default=None, converter=_root)

    def pod(self, name: str) -> PodFolder:
        """What is kept of a machine, by ``namespace/name``; the folder is named by a hash of that."""
        return PodFolder(path=self.root / "pods" / _hashed(name))

    @property
    def pods(self) -> tuple[PodFolder, ...]:
        """What is kept of each machine."""
        folder = self.root / "pods"
        return tuple(PodFolder(path=each) for each in sorted(folder.iterdir())) if folder.is_dir() else ()

    @property
    def ipam(self) -> Path:
        """The folder of the addresses that ``host-local`` has given."""
        return self.root / "ipam"

    def locked(self, name: str) -> Any:
        """A context in which no other process works on a machine. It waits until that is so."""
        return _locked(self.root / f"{_hashed(name)}.lock")

    @property
    def recorded(self) -> dict[str, Any]:
        """What is recorded of the host, without a lock. Raises NodeError (KN885) where it is no record."""
        file = self.root / "host.json"
        read = _read(file)
        if not _has_kinds(read, _KINDS_OF_HOST):
            raise damaged(file)
        return read

    @contextmanager
    def shared(self) -> Iterator[dict[str, Any]]:
        """What is recorded of the host, which all machines share, under a lock. Changes are written at the end.

        The yielded mapping can be written before that with ``write_shared``.
        """
        with _locked(self.root / "host.lock"):
            record = self.recorded
            yield record
            self.write_shared(record)

    def write_shared(self, record: Mapping[str, Any]) -> None:
        """Record what the machines share; where that is nothing, no file is left, nor one of an interrupted write."""
        path = self.root / "host.json"
        if record:
            write_private(path, json.dumps(record))
            return
        for each in (path, _unfinished(path)):
            each.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the folders that hold nothing, once there is no pod. One that is in use by then stays."""
        for each in (self.root / "pods", self.root / "tuning", self.ipam):
            try:
                each.rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != ENOTEMPTY:
                    raise
                return


def private_folder(path: Path) -> None:
    """Make a folder, and those around it, for root alone, as far as they are not there.

    Where another process tidies one up at the same time, it is made again.
    """
    for left in reversed(range(_TRIES)):
        try:
            for each in (*reversed(path.parents), path):
                each.mkdir(mode=0o700, exist_ok=True)
        except (FileNotFoundError, FileExistsError):
            if not left:
                raise
        else:
            return


def write_private(path: Path, text: str) -> None:
    """Write a file that only root reads, all or nothing, and see it on the disk.

    On a full disk, a text that fits into the blocks of the file that is there is written over it, so that a machine can
    still be taken down. Raises NodeError (KN884) where it cannot be written.
    """
    data, new = text.encode(errors="surrogatepass"), _unfinished(path)
    try:
        _write(new, data, os.O_CREAT | os.O_TRUNC)
        new.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            new.unlink(missing_ok=True)
            if path.exists() and len(data) <= path.stat().st_blocks * _BLOCK:
                _write(path, data)
                return
        message = f"the file {path} cannot be written: {error.strerror}"
        raise node_error("KN884", message, "make room or mend the disk, and run this again") from error


def _write(path: Path, data: bytes, flags: int = 0) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unfinished(path: Path) -> Path:
    """The file that is written, to take the place of another."""
    return path.with_name(f"{path.name}.new")


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        raise damaged(path) from None
    if not isinstance(read, dict):
        raise damaged(path)
    return read


def _is_record(read: Mapping[str, Any]) -> bool:
    """Whether members have the kinds that they are written with."""
    has_names = all(isinstance(read.get(key), str) for key in ("name", "namespace"))
    return (
        has_names
        and _has_kinds(read, _KINDS)
        and all(isinstance(each, dict) for key in _OF_OBJECTS for each in read.get(key, ()))
    )


def _has_kinds(read: Mapping[str, Any], kinds: Mapping[str, type]) -> bool:
    return all(isinstance(read.get(key, kind()), kind) for key, kind in kinds.items())


def damaged(path: Path, hint: str = "") -> NodeError:
    """The error of a record that cannot be read."""
    hint = hint or f"put it back from a copy, or end what is left of the machine by hand and remove {path.parent}"
    return node_error("KN885", f"the record {path} was changed or damaged, and cannot be read", hint)


def _hashed(name: str) -> str:
    return sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock by its file, which is there only while someone holds it or waits for it."""
    descriptor = _lock(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path) -> int:
    """The descriptor of the locked file. One that was removed while it was waited for is not the lock any more.

    Programs inherit it: where this process is killed while one runs, the lock is held until that one has ended.
    """
    while True:
        private_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.set_inheritable(descriptor, True)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
