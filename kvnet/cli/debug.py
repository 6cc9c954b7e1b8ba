"""``kvnet debug``."""

from __future__ import annotations

from argparse import Namespace
from difflib import get_close_matches

from kvnet import device
from kvnet.cli.exit_status import CLEAN, FAILED
from kvnet.cli.report import Report
from kvnet.xml.generate import sources

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the functions that are generated for an element class, as a debugger shows them."""
    classes = {name: cls for name in device.__all__ if hasattr(cls := getattr(device, name), "__kvnet__")}
    cls = classes.get(arguments.name)
    if cls is None:
        near = get_close_matches(arguments.name, classes, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(classes))}"
        report.failure(f"no element class is named {arguments.name!r}; {hint}")
        return FAILED
    for label, text in sources(cls).items():
        print(f"# {label}\n{text}")
    return CLEAN
