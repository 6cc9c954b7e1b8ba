"""Where fuzzing starts: real texts, written to a folder as libFuzzer wants them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from recorded import CORPUS, lines, recordings

__all__ = ["device_texts", "manifest_texts", "write_seeds"]

ROOT = Path(__file__).parents[2]
PLAIN = (
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='b'/><mtu size='1'/></interface>",
    "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='2' function='3'/></source></hostdev>",
    "<domain><devices><interface type='user'><!-- c --><x/><alias name='ua-a'/></interface></devices></domain>",
)


def device_texts() -> list[str]:
    """Elements and domains, with libvirt's own: the sample of them, and all where they are beside the checkout."""
    return [*PLAIN, *(json.loads(line)["xml"] for path in recordings(CORPUS) for line in lines(path))]


def manifest_texts() -> list[str]:
    """The examples."""
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))]


def write_seeds(texts: Iterable[str], folder: Path) -> None:
    """One file for each text."""
    for text in texts:
        data = text.encode()
        (folder / sha256(data).hexdigest()[:16]).write_bytes(data)
