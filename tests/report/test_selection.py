"""Which problems are told, and as what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.told import a_problem, problems

from kvnet import Severity
from kvnet.report import Selection
from kvnet.report.selection import selector

names = st.sampled_from(["ALL", "KN", "KN1", "KN101", "KN9", "KN906", "KN3", "advice", "admission", "syntax"])
lists = st.lists(names, max_size=3).map(tuple)


SECURITY = "KN925"
"""A code of a group that is off unless asked for."""


@pytest.mark.parametrize(
    ("chosen", "told", "untold"),
    [
        ({}, "KN001 KN101 KN310 KN906", ""),
        ({"select": ("KN9",)}, "KN906", "KN101 KN310"),
        ({"select": ("advice", "KN101")}, "KN101 KN906", "KN102 KN310"),
        ({"ignore": ("KN9",)}, "KN101", "KN906"),
        ({"ignore": ("KN9",), "extend_select": ("KN906",)}, "KN906 KN101", "KN905"),
        ({"select": ("KN9",), "ignore": ("KN906",)}, "KN905", "KN906"),
        ({"select": ("KN906",), "ignore": ("KN9",)}, "KN906", "KN905"),
        ({"select": ("KN9",), "ignore": ("KN9",)}, "", "KN906"),
        ({"select": ("ALL",), "ignore": ("advice",)}, "KN101", "KN906"),
        ({"ignore": ("ALL",)}, "KN001 KN030", "KN101 KN906"),
    ],
)
def test_the_most_precise_selector_counts(chosen: dict[str, tuple[str, ...]], told: str, untold: str) -> None:
    selection = Selection(**chosen)  # type: ignore[arg-type]
    assert [code for code in told.split() if not selection.has(code)] == []
    assert [code for code in untold.split() if selection.has(code)] == []


@pytest.mark.parametrize(
    ("chosen", "is_told"),
    [
        ({}, False),
        ({"select": ("KN9",)}, True),
        ({"select": ("advice",)}, False),
        ({"extend_select": ("security",)}, True),
        ({"select": ("ALL",)}, True),
        ({"select": ("ALL",), "ignore": ("security",)}, False),
    ],
)
def test_an_optional_group_is_told_where_it_is_asked_for(chosen: dict[str, tuple[str, ...]], is_told: bool) -> None:
    assert Selection(**chosen).has(SECURITY) is is_told  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "groups"),
    [((), ()), (("KN9",), ()), (("security",), ("security",)), (("ALL",), ("security",)), (("KN925",), ("security",))],
)
def test_the_optional_groups_that_are_asked_for_are_known(asked: tuple[str, ...], groups: tuple[str, ...]) -> None:
    assert Selection(extend_select=asked).groups == groups


def test_a_severity_goes_to_the_most_precise_code_and_the_later_of_two() -> None:
    error, warning, note = Severity
    selection = Selection(severities=(("KN906", note), ("KN9", error), ("advice", warning), ("KN906", error)))
    assert [selection.severity(a_problem(code)) for code in ("KN906", "KN905", "KN101")] == [error, error, error]
    assert selection.severity(a_problem("KN101", severity=warning)) == warning


def test_what_keeps_the_command_from_running_is_told_as_it_is() -> None:
    selection = Selection(ignore=("KN001", "ALL"), severities=(("KN001", Severity.NOTE),))
    assert selection.applied([a_problem("KN001")]) == (a_problem("KN001"),)


@given(lists, lists, st.lists(problems, max_size=4))
def test_what_is_told_is_a_part_of_what_there_is_and_choosing_again_changes_nothing(
    select: tuple[str, ...], ignore: tuple[str, ...], found: list[object]
) -> None:
    selection = Selection(select=select, ignore=ignore)
    told = selection.applied(found)  # type: ignore[arg-type]
    assert [each for each in found if each in told] == [*told]
    assert selection.applied(told) == told


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("advise", "did you mean 'advice'?"),
        ("E501", "the groups are syntax,"),
        ("KN9259", "the beginning of one"),
        ("KN9*", "the beginning of one"),
        ("", "the groups are"),
    ],
)
def test_what_is_no_selector_is_refused_with_what_resembles_it(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is neither a code") as refused:
        selector(text)
    assert hint in str(refused.value)
