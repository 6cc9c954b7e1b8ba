from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playground.folder import EXTENSIONS, source
from written import ROOT

PAGE = "# A page\n\n```{playground}\n```\n"


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ({}, "there is no node"),
        ({"node": "echo v16.20.2"}, "node 16.20.2 is too old, Pyodide needs 18"),
        ({"node": "echo v20.0.0"}, "there is no npm"),
        (
            {"node": "echo v22.1.0", "npm": "echo npm error network >&2; exit 1"},
            "npm could not fetch the packages: npm error network",
        ),
        ({"node": "echo v22.1.0", "npm": "exit 3"}, "npm could not fetch the packages: status 3"),
    ],
)
def test_a_playground_that_cannot_be_built_says_why_and_leaves_nothing(
    programs: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    builder = source("build_playground")
    for name, script in programs.items():
        program(tmp_path, name, script)
    monkeypatch.setattr(builder, "_PACKAGES", tmp_path / "packages")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(builder.Unavailable) as raised:
        builder.build(tmp_path / "site")
    assert str(raised.value) == reason
    assert not (tmp_path / "site").exists()


@pytest.mark.slow
def test_pages_without_the_playground_are_built_and_say_why(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text(PAGE)
    (pages / "conf.py").write_text(
        f"import sys\nsys.path.append({str(EXTENSIONS)!r})\n"
        "import playground_page\nimport build_playground\nfrom pathlib import Path\n"
        f"build_playground._PACKAGES = Path({str(tmp_path / 'packages')!r})\n"
        "extensions = ['myst_parser', 'playground_page']\n"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(pages), str(tmp_path / "html")]
    subprocess.run(command, env={**os.environ, "PATH": str(tmp_path)}, check=True)
    html = (tmp_path / "html" / "index.html").read_text()
    assert "not part of these pages, because it could not be built: there is no node." in html
    assert "<iframe" not in html


def test_the_landing_page_holds_the_playground() -> None:
    assert "```{playground}" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
