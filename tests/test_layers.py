"""Imports point one way."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kvnet"
ALLOWED = {
    "errors": {"values"},
    "_arguments": set(),
    "_codegen": set(),
    "_html": set(),
    "_lazy": set(),
    "_lines": set(),
    "_quoted": set(),
    "_spelling": set(),
    "codes": {"_lazy", "_spelling", "errors"},
    "values": {"_arguments"},
    "xml": {"_codegen", "_lines", "_quoted", "values", "errors"},
    "spec": {"_arguments", "_html", "_spelling", "values", "errors"},
    "device": {"_html", "xml", "values", "errors"},
    "cni": {"_spelling", "spec", "values"},
    "facts": {"spec", "values", "errors"},
    "target": {"_arguments", "facts", "spec", "values", "errors"},
    "defaults": {"target", "spec", "values", "errors"},
    "root_complex": {"target", "spec", "errors"},
    "instancetypes": {"_lazy", "_spelling", "defaults", "target", "spec", "values", "errors", "manifest"},
    "manifest": {
        *("_arguments", "_codegen", "_html", "_lazy", "_lines", "_quoted", "_spelling"),
        *("cni", "target", "facts", "spec", "values", "errors"),
    },
    "rules": {
        *("_lazy", "_spelling"),
        *("cni", "manifest", "root_complex", "instancetypes", "defaults", "target", "facts"),
        *("_arguments", "spec", "values", "errors"),
    },
    "compiler": {
        *("_codegen", "_html", "_lazy", "_quoted"),
        "_spelling",
        "cni",
        "manifest",
        "root_complex",
        "instancetypes",
        "defaults",
        "target",
        "facts",
        "spec",
        "device",
        "xml",
        "values",
        "errors",
    },
    "domain": {
        "_arguments",
        "cni",
        "compiler",
        "root_complex",
        "rules",
        "instancetypes",
        "defaults",
        "target",
        "facts",
        "spec",
        "device",
        "xml",
        "values",
        "errors",
    },
    "report": {"_lazy", "_lines", "_spelling", "codes", "manifest", "values", "errors"},
    "pipeline": {"_html", "domain", "compiler", "rules", "instancetypes", "target", "spec", "errors"},
    "checks": {"_lazy", "pipeline", "rules", "target", "spec", "errors"},
    "fleet": {
        "checks",
        "_arguments",
        *("pipeline", "domain", "compiler", "rules", "instancetypes", "defaults", "target", "spec", "device", "values"),
        "errors",
    },
    "pictures": {
        "checks",
        "codes",
        *("pipeline", "domain", "compiler", "instancetypes", "defaults", "manifest", "target", "spec", "device", "xml"),
        *("rules", "values", "errors"),
    },
    "bulk": {
        "_codegen",
        *("fleet", "pipeline", "domain", "rules", "compiler", "instancetypes", "defaults", "manifest", "target"),
        *("facts", "spec", "device", "values", "errors"),
    },
    "interface_status": {"manifest", "domain", "compiler", "facts", "spec", "device", "errors"},
    "lifecycle": {"_arguments", "interface_status", "manifest", "compiler", "facts", "spec", "errors"},
    "hotplug": {
        "_html",
        "root_complex",
        *("interface_status", "domain", "compiler", "instancetypes", "defaults", "target", "spec"),
        *("device", "xml", "values", "errors"),
    },
    "pod": {
        "_arguments",
        "compiler",
        "defaults",
        "errors",
        "facts",
        "hotplug",
        "instancetypes",
        "interface_status",
        "manifest",
        "pipeline",
        "rules",
        "spec",
        "target",
        "values",
    },
    "node": {
        *("live", "pipeline", "interface_status", "lifecycle", "hotplug", "domain", "instancetypes", "xml"),
        "defaults",
        *("compiler", "errors", "facts", "manifest", "pod", "spec", "target", "values"),
    },
    "live": {
        *("hotplug", "interface_status", "domain", "compiler", "instancetypes", "defaults", "target", "spec", "device"),
        *("xml", "values", "errors"),
    },
}
IMPURE = {"os", "socket", "subprocess", "random", "time", "logging", "libvirt", "pyroute2"}
PURE = (
    "cni",
    "compiler",
    "device",
    "xml",
    "domain",
    "interface_status",
    "lifecycle",
    "hotplug",
    "pod",
    "target",
    "defaults",
    "root_complex",
    "pipeline",
    "checks",
    "pictures",
    "fleet",
    "report",
)


@cache
def _module(path: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """The modules that a module imports, and the names that its own statements give."""
    module = ast.parse(path.read_text())
    imported: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
    statements = [each for each in module.body if isinstance(each, ast.Assign | ast.AnnAssign)]
    targets = [each.targets[0] if isinstance(each, ast.Assign) else each.target for each in statements]
    return frozenset(imported), tuple(each.id for each in targets if isinstance(each, ast.Name))


def _imported(path: Path) -> frozenset[str]:
    return _module(path)[0]


def _files(layer: str) -> list[Path]:
    folder = PACKAGE / layer
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{layer}.py"]


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_those_below_it(layer: str) -> None:
    for path in _files(layer):
        used = {name.split(".")[1] for name in _imported(path) if name.startswith("kvnet.")}
        assert used - {layer} <= ALLOWED[layer], path


@pytest.mark.parametrize("layer", PURE)
def test_pure_layers_read_nothing_but_their_arguments(layer: str) -> None:
    for path in _files(layer):
        assert not {name.split(".")[0] for name in _imported(path)} & IMPURE, path


def test_no_module_names_two_things_alike() -> None:
    again = []
    for path in sorted(PACKAGE.rglob("*.py")):
        names = [each for each in _module(path)[1] if each != "__all__"]
        again += [f"{path.relative_to(PACKAGE)}: {name}" for name in names if names.count(name) > 1]
    assert again == []
