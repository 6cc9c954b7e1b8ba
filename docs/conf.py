from importlib.metadata import version as installed_version

project = "kvnet"
author = "The kvnet authors"
project_copyright = author
release = version = installed_version("kvnet")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"kvnet {release}"

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
