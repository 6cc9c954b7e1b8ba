"""Whatever the slips in a manifest are, ``check --fix`` corrects some of them and harms nothing."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from slips import mutated_texts

from kvnet.cli.main import main

HIDING = {"KN012", "KN016", "KN017", "KN151"}
"""What keeps an object from being judged."""
INNER = re.compile(r"(?<=\S)\s+(?=\S)|[^\s{}\[\],]")
ROUTE = re.compile(r"routes: \[\{.*?\}\]|gateway6: \S+")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fixes") / "vm.yaml"


def run(*arguments: str | Path) -> tuple[int, str]:
    stdout = io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(io.StringIO()):
        status = main(["check", "--isolated", *map(str, arguments)])
    return status, stdout.getvalue()


def told(file: Path) -> list[dict[str, Any]]:
    _, text = run("-o", "json", file)
    found: list[dict[str, Any]] = json.loads(text)
    return [each for each in found if each["severity"] != "note"]


def keys(problems: Sequence[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((each["code"], each.get("field", "")) for each in problems)


def lines(content: bytes) -> list[str]:
    codec = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return content.decode(codec).split("\n")


def check_one(file: Path, content: bytes) -> bool:
    """Correct a file, compare it with what it was, and say whether anything was corrected."""
    file.write_bytes(content)
    before = told(file)
    run("--fix", file)
    corrected = file.read_bytes()
    after = told(file)
    run("--fix", file)
    assert file.read_bytes() == corrected, "a second run changes nothing"
    old, new = lines(content), lines(corrected)
    changed = [n for n, (one, other) in enumerate(zip(old, new, strict=True), 1) if one != other]
    for n in changed:
        assert layout(old[n - 1]) == layout(new[n - 1])
        assert old[n - 1].partition(" #")[2] == new[n - 1].partition(" #")[2]
    if not HIDING & {each["code"] for each in before}:
        assert {*changed} <= told_lines(file, old, new), "only what is told is corrected"
        assert keys(after) <= keys(before), "no problem is new"
        assert not changed or len(after) < len(before)
    if not changed:
        assert corrected == content
    return bool(changed)


def told_lines(file: Path, old: Sequence[str], new: Sequence[str]) -> set[int]:
    """The lines that are told of, and those that are once these are corrected: a misspelt key hides what is below."""
    known: set[int] = set()
    while True:
        texts = [after if n in known else before for n, (before, after) in enumerate(zip(old, new, strict=True), 1)]
        file.write_text("\n".join(texts), newline="")
        found = known | {each["line"] for each in told(file) if "line" in each}
        if found == known:
            return known
        known = found


def layout(line: str) -> str:
    """The white space at both ends of a line, and the brackets and commas between."""
    return INNER.sub("", ROUTE.sub("", line))


SETTINGS = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], database=None
)


@settings(SETTINGS)
@given(content=mutated_texts())
def test_a_correction_harms_nothing(file: Path, content: bytes) -> None:
    check_one(file, content)


@pytest.mark.slow
@settings(SETTINGS, max_examples=500)
@given(content=mutated_texts())
def test_a_correction_of_500_documents_harms_nothing(file: Path, content: bytes) -> None:
    check_one(file, content)
