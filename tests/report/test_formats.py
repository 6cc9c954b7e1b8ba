"""Each format says the same of the same problems, whatever is in their texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from report.told import SOURCE, a_problem, problems, texts

from kvnet import Problem, Severity
from kvnet.codes import explanation
from kvnet.report import FORMATS, write
from kvnet.report.text import told
from kvnet.values import printable

SOURCES = {"vm.yaml": SOURCE}
XSD = Path(__file__).parent / "jenkins-junit.xsd"
many = st.lists(problems, max_size=4)
sources = st.builds(lambda text: {"vm.yaml": text}, st.one_of(st.just(SOURCE), texts))


@pytest.mark.parametrize("format", FORMATS)
@given(many, sources)
def test_the_same_problems_give_the_same_text(format: str, told: list[Problem], sources: dict[str, str]) -> None:
    assert write(told, format, sources=sources) == write(tuple(told), format, sources=dict(sources))


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="one of text, json, yaml, sarif, github, junit, not 'toml'"):
        write([], "toml")


@given(many)
def test_json_and_yaml_are_the_data_of_the_problems(told: list[Problem]) -> None:
    data = [each.as_dict() for each in told]
    assert json.loads(write(told, "json")) == data
    if not re.search("[\ud800-\udfff]", str(data)):
        assert yaml.safe_load(write(told, "yaml")) == data


# GitHub


UNESCAPED = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it (``ActionCommand.TryParseV2``)."""
    assert line.startswith("::")
    command, _, data = line[2:].partition("::")
    name, _, listed = command.partition(" ")
    pairs = [each.split("=", 1) for each in listed.split(",") if each]
    return name, {key: unescaped(value) for key, value in pairs}, unescaped(data)


def unescaped(value: str) -> str:
    return re.sub("%(?:0D|0A|3A|2C|25)", lambda found: UNESCAPED[found.group()], value)


def spelled(text: str) -> str:
    return "".join(each if each in "\t\r\n" else printable(each) for each in text)


@given(many, sources)
def test_a_runner_reads_each_problem_from_one_line(told: list[Problem], sources: dict[str, str]) -> None:
    lines = write(told, "github", sources=sources).split("\n")
    assert lines.pop() == ""
    for line, problem in zip(lines, told, strict=True):
        name, properties, data = parsed(line)
        assert name == {"note": "notice"}.get(problem.severity, problem.severity)
        assert properties["title"] == problem.code
        assert data.startswith(spelled(problem.message))
        if problem.place is not None:
            assert properties["file"] == spelled(problem.place.file)
            assert (properties["line"], properties["col"]) == (str(problem.place.line), str(problem.place.column))


def test_github_marks_what_the_problem_is_about() -> None:
    _, properties, _ = parsed(write([a_problem()], "github", sources=SOURCES).rstrip())
    assert (properties["col"], properties["endColumn"]) == ("8", "14")


def test_github_is_told_what_to_do() -> None:
    hinted = evolve(a_problem(), hint="did you mean 'virtio'?")
    for problem, data in (
        (a_problem(), "'virtoi' is not a NIC model [spec.model]"),
        (hinted, "'virtoi' is not a NIC model; did you mean 'virtio'? [spec.model]"),
    ):
        assert parsed(write([problem], "github").rstrip())[2] == data


def test_no_format_has_colours_unless_they_are_asked_for() -> None:
    for format in FORMATS:
        assert "\033" not in write([a_problem()], format, sources=SOURCES)


def test_github_gets_no_characters_that_its_log_would_obey() -> None:
    assert "::\\x1b[31mred\\x07%0A" in write([a_problem(message="\x1b[31mred\x07\n")], "github")


# JUnit


def document(text: str) -> etree._Element:
    return etree.fromstring(text.encode("utf-8", "replace"))


@given(many, sources, st.lists(texts, max_size=2, unique=True), st.booleans())
def test_junit_is_valid_and_counts_what_it_holds(
    told: list[Problem], sources: dict[str, str], files: list[str], strict: bool
) -> None:
    root = document(write(told, "junit", sources=sources, files=files, strict=strict))
    etree.XMLSchema(file=str(XSD)).assertValid(root)
    failing = [each for each in told if each.is_error or (strict and each.severity is Severity.WARNING)]
    assert len(root.findall(".//failure")) == int(root.attrib["failures"]) == len(failing)
    assert len(root.findall(".//testcase")) == int(root.attrib["tests"]) >= len(told)
    assert sum(int(each.attrib["tests"]) for each in root) == int(root.attrib["tests"])


