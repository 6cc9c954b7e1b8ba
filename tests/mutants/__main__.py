"""Put small faults into kvnet, one at a time, and see whether the fast tests of its package notice.

``make mutants`` tries a sample of each package; ``make mutants MUTANTS="live bulk --count 100"`` chooses. It prints
the faults that no test notices, and a table by package. With ``--overall`` it tries the sample that CI takes of all
packages together, and keeps in ``killers.json`` which test notices each.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from mutants.mutations import Mutant
from mutants.overlay import ROOT, Overlay, overlay
from mutants.sample import Verdict, accepted, keep_killers, listed, sampled, sampled_overall, table, tried
from mutants.trial import warm_up


def main() -> int:
    """Try mutants, and tell what lived."""
    arguments = _parser().parse_args()
    # so that a time limit leaves neither the trial that runs nor the overlay behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    warm_up()
    verdicts = []
    reasons = accepted()
    with overlay() as where:
        for verdict in _verdicts(arguments, where):
            verdicts.append(verdict)
            if not verdict.is_killed:
                reason = reasons.get(verdict.mutant.name)
                why = f"\n  accepted: {reason}" if reason else ""
                diff = verdict.mutant.diff((ROOT / verdict.mutant.module).read_text())
                print(f"lived: {verdict.mutant.name}\n{diff}{why}\n", flush=True)
    if arguments.overall:
        keep_killers(verdicts)
    print(table(verdicts, reasons))
    return 0


def _verdicts(arguments: argparse.Namespace, where: Overlay) -> Iterator[Verdict]:
    cache = Path(arguments.cache)
    if arguments.overall:
        samples: dict[str, list[Mutant]] = {}
        for mutant in sampled_overall(arguments.count, arguments.seed):
            samples.setdefault(mutant.package, []).append(mutant)
    else:
        names = arguments.packages or sorted(listed())
        samples = {name: sampled(name, arguments.count, arguments.seed) for name in names}
    for package, mutants in samples.items():
        chosen = [each for each in mutants if not arguments.only or any(part in each.name for part in arguments.only)]
        yield from tried(package, chosen, where, cache, lived_only=arguments.lived)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", help="packages to take a sample of; all of them without")
    parser.add_argument("--count", type=int, default=60, help="how many mutants of each package (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (%(default)s)")
    parser.add_argument("--overall", action="store_true", help="one sample of all packages, with its killers")
    parser.add_argument("--only", action="append", help="only those with this text in their names")
    parser.add_argument("--lived", action="store_true", help="only those that lived the last time, or were not tried")
    parser.add_argument("--cache", default=str(ROOT / "build" / "mutants"), help="where results are kept (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
