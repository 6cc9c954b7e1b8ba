"""Where a character of a scalar's value stands in the text that the scalar was read from."""

from __future__ import annotations

import re
from typing import Final

import yaml

__all__ = ["source_index"]

_HEADER: Final = re.compile(r"[^|>]*[|>][^\n]*\n")
_PIECES: Final = {
    "'": re.compile(r"''|\S"),
    '"': re.compile(r"(?P<blank>\\[ntr\s])|\\(?:x\w{2}|u\w{4}|U\w{8}|.)|\S"),
}
_LETTERS: Final = re.compile(r"\S")


def source_index(text: str, node: yaml.ScalarNode, offset: int) -> int:
    """The index in the text of the character ``offset`` of a scalar's value.

    YAML folds and strips white space alone, so the other characters are counted. White space itself is
    placed at what follows it, and the end of the value at its last character.
    """
    start, end = node.start_mark.index, node.end_mark.index
    style = node.style or ""
    if style in ("|", ">"):
        header = _HEADER.match(text, start, end)
        start = header.end() if header else start
    elif style in _PIECES:
        start, end = text.index(style, start) + 1, end - 1
    pieces = _PIECES.get(style, _LETTERS)
    wanted = sum(not letter.isspace() for letter in node.value[:offset])
    index = start
    for piece in pieces.finditer(text, start, end):
        if piece.lastgroup == "blank":
            continue
        index = piece.start()
        if wanted == 0:
            break
        wanted -= 1
    return index
