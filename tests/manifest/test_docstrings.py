"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

import kvnet.manifest
import kvnet.spec

PACKAGES = (kvnet.manifest, kvnet.spec)
MODULES = [f"{each.__name__}.{found.name}" for each in PACKAGES for found in iter_modules(each.__path__)]


@pytest.mark.parametrize("name", [*MODULES, "kvnet.facts", "kvnet.target", "kvnet.pipeline"])
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
