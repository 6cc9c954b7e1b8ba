"""``kvnet explain``, ``kvnet check --explain`` and ``kvnet rules``."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
import yaml
from cli.conftest import Run, shown

from kvnet.codes import explanation, explanations


@pytest.mark.parametrize("command", [("explain",), ("check", "--explain")], ids=" ".join)
def test_a_page_is_printed_as_markdown_where_nobody_looks(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, "KN906", "kn101")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode() == f"{explanation('KN906').text}\n{explanation('KN101').text}"


@pytest.mark.parametrize("command", [("explain",), ("check", "--explain")], ids=" ".join)
def test_an_unknown_code_is_told_and_nothing_else_is_printed(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, "KN906", "KN0906")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr == b"kvnet: no problem has the code 'KN0906'; did you mean KN906?\n"


@pytest.mark.parametrize(
    ("variables", "is_styled"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_a_page_is_styled_on_a_terminal(
    environment: dict[str, str], variables: dict[str, str], is_styled: bool
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kvnet", "explain", "KN908"], stdout=theirs, env={**environment, **variables}
    )
    os.close(theirs)
    told = shown(ours)
    assert process.wait() == 0
    assert (b"\x1b[1mKN908: Two NICs of a machine have one MAC address\x1b[0m" in told) is is_styled
    assert (b"```yaml" in told) is not is_styled


def test_the_table_of_rules_has_a_row_for_each_code(run: Run) -> None:
    rows = [line.split(maxsplit=3) for line in run("rules").stdout.decode().splitlines()]
    assert rows == [[each.code, each.severity, each.group, each.title] for each in explanations()]


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_rules_are_described_with_all_that_their_pages_say(run: Run, output: str) -> None:
    ended = run("rules", "-o", output)
    told = json.loads(ended.stdout) if output == "json" else yaml.safe_load(ended.stdout)
    assert [each["code"] for each in told] == [each.code for each in explanations()]
    for each, page in zip(told, explanations(), strict=True):
        assert each["severity"] == page.severity
        assert [each[key] for key in ("title", "what", "good", "text", "url")] == [
            *(page.title, page.what, page.good, page.text, page.url)
        ]


def test_check_needs_either_a_manifest_or_a_code(run: Run) -> None:
    assert b"no manifest is given" in run("check").stderr
