"""A picture as a flowchart in Mermaid's language, which many Markdown viewers draw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kvnet.pictures.picture import Box, Picture
from kvnet.values import on_one_line

__all__ = ["as_mermaid"]

_ESCAPED = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"})


def as_mermaid(*pictures: Picture) -> str:
    """Pictures as one Mermaid flowchart; a dotted line is one on which no frames pass."""
    lines = ["flowchart LR"]
    for n, picture in enumerate(pictures):
        lines += [f'  subgraph g{n}["{_text(picture.title)}"]', "    direction LR"]
        lines += [*(f"    {line}" for line in _statements(picture, f"g{n}")), "  end"]
    return "\n".join([*lines, "  classDef error stroke:#c00", "  classDef warning stroke:#b60"]) + "\n"


def _statements(picture: Picture, prefix: str) -> Iterator[str]:
    names = {box.identity: f"{prefix}b{n}" for n, box in enumerate(picture.boxes)}
    for box in picture.boxes:
        yield f'{names[box.identity]}["{"<br/>".join(map(_text, _lines(box)))}"]'
    edges = [
        f"{names[one.identity]} {'-.-' if row.is_broken else '---'} {names[other.identity]}"
        for row in picture.rows
        for one, other in pairwise(row.boxes)
    ]
    yield from dict.fromkeys(edges)
    told = [(names[row.boxes[0].identity], problem) for row in picture.rows for problem in row.problems]
    for n, (name, problem) in enumerate(told):
        text = _text(on_one_line(f"{problem.code} {problem.message}"))
        yield f'{prefix}p{n}["{text}"]:::{problem.severity} -.- {name}'


def _lines(box: Box) -> tuple[str, ...]:
    return (f"{box.kind} {box.name}", *box.facts)


def _text(text: str) -> str:
    return text.translate(_ESCAPED)
