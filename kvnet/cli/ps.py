"""``kvnet ps``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence

from kvnet.cli.node import described, state_of, state_word
from kvnet.cli.output import CLEAN, write
from kvnet.cli.report import Report
from kvnet.node.machines import Running, machines

__all__ = ["run"]

_HEADINGS = ("NAME", "STATE", "NIC", "MAC", "LINK", "ADDRESSES", "KNOWN FROM")


def run(arguments: Namespace, report: Report) -> int:
    """Print what runs, with the status of each NIC as KubeVirt reports it."""
    found = machines(state=state_of(arguments))
    if arguments.output == "table":
        print(_table([row for each in found for row in _rows(each)]))
    else:
        write([described(each) for each in found], arguments.output)
    return CLEAN


def _rows(running: Running) -> Iterator[tuple[str, ...]]:
    """A row for each NIC, with what is the machine's own in the first."""
    own = (running.name, state_word(running))
    if not running.interfaces:
        yield (*own, *("-" for _ in _HEADINGS[len(own) :]))
    for entry in running.interfaces:
        cells = (entry.name, entry.mac, entry.link_state, ", ".join(entry.ip_addresses), entry.info_source)
        yield (*own, *(str(cell or "-") for cell in cells))
        own = ("", "")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    rows = [_HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
