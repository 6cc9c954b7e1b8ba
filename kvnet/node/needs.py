"""See whether this host has what is needed to make the network of a pod, before anything is touched."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from kvnet.errors import FieldPath, Problem
from kvnet.node._errors import NodeError
from kvnet.node.programs import PACKAGES, program

__all__ = ["check_host"]


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
