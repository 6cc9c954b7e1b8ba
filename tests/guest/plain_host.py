"""A plain host of a test's own: a network namespace in which `kvnet up` works, and a peer on the bridges it makes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from guest.console import console
from guest.image import Image
from guest.machine import CMDLINE, Guest, SeenNic

from kvnet.node.namespaces import entered

__all__ = ["Peer", "PlainHost", "Upped", "missing", "plain_host"]

_SECONDS: Final = 240
_ANSWER_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.5


@frozen
class Upped:
    """A machine that is up: what `kvnet up -o json` tells of it, and its guest."""

    told: Mapping[str, Any] = field(hash=False)
    guest: Guest

    def mac(self, name: str) -> str:
        """The MAC address of an interface of the manifest."""
        return next(str(each["mac"]) for each in self.told["interfaces"] if each["name"] == name)

    def link(self, name: str) -> str:
        """The name of the guest's NIC for an interface of the manifest, such as ``eth0``."""
        return _names(self.guest)[self.mac(name)]

    def nic(self, name: str) -> SeenNic:
        """The guest's NIC for an interface of the manifest, as it is now."""
        link = self.link(name)
        return next(each for each in self.guest.nics() if each.name == link)

    def lease(self, name: str) -> dict[str, str]:
        """What the guest is told by DHCP on an interface, whose address and routes it sets."""
        return dict(line.split("=", 1) for line in self.ask("dhcp", self.link(name)) if "=" in line)

    def ask(self, *words: str, seconds: float = 60.0) -> tuple[str, ...]:
        return self.guest.console.ask(*words, timeout=seconds)

    def run(self, command: str) -> tuple[str, ...]:
        """What a command of the guest prints."""
        return self.ask("run", *command.split())

    def reaches(self, address: str) -> bool:
        """Whether any of a few pings is answered."""
        return self.ask("reach", address) in (("1",), ("2",), ("3",))


@cache
def _names(guest: Guest) -> Mapping[str, str]:
    """The names of a guest's NICs by their MAC addresses at first; the guest takes long to list them."""
    return {str(nic.mac): nic.name for nic in guest.nics()}


