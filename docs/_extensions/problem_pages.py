"""A page for each problem code, and the table of all codes by group, made of kvnet's catalogue when Sphinx starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from kvnet.codes import GROUPS, Explanation, explanations

__all__ = ["setup"]

_CODE = re.compile(r"`(KN\d{3})`")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks for documents."""
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "reference" / "problems"
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{each.code}.md": _linked(each) for each in explanations()}
    for stale in set(folder.iterdir()) - set(pages):
        stale.unlink()
    generated = Path(app.srcdir) / "_generated"
    generated.mkdir(exist_ok=True)
    for path, text in {**pages, generated / "problems.md": "\n".join(_index())}.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # Sphinx reads again what is newer
            path.write_text(text, encoding="utf-8")


def _linked(page: Explanation) -> str:
    """The text of a page, with a link at each code of another one."""
    return _CODE.sub(r"[`\1`](\1.md)", page.text)


def _index() -> Iterator[str]:
    pages = explanations()
    for group, about in GROUPS.items():
        found = [each for each in pages if each.group == group]
        if found:
            yield f"## {group}: {about}\n"
            yield "| Code | Severity | Meaning |\n| --- | --- | --- |"
            yield from (
                f"| [`{each.code}`](problems/{each.code}.md) | {each.severity} | {each.title} |" for each in found
            )
            yield ""
    yield "```{toctree}\n:hidden:\n"
    yield from (f"problems/{each.code}" for each in pages)
    yield "```\n"
