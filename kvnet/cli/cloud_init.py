"""``kvnet cloud-init``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, status_of
from kvnet.cli.formats import write_each
from kvnet.cli.report import Report
from kvnet.errors import Rejected
from kvnet.pod import NetworkData, check_network_data, network_data
from kvnet.spec import Machine

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the network data of every machine, or compare it with what the machines have."""
    machines, target = inputs.read(arguments, report)
    if arguments.check:
        found = [problem for machine in machines for problem in check_network_data(machine, target)]
        # what kvnet check only warns of is a difference here
        report.findings(found)
        return status_of(found) or int(any(each.code == "KN923" for each in found))
    made = [network_data(machine, target) for machine in machines]
    errors = [problem for each in made for problem in each.problems]
    if errors:
        raise Rejected(errors)
    report.problems(note for each in made for note in each.notes)
    if arguments.output == "json":
        write_each([each.plain(arguments.version) for each in made], "json", machines=len(made))
    else:
        sys.stdout.write(_documents(machines, made, arguments.version))
    return CLEAN


def _documents(machines: Sequence[Machine], made: Sequence[NetworkData], version: int) -> str:
    """One document as it is, and several with a comment before each that names its machine."""
    texts = [each.text(version) for each in made]
    if len(texts) == 1:
        return texts[0]
    named = zip(machines, texts, strict=True)
    return "".join(f"---\n# {' '.join(str(machine.name).split())}\n{text}" for machine, text in named)
