"""A picture as text: a block of lines for each NIC, with its boxes in columns."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.pictures.picture import COLUMNS, Box, Picture, Row, told_of

__all__ = ["as_text"]

_GAP = 4


def as_text(*pictures: Picture, columns: int | None = None) -> str:
    """Pictures as text; a line breaks where frames do not pass, and problems stand below their NIC.

    ``columns`` is how many characters a line may have, so that a terminal does not fold it: the boxes of a picture that
    is wider stand below one another.
    """
    return "\n".join("\n".join(_picture(each, columns)) + "\n" for each in pictures)


def _picture(picture: Picture, columns: int | None) -> Iterator[str]:
    starts = _starts(picture)
    blocks = [[*_block(row, starts)] for row in picture.rows]
    if columns is not None and any(len(line) > columns for block in blocks for line in block):
        blocks = [[*_narrow_block(row)] for row in picture.rows]
    yield picture.title
    yield from (f"  ! {told_of(problem)}" for problem in picture.problems)
    for row, block in zip(picture.rows, blocks, strict=True):
        yield ""
        yield from block
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


def _narrow_block(row: Row) -> Iterator[str]:
    line = "╎" if row.is_broken else "│"
    for box in row.boxes:
        heading, *facts = _lines(box)
        yield f"{'' if box.kind == 'NIC' else f'{line} '}{heading}{': ' if facts else ''}{', '.join(facts)}"
