"""Each promise about hostile input names a test that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_ROW = re.compile(r"^\| (?P<promise>(?!Promise|---)[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)


def _promises() -> dict[str, list[tuple[str, list[str]]]]:
    """The files and the tests that each promise names; "the same" stands for those of the promise before."""
    promises: dict[str, list[tuple[str, list[str]]]] = {}
    named: list[tuple[str, list[str]]] = []
    for row in _ROW.finditer((ROOT / "SECURITY.md").read_text(encoding="utf-8")):
        if row["tests"] != "the same":
            words = [re.findall("`([^`]+)`", part) for part in row["tests"].split(";")]
            named = [(file, tests) for file, *tests in words]
        promises[row["promise"]] = named
    return promises


@pytest.mark.parametrize(("promise", "named"), _promises().items())
def test_a_promise_names_tests_that_there_are(promise: str, named: list[tuple[str, list[str]]]) -> None:
    assert named
    for file, tests in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert tests
        assert set(tests) <= functions


def test_there_are_promises() -> None:
    assert len(_promises()) > 20
