"""Marks of tests that need a component of the host, such as nft: under CI they fail without it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

import pytest

__all__ = ["needs_cni", "needs_package", "needs_program", "needs_root"]

_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
_INSTALL: Final = "run scripts/system-packages"


def needs_root() -> pytest.MarkDecorator:
    """Skip the test for another user than root, except under CI."""
    return _needs(os.geteuid() == 0, "namespaces are made by root")


def needs_program(name: str) -> pytest.MarkDecorator:
    """Skip the test where a program is missing, except under CI."""
    return _needs(shutil.which(name, path=_PATH) is not None, f"{name} is missing: {_INSTALL}")


def needs_package(name: str, extra: str) -> pytest.MarkDecorator:
    """Skip the test where a Python package is missing, except under CI."""
    return _needs(importlib.util.find_spec(name) is not None, f"{name} is missing: pip install 'kvnet[{extra}]'")


def needs_cni() -> pytest.MarkDecorator:
    """Skip the test where Debian's CNI plugins are missing, except under CI."""
    return _needs(Path("/usr/lib/cni/bridge").exists(), f"the CNI plugins are missing: {_INSTALL}")


def _needs(is_there: bool, reason: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_there and not os.environ.get("CI"), reason=reason)
