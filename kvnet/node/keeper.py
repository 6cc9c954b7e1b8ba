"""The process that keeps a domain: libvirt's embedded driver inside the network namespace of a pod.

``domains`` starts it as ``python -m kvnet.node.keeper``. It ends when the domain ends, or when it is asked to.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lxml import etree

from kvnet.errors import KvnetError
from kvnet.live import Action, Call, Step, agent_report, start
from kvnet.live._apply import make_call
from kvnet.live._libvirt import libvirt_error, libvirt_module, said
from kvnet.live.connection import embedded, virt_type
from kvnet.node._keeper_files import NO_KVM, KeeperFiles, Process, read_line
from kvnet.node.namespaces import enter
from kvnet.xml.parser import parse

if TYPE_CHECKING:
    import libvirt

__all__ = ["check_type", "main"]

_POLL_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 10.0
_AGENT_SECONDS: Final = 2


def main(arguments: Sequence[str]) -> int:
    """Keep a domain. The arguments are the folder, the file of the namespace, and the descriptors of lock and report.

    The report tells whoever started the keeper whether the domain runs: an object with problems, without any where it
    does.
    """
    folder, namespace, lock, report = Path(arguments[0]), Path(arguments[1]), int(arguments[2]), int(arguments[3])
    if os.fork():
        os._exit(0)  # whoever started the keeper has no child to wait for
    os.setsid()
    os.umask(0o077)
    for handle in (lock, report):
        os.set_inheritable(handle, False)
    files = KeeperFiles(folder)
    _own().record(files.keeper)
    enter(namespace)
    signal.signal(signal.SIGTERM, _end)
    try:
        with embedded(folder) as connection:
            domain = _started(files, connection)
            with files.listen() as listener, _stopped_in_the_end(domain):
                _tell(report, [])
                _serve(domain, listener)
    except KvnetError as error:
        _tell(report, [problem.as_dict() for problem in error.problems])
        return 1
    return 0


def _own() -> Process:
    process = Process.of(os.getpid())
    assert process is not None
    return process


def _end(*_: object) -> NoReturn:
    """End as if it had been asked to: the domain is stopped on the way out."""
    sys.exit(0)


def _started(files: KeeperFiles, connection: libvirt.virConnect) -> libvirt.virDomain:
    """The domain, which goes on where an earlier keeper was killed. Raises LibvirtError."""
    active = connection.listAllDomains(libvirt_module().VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    if not active:
        document = files.document.read_text()
        check_type(document, connection)
        started = start(document, connection, replace=True)
        active = [connection.lookupByUUIDString(started.uuid)]
    (file,) = files.pid_files
    process = Process.of(int(file.read_text()))
    if process is not None:
        process.record(files.qemu)
    return active[0]


def check_type(document: str, connection: libvirt.virConnect) -> None:
    """Raises LibvirtError (KN888) for a domain with KVM where libvirt has no KVM for its architecture."""
    domain = parse(document)
    architecture = str(domain.xpath("string(os/type/@arch)"))
    if domain.get("type") == "kvm" and virt_type(connection, architecture) != "kvm":
        message = f"libvirt offers no KVM for {architecture} on this host"
        raise libvirt_error(NO_KVM, message, "leave --virt-type out, and the processor is emulated", "domain", "@type")


@contextmanager
def _stopped_in_the_end(domain: libvirt.virDomain) -> Iterator[None]:
    error: Any = libvirt_module().libvirtError
    try:
        yield
    finally:
        with suppress(error):  # it has ended
            domain.destroy()
        with suppress(error):
            domain.undefine()


def _tell(report: int, problems: Sequence[Mapping[str, Any]]) -> None:
    with os.fdopen(report, "w", encoding="utf-8") as stream, suppress(BrokenPipeError):
        json.dump({"problems": problems}, stream)


def _serve(domain: libvirt.virDomain, listener: socket.socket) -> None:
    """Answer requests until the domain has ended, or is to be stopped."""
    listener.settimeout(_POLL_SECONDS)
    while domain.isActive():
        try:
            line, _ = listener.accept()
        except TimeoutError:
            continue
        with line, suppress(OSError):
            line.settimeout(_ANSWER_SECONDS)
            line.sendall(json.dumps(_answer(read_line(line), domain)).encode() + b"\n")


def _answer(request: bytes, domain: libvirt.virDomain) -> dict[str, Any]:
    """The answer to a request, ``error`` where it is none, or the domain has just ended."""
    refused: Any = libvirt_module().libvirtError
    try:
        asked = json.loads(request)
        return _ANSWERS[asked.pop("do")](domain, **asked)
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"error": "no such request"}
    except refused as error:
        return {"error": said(error)}


def _describe(domain: libvirt.virDomain) -> dict[str, Any]:
    xml = domain.XMLDesc()
    console = etree.fromstring(xml.encode()).xpath("string(devices/console/source/@path)")
    return {"xml": xml, "console": str(console), "agent": agent_report(domain, timeout=_AGENT_SECONDS)}


def _change(domain: libvirt.virDomain, *, step: Mapping[str, str]) -> dict[str, Any]:
    """Make one change of the running domain. A NIC that is detached may still be there: the guest has to release it."""
    taken = Step(**{**step, "action": Action(step["action"])})  # type: ignore[arg-type]
    make_call(domain, Call(step=taken, live=True, persistent=False))
    return {}


def _stop(domain: libvirt.virDomain) -> dict[str, Any]:
    domain.destroy()
    return {}


_ANSWERS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "change": _change,
    "describe": _describe,
    "stop": _stop,
    "xml": lambda domain: {"xml": domain.XMLDesc()},
}
"""For each request, the function that answers it."""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
