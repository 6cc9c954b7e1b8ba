"""The pages of documentation that people write; what the build makes of data is not among them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DOCS", "ROOT"]

ROOT = Path(__file__).parents[1]
_MADE = ("docs/_build", "docs/_generated", "docs/reference/problems", "docs/reference/api")
DOCS = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if not page.relative_to(ROOT).as_posix().startswith(tuple(f"{each}/" for each in _MADE))
]