def test_a_file_without_problems_is_a_case_that_passes() -> None:
    root = document(write([a_problem()], "junit", files=["vm.yaml", "good.yaml"]))
    assert [(each.attrib["name"], each.attrib["failures"]) for each in root] == [("vm.yaml", "1"), ("good.yaml", "0")]
    assert len(root[1]) == 1


# text


@given(problems, sources, st.booleans())
def test_no_text_moves_the_cursor_or_breaks_the_line(told_of: Problem, sources: dict[str, str], colour: bool) -> None:
    text = told(told_of, sources, colour=colour)
    lines = re.sub("\033\\[[0-9;]*m", "", text).split("\n")
    assert len(lines) in (1, 3)
    assert all(line.isprintable() for line in lines)
    assert told_of.code in lines[0]


@given(texts.filter(str.strip), st.integers(1, 30))
def test_the_mark_is_never_beyond_the_line(line: str, column: int) -> None:
    shown = told(a_problem(line=1, column=column), {"vm.yaml": line}).split("\n")
    if len(shown) == 3:
        assert "^" in shown[2]
        assert len(shown[1]) <= 110


CUT = {
    "as wide as is shown": (100, 100, False, False),
    "one wider, from its begin": (101, 1, False, True),
    "one wider, up to its end": (101, 101, True, False),
    "much wider, in its middle": (300, 150, True, True),
}


@pytest.mark.parametrize(("width", "column", "begins", "ends"), CUT.values(), ids=CUT)
def test_a_line_that_is_too_wide_is_cut_where_the_mark_is_far_from(
    width: int, column: int, begins: bool, ends: bool
) -> None:
    line = "".join(f"{n % 10}" for n in range(1, width + 1))
    shown, mark = marked(line, column)
    text = shown.removeprefix("  1 | ")
    assert (text.startswith("…"), text.endswith("…"), len(text.strip("…"))) == (begins, ends, 100)
    assert mark == line[column - 1 : column - 1 + len(mark)]


def marked(line: str, column: int) -> tuple[str, str]:
    """The line that is shown, and the part of it above the mark."""
    _, shown, mark = told(a_problem(line=1, column=column), {"vm.yaml": line}).split("\n")
    return shown, shown[mark.index("^") : mark.rindex("^") + 1]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("model: virtoi", "virtoi"),
        ("mac: 52:54:00:00:00:01  # mine", "52:54:00:00:00:01"),
        ('{"mac": "52:54:00:00:00:01"}', '"52:54:00:00:00:01"'),
        ("a: {name: red, bridge: {}}", "red"),
        ("\tname: red", "red"),
        (f"a: {'x' * 300} red {'y' * 300}", "red"),
    ],
)
def test_the_mark_is_under_the_word_that_is_meant(line: str, part: str) -> None:
    shown, found = marked(line, line.index(part) + 1)
    assert found == part
    assert len(shown) <= 110


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\tname: red", "  1 |  name: red"),
        ("a\u00a0red", "  1 | a red"),
        ("a\x1b\u202e: red", "  1 | a\ufffd\ufffd: red"),
    ],
)
def test_white_space_of_a_source_is_shown_as_a_space_and_what_cannot_be_shown_as_a_mark(line: str, shown: str) -> None:
    assert told(a_problem(line=1, column=line.index("red") + 1), {"vm.yaml": line}).split("\n")[1] == shown


def test_a_code_is_a_link_to_its_page_where_the_terminal_has_links() -> None:
    plain, linked = (told(a_problem(), {}, links=links) for links in (False, True))
    page = explanation("KN129").url
    assert linked == plain.replace("KN129", f"\033]8;;{page}\033\\KN129\033]8;;\033\\", 1)


def test_wide_characters_take_two_columns_of_the_terminal() -> None:
    _, shown, mark = told(a_problem(line=1, column=7), {"vm.yaml": "漢字: {} red"}).split("\n")
    assert mark.index("^") - shown.index("漢") == 2 * 2 + 4


