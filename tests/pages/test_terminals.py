"""The documentation shows what a terminal shows."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from written import DOCS

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_extensions"


@pytest.fixture
def terminals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("sphinx")
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXTENSIONS)])
    return import_module("terminals")


def cells(svg: str) -> str:
    """The characters of a drawing, without the spaces and lines that are between them."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return re.sub(r"\s", "", "".join(each.text or "" for each in texts))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("check", ["error KN003", "^^^^^^^^^", "warning KN912", "kvnet: 1 error, 1 warning in 1 file"]),
        ("diff", ["+++ vm.yaml", "+              model: e1000", '-                  port: "80"']),
        ("explain", ["KN112: ", "Why is this bad", "Use instead"]),
        ("show", ["libvirt network default", "NAD linux-bridge-net-ipam"]),
    ],
)
def test_a_screenshot_holds_the_command_and_all_that_it_prints(
    terminals: ModuleType, name: str, told: list[str]
) -> None:
    screenshot = terminals.SCREENSHOTS[name]
    lines = terminals.shown(screenshot)
    text = "\n".join(line.plain for line in lines)
    assert lines[0].plain == f"$ {screenshot.command}"
    assert [each for each in told if each not in text] == []
    assert cells(terminals.drawn(name, lines)) == re.sub(r"\s", "", text)


def test_a_screenshot_has_the_colours_of_the_terminal_and_loads_nothing(terminals: ModuleType) -> None:
    lines = terminals.shown(terminals.SCREENSHOTS["check"])
    svg = terminals.drawn("check", lines)
    assert "fill: #cc555a;font-weight: bold" in svg, "an error is red"
    assert set(re.findall(r"https?://[^\"']*", svg)) == {"http://www.w3.org/2000/svg"}
    assert terminals.drawn("check", lines) == svg


def test_a_command_that_ends_otherwise_is_no_screenshot(terminals: ModuleType) -> None:
    with pytest.raises(terminals.ExtensionError, match="ended with 2, not 0"):
        terminals.shown(terminals.Screenshot("kvnet check nothing.yaml"))


def test_each_screenshot_is_on_a_page(terminals: ModuleType) -> None:
    used = {name for page in DOCS for name in re.findall(r"```\{terminal\} (\S+)", page.read_text(encoding="utf-8"))}
    assert used == set(terminals.SCREENSHOTS)
