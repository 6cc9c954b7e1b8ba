"""Take samples of mutants, try them, and put the verdicts into a table."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from attrs import frozen
from mutants.covering import Covering, measured, test_modules
from mutants.mutations import Mutant, mutants
from mutants.overlay import ROOT, Overlay
from mutants.trial import Ran, run_tests

__all__ = ["Verdict", "accepted", "keep_killers", "listed", "replayed", "sampled", "sampled_overall", "table", "tried"]

_ACCEPTED = Path(__file__).with_name("accepted.toml")
_KILLERS = Path(__file__).with_name("killers.json")
"""The tests that noticed the mutants of the sample of all packages; CI asks these alone."""
_REPLAY_CPU_SECONDS, _UNKNOWN_CPU_SECONDS = 15.0, 3.0
"""For a mutant whose test is known, and for others: they are many, and the whole is to take minutes."""
_OTHERS_CPU_SECONDS = 4.0
"""How long other tests of the package take that are tried on a mutant that the tests of its lines let live."""


@frozen(kw_only=True)
class Verdict:
    """Whether the tests noticed a mutant; ``killer`` is the test that did, or "" where the process itself ended."""

    mutant: Mutant
    is_killed: bool
    killer: str = ""


def listed() -> dict[str, list[Path]]:
    """The modules of each package; those beside the packages belong to ``kvnet``."""
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "kvnet").rglob("*.py")):
        parts = path.relative_to(ROOT / "kvnet").parts
        found.setdefault(parts[0] if len(parts) > 1 else "kvnet", []).append(path)
    return found


def sampled(package: str, count: int, seed: int) -> list[Mutant]:
    """The first mutants of a package in the order of a seed; they stay the same where other code changes."""
    found = [mutant for path in listed()[package] for mutant in mutants(str(path.relative_to(ROOT)), path.read_text())]
    return sorted(found, key=lambda each: each.rank(seed))[:count]


def sampled_overall(count: int, seed: int) -> list[Mutant]:
    """The first mutants of all packages together in the order of a seed."""
    return sorted((each for name in listed() for each in sampled(name, count, seed)), key=lambda each: each.rank(seed))[
        :count
    ]


def accepted() -> dict[str, str]:
    """The reasons why mutants may live, by their names."""
    return {each["mutant"]: each["reason"] for each in tomllib.loads(_ACCEPTED.read_text()).get("accepted", ())}


def tried(
    package: str, sample: Sequence[Mutant], where: Overlay, cache: Path, *, lived_only: bool = False
) -> Iterator[Verdict]:
    """Try the mutants of a package one after the other, and keep the verdicts in a folder."""
    covering = measured(package, where, cache)
    kept = cache / f"{package}.json"
    before: dict[str, str | None] = json.loads(kept.read_text()) if kept.exists() else {}
    for mutant in sample:
        if lived_only and before.get(mutant.name) is not None:
            yield Verdict(mutant=mutant, is_killed=True, killer=before[mutant.name] or "")
            continue
        verdict = _tried(mutant, covering, where)
        before[mutant.name] = verdict.killer if verdict.is_killed else None
        kept.write_text(json.dumps(before, indent=0))
        yield verdict


def keep_killers(verdicts: Iterable[Verdict]) -> None:
    """Keep which test noticed each mutant, for ``replayed``."""
    found = {each.mutant.name: each.killer for each in verdicts if each.is_killed}
    _KILLERS.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def replayed(sample: Iterable[Mutant], where: Overlay) -> Iterator[Verdict]:
    """Try mutants with the tests that noticed them the last time, and others with the tests of their package.

    Of these, only so many are run as take a short time; what they do not notice by then has lived.
    """
    killers: dict[str, str] = json.loads(_KILLERS.read_text())
    living = accepted()
    for mutant in sample:
        if mutant.name in living:
            yield Verdict(mutant=mutant, is_killed=False)
            continue
        with where.with_module(mutant.module, mutant.source((ROOT / mutant.module).read_text())):
            yield _replayed(mutant, killers.get(mutant.name, ""), where)


def _replayed(mutant: Mutant, killer: str, where: Overlay) -> Verdict:
    modules = test_modules(mutant.package)
    module = killer.partition("::")[0]
    if module in modules:
        names = [killer] if "::" in killer else None
        if run_tests(where, [module], names=names, cpu=_REPLAY_CPU_SECONDS).has_failed:
            return Verdict(mutant=mutant, is_killed=True, killer=killer)
    name = mutant.module.rpartition("/")[2].removesuffix(".py").strip("_")
    modules.sort(key=lambda each: name not in (ROOT / each).read_text())
    ran = run_tests(where, modules, cpu=_UNKNOWN_CPU_SECONDS)
    return Verdict(mutant=mutant, is_killed=ran.has_failed and ran.status > 0, killer=ran.killer)


def _tried(mutant: Mutant, covering: Covering, where: Overlay) -> Verdict:
    with where.with_module(mutant.module, mutant.source((ROOT / mutant.module).read_text())):
        names = covering.of(mutant)
        ran = _run(where, names, covering)
        if not ran.has_failed:
            # what is made once and kept, such as a plan, is run by the first test that needs it, and matters to others
            ran = _run(where, _quickest(covering, covering.tests.keys() - set(names)), covering)
    return Verdict(mutant=mutant, is_killed=ran.has_failed, killer=ran.killer)


def _quickest(covering: Covering, names: Iterable[str]) -> list[str]:
    by_time = sorted(names, key=covering.tests.__getitem__)
    until = accumulate(covering.tests[name] for name in by_time)
    return covering.in_order(name for name, end in zip(by_time, until, strict=True) if end < _OTHERS_CPU_SECONDS)


def _run(where: Overlay, names: Sequence[str], covering: Covering) -> Ran:
    if not names:
        return Ran(status=0)
    paths = list(dict.fromkeys(name.partition("::")[0] for name in names))
    return run_tests(where, paths, names=names, cpu=5 + 4 * sum(covering.tests[name] for name in names))


def table(verdicts: Iterable[Verdict], reasons: Mapping[str, str]) -> str:
    """How many mutants of each package were killed."""
    rows: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        rows.setdefault(verdict.mutant.package, []).append(verdict)
    lines = [f"{'package':18} {'mutants':>8} {'killed':>7} {'accepted':>9} {'lived':>6} {'killed, %':>10}"]
    for name, each in {**rows, "all": [verdict for row in rows.values() for verdict in row]}.items():
        lived = [verdict.mutant.name for verdict in each if not verdict.is_killed]
        known = sum(mutant in reasons for mutant in lived)
        killed = len(each) - len(lived)
        rate = 100 * killed / len(each) if each else 0.0
        lines.append(f"{name:18} {len(each):8} {killed:7} {known:9} {len(lived) - known:6} {rate:10.1f}")
    return "\n".join(lines)
