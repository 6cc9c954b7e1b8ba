"""Find and run the programs that carry out a plan, and say what this host lacks of what is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

from attrs import evolve

from kvnet.errors import FieldPath, KvnetError, Problem
from kvnet.pipeline import placed
from kvnet.spec import Machine

__all__ = ["PACKAGES", "PRIVATE", "SEARCH_PATH", "NodeError", "check_host", "node_error", "program", "run", "told_at"]

PACKAGES: Final[Mapping[str, str]] = {"ip": "iproute2", "nft": "nftables", "dnsmasq": "dnsmasq-base"}
"""The Debian package of each program."""
SEARCH_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
"""Where programs are looked for; the ``PATH`` of many users lacks the folders of administration."""
PRIVATE: Final = 0o077
"""The umask of programs: what they write is for root alone."""
_SECONDS: Final = 60


def program(name: str) -> str:
    """The path of a program. Raises NodeError (KN880) with its Debian package where it is missing."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise node_error("KN880", f"the program {name} is missing", f"install Debian's package {PACKAGES[name]}")
    return found


def run(name: str, arguments: Sequence[str], *, given: str = "", stays: bool = False) -> str:
    """Run a program with a text as its input, and return what it prints.

    It runs in the network namespace of the calling thread, and holds the locks of this process until it ends, unless
    it ``stays`` as a process of its own. Raises NodeError where it is missing (KN880), and where it
    fails or takes longer than a minute (KN884).
    """
    command = [program(name), *arguments]
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            umask=PRIVATE,
            close_fds=stays,
        )
    except subprocess.TimeoutExpired:
        raise node_error("KN884", f"{name} did not end within {_SECONDS} seconds") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise node_error("KN884", f"{name} {arguments[0] if arguments else ''} failed: {said}")
    return done.stdout


class NodeError(KvnetError):
    """The network of a pod cannot be made or removed on this host."""


def node_error(code: str, message: str, hint: str = "") -> NodeError:
    """The error with one problem."""
    return NodeError([Problem(FieldPath(), code, message, hint=hint)])


@contextmanager
def told_at(machine: Machine, at: FieldPath) -> Iterator[None]:
    """Tell an error of the host or of a plugin at a field of the machine's manifest."""
    try:
        yield
    except NodeError as error:
        raise NodeError(placed(machine.origin, [evolve(each, at=at) for each in error.problems])) from error


def check_host() -> None:
    """Raises NodeError (KN880) with all that is missing: Linux, root, pyroute2, and the programs."""
    missing = tuple(_missing())
    if missing:
        raise NodeError(missing)


def _missing() -> Iterator[Problem]:
    if not sys.platform.startswith("linux"):
        yield _problem("a pod is made of network namespaces, and this is not Linux", "use a host with Linux")
        return
    if os.geteuid() != 0:
        yield _problem("only root may make network namespaces", "run it as root, as with sudo")
    if find_spec("pyroute2") is None:
        yield _problem("the package pyroute2 is missing", "pip install 'kvnet[node]'")
    for name in PACKAGES:
        try:
            program(name)
        except NodeError as error:
            yield from error.problems


def _problem(message: str, hint: str) -> Problem:
    return Problem(FieldPath(), "KN880", message, hint=hint)