@frozen
class Peer:
    """A namespace beside the machines, on bridges of the host."""

    name: str

    def hears(self, port: int, address: str = "0.0.0.0") -> Any:
        """A TCP server that tells each client under which address it came, for as long as the context lasts."""
        return _echo(self.name, port, address)

    def talk(self, address: str, port: int, *, attempts: int = 10) -> str:
        """What a TCP server says, which may be about to start; empty where nothing answers, or it refuses."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for attempt in range(attempts):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            with self._socket(family, socket.SOCK_STREAM) as line, suppress(OSError):
                line.connect((address, port))
                return line.recv(1024).decode()
        return ""

    def send(self, address: str, port: int) -> None:
        """Send a few datagrams."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self._socket(family, socket.SOCK_DGRAM) as line:
            for _ in range(3):
                line.sendto(b"datagram", (address, port))

    def reaches(self, address: str) -> bool:
        command = ["ping", "-c", "3", "-i", "0.5", "-W", "2", address]
        return _ran("nsenter", f"--net=/run/netns/{self.name}", "busybox", *command, check=False).returncode == 0

    def _socket(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """A socket that belongs to the peer's namespace, wherever it is used."""
        with entered(self.name):
            made = socket.socket(family, kind)
        made.settimeout(_ANSWER_SECONDS)
        return made


@contextmanager
def _echo(namespace: str, port: int, address: str) -> Iterator[None]:
    with entered(namespace):
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen()

    def serve() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                line, (client, *_) = listener.accept()
                with line:
                    line.sendall(f"{client}\n".encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@frozen
class PlainHost:
    """The host's namespace, a ``folder`` for manifests and the ``root`` of kvnet's state."""

    name: str
    folder: Path
    root: Path
    image: Image
    stack: ExitStack

    def kvnet(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The command, as it runs on the host."""
        command = [sys.executable, "-m", "kvnet", *map(str, arguments)]
        return _ran("nsenter", f"--net=/run/netns/{self.name}", *command, check=check)

    def write(self, name: str, *documents: Any) -> Path:
        """A file of manifests, or of a CNI configuration."""
        file = self.folder / name
        file.write_text("\n---\n".join(json.dumps(each) for each in documents))
        return file

    def up(self, file: Path, network: Path, *options: str | Path) -> Upped:
        """Bring a machine up, whose guest is about to answer, on an emulated processor."""
        (upped,) = self.up_all(file, network, *options)
        return upped

    def up_all(self, file: Path, network: Path, *options: str | Path) -> tuple[Upped, ...]:
        """The same for all machines of a file."""
        boot = (
            "--kernel",
            self.image.kernel,
            "--initrd",
            self.image.initrd,
            "--cmdline",
            CMDLINE,
            "--virt-type",
            "qemu",
        )
        given = ("--root", self.root, "--pod-network", network, "-o", "json", "-q", "--no-wait")
        told = json.loads(self.kvnet("up", "-f", file, *boot, *given, *options).stdout)
        several = told if isinstance(told, list) else [told]
        lines = [self.stack.enter_context(console(each["console"])) for each in several]
        return tuple(Upped(each, Guest(None, line)) for each, line in zip(several, lines, strict=True))

    @contextmanager
    def peer(self, bridges: Mapping[str, tuple[str, ...]]) -> Iterator[Peer]:
        """A peer with addresses on bridges, and on its own ``lo``, for as long as the context lasts."""
        name = f"{self.name}-peer"
        with ExitStack() as stack:
            _made_namespace(name, stack)
            self._plug(name, bridges)
            yield Peer(name)

    def _plug(self, name: str, bridges: Mapping[str, tuple[str, ...]]) -> None:
        for n, (bridge, addresses) in enumerate(bridges.items()):
            link = "lo" if bridge == "lo" else f"p{n}"
            if bridge != "lo":
                _ip(self.name, "link", "add", f"{link}-host", "type", "veth", "peer", "name", link, "netns", name)
                _ip(self.name, "link", "set", f"{link}-host", "master", bridge, "up")
                _ip(name, "link", "set", link, "up")
            for address in addresses:
                _ip(name, "address", "add", address, "dev", link, *(("nodad",) if ":" in address else ()))

    def has_vlans(self) -> bool:
        """Whether the kernel's bridges know VLANs, as the CNI plugin needs it."""
        made = _ran("ip", "-n", self.name, "link", "add", "kvtv", "type", "bridge", "vlan_filtering", "1", check=False)
        if made.returncode == 0:
            _ip(self.name, "link", "delete", "kvtv")
        return made.returncode == 0

    def seen(self) -> dict[str, Any]:
        """What of the host a machine could leave something in."""
        links = json.loads(_ran("ip", "-n", self.name, "-j", "link").stdout)
        tables = _ran("nsenter", f"--net=/run/netns/{self.name}", "nft", "list", "ruleset").stdout
        told = json.loads(self.kvnet("ps", "--root", self.root, "-o", "json").stdout)
        files = sorted(str(each) for each in self.root.rglob("*"))
        processes = sorted(each for each in _arguments() if str(self.root) in each)
        return {
            "links": [each["ifname"] for each in links],
            "tables": tables,
            "namespaces": [each["networkNamespace"] for each in told],
            "files": files,
            "processes": processes,
        }


def _made_namespace(name: str, stack: ExitStack) -> None:
    _ran("ip", "netns", "add", name)
    stack.callback(_ran, "ip", "netns", "delete", name)
    _ip(name, "link", "set", "lo", "up")


@contextmanager
def plain_host(image: Image) -> Iterator[PlainHost]:
    """A host with nothing on it, and nothing is left of it."""
    name = f"kvnet-host-{os.getpid()}"
    with ExitStack() as stack:
        # the paths of QEMU's sockets are short
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kv", dir="/tmp")))
        host = PlainHost(name, folder, folder / "r", image, stack)
        _made_namespace(name, stack)
        host.root.mkdir(mode=0o700)
        stack.callback(host.kvnet, "down", "--root", host.root, check=False)
        yield host


def _ip(namespace: str, *words: str) -> None:
    _ran("ip", "-n", namespace, *words)


def _ran(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command that has ended. Raises RuntimeError with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done


def _arguments() -> Iterator[str]:
    """The command lines of all processes."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield each.read_text(errors="replace").replace("\0", " ")


def missing() -> list[str]:
    """What such a host needs and this one lacks."""
    programs = [each for each in ("nft", "dnsmasq", "nsenter") if shutil.which(each, path="/usr/sbin:/usr/bin") is None]
    plugins = [each for each in ("bridge", "host-local") if not Path("/usr/lib/cni", each).exists()]
    return [*programs, *(f"the CNI plugin {each}" for each in plugins)]
