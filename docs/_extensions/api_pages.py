"""A page for each module that defines public names, and tables of both, made of the code when Sphinx starts."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_origin

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import kvnet

__all__ = ["public_names", "setup"]

_PUBLIC = (
    *("kvnet", "kvnet.errors", "kvnet.values", "kvnet.facts", "kvnet.target", "kvnet.spec", "kvnet.device"),
    *("kvnet.manifest", "kvnet.instancetypes", "kvnet.compiler", "kvnet.hotplug", "kvnet.live", "kvnet.lifecycle"),
    *(
        "kvnet.interface_status",
        "kvnet.pod",
        "kvnet.bulk",
        "kvnet.report",
        "kvnet.report.suppressions",
        "kvnet.pictures",
    ),
    *("kvnet.codes", "kvnet.xml", "kvnet.testing"),
)
"""What users import from; a name that several of them have is public in the first one."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before Sphinx looks for documents."""
    app.connect("builder-inited", _write_pages)
    app.connect("autodoc-process-signature", _plain_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _plain_signature(*event: Any) -> tuple[str | None, ...]:
    """A signature with the types that ``Annotated`` annotates: what it adds is for the reader of manifests."""
    return tuple(text and _without_annotated(text) for text in event[-2:])


def _without_annotated(text: str) -> str:
    before, found, after = text.partition("Annotated[")
    if not found:
        return text
    depth, ends = 0, []
    for at, sign in enumerate(after):
        depth += (sign in "[({") - (sign in "])}")
        if depth < 0 or (depth == 0 and sign == ","):
            ends.append(at)
        if depth < 0:
            break
    return re.sub(r"[~\w.]*$", "", before) + _without_annotated(after[: ends[0]] + after[ends[-1] + 1 :])


def public_names() -> dict[str, dict[str, str]]:
    """For each module that defines public names: the names, and from where each is imported."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for public in map(import_module, _PUBLIC):
        for name in public.__all__:
            found[_home(public, name)].setdefault(name, public.__name__)
    return {home: found[home] for home in sorted(found)}


def _home(public: ModuleType, name: str) -> str:
    """The module that defines a name, or the one that it is imported from where that one is private."""
    value = getattr(public, name)
    if isclass(value) or isfunction(value):
        home = value.__module__
    else:
        modules = [each for each in sys.modules if each.startswith("kvnet.") and "._" not in each]
        homes = [each for each in modules if name in getattr(sys.modules[each], "__all__", ())]
        homes = [each for each in homes if getattr(sys.modules[each], name) is value]
        home = min(homes, key=lambda each: (each in _PUBLIC, each != public.__name__, each))
    return public.__name__ if "._" in home or not home.startswith("kvnet") else home


def _write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "reference" / "api"
    folder.mkdir(exist_ok=True)
    modules = public_names()
    pages = {folder / f"{home}.md": _page(home, names) for home, names in modules.items()}
    for stale in set(folder.iterdir()) - set(pages):
        stale.unlink()
    generated = Path(app.srcdir) / "_generated"
    generated.mkdir(exist_ok=True)
    tables = {"modules.md": _modules(modules), "names.md": _names(modules)}
    for path, text in {**pages, **{generated / name: "\n".join(lines) for name, lines in tables.items()}}.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # Sphinx reads again what is newer
            path.write_text(text, encoding="utf-8")


def _page(home: str, names: Mapping[str, str]) -> str:
    imports = defaultdict(list)
    for name, public in names.items():
        imports[public].append(name)
    lines = [f"from {public} import {', '.join(sorted(imports[public]))}" for public in sorted(imports)]
    constants = [
        name for name in names if name.isupper() and ("", name) in ModuleAnalyzer.for_module(home).find_attr_docs()
    ]
    aliases = [name for name in names if get_origin(getattr(sys.modules[home], name)) is Annotated]
    members = [name for name in names if not name.isupper() and name not in aliases]
    return "\n".join(
        [
            *(f"# {home}\n", "```{eval-rst}", f".. automodule:: {home}"),
            *([f"   :members: {', '.join(members)}"] if members else []),
            *(f"\n.. autodata:: {home}.{name}\n   :no-value:" for name in constants),
            "```\n",
            *("## Imports\n", "```python", *lines, "```\n"),
        ]
    )


def _modules(modules: Mapping[str, object]) -> Iterator[str]:
    yield "| Module | What it does |\n| --- | --- |"
    for home in modules:
        yield f"| [{home}](api/{home}.md) | {_summary(sys.modules[home])} |"
    yield "\n```{toctree}\n:hidden:\n"
    yield from (f"api/{home}" for home in modules)
    yield "```\n"


def _names(modules: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield "| Name | What it is |\n| --- | --- |"
    homes = {name: home for home, names in modules.items() for name, public in names.items() if public == "kvnet"}
    for name in kvnet.__all__:
        yield f"| {{py:obj}}`kvnet.{name} <{homes[name]}.{name}>` | {_summary(getattr(kvnet, name))} |"


def _summary(value: object) -> str:
    """The first paragraph of a docstring; of a union, what it is made of."""
    if not isclass(value) and not isfunction(value) and not isinstance(value, ModuleType):
        return f"`{re.sub(r'kvnet[a-z_.]*[.]', '', str(value))}`".replace("|", "\\|")
    return " ".join((value.__doc__ or "").split("\n\n", 1)[0].split()).replace("``", "`").replace("|", "\\|")
