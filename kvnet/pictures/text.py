"""A picture as text: a block of lines for each NIC, with its boxes in columns."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.pictures.picture import COLUMNS, Box, Picture, Row, told_of

__all__ = ["as_text"]

_GAP = 4


def as_text(*pictures: Picture) -> str:
    """Pictures as text; a line breaks where frames do not pass, and problems stand below their NIC."""
    return "\n".join("\n".join(_picture(each)) + "\n" for each in pictures)


def _picture(picture: Picture) -> Iterator[str]:
    starts = _starts(picture)
    yield picture.title
    yield from (f"  ! {told_of(problem)}" for problem in picture.problems)
    for row in picture.rows:
        yield ""
        yield from _block(row, starts)
        yield from (f"  ! {told_of(problem)}" for problem in row.problems)
    if not picture.rows:
        yield "\nno NIC"


def _starts(picture: Picture) -> list[int]:
    """Where each column begins; one without boxes takes no room."""
    starts, at = [], 0
    for column in range(len(COLUMNS)):
        starts.append(at)
        widths = [len(line) for box in picture.boxes if box.column == column for line in _lines(box)]
        at += max(widths) + _GAP if widths else 0
    return starts


def _lines(box: Box) -> tuple[str, ...]:
    heading = box.name if box.kind == "NIC" else f"{box.kind} {box.name}"
    return (heading, *box.facts, *(["absent"] if box.state == "absent" else ()))


def _block(row: Row, starts: list[int]) -> Iterator[str]:
    cells = [(starts[box.column], _lines(box)) for box in row.boxes]
    line = "╌" if row.is_broken else "─"
    for n in range(max(len(lines) for _, lines in cells)):
        text, filler = "", " " if n else line
        for start, lines in cells:
            if n < len(lines):
                text = text.ljust(start - 1, filler) + f" {lines[n]} " if start else f"{lines[n]} "
        yield text.rstrip()
