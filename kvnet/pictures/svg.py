"""A picture as SVG, which follows the light or dark scheme of the viewer and has its text for screen readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from attrs import frozen

from kvnet.errors import Severity
from kvnet.pictures.picture import COLUMNS, Picture, Row

__all__ = ["STYLE", "as_svg"]

_CHARACTER, _LINE, _PADDING, _GAP, _MARGIN, _TITLE = 7.3, 18, 10, 44, 16, 40
"""Pixels: of a character and a line of 12 px monospace, in and around boxes, around all, and above the first box."""
_COLOURS: Mapping[str, tuple[str, str]] = {
    "--kv-ink": ("#1b1f24", "#e6edf3"),
    "--kv-quiet": ("#57606a", "#9da7b1"),
    "--kv-box": ("#ffffff", "#161b22"),
    "--kv-edge": ("#6e7781", "#8b949e"),
    "--kv-error": ("#b3261e", "#ff8a80"),
    "--kv-warning": ("#8a5a00", "#f2cc60"),
}
"""Colours for light and for dark schemes; text has a contrast of at least 4.5 to 1 (WCAG 2, AA)."""


def _variables(scheme: int) -> str:
    return "; ".join(f"{name}: {colours[scheme]}" for name, colours in _COLOURS.items())


STYLE = f"""
.kvnet-picture {{ {_variables(0)}; font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }}
@media (prefers-color-scheme: dark) {{ .kvnet-picture {{ {_variables(1)} }} }}
.kvnet-picture text {{ fill: var(--kv-ink) }} .kvnet-picture .quiet {{ fill: var(--kv-quiet) }}
.kvnet-picture .name {{ font-weight: 600 }}
.kvnet-picture rect {{ fill: var(--kv-box); stroke: var(--kv-edge) }}
.kvnet-picture path {{ stroke: var(--kv-edge); stroke-width: 1.5; fill: none }}
.kvnet-picture .broken {{ stroke-dasharray: 5 4 }}
.kvnet-picture rect.error {{ stroke: var(--kv-error); stroke-width: 2 }}
.kvnet-picture rect.warning {{ stroke: var(--kv-warning); stroke-width: 2 }}
.kvnet-picture text.error {{ fill: var(--kv-error) }} .kvnet-picture text.warning {{ fill: var(--kv-warning) }}
""".strip()

_Identity = tuple[int, str, str]


@frozen
class _Placed:
    """A box with its place in pixels, its lines with their classes, and the gravest of its problems."""

    x: float
    y: float
    width: float
    lines: tuple[tuple[str, str], ...]
    severity: str = ""

    @property
    def height(self) -> float:
        return _height(self.lines)


def as_svg(*pictures: Picture, with_titles: bool = True) -> str:
    """Pictures as one SVG document, one below the other."""
    parts, width, top = [], 200.0, 0.0
    for picture in pictures:
        inside, right, bottom = _inside(picture, with_titles)
        parts.append(f'<g transform="translate(0 {top:.0f})">{inside}</g>')
        width, top = max(width, right), top + bottom
    summary = escape(" ".join(each.summary for each in pictures))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kvnet-picture" role="img" aria-label="{summary}" '
        f'viewBox="0 0 {width:.0f} {top:.0f}" width="{width:.0f}" height="{top:.0f}">'
        f"<desc>{summary}</desc><style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )


def _inside(picture: Picture, with_title: bool) -> tuple[str, float, float]:
    """The elements of a picture, with its width and its height."""
    top = float(_TITLE if with_title else _MARGIN)
    placed = _placed(picture, top)
    width = max((each.x + each.width for each in placed.values()), default=200.0) + _MARGIN
    height = max((each.y + each.height for each in placed.values()), default=top + _LINE) + _MARGIN
    text = ""
    if with_title:
        text = f'<text x="{_MARGIN}" y="{_MARGIN + 6}" class="name">{escape(picture.title)}</text>'
        width = max(width, len(picture.title) * _CHARACTER + 2 * _MARGIN)
    if not picture.rows:
        text += f'<text x="{_MARGIN}" y="{top + _LINE}" class="quiet">no NIC</text>'
    drawn = [*_paths(picture, placed), *(part for each in placed.values() for part in _drawn(each))]
    return text + "".join(drawn), width, height


def _placed(picture: Picture, top: float) -> dict[_Identity, _Placed]:
    """Every box at the height of its rows, in columns as wide as their widest box."""
    lines, rows = _lines(picture), {row.boxes[0].identity: row for row in picture.rows}
    starts, widths = _columns(picture, lines)
    middles = _middles(picture, lines, top)
    found: dict[_Identity, _Placed] = {}
    floor = [0.0] * len(COLUMNS)
    for box in picture.boxes:
        identity, column = box.identity, box.column
        y = max(middles[identity] - _height(lines[identity]) / 2, floor[column])
        severity = _gravest(rows[identity]) if identity in rows else ""
        found[identity] = _Placed(starts[column], y, widths[column], lines[identity], severity)
        floor[column] = y + found[identity].height + _PADDING
    return found


def _lines(picture: Picture) -> dict[_Identity, tuple[tuple[str, str], ...]]:
    """The lines of each box, with the class of each: its kind, its name, what is known, and the problems of a NIC."""
    found = {
        box.identity: [
            *((box.kind, "quiet"), (box.name, "name"), *((fact, "") for fact in box.facts)),
            *([("absent", "quiet")] if box.state == "absent" else []),
        ]
        for box in picture.boxes
    }
    for row in picture.rows:
        found[row.boxes[0].identity] += [(f"{each.severity} {each.code}", str(each.severity)) for each in row.problems]
    return {identity: tuple(lines) for identity, lines in found.items()}


def _columns(
    picture: Picture, lines: Mapping[_Identity, tuple[tuple[str, str], ...]]
) -> tuple[list[float], list[float]]:
    """Where each column begins, and how wide it is; one without boxes takes no room."""
    starts, widths, x = [], [], float(_MARGIN)
    for column in range(len(COLUMNS)):
        longest = [len(text) for box in picture.boxes if box.column == column for text, _ in lines[box.identity]]
        starts.append(x)
        widths.append(max(longest) * _CHARACTER + 2 * _PADDING if longest else 0.0)
        x += widths[-1] + _GAP if longest else 0
    return starts, widths


def _middles(
    picture: Picture, lines: Mapping[_Identity, tuple[tuple[str, str], ...]], top: float
) -> dict[_Identity, float]:
    """The height at which each box is centred: that of its row, or between those that share it."""
    shared: dict[_Identity, list[float]] = {}
    y = top
    for row in picture.rows:
        height = max(_height(lines[box.identity]) for box in row.boxes)
        for box in row.boxes:
            shared.setdefault(box.identity, []).append(y + height / 2)
        y += height + 2 * _PADDING
    return {identity: (min(ys) + max(ys)) / 2 for identity, ys in shared.items()}


def _height(lines: Sequence[object]) -> float:
    return len(lines) * _LINE + _PADDING


def _gravest(row: Row) -> str:
    told = {problem.severity for problem in row.problems}
    return next((str(each) for each in (Severity.ERROR, Severity.WARNING) if each in told), "")


def _drawn(box: _Placed) -> Iterator[str]:
    kind = f' class="{box.severity}"' if box.severity else ""
    size = f'width="{box.width:.1f}" height="{box.height:.1f}"'
    yield f'<rect x="{box.x:.1f}" y="{box.y:.1f}" {size} rx="6"{kind}/>'
    for n, (text, of_line) in enumerate(box.lines, 1):
        kind = f' class="{of_line}"' if of_line else ""
        yield f'<text x="{box.x + _PADDING:.1f}" y="{box.y + n * _LINE:.1f}"{kind}>{escape(text)}</text>'


def _paths(picture: Picture, placed: Mapping[_Identity, _Placed]) -> Iterator[str]:
    for row in picture.rows:
        for one, other in pairwise(row.boxes):
            begin, end = placed[one.identity], placed[other.identity]
            x, y = begin.x + begin.width, begin.y + begin.height / 2
            to_x, to_y = end.x, end.y + end.height / 2
            middle = (x + to_x) / 2
            kind = ' class="broken"' if row.is_broken else ""
            curve = f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
            yield f'<path{kind} d="M{x:.1f} {y:.1f} {curve}"/>'
