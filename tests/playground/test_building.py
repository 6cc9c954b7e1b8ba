from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playground.folder import EXTENSIONS, source

PAGE = "# A page\n\n```{playground}\n```\n"


def test_without_npm_the_playground_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    builder = source("build_playground")
    monkeypatch.setattr(builder, "_PACKAGES", tmp_path / "packages")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(builder.Unavailable, match="there is no npm"):
        builder.build(tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_error_of_a_package_manager_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    builder = source("build_playground")
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho 'npm error network' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(builder, "_PACKAGES", tmp_path / "packages")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(builder.Unavailable, match="npm could not fetch the packages: npm error network"):
        builder.build(tmp_path / "site")


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
    assert "not part of these pages, because it could not be built: there is no npm." in html
    assert "<iframe" not in html
