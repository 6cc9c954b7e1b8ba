"""Comments and annotations suppress the problems at their places, and those that suppress nothing are told."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.told import a_problem, texts

import kvnet
from kvnet import Problem, Severity
from kvnet.report.suppressions import ANNOTATION, suppressions

BRIDGED = """\
kind: VirtualMachineInstance
metadata:
  name: NAME
spec:
  domain:
    devices:
      interfaces:
      - name: pod
        bridge: {}
        ports: [{port: 80}]
  networks:
  - name: pod
    pod: {}
"""


def found(text: str) -> list[Problem]:
    manifest = kvnet.loads_all(text, name="vm.yaml")
    return [problem for machine in manifest.machines for problem in kvnet.check(machine)]


def left(text: str) -> list[str]:
    """The codes that are not suppressed in a text."""
    return [each.code for each in suppressions({"vm.yaml": text}).kept(found(text))]


def unused(text: str) -> list[tuple[str, int]]:
    """The messages of what suppresses nothing or is not understood, with their lines."""
    suppressed = suppressions({"vm.yaml": text})
    told = (*suppressed.problems, *suppressed.unused(found(text)))
    assert all(each.severity is Severity.WARNING for each in told)
    return [(each.code, each.place.line if each.place else 0) for each in told]


def test_without_suppressions_both_problems_are_told() -> None:
    assert left(BRIDGED) == ["KN901", "KN906"]


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("bridge: {}", "bridge: {}  # kvnet: ignore[KN906] the guest needs the address", ["KN901"]),
        ("bridge: {}", "bridge: {}  # kvnet:ignore [kn906]", ["KN901"]),
        ("bridge: {}", "bridge: {}  # kvnet: ignore[KN901]", ["KN901", "KN906"]),
        ("bridge: {}", "# kvnet: ignore[KN906]\n        bridge: {}", ["KN901"]),
        ("bridge: {}", "# kvnet: ignore[KN906]\n        # as agreed\n\n        bridge: {}", ["KN901"]),
        ("kind", "# kvnet: ignore[advice]\nkind", []),
        ("kind", "# kvnet: ignore[KN9]\n---\nkind", []),
        ("kind", "---\n# kvnet: ignore[KN906, KN901] both\nkind", []),
        ("kind", "--- # kvnet: ignore[KN906, KN901,]\nkind", []),
        ("name: NAME", "name: NAME  # see kvnet: ignore[KN906]", ["KN901", "KN906"]),
        ("name: NAME", "name: 'a # kvnet: ignore[KN9]'", ["KN901", "KN906"]),
        ("name: NAME", "annotations: {kvnet.io/ignore: KN906}", ["KN901"]),
        ("name: NAME", "annotations: {kvnet.io/ignore: 'KN906, kn901: as agreed'}", []),
        ("name: NAME", "annotations: {kvnet.io/ignore: advice as agreed}", []),
        ("  name: NAME", "  labels: {kvnet.io/ignore: KN906}", ["KN901", "KN906"]),
    ],
)
def test_a_suppression_counts_where_it_stands(before: str, after: str, codes: list[str]) -> None:
    assert left(BRIDGED.replace(before, after, 1)) == codes


def test_a_comment_above_a_document_leaves_the_other_documents_alone() -> None:
    stream = f"{BRIDGED}# kvnet: ignore[KN9]\n---\n{BRIDGED}---\n{BRIDGED}"
    assert left(stream) == ["KN901", "KN906"] * 2
    assert left(f"{BRIDGED}---\n# kvnet: ignore[KN9]\n{BRIDGED}---\n{BRIDGED}") == ["KN901", "KN906"] * 2


def test_an_annotation_in_json_counts_for_its_object_alone() -> None:
    one, other = (kvnet.manifest.plain(kvnet.loads(BRIDGED.replace("NAME", name))) for name in ("one", "other"))
    one["metadata"]["annotations"] = {"kvnet.io/ignore": "KN906 as agreed"}
    for indent in (None, 2):
        text = json.dumps({"kind": "List", "apiVersion": "v1", "items": [one, other]}, indent=indent)
        assert left(text) == ["KN901", "KN901", "KN906"]


def test_a_block_of_text_holds_no_comments_but_its_first_line_does() -> None:
    volume = "  volumes:\n  - name: init\n    cloudInitNoCloud:\n      userData: |{}\n        #cloud-config\n{}"
    inner = BRIDGED + volume.format("", "        # kvnet: ignore[KN906]\n")
    assert unused(inner) == []
    assert left(inner) == ["KN901", "KN906"]
    assert unused(BRIDGED + volume.format("  # kvnet: ignore[KN906]", "")) == [("KN031", 17)]


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("# kvnet: ignore[KN906]", []),
        ("# kvnet: ignore[KN906, KN905]", [("KN031", 9)]),
        ("# kvnet: ignore[KN905]", [("KN031", 9)]),
        ("# kvnet: ignore", [("KN032", 9)]),
        ("# kvnet: ignore[]", [("KN032", 9)]),
        ("# kvnet: ignore[advise]", [("KN032", 9)]),
        ("# kvnet: disable[KN906]", [("KN032", 9)]),
        ("# kvnetignore[KN906]", []),
    ],
)
def test_what_suppresses_nothing_is_told(comment: str, told: list[tuple[str, int]]) -> None:
    assert unused(BRIDGED.replace("bridge: {}", f"bridge: {{}}  {comment}")) == told


def test_what_suppresses_nothing_is_told_in_the_order_of_the_text() -> None:
    text = f"{{kind: A, metadata: {{annotations: {{{ANNOTATION}: KN901}}}}}}  # kvnet: ignore[KN906]"
    places = [each.place for each in suppressions({"vm.yaml": text}).unused([]) if each.place]
    assert [each.column for each in places] == sorted(each.column for each in places)
    assert len(places) == 2


def test_what_was_not_looked_for_is_not_called_unused() -> None:
    suppressed = suppressions({"vm.yaml": "a: 1  # kvnet: ignore[KN340, KN906]"})
    told = suppressed.unused([], judged=lambda name: name == "KN906")
    assert [each.message for each in told] == ["nothing is suppressed by 'KN906' here"]


def test_a_file_that_cannot_be_read_is_told_whatever_is_suppressed() -> None:
    suppressed = suppressions({"vm.yaml": "# kvnet: ignore[ALL]\na: 1\nb: [\n"})
    unreadable = a_problem("KN001", line=3, column=1)
    assert suppressed.kept([unreadable]) == (unreadable,)


BLOCK = """\
kind: VirtualMachineInstance
spec:
  domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}
  networks: [{name: a, pod: {}}]
  volumes:
  - name: ci
    cloudInitNoCloud:
      HEADER
        version: 2
        ethernets: {eth0: {addresses: ["fd10:0:2::9/120"], gateway6: "fd10:0:2::1"}}
      AFTER
