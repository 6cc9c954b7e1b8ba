"""The figures of a run as a bar chart: ``python benchmarks/chart.py FIGURES.json CHART.svg --note "…"``.

Plain SVG, its times on a logarithmic scale, in light or dark colours as the reader prefers. The same figures and
the same note give the same bytes.
"""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["chart", "main"]

WIDTH, LEFT, RIGHT = 860, 310, 130
TOP, ROW, BAR, MARGIN = 88, 30, 18, 24
OWN = "kvnet"

STYLE = """
  .card { fill: #ffffff; stroke: #d8dee4; }
  .grid { stroke: #d8dee4; }
  .axis { stroke: #8c959f; }
  .bar { fill: #a9b8c9; }
  .own { fill: #1f6feb; }
  text { fill: #1f2328; font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .title { font-size: 17px; font-weight: 600; }
  .soft { fill: #59636e; }
  .small { font-size: 12px; }
  .strong { font-weight: 600; }
  .value { stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round; paint-order: stroke; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #12171e; stroke: #2f3742; }
    .grid { stroke: #2f3742; }
    .axis { stroke: #6e7681; }
    .value { stroke: #12171e; }
    .bar { fill: #55647a; }
    .own { fill: #4493f8; }
    text { fill: #e6edf3; }
    .soft { fill: #9da7b3; }
  }
"""


def chart(figures: Sequence[dict[str, Any]], title: str, note: str = "") -> str:
    """An SVG with a bar for each figure, in their order; ``note`` says where and when they were taken."""
    times = [figure["microseconds"] for figure in figures]
    low, high = math.floor(math.log10(min(times))), max(math.ceil(math.log10(max(times))), 1)
    bottom = TOP + ROW * len(figures)
    foot = list(_foot(figures, note))
    height = bottom + 34 + 18 * len(foot) + (MARGIN - 12)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-labelledby="title description">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(_told(figures))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="{MARGIN}" y="36">{escape(title)}</text>',
        f'<text class="soft" x="{MARGIN}" y="58">Microseconds a VM, on a logarithmic scale: shorter is faster. '
        "Then, how many times the f-string.</text>",
        *_grid(low, high, bottom),
        *(line for n, figure in enumerate(figures) for line in _bar(figure, figures, n, low, high)),
        f'<line class="axis" x1="{LEFT}" y1="{TOP - 6}" x2="{LEFT}" y2="{bottom}"/>',
        *(
            f'<text class="soft small" x="{MARGIN}" y="{bottom + 46 + 18 * n}">{escape(line)}</text>'
            for n, line in enumerate(foot)
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _place(microseconds: float, low: int, high: int) -> float:
    return LEFT + (math.log10(microseconds) - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _grid(low: int, high: int, bottom: int) -> Iterator[str]:
    for power in range(low, high + 1):
        x = _place(10.0**power, low, high)
        if power > low:
            yield f'<line class="grid" x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}"/>'
        label = f"{10.0**power:,.{max(0, -power)}f} µs"
        yield f'<text class="soft small" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'


def _bar(figure: dict[str, Any], figures: Sequence[dict[str, Any]], n: int, low: int, high: int) -> Iterator[str]:
    time = figure["microseconds"]
    name, _, rest = figure["name"].partition(",")
    y, length = TOP + ROW * n, max(_place(time, low, high) - LEFT, 1.0)
    base = y + 14
    own = figure["peer"].startswith(OWN)
    mark = " *" if figure["leaves_out"] else ""
    yield (
        f'<text x="{LEFT - 10}" y="{base}" text-anchor="end"><tspan class="strong">{escape(name)}</tspan>'
        f'<tspan class="soft">{escape("," + rest if rest else "")}{mark}</tspan></text>'
    )
    yield f'<rect class="{"own" if own else "bar"}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    yield (
        f'<text class="value" x="{LEFT + length + 7:.1f}" y="{base}"><tspan class="strong">{_rounded(time)}</tspan>'
        f'<tspan class="soft" dx="10">{_ratio(time, figures)}</tspan></text>'
    )


def _ratio(time: float, figures: Sequence[dict[str, Any]]) -> str:
    floor = next((each["microseconds"] for each in figures if each["peer"] == "fstring"), None)
    return f"{_rounded(time / floor)}&#215;" if floor else ""


def _rounded(number: float) -> str:
    """Two digits of small numbers, whole ones from 10 on."""
    return f"{number:.{1 if number < 10 else 0}f}"


def _told(figures: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{figure['name']}: {_rounded(figure['microseconds'])} microseconds a VM" for figure in figures)


def _foot(figures: Sequence[dict[str, Any]], note: str) -> Iterator[str]:
    partial = [figure["name"].partition(",")[0] for figure in figures if figure["leaves_out"]]
    if partial:
        yield f"* {' and '.join(partial)} cannot say all of it, and so write less."
    if note:
        yield note


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw one file of figures."""
    parser = ArgumentParser(description="Draw the figures that rendering.py --json wrote.")
    parser.add_argument("figures", type=Path)
    parser.add_argument("chart", type=Path)
    parser.add_argument("--title", default="The XML of a VM's four NICs, made from plain values")
    parser.add_argument("--note", default="", help="the machine and the date")
    options = parser.parse_args(arguments)
    data = json.loads(options.figures.read_text(encoding="utf-8"))
    note = ", ".join(filter(None, (options.note, f"Python {data['python']}", f"median of {data['rounds']} rounds")))
    options.chart.parent.mkdir(parents=True, exist_ok=True)
    options.chart.write_text(chart(data["figures"], options.title, note), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
