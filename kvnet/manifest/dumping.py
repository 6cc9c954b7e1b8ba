"""Dump objects as the YAML or JSON that the readers read again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from math import isfinite
from types import NoneType
from typing import Any, Literal

import yaml

from kvnet.errors import FieldPath
from kvnet.facts import HostFacts
from kvnet.manifest import binder
from kvnet.manifest._yaml import DEEPEST, LONGEST_NUMBER, TOO_DEEP
from kvnet.manifest._yaml import plain as plain_scalar
from kvnet.manifest.loading import Manifest
from kvnet.manifest.objects import plain_cluster
from kvnet.spec import TEMPLATES, Instancetype, InterfaceStatus, Machine, Nad, Preference
from kvnet.spec.cluster import ClusterConfig
from kvnet.values import printable_json

__all__ = ["WRITERS", "Dumpable", "as_yaml", "dump", "plain"]

Dumpable = Machine | Nad | Instancetype | Preference | Manifest | ClusterConfig | HostFacts | InterfaceStatus
"""What can be dumped, alone or in a sequence."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST_NUMBER = 10**LONGEST_NUMBER
_TOP = FieldPath()


def plain(value: Dumpable | Sequence[Dumpable]) -> Any:
    """The plain data of an object, as JSON carries it: of a manifest, a List; of a sequence, a list.

    Raises TypeError for anything else, and ValueError for what is nested too deep to be read again.
    """
    try:
        return _plain(value)
    except RecursionError:
        raise ValueError(f"what is to be dumped is {TOO_DEEP}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Manifest):
        return {"apiVersion": "v1", "kind": "List", "items": [_plain(each) for each in value]}
    if isinstance(value, ClusterConfig):
        return plain_cluster(value)
    if isinstance(value, Machine) and value.kind and value.kind not in TEMPLATES:
        raise ValueError(f"'{value.kind}' is no kind of machine: write one of {', '.join(TEMPLATES)}")
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
    a document of facts, and entries of ``status.interfaces`` a list of them. Raises TypeError for other values, and
    ValueError for other formats and for what the readers would refuse: nesting beyond 128 levels, half of a surrogate
    pair, and numbers that JSON does not carry.

    >>> print(dump(HostFacts(architecture="arm64")), end="")
    architecture: arm64
    """
    if format not in WRITERS:
        raise ValueError(f"the format is {' or '.join(map(repr, WRITERS))}, not {format!r}")
    return WRITERS[format](value)


def _yaml(value: Dumpable | Sequence[Dumpable]) -> str:
    items = [_readable(each) for each in value] if isinstance(value, Manifest) else [_readable(value)]
    return as_yaml(*items)


def as_yaml(*documents: Any) -> str:
    """Plain data as a stream of YAML documents; keys keep their order, and MAC addresses are quoted."""
    text = _dumped(documents, allow_unicode=True)
    # PyYAML writes marks of direction as they are, which a terminal would obey, and line breaks that it reads as spaces
    return text if text.replace("\n", "").isprintable() else _dumped(documents, allow_unicode=False)


def _dumped(documents: Sequence[Any], *, allow_unicode: bool) -> str:
    text: str = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=allow_unicode, width=100)
    return text


def _json(value: Dumpable | Sequence[Dumpable]) -> str:
    return printable_json(json.dumps(_readable(value), indent=2, ensure_ascii=False, default=str)) + "\n"


WRITERS: Mapping[str, Callable[[Dumpable | Sequence[Dumpable]], str]] = {"yaml": _yaml, "json": _json}
"""For each format, the function that turns objects into its text."""


def _readable(value: Dumpable | Sequence[Dumpable]) -> Any:
    """The plain data of an object, checked that it can be read again."""
    data = plain(value)
    _check(data, _TOP)
    return data


def _check(data: Any, at: FieldPath) -> None:
    """Raise ValueError or TypeError for data that could not be read again."""
    if len(at.parts) >= DEEPEST:  # YAML's composer counts the value inside as a level
        raise ValueError(f"{FieldPath(at.parts[:4])} is {TOO_DEEP}")
    if isinstance(data, Mapping):
        for key, each in data.items():
            if not isinstance(key, str | int | float):
                raise TypeError(f"the key {key!r} of {str(at) or 'the document'} is not text")
            _check(str(key), at)
            _check(each, at / str(key))
    elif isinstance(data, list | tuple):
        for n, each in enumerate(data):
            _check(each, at[n])
    elif reason := _unreadable(data):
        raise ValueError(f"{at} {reason}" if at.parts else f"the document {reason}")


def _unreadable(scalar: Any) -> str:
    """Why a scalar could not be read again, or nothing."""
    if isinstance(scalar, str):
        half = _SURROGATE.search(scalar)
        return f"has U+{ord(half.group()):04X}, half of a surrogate pair, which is not a character" if half else ""
    if isinstance(scalar, float) and not isfinite(scalar):
        return f"is {scalar}, a number that JSON does not carry"
    if isinstance(scalar, int) and abs(scalar) >= _LARGEST_NUMBER:
        return f"is a number of more than {LONGEST_NUMBER} digits"
    return "" if isinstance(scalar, int | float | date | NoneType) else f"is a value of type {type(scalar).__name__}"


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
