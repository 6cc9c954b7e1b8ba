"""Faults that are put into kvnet are small and one at a time, and a sample of them is tried on the tests."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from mutants.mutations import Mutant, mutants
from mutants.overlay import ROOT, overlay
from mutants.sample import accepted, listed, replayed, sampled, sampled_overall, table
from mutants.trial import run_tests, warm_up

SAMPLE, SEED, FLOOR = 100, 1, 55
"""How many mutants CI tries, which ones, and how many of them the tests have to notice in the little time that CI has:
those whose test is known, and some that the first tests of their package notice."""

FAULTS = {
    "comparison": ("x = a == b", {"x = (a != b)"}),
    "boundary": ("x = a < b", {"x = (a >= b)", "x = (a <= b)"}),
    "and/or": ("x = a and b", {"x = (a or b)"}),
    "number": ("x = 1", {"x = (2)"}),
    "truth": ("x = True", {"x = (False)"}),
    "word": ("x = 'a'", {"x = ('aX')"}),
    "sentence": ("x = 'for people'", set()),
    "element": ("x = (a, b)", {"x = ((b,))", "x = ((a,))"}),
    "key": ("x = {a: b}", {"x = ({})"}),
    "keyword": ("x = f(a=b)", {"x = (f())"}),
    "how a class is called": ("x = f(kw_only=True)", set()),
    "an assertion of zip": ("x = zip(a, strict=True)", set()),
    "the smaller of two": ("x = min(a, b)", set()),
    "the same twice": ("x = f(a, a)", set()),
    "swap": ("x = f(a, b)", {"x = (f(b, a))"}),
    "condition": ("x = a if b else c", {"x = a if (not b) else c"}),
    "negation": ("x = a if not b else c", {"x = a if (b) else c"}),
    "comprehension": ("x = [a for a in b if c]", {"x = [a for a in b if (not c)]"}),
    "call": ("f()", {"pass"}),
    "raise": ("raise f", {"pass"}),
    "assignment": ("a.b = c", {"pass"}),
    "name": ("a = c", set()),
    "loop": ("for a in b:\n    continue", {"for a in b:\n    break"}),
    "return": ("def f():\n    return a", {"def f():\n    pass"}),
    "no return": ("def f():\n    return None", set()),
    "docstring": ('"""x"""', set()),
    "type": ("a: dict[str, int]", set()),
    "public names": ("__all__ = ['a']", set()),
    "two lines": ("x = f(\n    ä == b, c\n)", {"x = f(\n    (ä != b), c\n)", "x = (f(c, ä == b))"}),
}


@pytest.mark.parametrize(("code", "faults"), FAULTS.values(), ids=FAULTS)
def test_each_fault_of_a_statement_is_found(code: str, faults: set[str]) -> None:
    found = {mutant.source(code) for mutant in mutants("kvnet/x.py", code)}
    assert found == faults


@pytest.mark.slow
def test_every_mutant_of_a_module_is_python_and_differs() -> None:
    text = (ROOT / "kvnet/values.py").read_text()
    found = mutants("kvnet/values.py", text)
    assert len({mutant.name for mutant in found}) == len(found) > 100
    for mutant in found:
        assert ast.dump(ast.parse(mutant.source(text))) != ast.dump(ast.parse(text))


def test_a_sample_stays_the_same_where_other_lines_change() -> None:
    text = (ROOT / "kvnet/values.py").read_text()
    before = {mutant.name: mutant.rank(SEED) for mutant in mutants("kvnet/values.py", text)}
    after = {mutant.name: mutant.rank(SEED) for mutant in mutants("kvnet/values.py", f"NEW = 5\n{text}")}
    assert before.items() <= after.items()


@pytest.mark.slow
def test_every_package_can_be_sampled() -> None:
    for package in listed():
        assert [mutant.package for mutant in sampled(package, 3, SEED)] == [package] * 3


@pytest.mark.slow
def test_what_is_accepted_is_a_mutant_and_has_a_reason() -> None:
    names = {
        mutant.name
        for paths in listed().values()
        for path in paths
        for mutant in mutants(str(path.relative_to(ROOT)), path.read_text())
    }
    assert [name for name in accepted() if name not in names] == []
    assert all(accepted().values())


@pytest.mark.slow
def test_a_fault_is_noticed_and_none_is_invented(tmp_path: Path) -> None:
    warm_up()
    path = "tests/test_lines.py"
    with overlay() as where:
        assert not run_tests(where, [path], cpu=30).has_failed
        lost = (ROOT / "kvnet/_lines.py").read_text().replace("return", "return None and", 1)
        with where.with_module("kvnet/_lines.py", lost):
            ran = run_tests(where, [path], cpu=30)
        assert ran.has_failed
        assert ran.killer.startswith(path)
        assert not run_tests(where, [path], cpu=30).has_failed


@pytest.mark.mutants
def test_the_tests_notice_faults_of_a_sample(record_property: Callable[[str, str], None]) -> None:
    if not (os.environ.get("CI") or os.environ.get("KVNET_MUTANTS")):
        pytest.skip("mutants are tried under CI; KVNET_MUTANTS=1 tries them here")
    sample: list[Mutant] = sampled_overall(SAMPLE, SEED)
    warm_up()
    with overlay() as where:
        verdicts = list(replayed(sample, where))
    lived = [each.mutant.name for each in verdicts if not each.is_killed]
    record_property("table", table(verdicts, accepted()) + "".join(f"\nlived: {name}" for name in lived))
    assert len(verdicts) - len(lived) >= FLOOR, "\n".join(lived)
