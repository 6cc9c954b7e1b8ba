"""Examples in docstrings give what stands beneath them."""

from __future__ import annotations

import doctest
import importlib.util
from importlib import import_module
from pathlib import Path

import pytest

import kvnet

ROOT = Path(__file__).parents[1]
USES_LOADS = {"kvnet.pipeline", "kvnet.compiler.compiler", "kvnet.rules.check"}
"""Modules whose examples call ``kvnet.loads``."""


def _name(path: Path) -> str:
    """The name of the module in a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(_name(path) for path in (ROOT / "kvnet").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
WITHOUT_LIBVIRT = importlib.util.find_spec("libvirt") is None


def run(test: doctest.DocTest) -> None:
    """Run one group of examples; the report is in the message."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in USES_LOADS and not hasattr(kvnet, "loads"):
        request.applymarker(pytest.mark.xfail(reason="there is no kvnet.loads yet", strict=True))
    if name.startswith("kvnet.live") and WITHOUT_LIBVIRT:
        pytest.skip("libvirt-python is not there: pip install 'kvnet[libvirt]'")
    monkeypatch.chdir(ROOT)
    for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(name), name):
        run(test)


def test_an_example_that_gives_something_else_fails() -> None:
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    with pytest.raises(AssertionError, match=r"Expected:\s+3\s+Got:\s+2"):
        run(test)