def test_a_text_has_one_sentence_at_the_end() -> None:
    warning = a_problem(severity=Severity.WARNING)
    written = write([a_problem(), a_problem(), warning], files=["vm.yaml", "other.yaml"], sources=SOURCES)
    assert written.splitlines()[-1] == "2 errors, 1 warning in 2 files; kvnet explain KN129 tells more"
    assert write([], files=["vm.yaml"]) == "no problems in 1 file\n"


def test_colour_is_for_the_severity_and_the_mark_alone() -> None:
    lines = told(a_problem(), SOURCES, colour=True).split("\n")
    assert lines[0].startswith("vm.yaml:2:8: \033[1;31merror\033[0m KN129")
    assert "\033" not in lines[1]
    assert lines[2].endswith("\033[1;31m^^^^^^\033[0m")


# SARIF


def results(told: list[Problem], **given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(write(told, "sarif", **given))["runs"][0]["results"]
    return found


def test_a_fingerprint_stays_where_lines_move_and_differs_where_problems_do() -> None:
    before = results([a_problem()], sources=SOURCES)
    after = results([a_problem(line=4)], sources={"vm.yaml": f"# a\n# b\n{SOURCE}"})
    assert before[0]["partialFingerprints"] == after[0]["partialFingerprints"]
    alike = results([a_problem(), a_problem(), a_problem("KN130")], sources=SOURCES)
    assert len({str(each["partialFingerprints"]) for each in alike}) == 3


def test_a_region_ends_where_the_word_does_and_holds_its_line() -> None:
    (result,) = results([a_problem()], sources=SOURCES)
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 2, "startColumn": 8, "endColumn": 14, "snippet": {"text": "model: virtoi"}}


def test_a_document_in_one_line_is_not_copied_for_each_problem() -> None:
    line = "{" + '"a": "b", ' * 10_000 + '"model": "virtoi"}'
    problems = [a_problem(line=1, column=line.index('"virtoi"') + 1)] * 20
    assert len(write(problems, "sarif", sources={"vm.yaml": line})) < len(line)
    (one, *_), (other, *_) = (
        results(problems, sources={"vm.yaml": text}) for text in (line, line.replace('"virtoi"}', '"virtoi", "x": 1}'))
    )
    assert one["partialFingerprints"] == other["partialFingerprints"]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("./a b/vm.yaml", "a%20b/vm.yaml"),
        ("/etc/vm.yaml", "file:///etc/vm.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("é.yaml", "%C3%A9.yaml"),
    ],
)
def test_a_file_name_becomes_a_uri(file: str, uri: str) -> None:
    (result,) = results([a_problem(file=file)])
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_what_has_one_right_answer_is_a_fix_of_its_characters() -> None:
    problem = evolve(a_problem(), instead="virtio")
    (result,) = results([problem], sources=SOURCES)
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    assert fix["description"]["text"] == "write virtio in place of virtoi"
    assert change["artifactLocation"]["uri"] == "vm.yaml"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 8, "endLine": 2, "endColumn": 14},
            "insertedContent": {"text": "virtio"},
        }
    ]
    assert "fixes" not in results([a_problem()], sources=SOURCES)[0]


def test_each_code_is_one_rule_with_its_group_and_help() -> None:
    log = json.loads(write([a_problem(), a_problem("KN906"), a_problem()], "sarif", version="1.2.3"))
    driver = log["runs"][0]["tool"]["driver"]
    assert driver["version"] == "1.2.3"
    assert [rule["id"] for rule in driver["rules"]] == ["KN129", "KN906"]
    for rule, level in zip(driver["rules"], ("error", "error"), strict=True):
        known = explanation(rule["id"])
        assert rule == {
            "id": known.code,
            "shortDescription": {"text": known.title},
            "fullDescription": {"text": known.what},
            "help": {"text": known.text, "markdown": known.text},
            "helpUri": known.url,
            "defaultConfiguration": {"level": level},
            "properties": {"tags": [known.group]},
        }
    assert [each["ruleIndex"] for each in log["runs"][0]["results"]] == [0, 1, 0]
