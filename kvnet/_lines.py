"""Find the lines of a text by the number of their line or by a character, however many are asked for."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import lru_cache

__all__ = ["index_of", "line_and_column"]


def line_and_column(text: str, index: int) -> tuple[int, int]:
    r"""Line and column of a character, both counted from 1.

    >>> line_and_column("a\nbc", 3)
    (2, 2)
    """
    starts = _starts(text)
    line = bisect_right(starts, index)
    return line, index - starts[line - 1] + 1


def index_of(text: str, line: int, column: int) -> int:
    r"""The index of a line and a column that are counted from 1; of a line after the last, as if it were the last.

    >>> index_of("a\nbc", 2, 2)
    3
    """
    starts = _starts(text)
    return starts[min(line, len(starts)) - 1] + column - 1


@lru_cache(maxsize=2)
def _starts(text: str) -> array[int]:
    """Where each line begins. With a thousand problems in a text, counting for each takes most of the time."""
    return array("Q", (0, *(each.end() for each in re.finditer("\n", text))))
