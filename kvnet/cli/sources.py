"""The texts that problems are in, by the names of their files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from kvnet.errors import KvnetError

if TYPE_CHECKING:
    from kvnet.manifest.document import Text

__all__ = ["Sources"]


class Sources(Mapping[str, str]):
    """The texts that the command has read, and those of other files, which are read when they are asked for.

    Only regular files are read again: a pipe gives its text once.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}

    def add(self, text: Text) -> None:
        """Remember a text that was read."""
        self._texts[text.file] = text.text

    def __getitem__(self, file: str) -> str:
        if file not in self._texts:
            self._texts[file] = _read_again(file)
        text = self._texts[file]
        if text is None:
            raise KeyError(file)
        return text

    def __iter__(self) -> Iterator[str]:
        return (file for file, text in self._texts.items() if text is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _read_again(file: str) -> str | None:
    if not os.path.isfile(file):
        return None
    try:
        text: str = import_module("kvnet.manifest.document").read_text(file).text
        return text
    except (KvnetError, OSError, ValueError):
        return None
