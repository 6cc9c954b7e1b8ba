"""What reports say to the letter: letters of any language, places at the edge of a text."""

from __future__ import annotations

import json

import pytest

from kvnet import FieldPath, Place, Problem
from kvnet.report import formats
from kvnet.report.baseline import gone_note
from kvnet.report.text import excerpt

TEXT = "model: virtoi\nä: 1"


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [(1, 8, (8, 6)), (1, 1, (1, 5)), (1, 0, (1, 5)), (1, 14, (14, 1)), (1, 99, (14, 1)), (2, 4, (4, 1))],
)
def test_an_excerpt_is_inside_its_line_whatever_the_column(line: int, column: int, expected: tuple[int, int]) -> None:
    found = excerpt(Problem(FieldPath(), "KN129", "x", place=Place("f", line, column)), {"f": TEXT})
    assert found is not None
    assert (found.line, found.column, found.length) == (TEXT.split("\n")[line - 1], *expected)


@pytest.mark.parametrize("line", [0, 3, -1])
def test_a_line_that_a_text_has_not_has_no_excerpt(line: int) -> None:
    assert excerpt(Problem(FieldPath(), "KN129", "x", place=Place("f", line, 1)), {"f": TEXT}) is None
    assert excerpt(Problem(FieldPath(), "KN129", "x", place=Place("g", 1, 1)), {"f": TEXT}) is None


@pytest.mark.parametrize(("number", "words"), [(1, "a problem that is gone"), (2, "2 problems that are gone")])
def test_what_is_gone_from_a_baseline_is_told_at_its_beginning(number: int, words: str) -> None:
    note = gone_note(number, "base.json")
    assert note.place == Place("base.json", 1, 1)
    assert words in note.message
    assert note.hint == "write it again with --write-baseline"
    assert not note.is_error


def test_reports_in_json_have_letters_as_they_are() -> None:
    problem = Problem(FieldPath(), "KN129", "Grüße", place=Place("f", 1, 1))
    for name in ("json", "sarif"):
        text = formats.write([problem], name)
        assert "Grüße" in text
        assert text.startswith("{\n  ") or text.startswith("[\n  ")
        json.loads(text)
