"""Run commands in a terminal when Sphinx starts, and show what it shows by the directive ``terminal``."""

from __future__ import annotations

import os
import pty
import shutil
import sys
import termios
from collections.abc import Iterator
from functools import partial
from html import escape
from io import StringIO
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from docutils import nodes
from docutils.parsers.rst import Directive
from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import kvnet

__all__ = ["SCREENSHOTS", "Screenshot", "drawn", "setup", "shown"]

_CHECKOUT = Path(__file__).parents[2]
_LINES, _COLUMNS = 60, 100


class Screenshot(NamedTuple):
    """What is typed: a ``command`` in a folder with the examples, after what ``prepare`` does unseen.

    ``status`` is the exit status that the command ends with.
    """

    command: str
    prepare: str = "true"
    status: int = 0


SCREENSHOTS = {
    "check": Screenshot(
        "kvnet check vm.yaml",
        prepare="sed 's/masquerade/masqerade/; /type/s/bridge/macvlan/' examples/multus.yaml > vm.yaml",
        status=1,
    ),
    "explain": Screenshot("kvnet explain KN112"),
    "show": Screenshot("kvnet show examples/multus.yaml --profile host"),
    "diff": Screenshot(
        "kvnet check vm.yaml --diff -q",
        prepare="sed 's/model: e1000/model: E1000/; s/port: 80/port: \"80\"/' examples/e1000-port.yaml > vm.yaml",
        status=1,
    ),
}
"""By name, as pages refer to them."""

# rich's own format loads a font from the web
_SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


class Terminal(Directive):
    """The screenshot of this name, with its text for those who cannot see it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in SCREENSHOTS:
            raise self.error(f"there is no screenshot '{name}'")
        folder = _folder(self.state.document.settings.env.app)
        text = escape((folder / f"{name}.txt").read_text(encoding="utf-8"))
        picture = nodes.image(uri=f"/_generated/{folder.name}/{name}.svg", alt="A terminal; its text follows")
        details = f'<details class="terminal"><summary>As text</summary><pre>{text}</pre></details>'
        return [nodes.container("", picture, classes=["picture", "terminal"]), nodes.raw("", details, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the screenshots before Sphinx looks for pictures."""
    app.add_directive("terminal", Terminal)
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _folder(app: Sphinx) -> Path:
    return Path(app.srcdir) / "_generated" / "terminals"


def _write(app: Sphinx) -> None:
    folder = _folder(app)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, screenshot in SCREENSHOTS.items():
        lines = shown(screenshot)
        (folder / f"{name}.svg").write_text(drawn(name, lines), encoding="utf-8")
        (folder / f"{name}.txt").write_text("\n".join(line.plain for line in lines), encoding="utf-8")


def shown(screenshot: Screenshot) -> list[Text]:
    """The command and what it prints, line by line; a line is as long as it likes."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(_CHECKOUT / "examples")
        _run(screenshot.prepare, folder, 0)
        printed = _run(screenshot.command, folder, screenshot.status)
    prompt = Text.assemble(("$ ", "bold green"), screenshot.command)
    return [prompt, *AnsiDecoder().decode(printed.replace("\r\n", "\n").rstrip("\n"))]


def drawn(name: str, lines: list[Text]) -> str:
    """Lines as SVG, broken where a terminal breaks them."""
    console = Console(record=True, width=_COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        for part in line.divide(range(_COLUMNS, len(line), _COLUMNS)):
            console.print(part, no_wrap=True, highlight=False)
    return console.export_svg(title="", code_format=_SVG, unique_id=f"terminal-{name}")


def _run(script: str, folder: str, status: int) -> str:
    """What a terminal gets from a script, with the characters that it obeys."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (_LINES, _COLUMNS))
    typed = f'kvnet() {{ "{sys.executable}" -m kvnet "$@"; }}\n{script}'
    with Popen(["sh", "-c", typed], cwd=folder, env=_environment(), stdin=DEVNULL, stdout=theirs, stderr=theirs) as ran:
        os.close(theirs)
        printed = b"".join(_chunks(ours)).decode()
    os.close(ours)
    if ran.returncode != status:
        raise ExtensionError(f"'{script}' ended with {ran.returncode}, not {status}:\n{printed}")
    return printed


def _chunks(terminal: int) -> Iterator[bytes]:
    try:
        yield from iter(partial(os.read, terminal, 65536), b"")
    except OSError:  # Linux says so that the last program has left
        return


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    source = str(Path(kvnet.__file__).parents[1])
    return kept | {"TERM": "xterm-256color", "FORCE_HYPERLINK": "0", "LC_ALL": "C.UTF-8", "PYTHONPATH": source}
