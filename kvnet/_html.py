"""HTML tables and pictures, for values that are shown in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

__all__ = ["drawing", "table"]


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table; every text is escaped, and ``None`` is an empty cell."""
    from html import escape  # noqa: PLC0415 - only notebooks need it

    def cell(value: object) -> str:
        return f"<td>{'' if value is None else escape(str(value))}</td>"

    head = "".join(f"<th>{escape(each)}</th>" for each in headings)
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def drawing(*machines: Sequence[Any]) -> str:
    """The pictures of machines as SVG, where there are any; each machine is given as it is, or with its target.

    ``kvnet.pictures`` draws them. It lies above all that ask for a drawing, and is imported when a notebook does.
    """
    if not machines:
        return ""
    pictures: Any = import_module("kvnet.pictures")
    drawn: str = pictures.FORMATS["svg"](*(pictures.picture(*each) for each in machines))
    return drawn
