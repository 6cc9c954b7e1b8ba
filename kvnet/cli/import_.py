"""``kvnet import``."""

from __future__ import annotations

import sys
from argparse import Namespace

from kvnet.cli.exit_status import CLEAN
from kvnet.cli.inputs import domain_text
from kvnet.cli.report import Report
from kvnet.domain.import_ import import_domain
from kvnet.manifest import Manifest, dump

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the machine and the definitions of its networks as one stream."""
    text = domain_text(arguments.domain)
    imported = import_domain(text.text, profile=arguments.profile, file=text.file)
    report.problems(imported.assumptions)
    sys.stdout.write(dump(Manifest(objects=(imported.machine, *imported.nads)), arguments.output))
    return CLEAN
