"""The reference names every problem that the source can tell of, and no other."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

import kvnet
from kvnet.manifest._problems import CODES

SOURCE = Path(kvnet.__file__).parent
ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference" / "problems.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROW = re.compile(r"^\| `(KN\d{3})` \| (.*) \| (.*) \|$", re.MULTILINE)


def codes_in_source() -> set[str]:
    constants = (
        node.value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {value for value in constants if re.fullmatch(r"KN\d{3}", value)}


def rows() -> list[tuple[str, str, str]]:
    return [(code, meaning, remedy) for code, meaning, remedy in ROW.findall(REFERENCE.read_text(encoding="utf-8"))]


def test_the_reference_has_a_row_for_each_code_of_the_source() -> None:
    assert {code for code, _, _ in rows()} == codes_in_source()
    assert len(codes_in_source()) > 100


def test_the_rows_are_in_order_and_each_code_has_one() -> None:
    assert all(first < second for first, second in pairwise(code for code, _, _ in rows()))


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    for _, meaning, remedy in rows():
        assert meaning.endswith(".")
        assert remedy.endswith(".")


def test_a_heading_says_which_codes_follow() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    parts = re.split(r"^## (KN\d{3}) to (KN\d{3}): ", text, flags=re.MULTILINE)[1:]
    for first, last, part in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        told = [code for code, _, _ in ROW.findall(part)]
        assert (told[0], told[-1]) == (first, last)


def test_the_codes_of_reading_are_all_explained_in_the_source_too() -> None:
    assert set(CODES) == {code for code in codes_in_source() if code < "KN020"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_no_code_that_does_not_exist(page: Path) -> None:
    assert set(re.findall(r"KN\d{3}", page.read_text(encoding="utf-8"))) <= codes_in_source()
