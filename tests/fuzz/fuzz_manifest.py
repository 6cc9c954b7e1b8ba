"""Fuzzes the loader of manifests: ``fuzz_manifest.py [libFuzzer options]``, such as ``-max_total_time=30``.

Whatever the text is, only kvnet's own errors may come of it; and what loads is checked, compiled, and dumped
into a text that loads as the same.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

import atheris
from seeds import manifest_texts, write_seeds

with atheris.instrument_imports(include=["kvnet"]):
    # names, for kvnet imports what they need only when they are asked for
    from kvnet import KvnetError, Target, check, compile, dump, load_all, loads_all


def one_input(data: bytes) -> None:
    """Load, check, compile and dump."""
    try:
        manifest = load_all(BytesIO(data))
    except KvnetError as error:
        told(error)
        return
    for machine in manifest.machines:
        check(machine)
        compile(machine)
        compile(machine, Target(nads=manifest.nads, profile="host"))
    if manifest.objects:
        assert loads_all(dump(manifest)).objects == manifest.objects


def told(error: KvnetError) -> None:
    """An error says something."""
    assert str(error)


def main() -> None:
    """Fuzz until libFuzzer ends."""
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(manifest_texts(), Path(folder))
        words = Path(__file__).with_name("manifest.dict")
        atheris.Setup([*sys.argv, f"-dict={words}", "-max_len=4096", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
