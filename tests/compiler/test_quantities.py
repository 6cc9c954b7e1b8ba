"""Kubernetes quantities, which round away from zero."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from machines import nic, pod, vmi

import kvnet
from kvnet.defaults import topology
from kvnet.spec.machine import Resources
from kvnet.values import quantity_ceil, quantity_milli, quantity_text

QUANTITIES = {
    "2": 2,
    "0": 0,
    "+2": 2,
    "-2": -2,
    "1500m": 2,
    "-1500m": -2,
    "-1m": -1,
    "1m": 1,
    "0m": 0,
    "0.5": 1,
    ".5": 1,
    "1.": 1,
    "-0.5": -1,
    "1n": 1,
    "1u": 1,
    "1k": 1000,
    "1M": 10**6,
    "1G": 10**9,
    "1T": 10**12,
    "1P": 10**15,
    "1E": 10**18,
    "1Ki": 2**10,
    "1Mi": 2**20,
    "1Gi": 2**30,
    "1Ti": 2**40,
    "1Pi": 2**50,
    "1Ei": 2**60,
    "2e3": 2000,
    "2E3": 2000,
    "2e-1": 1,
    "2e+1": 20,
    "1e-99999999999999999999": 1,
    "1e30": 10**30,
    "-1e19": -(10**19),
    "8Ei": 2**63,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775807": 1 - 2**63,
    "9007199254740992.999999999": 2**53 + 1,
    "7Ei": 7 * 2**60,
    f"1.{'0' * 60}1": 2,
}


@pytest.mark.parametrize(("text", "value"), QUANTITIES.items(), ids=QUANTITIES)
def test_a_quantity_is_a_whole_number(text: str, value: int) -> None:
    assert quantity_ceil(text) == value


@pytest.mark.parametrize("text", ["", "m", "1 ", "1kb", "1K", "1mi", "0x1", "1,5", "--1", "e3", "1i", "one", "1\n"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity_ceil(text)


MEANT = {
    "1GB": "write 1G or 1Gi",
    "512MiB": "write 512Mi",
    "1K": "write 1k or 1Ki",
    "1.5 g": "write 1.5G or 1.5Gi",
    "1kb": "write 1k or 1Ki",
    "1gi": "write 1Gi",
    "1e": "such as",
    "1KBs": "such as",
}


@pytest.mark.parametrize(("text", "says"), MEANT.items(), ids=MEANT)
def test_a_quantity_that_is_written_otherwise_is_refused_with_what_was_meant(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"'{re.escape(text)}' is not a quantity:? {says}") as caught:
        quantity_ceil(text)
    if ": write " in str(caught.value):
        for meant in str(caught.value).partition(": write ")[2].split(" or "):
            assert quantity_ceil(meant) > 0


@pytest.mark.parametrize("text", ["1e31", "1e99999", f"1E{'9' * 50}"])
def test_a_quantity_beyond_all_measure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too large"):
        quantity_ceil(text)
    assert quantity_ceil("1e30") == 10**30


@pytest.mark.parametrize(
    "quantity", ["9" * 65, "0" * 5000, "9" * 5000, 10**5000], ids=["65", "zeros", "text", "number"]
)
def test_a_very_long_quantity_is_refused_in_few_words(quantity: str | int) -> None:
    with pytest.raises(ValueError, match=r"longer than 64|more than 4300 digits") as caught:
        quantity_ceil(quantity_text(quantity))
    assert len(str(caught.value)) < 100


MILLI = {
    "2": 2000,
    "-0.5": -500,
    "1u": 1,
    "1Ki": 1024000,
    "1E": 0,
    "1e30": 0,
    "9223372036854775807": -1000,
    "9223372036854775808": 0,
    "1Ei": -(2**63),
    "9223372036854775": 9223372036854775000,
    "9223372036854776": 0,
    "-9223372036854775": -9223372036854775000,
    "-9223372036854776": 0,
}


@pytest.mark.parametrize(("text", "value"), MILLI.items(), ids=MILLI)
def test_a_quantity_has_thousandths_as_far_as_go_can_count(text: str, value: int) -> None:
    assert quantity_milli(text) == value


@given(st.integers(-(10**9), 10**9), st.sampled_from(["n", "u", "m", "", "k", "Ki"]))
def test_a_part_of_one_counts_as_a_whole_one_away_from_zero(number: int, suffix: str) -> None:
    parts, whole = {"n": 10**9, "u": 10**6, "m": 1000}, {"k": 1000, "Ki": 1024}
    exact = Fraction(number * whole.get(suffix, 1), parts.get(suffix, 1))
    made = quantity_ceil(f"{number}{suffix}")
    assert abs(exact) <= abs(made) < abs(exact) + 1
    assert made * exact >= 0


@pytest.mark.parametrize("source", ["limits", "requests"])
def test_cpus_that_cannot_be_counted_are_told_at_their_field(source: str) -> None:
    loaded = kvnet.load(vmi([nic("a", "masquerade")], [pod("a")]))
    domain = evolve(loaded.spec.domain, resources=Resources(**{source: {"cpu": "many"}}))
    machine = evolve(loaded, spec=evolve(loaded.spec, domain=domain))
    with pytest.raises(kvnet.Rejected, match=rf"resources\.{source}\.cpu\]?"):
        topology(machine)
