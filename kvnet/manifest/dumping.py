"""Dump objects as KubeVirt's YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import yaml

from kvnet.facts import HostFacts
from kvnet.manifest import binder
from kvnet.manifest._yaml import plain as plain_scalar
from kvnet.manifest.loading import Manifest
from kvnet.manifest.objects import plain_cluster
from kvnet.spec import Instancetype, InterfaceStatus, Machine, Nad, Preference
from kvnet.spec.cluster import ClusterConfig

__all__ = ["WRITERS", "Dumpable", "dump", "plain"]

Dumpable = Machine | Nad | Instancetype | Preference | Manifest | ClusterConfig | HostFacts | InterfaceStatus
"""What can be dumped, alone or in a sequence."""


def plain(value: Dumpable | Sequence[Dumpable]) -> Any:
    """The plain data of an object, as JSON carries it: of a manifest, a List; of a sequence, a list.

    Raises TypeError for anything else.
    """
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Manifest):
        return {"apiVersion": "v1", "kind": "List", "items": [plain(each) for each in value]}
    if isinstance(value, ClusterConfig):
        return plain_cluster(value)
    if isinstance(value, Machine | Nad | Instancetype | Preference | HostFacts | InterfaceStatus):
        return binder.plain(value)
    kinds = (
        "a Machine, Nad, Instancetype, Preference, Manifest, ClusterConfig, HostFacts, InterfaceStatus, "
        "or a list of those"
    )
    raise TypeError(f"what can be dumped is {kinds}, not {type(value).__name__}")


def dump(value: Dumpable | Sequence[Dumpable], format: Literal["yaml", "json"] = "yaml") -> str:
    """KubeVirt's YAML or JSON for an object; ``loads`` of it gives the object again.

    A manifest becomes a YAML stream of documents, or a JSON List. ClusterConfig becomes a KubeVirt object, HostFacts
    a document of facts, and entries of ``status.interfaces`` a list of them. Raises TypeError for other values and
    ValueError for other formats.

    >>> print(dump(HostFacts(architecture="arm64")), end="")
    architecture: arm64
    """
    if format not in WRITERS:
        raise ValueError(f"the format is {' or '.join(map(repr, WRITERS))}, not {format!r}")
    return WRITERS[format](value)


def _yaml(value: Dumpable | Sequence[Dumpable]) -> str:
    items = [plain(each) for each in value] if isinstance(value, Manifest) else [plain(value)]
    return yaml.dump_all(items, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _json(value: Dumpable | Sequence[Dumpable]) -> str:
    return json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"


WRITERS: Mapping[str, Callable[[Dumpable | Sequence[Dumpable]], str]] = {"yaml": _yaml, "json": _json}
"""For each format, the function that turns objects into its text."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    # colons and digits first: MACs and PCI addresses are base 60 numbers to some readers
    needs_quotes = ":" in value or value[:1].isdigit() or not _is_text(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if needs_quotes else None)


def _is_text(value: str) -> bool:
    """Whether Kubernetes reads it as text without quotes too; PyYAML does not know all of its booleans and octals."""
    try:
        return plain_scalar(value) == value
    except ValueError:
        return False


_Dumper.add_representer(str, _text)
