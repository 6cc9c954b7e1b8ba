"""What is declared of each path of libvirt's devices, a line for each: releases, bounds, words, and who sees it.

``python -m device.declared > device/declared.txt`` in the folder of the tests writes it anew where a declaration is
meant to change; the difference then shows what users may write, or may no longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from kvnet.device import Hostdev, Interface
from kvnet.xml.paths import DeclaredPath, paths
from kvnet.xml.types import Scalar

__all__ = ["RECORDED", "declared"]

RECORDED = Path(__file__).with_name("declared.txt")


def declared() -> Iterator[str]:
    """The line of each path, in the order of declaration."""
    for path in {each.path: each for cls in (Interface, Hostdev) for each in paths(cls)}.values():
        yield " ".join(_said(path))


def _said(path: DeclaredPath) -> Iterator[str]:
    yield path.path
    if path.since:
        yield f"since {path.since}"
    if path.guest:
        yield "seen by the guest"
    yield from map(_value, path.scalars)
    if path.words:
        yield f"one of {'|'.join(path.words)}"
    if path.variants:
        yield f"of {'|'.join(path.variants)}"


def _value(scalar: Scalar[Any]) -> str:
    """The type of a value and what is not usual of it."""
    cls: Any = type(scalar)
    fields = [(each, getattr(scalar, each.name)) for each in attrs.fields(cls) if each.name != "code"]
    unusual = [
        f"{field.name}={getattr(value, 'pattern', value)}"
        for field, value in fields
        if value != field.default and value
    ]
    return f"{cls.__name__}({', '.join(unusual)})"


if __name__ == "__main__":
    print("\n".join(declared()))
