"""The pages name files and functions that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from written import DOCS

ROOT = Path(__file__).parents[1]
NAMED = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in NAMED), *DOCS]
FILE = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.py)(?:: (\w+))?`")


def found(page: Path, name: str) -> Path | None:
    folder = ROOT / page.parent.relative_to(ROOT)
    return next((path for base in (ROOT, ROOT / "kvnet", folder) if (path := base / name).is_file()), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_exists_and_has_the_function(page: Path) -> None:
    for name, function in FILE.findall(page.read_text(encoding="utf-8")):
        if "/" not in name:
            continue
        path = found(page, name)
        assert path is not None, name
        assert not function or re.search(rf"\b(?:def|class) {function}\b", path.read_text(encoding="utf-8")), function
