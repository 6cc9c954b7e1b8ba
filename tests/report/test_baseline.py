"""A baseline knows its problems again, wherever their lines have gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.told import SOURCE, a_problem, problems, texts

from kvnet import Problem, Rejected
from kvnet.report import Baseline, read_baseline

SOURCES = {"vm.yaml": SOURCE}
many = st.lists(problems, max_size=6)


@given(many, texts)
def test_nothing_that_is_in_the_baseline_is_told_and_its_text_keeps_all_of_it(found: list[Problem], text: str) -> None:
    sources = {"vm.yaml": text}
    baseline = Baseline.of(found, sources)
    assert read_baseline(baseline.text()) == baseline
    assert {each.code for each in baseline.kept(found, sources)} <= {"KN001"}
    files = [each.place.file for each in found if each.place]
    assert baseline.gone(found, sources, files) == 0


@given(many, st.integers(1, 5))
def test_lines_that_move_make_no_difference(found: list[Problem], lines: int) -> None:
    def moved(problem: Problem) -> Problem:
        place = problem.place
        if place is None or place.file != "vm.yaml":
            return problem
        return problem.placed(type(place)(place.file, place.line + lines, place.column, place.document + 1))

    baseline = Baseline.of(found, SOURCES)
    later = [moved(each) for each in found]
    assert {each.code for each in baseline.kept(later, {"vm.yaml": "\n" * lines + SOURCE})} <= {"KN001"}


@pytest.mark.parametrize(
    "other",
    [
        a_problem("KN130"),
        a_problem(file="other.yaml"),
        a_problem(line=1),
    ],
    ids=["another code", "another file", "another line"],
)
def test_another_problem_is_told(other: Problem) -> None:
    assert Baseline.of([a_problem()], SOURCES).kept([a_problem(), other], SOURCES) == (other,)


def test_of_problems_that_are_alike_one_more_is_told() -> None:
    baseline = Baseline.of([a_problem(), a_problem()], SOURCES)
    assert len(baseline.kept([a_problem()] * 3, SOURCES)) == 1
    assert baseline.gone([a_problem()], SOURCES, ["vm.yaml"]) == 1


def test_the_message_may_change_and_files_that_are_not_checked_are_not_gone() -> None:
    baseline = Baseline.of([a_problem(), a_problem(file="other.yaml")], SOURCES)
    assert baseline.kept([a_problem(message="better words")], SOURCES) == ()
    assert baseline.gone([a_problem()], SOURCES, ["vm.yaml"]) == 0
    assert baseline.gone([a_problem()], SOURCES, ["vm.yaml", "other.yaml"]) == 1


def test_files_have_the_names_that_they_are_given() -> None:
    baseline = Baseline.of([a_problem(file="../app/vm.yaml")], {}, lambda file: file.removeprefix("../"))
    assert '"file": "app/vm.yaml"' in baseline.text()
    assert baseline.kept([a_problem(file="app/vm.yaml")], {}) == ()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("{\n  nothing", 2, "a baseline is JSON"),
        ("[]", 1, "no baseline of version 1"),
        ('{"version": 2, "problems": []}', 1, "no baseline of version 1"),
        ('{"version": 1, "problems": [1]}', 1, "not read: 1 is not an object with the code"),
        ('{"version": 1, "problems": [{}]}', 1, "not read: {} is not an object with the code"),
        ('{"version": 1, "problems": [{"code": "KN1", "file": 1}]}', 1, "does not hold texts and a count"),
        ('{"version": 1, "problems": [{"code": "KN1", "count": 0}]}', 1, "does not hold texts and a count"),
        ('{"version": 1, "problems": [{"code": "KN1", "count": true}]}', 1, "does not hold texts and a count"),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(Rejected, match=message) as refused:
        read_baseline(text, "known.json")
    (problem,) = refused.value.problems
    assert (problem.code, problem.place and problem.place.line) == ("KN033", line)
    assert problem.hint == "write it with kvnet check --write-baseline"
