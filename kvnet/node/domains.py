"""Domains in the network namespace of their pod: what they boot from, starting, and stopping."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Final

from attrs import asdict, frozen
from lxml import etree

from kvnet.errors import FieldPath, Problem
from kvnet.live import LibvirtError, Step
from kvnet.node._keeper_files import KeeperFiles, Process
from kvnet.node.namespaces import namespace_path
from kvnet.node.state import write_private
from kvnet.xml.parser import parse

__all__ = ["Boot", "Domain", "bootable", "change_domain", "domain_of", "live_xml", "start_domain", "stop_domain"]

_PACKAGES: Final = Path(__file__).parents[2]
"""The folder that kvnet is in."""
_DESCRIBE_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 30.0
_CHANGE_SECONDS: Final = 60.0
"""libvirt itself waits up to five seconds for the guest to release a NIC."""
_QEMU_SECONDS: Final = 5.0
_LONGEST_FOLDER: Final = 54
"""Paths of sockets have 107 bytes (unix(7)), of which libvirt's own part takes up to 53."""
_LINKS: Final = Path("/run")
_LAST_LINES: Final = 3
_POLL_SECONDS: Final = 0.1


@frozen(kw_only=True)
class Domain:
    """A domain that runs.

    - ``xml``: its live configuration
    - ``console``: the terminal of its first serial port, such as ``/dev/pts/3``
    - ``agent``: what the guest agent reports of the guest's links, as plain data; ``None`` without an agent
    """

    xml: str
    console: str
    agent: Any = None


def start_domain(document: str, folder: Path, namespace: str) -> Domain:
    """Start a domain inside a network namespace, with the state of its libvirt in a folder; one that runs goes on.

    The domain outlives this process. Raises LibvirtError where libvirt refuses it, or it does not start.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    files = KeeperFiles(folder)
    lock = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _described(files)
    else:
        _forget(files, namespace)
        write_private(files.document, document)
        _keep(files, namespace, lock)
    finally:
        os.close(lock)
    return _described(files)


def _forget(files: KeeperFiles, namespace: str) -> None:
    """Forget the process of a QEMU that has ended."""
    files.keeper.unlink(missing_ok=True)
    process = files.qemu_process(namespace_path(namespace))
    if process is None or not process.runs:
        files.qemu.unlink(missing_ok=True)


def _keep(files: KeeperFiles, namespace: str, lock: int) -> None:
    """Start a keeper, which holds the lock from its first moment, and wait until the domain runs."""
    told, report = os.pipe()
    with open(told, encoding="utf-8") as stream:
        try:
            _start_keeper(files, namespace, lock, report)
        finally:
            os.close(report)
        answer = stream.read()
    if not answer:
        message = f"the process that keeps the domain ended: {_last_lines(files)}"
        raise _error("KN886", message, "correct what it says, and run this again")
    problems = json.loads(answer)["problems"]
    if problems:
        raise LibvirtError([_read_problem(each) for each in problems])


def _start_keeper(files: KeeperFiles, namespace: str, *handles: int) -> None:
    command = [sys.executable, "-P", "-m", "kvnet.node.keeper"]
    arguments = [_short(files.folder, namespace), namespace_path(namespace), *handles]
    with open(os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "wb") as log:
        subprocess.run(
            [*command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            pass_fds=handles,
            check=False,  # what it has to say comes by the pipe
        )


def _short(folder: Path, namespace: str) -> Path:
    """A path of the folder below which the paths of libvirt's sockets fit: where its own is too long, a link to it."""
    if len(os.fsencode(folder)) <= _LONGEST_FOLDER:
        return folder
    link = _link(namespace)
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
    return link


def _link(namespace: str) -> Path:
    return _LINKS / namespace


def _environment() -> dict[str, str]:
    """That of this process, in which Python finds the same kvnet from any folder."""
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _read_problem(told: dict[str, Any]) -> Problem:
    return Problem(FieldPath(("domain",)), told["code"], told["message"], hint=told.get("hint") or "")


def _last_lines(files: KeeperFiles) -> str:
    """The last that a keeper printed, or why it could not."""
    with suppress(OSError):
        printed = files.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        if not printed and not shutil.disk_usage(files.folder).free:
            return f"the disk of {files.folder} is full"
        return "; ".join(printed) or "it printed nothing"
    return "it printed nothing"


def _described(files: KeeperFiles) -> Domain:
    told = _asked(files, "describe", _DESCRIBE_SECONDS)
    return Domain(xml=told["xml"], console=told["console"], agent=told["agent"])


def _ask_again(files: KeeperFiles, what: str, seconds: float) -> Any:
    """Ask a keeper that may be about to listen. Raises OSError."""
    end = time.monotonic() + seconds
    while True:
        try:
            return files.ask(what, seconds=seconds)
        except OSError:
            if time.monotonic() > end or not files.is_kept:
                raise
            time.sleep(_POLL_SECONDS)


def domain_of(folder: Path) -> Domain | None:
    """The domain whose libvirt has its state in a folder; ``None`` where none runs there. Raises LibvirtError."""
    files = KeeperFiles(folder)
    if not files.is_kept:
        return None
    with suppress(LibvirtError):
        return _described(files)
    if not files.is_kept:
        return None
    return _described(files)


