"""A picture as an HTML page: the drawing, the same as a table, and the problems."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from kvnet.codes.catalogue import page_url
from kvnet.errors import Problem
from kvnet.pictures.picture import COLUMNS, Box, Picture, Row, told_of
from kvnet.pictures.svg import as_svg

__all__ = ["as_html"]

_CODE: Final = re.compile("`([^`]+)`")
_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; display: flex; flex-wrap: wrap; gap: 1rem 3rem }
section { min-width: 0; max-width: 100% } h1 { font-size: 1.2rem } h2 { font-size: 1rem }
figure, div { margin: 0 0 1.5rem; overflow-x: auto }
table { border-collapse: collapse } th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0 }
th { font-weight: 600; white-space: nowrap } td small { display: block; opacity: .75 }
""".strip()


def as_html(*pictures: Picture) -> str:
    """Pictures as an HTML page that loads no other file, side by side where there is room."""
    title = escape(", ".join(each.title for each in pictures) or "no machine")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(map(_section, pictures))}</body></html>\n"
    )


def _section(picture: Picture) -> str:
    told = [*picture.problems, *(problem for row in picture.rows for problem in row.problems)]
    problems = f"<h2>Problems</h2><ul>{''.join(map(_problem, told))}</ul>" if told else ""
    drawn = f'<figure tabindex="0" aria-label="picture">{as_svg(picture, with_titles=False)}</figure>'
    return f"<section><h1>{escape(picture.title)}</h1>{drawn}{_table(picture)}{problems}</section>"


def _table(picture: Picture) -> str:
    if not picture.rows:
        return ""
    used = [n for n in range(len(COLUMNS)) if any(box.column == n for box in picture.boxes)]
    head = "".join(f'<th scope="col">{escape(COLUMNS[n])}</th>' for n in used)
    body = "".join(f"<tr>{''.join(_cell(row, n) for n in used)}</tr>" for row in picture.rows)
    return f'<div tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(row: Row, column: int) -> str:
    boxes = [box for box in row.boxes if box.column == column]
    return f"<td>{''.join(map(_box, boxes))}</td>"


def _box(box: Box) -> str:
    name = box.name if box.kind == "NIC" else f"{box.kind} {box.name}"
    facts = [*box.facts, *(["absent"] if box.state == "absent" else ())]
    return escape(name) + "".join(f"<small>{escape(fact)}</small>" for fact in facts)


def _problem(problem: Problem) -> str:
    link = f'<a href="{page_url(problem.code)}">{problem.code}</a>'
    told = escape(told_of(problem)).replace(problem.code, link, 1)
    return "<li>" + _CODE.sub(r"<code>\1</code>", told) + "</li>"
