"""What is remembered is bounded, whatever is given: caches without a bound are keyed by kvnet's own classes alone."""

from __future__ import annotations

import ast
from pathlib import Path

import kvnet

PACKAGE = Path(kvnet.__file__).parent
OWN = {
    "kvnet/cli/check.py:named": "the files of one run",
    "kvnet/manifest/binder.py:reader": "the types of fields",
    "kvnet/spec/keys.py:_folded": "the keys of each mapping that KubeVirt knows",
    "kvnet/xml/generate.py:_quoted": "the classes that are read together",
    "kvnet/xml/reading.py:_readers": "the classes of elements",
}
"""Caches without a bound that are keyed by something else than a class, and what that is."""


def _is_unbounded(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        is_none = any(isinstance(each, ast.Constant) and each.value is None for each in decorator.args)
        return ast.unparse(decorator.func).endswith("lru_cache") and (
            is_none or not (decorator.args or decorator.keywords)
        )
    return ast.unparse(decorator) in ("cache", "functools.cache", "lru_cache")


def _unbounded() -> dict[str, list[str]]:
    """The types of the arguments of each function that remembers without a bound."""
    return {
        f"kvnet/{path.relative_to(PACKAGE)}:{node.name}": [
            ast.unparse(each.annotation) for each in (*node.args.args, *node.args.kwonlyargs) if each.annotation
        ]
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "testing" and "cache" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and any(map(_is_unbounded, node.decorator_list))
    }


def test_what_is_remembered_without_a_bound_is_known_beforehand() -> None:
    found = _unbounded()
    assert {name for name, kinds in found.items() if set(kinds) - {"type"}} == set(OWN)
    assert "kvnet/xml/schema.py:plan_of" in found
