"""The values that a picture is made of: rows of boxes, one row for each NIC."""

from __future__ import annotations

from attrs import field, frozen

from kvnet.errors import Problem
from kvnet.values import on_one_line

__all__ = ["COLUMNS", "Box", "Picture", "Row", "told_of"]

COLUMNS = ("guest NIC", "attached by", "bridge", "link", "network")
"""The columns of boxes, from the guest to the network; a row may leave some of them empty."""


def told_of(problem: Problem) -> str:
    """What is written of a problem beside its NIC."""
    hint = f"; {problem.hint}" if problem.hint else ""
    return on_one_line(f"{problem.severity} {problem.code} {problem.message}{hint}")


def _all_shown(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([on_one_line(text) for text in texts])


@frozen(kw_only=True)
class Box:
    """One thing on the way from a guest to a network.

    - ``column``: an index of ``COLUMNS``
    - ``kind``: what it is, such as ``tap`` or ``Linux bridge``
    - ``name``: its name there; boxes of one column, kind and name are one thing
    - ``facts``: what is known of it, a line each
    - ``state``: ``down`` for a link that is set down, ``absent`` for a NIC that is unplugged, else empty
    """

    column: int
    kind: str = field(converter=on_one_line)
    name: str = field(converter=on_one_line)
    facts: tuple[str, ...] = field(default=(), converter=_all_shown)
    state: str = ""

    @property
    def identity(self) -> tuple[int, str, str]:
        """What tells it from other boxes."""
        return self.column, self.kind, self.name


@frozen(kw_only=True)
class Row:
    """A NIC: its boxes from the guest to the network, and the problems of it or of its network."""

    boxes: tuple[Box, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether frames do not pass: the NIC cannot be made, its link is down, or it is absent."""
        return any(each.is_error for each in self.problems) or any(box.state for box in self.boxes)


@frozen(kw_only=True)
class Picture:
    """The NICs of a machine or domain; ``problems`` are those that belong to none of them alone."""

    title: str = field(converter=on_one_line)
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Every box once, in the order of the rows; of boxes that are one thing, the one that says most."""
        found: dict[tuple[int, str, str], Box] = {}
        for row in self.rows:
            for box in row.boxes:
                known = found.get(box.identity)
                if known is None or len(known.facts) < len(box.facts):
                    found[box.identity] = box
        return tuple(found.values())

    @property
    def summary(self) -> str:
        """The picture in words, a sentence for each NIC."""
        sentences = [", then ".join(f"{box.kind} {box.name}" for box in row.boxes) for row in self.rows]
        return f"{self.title}. {'. '.join(sentences) if sentences else 'No NIC'}."
