"""Build the playground when Sphinx starts, and show it by the directive ``playground``."""

from __future__ import annotations

import shutil
import sys
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx
from sphinx.util import logging

sys.path.append(str(Path(__file__).parents[1] / "playground"))

from build_playground import Unavailable, build

__all__ = ["setup"]

_LOG = logging.getLogger(__name__)
_STYLE = "width: 100%; height: 46rem; border: 1px solid var(--color-background-border); border-radius: 6px"
# the frame follows the scheme that readers choose for these pages
_SCHEMES = "".join(
    f"<style>body[data-theme={each}] iframe {{ color-scheme: {each} }}</style>" for each in ("light", "dark")
)
_WIDE = "<style>.content { width: 100%; max-width: 86rem; padding: 0 1.5rem }</style>"


class Playground(Directive):
    """The playground in a frame, or why it is not part of these pages.

    With the option ``on-demand`` nothing but the editor is loaded before the reader asks for more; with ``wide`` the
    page takes all the width there is.
    """

    option_spec: ClassVar = {"on-demand": directives.flag, "wide": directives.flag}

    def run(self) -> list[nodes.Node]:
        environment = self.state.document.settings.env
        environment.note_dependency(str(_folder(environment.app) / "index.html"))
        if reason := environment.app.config.playground_missing:
            text = f"The playground is not part of these pages, because it could not be built: {reason}."
            return [nodes.note("", nodes.paragraph("", text))]
        address = "../" * environment.docname.count("/") + "playground/index.html"
        query = "?on-demand" if "on-demand" in self.options else ""
        frame = (
            f"{_SCHEMES}{_WIDE if 'wide' in self.options else ''}"
            f'<p><a href="{address}">Open the playground on a page of its own</a></p>'
            f'<iframe src="{escape(address + query)}" title="Playground" loading="lazy" style="{_STYLE}" '
            'allow="clipboard-write"></iframe>'
        )
        return [nodes.raw("", frame, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Build the playground for builders of HTML."""
    app.add_config_value("playground_missing", "", "")
    app.add_directive("playground", Playground)
    app.connect("builder-inited", _build)
    app.connect("build-finished", _put)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _folder(app: Sphinx) -> Path:
    return Path(app.srcdir) / "_generated" / "playground"


def _build(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    try:
        build(_folder(app))
    except Unavailable as reason:
        shutil.rmtree(_folder(app), ignore_errors=True)
        app.config.playground_missing = str(reason)
        _LOG.info("the playground is left out: %s", reason)


def _put(app: Sphinx, error: Exception | None) -> None:
    target = Path(app.outdir) / "playground"
    if error is None and app.builder.format == "html":
        shutil.rmtree(target, ignore_errors=True)
        if _folder(app).exists():
            shutil.copytree(_folder(app), target)
