"""Imports point one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kvnet"
ALLOWED = {
    "errors": set(),
    "_html": set(),
    "nic_models": set(),
    "values": set(),
    "xml": {"values", "errors"},
    "spec": {"_html", "values", "errors"},
    "device": {"_html", "xml", "values", "errors"},
    "cni": {"device"},
    "facts": {"spec", "values", "errors"},
    "target": {"facts", "spec", "errors"},
    "defaults": {"target", "spec", "values"},
    "root_complex": {"target", "spec", "errors"},
    "instancetypes": {"defaults", "target", "spec", "values", "errors", "manifest"},
    "manifest": {"target", "facts", "spec", "values", "errors"},
    "rules": {"nic_models", "root_complex", "instancetypes", "defaults", "target", "spec", "values", "errors"},
    "compiler": {
        "_html",
        "cni",
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
        "nic_models",
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
    "pipeline": {"domain", "compiler", "rules", "instancetypes", "target", "spec", "errors"},
    "fleet": {
        *("domain", "compiler", "rules", "instancetypes", "defaults", "target", "spec", "device", "values", "errors"),
    },
    "bulk": {
        *("fleet", "pipeline", "compiler", "instancetypes", "defaults", "manifest", "target", "facts", "spec"),
        *("device", "values", "errors"),
    },
    "interface_status": {"manifest", "domain", "compiler", "facts", "spec", "device", "errors"},
    "lifecycle": {"interface_status", "manifest", "compiler", "facts", "spec", "errors"},
    "hotplug": {
        "_html",
        "nic_models",
        "root_complex",
        *("interface_status", "domain", "compiler", "instancetypes", "defaults", "target", "spec"),
        *("device", "xml", "values", "errors"),
    },
    "live": {
        *("hotplug", "interface_status", "domain", "compiler", "target", "spec", "device"),
        *("xml", "values", "errors"),
    },
}
IMPURE = {"os", "socket", "random", "time", "logging", "libvirt"}
PURE = (
    "cni",
    "compiler",
    "device",
    "xml",
    "domain",
    "interface_status",
    "lifecycle",
    "hotplug",
    "target",
    "defaults",
    "root_complex",
    "pipeline",
    "fleet",
)


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


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
