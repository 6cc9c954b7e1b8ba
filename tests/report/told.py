"""Problems with texts that no format may stumble over."""

from __future__ import annotations

from hypothesis import strategies as st

from kvnet import FieldPath, Place, Problem, Severity

__all__ = ["SOURCE", "a_problem", "problems", "texts"]

SOURCE = "kind: VM\nmodel: virtoi\n"
_NASTY = st.sampled_from(
    [
        *"\n\r\t%:,;<>&\"'[]{}#\\\0\x1b\x7f\x85\u2028\u202e\ud800\ufffe😀漢é",
        "::error::",
        "%0A",
        "]]>",
        "<!--",
        "{{",
        "\r\n",
    ]
)
texts = st.lists(st.one_of(_NASTY, st.text(max_size=4)), max_size=8).map("".join)
_places = st.builds(
    Place,
    file=st.one_of(st.just("vm.yaml"), texts.filter(bool)),
    line=st.integers(1, 4),
    column=st.integers(1, 30),
    document=st.integers(0, 2),
)
problems = st.builds(
    Problem,
    at=st.builds(FieldPath, st.lists(st.one_of(texts, st.integers(0, 300)), max_size=3).map(tuple)),
    code=st.sampled_from(["KN001", "KN101", "KN310", "KN906"]),
    message=texts,
    hint=texts,
    severity=st.sampled_from(Severity),
    place=st.none() | _places,
    instead=st.sampled_from(["", "", "virtio"]),
)


def a_problem(
    code: str = "KN129",
    *,
    line: int = 2,
    column: int = 8,
    file: str = "vm.yaml",
    message: str = "'virtoi' is not a NIC model",
    severity: Severity = Severity.ERROR,
    document: int = 0,
) -> Problem:
    place = Place(file, line, column, document)
    return Problem(FieldPath(("spec", "model")), code, message, severity=severity, place=place)