def live_xml(folder: Path) -> str:
    """The live configuration of the domain whose libvirt has its state in a folder. Raises LibvirtError."""
    return str(_asked(KeeperFiles(folder), "xml", _DESCRIBE_SECONDS)["xml"])


def change_domain(folder: Path, step: Step) -> None:
    """Make one change of a running domain; a NIC that is detached is gone once the guest has released it.

    Raises LibvirtError where libvirt refuses it (KN871), or the keeper does not answer (KN886).
    """
    files = KeeperFiles(folder)
    try:
        told = files.ask("change", seconds=_CHANGE_SECONDS, step=asdict(step))
    except OSError as error:
        raise _silent(files, error) from error
    if "error" in told:
        message = f"libvirt refuses to {step}: {told['error']}"
        raise _error("KN871", message, "correct what it says, and run this again")


def _asked(files: KeeperFiles, what: str, seconds: float) -> Any:
    """The answer of a keeper. Raises LibvirtError without one."""
    try:
        told = _ask_again(files, what, seconds)
    except OSError as error:
        raise _silent(files, error) from error
    if "error" in told:
        raise _error("KN886", f"the domain cannot be described: {told['error']}")
    return told


def _silent(files: KeeperFiles, error: OSError) -> LibvirtError:
    keeper = Process.recorded(files.keeper)
    number = "" if keeper is None else f" {keeper.pid}"
    message = f"the process{number} that keeps the domain does not answer: {error}"
    return _error("KN886", message, "let it go on, or take the machine down with `kvnet down`")


def stop_domain(folder: Path, namespace: str) -> None:
    """Stop the domain whose libvirt has its state in a folder, and remove the folder; nothing is left of either.

    Where the keeper was killed, QEMU is found by its process id and the time of its start. Raises LibvirtError where a
    process does not end.
    """
    files = KeeperFiles(folder)
    if not folder.is_dir():
        return
    keeper, qemu = Process.recorded(files.keeper), files.qemu_process(namespace_path(namespace))
    for known in filter(None, (keeper, qemu)):
        known.resume()
    if files.is_kept:
        with suppress(OSError):
            _ask_again(files, "stop", _STOP_SECONDS)
    keeper, qemu = Process.recorded(files.keeper), files.qemu_process(namespace_path(namespace))
    for process, grace in ((keeper, _STOP_SECONDS), (qemu, _QEMU_SECONDS)):
        if process is not None and process.runs and not process.end(grace=grace):
            raise _error("KN886", f"the process {process.pid} does not end")
    _link(namespace).unlink(missing_ok=True)
    shutil.rmtree(folder)


def _error(code: str, message: str, hint: str = "end it, and run this again") -> LibvirtError:
    return LibvirtError([Problem(FieldPath(("domain",)), code, message, hint=hint)])


_QCOW2: Final = b"QFI\xfb"
"""The first bytes of an image of that format."""


@frozen(kw_only=True)
class Boot:
    """What a domain boots from, as absolute paths.

    - ``disks``: images, the first of which is booted where there is no kernel
    - ``kernel``, ``initrd``: of a direct boot
    - ``cmdline``: the arguments of the kernel
    """

    disks: tuple[Path, ...] = ()
    kernel: Path | None = None
    initrd: Path | None = None
    cmdline: str | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot be booted from: what each file lacks, in words."""
        files = [each for each in (*self.disks, self.kernel, self.initrd) if each is not None]
        missing = [f"there is no file {file}" for file in files if not file.is_file()]
        return (
            *missing,
            *(f"{each} is a qcow2 image: name it so (.qcow2)" for each in self.disks if _is_unnamed(each)),
        )


def _is_unnamed(image: Path) -> bool:
    return image.is_file() and image.suffix != ".qcow2" and _first_bytes(image) == _QCOW2


def _first_bytes(image: Path) -> bytes:
    with image.open("rb") as stream:
        return stream.read(len(_QCOW2))


def bootable(document: str, boot: Boot) -> str:
    """The domain with what it boots from, behind everything that it has. Its disks are virtio's.

    The name of an image says its format, and not what is in it, which a guest can write: an image that is made to look
    like qcow2 would name any file of the host as the one that it is based on.
    """
    root = parse(document)
    system, devices = root.find("os"), root.find("devices")
    assert system is not None
    assert devices is not None
    direct = {"kernel": boot.kernel, "initrd": boot.initrd, "cmdline": boot.cmdline}
    for tag, value in direct.items():
        if value is not None:
            etree.SubElement(system, tag).text = str(value)
    for image, letter in zip(boot.disks, ascii_lowercase, strict=False):
        disk = etree.SubElement(devices, "disk", type="file", device="disk")
        etree.SubElement(disk, "driver", name="qemu", type="qcow2" if image.suffix == ".qcow2" else "raw")
        etree.SubElement(disk, "source", file=str(image))
        etree.SubElement(disk, "target", dev=f"vd{letter}", bus="virtio")
    return etree.tostring(root, encoding="unicode")
