"""``kvnet schema``."""

from __future__ import annotations

from argparse import Namespace

from kvnet.cli.exit_status import CLEAN
from kvnet.cli.formats import write
from kvnet.cli.report import Report
from kvnet.manifest.schema import SCHEMAS

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print a JSON Schema."""
    write(SCHEMAS[arguments.what](), "json")
    return CLEAN
