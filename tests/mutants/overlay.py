"""A copy of the package in which one module at a time is another one."""

from __future__ import annotations

import compileall
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ROOT", "Overlay", "overlay"]

ROOT = Path(__file__).parents[2]


class Overlay:
    """A folder that has everything of the checkout: the package is a copy, everything else a link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for each in ROOT.iterdir():
            if each.name != "kvnet" and not each.name.startswith(".") and each.name != "build":
                (folder / each.name).symlink_to(each)
        shutil.copytree(ROOT / "kvnet", folder / "kvnet", ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(folder / "kvnet", quiet=2)

    @contextmanager
    def with_module(self, module: str, source: str) -> Iterator[None]:
        """Give a module, named by its path, another text inside a block."""
        path = self.folder / module
        original, times = path.read_bytes(), path.stat()
        # what is compiled belongs to a time and a size, which two mutants may have in common
        compiled = [(each, each.read_bytes()) for each in path.parent.glob(f"__pycache__/{path.stem}.*")]
        for each, _ in compiled:
            each.unlink()
        path.write_text(source)
        try:
            yield
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            for each, content in compiled:
                each.write_bytes(content)


@contextmanager
def overlay() -> Iterator[Overlay]:
    """An overlay in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="kvnet-mutants-") as folder:
        yield Overlay(Path(folder))
