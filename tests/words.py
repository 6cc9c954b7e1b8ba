"""The words that the code of kvnet knows, which a fast way must not take for any name or address."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import kvnet

__all__ = ["words_of_kvnet"]


def words_of_kvnet(pattern: str = r"[!-~]{1,80}", folders: str = "*") -> tuple[str, ...]:
    """The words in texts of the modules of a package's folders that a pattern matches, each once and sorted."""
    package, found = Path(kvnet.__file__).parent, set[str]()
    for file in (*package.glob("*.py"), *package.glob(f"{folders}/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value, *re.split(r"[^A-Za-z0-9_.:/-]+", node.value)}
    return tuple(sorted(each for each in found if re.fullmatch(pattern, each)))
