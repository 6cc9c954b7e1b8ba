import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import kvnet
from kvnet.device import Hostdev, Interface
from kvnet.pictures import FORMATS, picture
from kvnet.xml.paths import DeclaredPath, paths

sys.path.append(str(Path(__file__).parent / "_extensions"))

project = "kvnet"
author = "The kvnet authors"
project_copyright = author
release = version = installed_version("kvnet")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
extensions += ["playground_page", "problem_pages", "api_pages", "terminals"]
exclude_patterns = ["_build", "_extensions", "_generated", "playground"]

html_theme = "furo"
html_title = f"kvnet {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

myst_heading_anchors = 3

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# KubeVirt and libvirt both have a Port, and public names are in kvnet too
suppress_warnings = ["ref.python"]


def row(path: DeclaredPath) -> str:
    """One line of the table of paths."""
    types = ", ".join(path.variants) or "all"
    values = ", ".join([*path.words, *(scalar.describe() for scalar in path.scalars)])
    seen = "guest" if path.guest else "host"
    return f"| `{path.path}` | {types} | {values.replace('|', chr(92) + '|')} | {path.since} | {seen} |"


generated = Path(__file__).parent / "_generated"
generated.mkdir(exist_ok=True)
for name, cls in {"interface": Interface, "hostdev": Hostdev}.items():
    head = ["````{container} paths", "| Path | Types | Values | Since | Seen by |", "| --- | --- | --- | --- | --- |"]
    (generated / f"{name}.md").write_text("\n".join([*head, *map(row, paths(cls)), "````"]) + "\n")

# the picture of the machine that the landing page writes down
landing = (Path(__file__).parent / "index.md").read_text(encoding="utf-8")
(manifest,) = re.findall(r"<<'END'\n(.*?)^END$", landing, re.MULTILINE | re.DOTALL)
drawing = FORMATS["svg"](picture(kvnet.loads(manifest)))
(generated / "landing.html").write_text(f'<div class="picture">{drawing}</div>\n', encoding="utf-8")
