"""``kvnet cloud-init``."""

from __future__ import annotations

import sys
from argparse import Namespace

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, headed_texts, status_of, write_each
from kvnet.cli.report import Report
from kvnet.errors import Rejected
from kvnet.pod import check_network_data, network_data

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
        texts = [each.text(arguments.version) for each in made]
        names = [str(machine.name) for machine in machines]
        sys.stdout.write(headed_texts(list(zip(names, texts, strict=True)), "---\n"))
    return CLEAN
