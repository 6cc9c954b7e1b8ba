"""Recorded answers of KubeVirt and elements of libvirt: a sample in the repository, and all beside the checkout."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

__all__ = ["CORPUS", "SAMPLE", "kind_of", "lines", "parameters", "recordings", "sample"]

SAMPLE = Path(__file__).parent / "conformance" / "data"
"""The sample, which every clone has."""
CORPUS = "network-devices"
"""The kind of file that holds libvirt's elements; all others are named after what of KubeVirt they recorded."""
_SHARED = Path(__file__).parents[2] / "shared"
_FOLDERS = (SAMPLE, _SHARED / "conformance", _SHARED / "corpus")


def recordings(*kinds: str) -> list[Path]:
    """The files of some kinds: those of the sample, then those beside the checkout."""
    return [path for folder in _FOLDERS for path in sorted(folder.glob("*.jsonl.gz")) if kind_of(path) in kinds]


def parameters(*kinds: str) -> list[ParameterSet]:
    """The files of some kinds for a test: those beside the checkout are many times larger, and slow."""
    import pytest  # noqa: PLC0415 - what the scripts that replay do not need

    return [
        pytest.param(
            path,
            id=f"{path.parent.name}/{kind_of(path)}",
            marks=[] if path.parent == SAMPLE else [pytest.mark.slow],
        )
        for path in recordings(*kinds)
    ]


def kind_of(path: Path) -> str:
    """The kind of a file: its name without suffixes."""
    return path.name.split(".")[0]


def sample(kind: str) -> Path:
    """The sample's file of a kind, which is always there."""
    return SAMPLE / f"{kind}.jsonl.gz"


def lines(path: Path) -> list[str]:
    """The lines of a file, one JSON object each."""
    data = path.read_bytes()
    plain = gzip.decompress(data) if path.suffix == ".gz" else data
    return [line.decode() for line in plain.splitlines()]
