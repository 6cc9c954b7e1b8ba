"""``kvnet rules``."""

from __future__ import annotations

from argparse import Namespace

import attrs

from kvnet.cli.exit_status import CLEAN
from kvnet.cli.formats import write
from kvnet.cli.report import Report
from kvnet.codes import Explanation, explanations

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """List every code: in a table, or with all that its page says."""
    if arguments.output == "text":
        print("\n".join(map(_row, explanations())))
    else:
        write([_as_dict(each) for each in explanations()], arguments.output)
    return CLEAN


def _row(each: Explanation) -> str:
    return f"{each.code}  {each.severity:7}  {each.group:13}  {each.title}"


def _as_dict(each: Explanation) -> dict[str, str]:
    return attrs.asdict(each) | {"severity": str(each.severity), "url": each.url}
