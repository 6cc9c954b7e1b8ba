"""Find and run the programs that carry out a plan, without a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from kvnet.node._errors import node_error

__all__ = ["PACKAGES", "PRIVATE", "SEARCH_PATH", "program", "run"]

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
