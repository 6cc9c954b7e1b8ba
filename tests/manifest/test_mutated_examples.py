"""Whatever a slip of the hand makes of a manifest, the answer is objects or problems with places."""

from __future__ import annotations

from pathlib import Path

import pytest
from effort import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import kvnet
from kvnet import KvnetError, Problem, check, compile, loads_all

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = {path.stem: path.read_text() for path in sorted(EXAMPLES.glob("*.yaml"))}
PIECES = [
    *"\n\t -:,{}[]'\"#&*!|>%@`?~<\\\0\x85\ufeff5xä",
    "\n  ",
    "---\n",
    "- ",
    ": ",
    "<<: ",
    "&a ",
    "*a",
    "null",
    "[",
    "1e9",
]

edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES) | st.text(max_size=3)),
    min_size=1,
    max_size=3,
)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """The text with stretches of it cut out, and pieces put in their places."""
    for at, cut, piece in edits:
        start = int(at * len(text))
        text = text[:start] + piece + text[start + cut :]
    return text


@pytest.mark.parametrize("name", TEXTS)
@settings(max_examples=examples(0.6), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(edits=[(0.0, 0, "\0")])
@example(edits=[(0.0, 0, "\ufeff")])
@example(edits=[(1.0, 0, "\n---\n[")])
@given(edits=edits)
def test_a_slip_of_the_hand_ends_in_objects_or_in_problems_with_places(
    name: str, edits: list[tuple[float, int, str]]
) -> None:
    text = edited(TEXTS[name], edits) + "\n"
    lines = text.split("\n")
    problems: list[Problem] = []
    try:
        manifest = loads_all(text)
    except KvnetError as error:
        problems += error.problems
    else:
        for machine in manifest.machines:
            problems += check(machine)
            compile(machine, kvnet.Target(nads=manifest.nads))
    for problem in problems:
        assert problem.message
        assert problem.place is not None
        assert problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