"""


@pytest.mark.parametrize(
    ("header", "after", "codes"),
    [
        ("networkData: |", "userData: x", ["KN923"]),
        ("networkData: | # kvnet: ignore[KN923]", "userData: x", []),
        ("# kvnet: ignore[KN923]\n      networkData: >-", "userData: x", []),
        ("networkData: |", "userData: x # kvnet: ignore[KN923]", ["KN923"]),
        ("networkData: |", "userData: | # kvnet: ignore[KN923]\n        x", ["KN923"]),
    ],
)
def test_what_is_found_in_a_block_of_text_is_suppressed_where_the_block_begins(
    header: str, after: str, codes: list[str]
) -> None:
    assert left(BLOCK.replace("HEADER", header).replace("AFTER", after)) == codes


def test_an_annotation_that_says_nothing_is_told_with_what_to_write() -> None:
    text = BRIDGED.replace("name: NAME", "annotations: {kvnet.io/ignore: ''}")
    [problem] = suppressions({"vm.yaml": text}).problems
    assert (problem.code, "kvnet.io/ignore" in problem.hint) == ("KN032", True)


@pytest.mark.parametrize("text", ["a: &a [*a]  # kvnet: ignore[KN9]\n", "&a\n- *a  # kvnet: ignore[KN9]\n"])
def test_an_alias_that_stands_for_itself_ends(text: str) -> None:
    assert suppressions({"vm.yaml": text}).entries != ()


pieces = st.sampled_from(
    ["# kvnet: ignore[KN9]", "kvnet.io/ignore: KN9", "\n", "---\n", "a: ", "|\n  ", '"', "{", "- "]
)


@given(st.lists(st.one_of(pieces, texts), max_size=8).map("".join))
def test_no_text_stops_the_search_and_what_is_kept_was_there(text: str) -> None:
    suppressed = suppressions({"vm.yaml": text})
    problems = [a_problem("KN906", line=line, column=1) for line in range(1, 5)]
    kept = suppressed.kept(problems)
    assert not Counter(kept) - Counter(problems)
    assert len(suppressed.unused(problems)) <= sum(len(each.selectors) for each in suppressed.entries)
