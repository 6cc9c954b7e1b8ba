"""What the catalogue gives for a code, and which pages it refuses."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest

from kvnet.codes import GROUPS, UnknownCode, explanation, explanations
from kvnet.codes.catalogue import read_page

PAGE = explanation("KN906").text
MALFORMED = {
    "another heading": PAGE.replace("# KN906: ", "# KN906 "),
    "a code of another form": PAGE.replace("# KN906", "# KN9"),
    "an unknown severity": PAGE.replace("| warning |", "| fatal |"),
    "an unknown group": PAGE.replace("| advice |", "| advise |"),
    "no release": PAGE.replace("| unreleased |", "| soon |"),
    "a section that is absent": PAGE.replace("## Why is this bad", "Why is this bad"),
    "sections in another order": PAGE.replace("## Example", "## Use").replace("## Use instead", "## Example"),
    "an empty section": PAGE.partition("## Use instead")[0] + "## Use instead\n",
    "no end of the last line": PAGE.rstrip("\n"),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_page_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not the page of a code|its group is advice"):
        read_page(text)


def test_a_page_gives_its_parts() -> None:
    page = explanation("KN906")
    assert (page.code, page.severity, page.group, page.since) == ("KN906", "warning", "advice", "unreleased")
    assert page.title == "A bridge on the pod network prevents live migration"
    assert page.source.startswith("KubeVirt `pkg/network/")
    assert "bridge: {}" in page.bad
    assert "masquerade: {}" in page.good
    assert all(part in page.text for part in (page.what, page.why, page.bad, page.good))
    assert page.url.endswith("/reference/problems/KN906.html")


def test_a_source_that_nobody_else_has_is_empty() -> None:
    assert explanation("KN908").source == ""


@pytest.mark.parametrize("code", ["kn906", "Kn906", "KN906"])
def test_letter_case_does_not_matter(code: str) -> None:
    assert explanation(code) is explanation("KN906")


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("KN0906", "did you mean KN906?"),
        ("906", "did you mean KN906?"),
        ("", "`kvnet rules` lists all codes"),
        ("SC2086", "`kvnet rules` lists all codes"),
        ("../page", "`kvnet rules` lists all codes"),
    ],
)
def test_an_unknown_code_is_told_with_one_that_resembles_it(code: str, hint: str) -> None:
    with pytest.raises(KeyError) as caught:
        explanation(code)
    assert isinstance(caught.value, UnknownCode)
    assert str(caught.value).startswith(f"no problem has the code '{code}'")
    assert str(caught.value).endswith(hint)


def test_all_pages_are_read_in_the_order_of_their_codes() -> None:
    assert all(first.code < second.code for first, second in pairwise(explanations()))


def test_every_title_is_short_and_stands_alone() -> None:
    titles = [each.title for each in explanations()]
    assert len({*titles}) == len(titles)
    assert all(len(title) <= 70 and title[-1] not in ".:" for title in titles)


def test_what_and_why_are_a_few_whole_sentences() -> None:
    for each in explanations():
        assert all(text.endswith(".") and len(text) < 500 for text in (each.what, each.why)), each.code
        assert all(len(line) <= 120 for line in each.text.splitlines() if not line.startswith(('{"', "| "))), each.code


def test_every_group_has_codes() -> None:
    assert set(GROUPS) == {each.group for each in explanations()}


def test_no_page_is_read_before_a_code_is_asked_for() -> None:
    program = "import kvnet.pipeline, kvnet.cli.check, sys; print('importlib.resources' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
