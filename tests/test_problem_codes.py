"""Every code that the source can tell has a page in the catalogue, and every page a code that can be told."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest
from written import DOCS

import kvnet
from kvnet.codes import explanations
from kvnet.manifest._problems import CODES

SOURCE = Path(kvnet.__file__).parent
ROOT = Path(__file__).parents[1]
CATALOGUE = SOURCE / "codes" / "pages"
PAGES = [ROOT / "README.md", *DOCS, *sorted(CATALOGUE.glob("*.md"))]


@cache
def codes_in_source() -> set[str]:
    constants = (
        node.value
        for path in SOURCE.rglob("*.py")
        if "KN" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {value for value in constants if re.fullmatch(r"KN\d{3}", value)}


def test_the_catalogue_has_a_page_for_each_code_of_the_source_and_no_other() -> None:
    assert {each.code for each in explanations()} == codes_in_source()
    assert len(codes_in_source()) > 100


def test_the_codes_of_reading_are_all_explained_in_the_source_too() -> None:
    assert set(CODES) == {code for code in codes_in_source() if code < "KN020"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: os.path.relpath(page, ROOT))
def test_a_page_names_no_code_that_does_not_exist(page: Path) -> None:
    assert set(re.findall(r"KN\d{3}", page.read_text(encoding="utf-8"))) <= codes_in_source()
