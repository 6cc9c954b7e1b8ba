"""The chart is drawn from the figures alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

import chart
import rendering

SVG = {"svg": "http://www.w3.org/2000/svg"}


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    file = tmp_path / "figures.json"
    pytest.importorskip("markupsafe")
    assert rendering.main(["fstring", "kvnet_", "lxml_", "--vms", "20", "--rounds", "1", "--json", str(file)]) == 0
    return file


def test_a_run_is_drawn_with_a_bar_for_each_figure(figures: Path, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        assert chart.main([str(figures), str(tmp_path / name), "--note", "a <fast> machine"]) == 0
    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    root = etree.fromstring(drawn)
    bars = root.xpath("//svg:rect[@class='bar' or @class='own']", namespaces=SVG)
    assert len(bars) == len(json.loads(figures.read_text())["figures"]) == 4
    assert "a <fast> machine" in "".join(root.itertext())


def test_a_longer_time_has_a_longer_bar() -> None:
    times = [0.4, 3.0, 30.0, 2000.0]
    figures = [{"peer": f"p{time}", "name": f"p{time}", "microseconds": time, "leaves_out": []} for time in times]
    root = etree.fromstring(chart.chart(figures, "Times"))
    lengths = [float(bar.get("width")) for bar in root.xpath("//svg:rect[@class='bar']", namespaces=SVG)]
    assert lengths == sorted(lengths)
    assert lengths[2] - lengths[1] == pytest.approx(lengths[1] - lengths[0], rel=0.15)
