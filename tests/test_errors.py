"""Errors survive what processes do to them."""

from __future__ import annotations

import copy
import pickle

import pytest

import kvnet


@pytest.mark.parametrize("kind", [kvnet.KvnetError, kvnet.Rejected, kvnet.FactsError, kvnet.XmlError])
def test_an_error_keeps_its_problems_when_it_is_pickled_or_copied(kind: type[kvnet.KvnetError]) -> None:
    error = kind([kvnet.Problem(kvnet.FieldPath(("spec",)), "KN005", "the field is missing")])
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(other), other.problems) == (kind, error.problems)
