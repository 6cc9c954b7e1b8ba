"""Put small faults into kvnet, one at a time, and see whether the fast tests of its package notice.

``make mutants`` tries a sample of each package; ``make mutants MUTANTS="live bulk --count 100"`` chooses. It prints the
faults that no test notices, and a table by package.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mutants.overlay import ROOT, overlay
from mutants.sample import accepted, listed, sampled, table, tried
from mutants.trial import warm_up


def main() -> int:
    """Try mutants, and tell what lived."""
    arguments = _parser().parse_args()
    cache = Path(arguments.cache)
    warm_up()
    reasons = accepted()
    verdicts = []
    with overlay() as where:
        for package in arguments.packages or sorted(listed()):
            mutants = sampled(package, arguments.count, arguments.seed)
            if arguments.only:
                mutants = [each for each in mutants if any(part in each.name for part in arguments.only)]
            for verdict in tried(package, mutants, where, cache, lived_only=arguments.lived):
                verdicts.append(verdict)
                if not verdict.is_killed:
                    reason = reasons.get(verdict.mutant.name)
                    why = f"\n  accepted: {reason}" if reason else ""
                    diff = verdict.mutant.diff((ROOT / verdict.mutant.module).read_text())
                    print(f"lived: {verdict.mutant.name}\n{diff}{why}\n", flush=True)
    print(table(verdicts, reasons))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", help="packages to take a sample of; all of them without")
    parser.add_argument("--count", type=int, default=60, help="how many mutants of each package (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (%(default)s)")
    parser.add_argument("--only", action="append", help="only those with this text in their names")
    parser.add_argument("--lived", action="store_true", help="only those that lived the last time")
    parser.add_argument("--cache", default=str(ROOT / "build" / "mutants"), help="where results are kept (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
