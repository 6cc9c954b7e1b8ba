"""Errors survive what processes do to them."""

from __future__ import annotations

import copy
import pickle
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest

import kvnet


def _kinds(kind: type[kvnet.KvnetError]) -> Iterator[type[kvnet.KvnetError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


for _module in pkgutil.walk_packages(kvnet.__path__, "kvnet."):
    if not _module.name.endswith("__main__"):
        import_module(_module.name)


@pytest.mark.parametrize("kind", [*_kinds(kvnet.KvnetError)])
def test_an_error_keeps_its_problems_when_it_is_pickled_or_copied(kind: type[kvnet.KvnetError]) -> None:
    error = kind([kvnet.Problem(kvnet.FieldPath(("spec",)), "KN005", "the field is missing")])
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(other), other.problems) == (kind, error.problems)


def test_a_problem_and_an_exception_are_printed_without_what_a_terminal_would_obey() -> None:
    forged = "a\nother.yaml:1:1: error KN999 \x1b[31m\u202e"
    problem = kvnet.Problem(kvnet.FieldPath((forged,)), "KN004", forged, place=kvnet.errors.Place(forged, 1, 1))
    error = kvnet.Rejected([problem, problem])
    assert str(problem).isprintable()
    assert (str(error).count("\n"), str(error).replace("\n", "").isprintable()) == (1, True)
    assert problem.as_dict()["message"] == forged


def test_a_line_quotes_the_ends_of_a_very_long_value_and_still_has_remedy_and_field() -> None:
    message = f"'{'a' * 200_000}' is not a NIC model"
    problem = kvnet.Problem(kvnet.FieldPath(("spec", "a" * 10_000)), "KN129", message, hint="use virtio")
    line = str(problem)
    assert len(line) < 5000
    assert "a…a" in line
    assert "' is not a NIC model; use virtio [spec.aaa" in line
    assert problem.as_dict()["message"] == message


def test_a_place_that_is_found_later_is_the_same_and_is_looked_for_once() -> None:
    calls = []

    def find() -> kvnet.errors.Place:
        calls.append(1)
        return kvnet.errors.Place("vm.yaml", 3, 7)

    later = kvnet.errors.Place.later(find)
    assert calls == []
    assert later == kvnet.errors.Place("vm.yaml", 3, 7)
    assert hash(later) == hash(kvnet.errors.Place("vm.yaml", 3, 7))
    assert (str(later), repr(later)) == ("vm.yaml:3:7", "Place(file='vm.yaml', line=3, column=7, document=0)")
    assert len(calls) == 1


def test_a_place_that_is_found_later_can_be_copied_and_sent_to_another_process() -> None:
    place = kvnet.errors.Place("vm.yaml", 3, 7, 1)
    assert pickle.loads(pickle.dumps(kvnet.errors.Place.later(lambda: place))) == place
    assert copy.copy(kvnet.errors.Place.later(lambda: place)) == place
    assert copy.deepcopy(kvnet.errors.Place.later(lambda: place)) == place


def test_a_place_that_another_thread_found_in_the_meantime_is_given() -> None:
    later = kvnet.errors.Place.later(lambda: kvnet.errors.Place("vm.yaml", 3, 7))
    assert later.line == 3
    # what Python calls for an attribute that was missing when it looked
    assert kvnet.errors.Place.__getattr__(later, "column") == 7


def test_a_place_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'row'"):
        _ = kvnet.errors.Place("vm.yaml", 3, 7).row


def test_causes_have_the_names_that_kubernetes_gives_them() -> None:
    assert [str(each) for each in kvnet.Cause] == [
        "FieldValueRequired",
        "FieldValueInvalid",
        "FieldValueDuplicate",
        "FieldValueNotSupported",
        "FieldValueNotFound",
        "FieldValueForbidden",
    ]
