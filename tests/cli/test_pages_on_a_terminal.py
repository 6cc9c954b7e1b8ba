"""The page of a code on a terminal."""

from __future__ import annotations

import re

import pytest

from kvnet.cli.reference import styled
from kvnet.codes import Explanation, explanations

ESCAPE = re.compile(r"\x1b\[\d*m")
HEAD = "# KN1: A `b`\n\n| Severity | Source |\n| --- | --- |\n| note | `x.go` |\n"
SHOWN = {
    "a heading": ("## What `it` does\n", "\x1b[1mWhat it does\x1b[0m\n"),
    "the head": (HEAD, "\x1b[1mKN1: A b\x1b[0m\n\nSeverity: note\nSource: \x1b[36mx.go\x1b[0m\n"),
    "a paragraph": ("one\ntwo `three\nfour`\n", "one two \x1b[36mthree four\x1b[0m\n"),
    "code": ("```yaml\na:\n\n- `b`\n```\n", "    a:\n\n    - `b`\n"),
    "a comment": ("<!-- not run: never -->\n```sh\na\n```\n", "    a\n"),
    "a comment before text": ("<!-- not run: never -->\na\n", "a\n"),
}


@pytest.mark.parametrize(("page", "shown"), SHOWN.values(), ids=SHOWN)
def test_a_part_is_shown(page: str, shown: str) -> None:
    assert styled(page, 80) == shown


@pytest.mark.parametrize("width", [20, 60, 500])
def test_text_is_as_wide_as_the_terminal_and_not_too_wide(width: int) -> None:
    lines = ESCAPE.sub("", styled("word " * 100 + "\n", width)).splitlines()
    assert max(map(len, lines)) <= min(width, 100)


MARKUP = re.compile(r"<!-- not run: .*? -->|^```\w*$|^## |[`\s]", re.MULTILINE)


@pytest.mark.parametrize("page", explanations(), ids=lambda page: page.code)
def test_every_character_of_a_page_but_its_markup_is_shown_in_order(page: Explanation) -> None:
    sections = page.text.partition("## What it does")[2]
    shown = ESCAPE.sub("", styled(page.text, 80)).partition("What it does")[2]
    assert MARKUP.sub("", sections) == MARKUP.sub("", shown)
