"""A configuration is read, or refused with the place of every mistake."""

from __future__ import annotations

import pytest

from kvnet import Rejected, Severity
from kvnet.report import Config, Selection, read_config

WHOLE = """\
select = ["ALL"]
extend-select = ["security"]
ignore = ["kn9", "Fleet"]
baseline = "known.json"
strict = true
severity = {KN906 = "error", advice = "note"}
"""
TABLES = WHOLE.replace("severity = {", "[tool.kvnet.severity]\n").replace(", advice", "\nadvice").replace("}", "")
"""The same, with a table of its own for the severities."""
READ = Config(
    selection=Selection(
        select=("ALL",),
        extend_select=("security",),
        ignore=("KN9", "fleet"),
        severities=(("KN906", Severity.ERROR), ("advice", Severity.NOTE)),
    ),
    baseline="known.json",
    strict=True,
)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".kvnet.toml", WHOLE),
        ("conf/pyproject.toml", f'[tool.other]\nignore = ["E501"]\n[tool.kvnet]\n{WHOLE}'),
        (
            "pyproject.toml",
            f"[tool.kvnet]\n{TABLES}",
        ),
    ],
)
def test_every_setting_is_read_from_both_files(file: str, text: str) -> None:
    read = read_config(text, file)
    assert read is not None
    assert (read.file, read.selection, read.baseline, read.strict) == (file, READ.selection, "known.json", True)


@pytest.mark.parametrize("text", ["", "[tool.ruff]\n", '[project]\nname = "kvnet"\n', 'tool = "kvnet"\n'])
def test_a_project_without_the_table_has_no_configuration(text: str) -> None:
    assert read_config(text, "pyproject.toml") is None


def test_an_empty_table_and_an_empty_file_are_configurations() -> None:
    assert read_config("[tool.kvnet]\n", "pyproject.toml") == Config(file="pyproject.toml")
    assert read_config("", ".kvnet.toml") == Config(file=".kvnet.toml")


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (".kvnet.toml", "\ningore = []\n", ["2:1: error KN030 kvnet has no setting 'ingore'; did you mean 'ignore'?"]),
        (".kvnet.toml", "colour = 1", ["1:1: error KN030 kvnet has no setting 'colour'; the keys are select, "]),
        (".kvnet.toml", "ignore = [\n", [".kvnet.toml:", "error KN030 not TOML: "]),
        (".kvnet.toml", f"strict = {'9' * 5000}\n", [".kvnet.toml:", "error KN030 not TOML: Exceeds the limit"]),
        (".kvnet.toml", 'ignore = "KN9"', ["1:1: error KN030 this has to be a list of texts, such as "]),
        (".kvnet.toml", 'ignore = ["advise"]', ["did you mean 'advice'? [ignore]"]),
        (".kvnet.toml", 'ignore = ["KN999"]', ["no problem has the code 'KN999'; did you mean KN929? [ignore]"]),
        (".kvnet.toml", 'strict = "yes"', ["this has to be true or false [strict]"]),
        (".kvnet.toml", "baseline = ''", ["this has to be the name of a file [baseline]"]),
        (".kvnet.toml", 'severity = "error"', ['this has to be a table, such as {KN906 = "error"} [severity]']),
        (
            ".kvnet.toml",
            '[severity]\nKN906 = "fatal"\nKN905 = 1',
            ["2:1: error", "'fatal' is no severity: write error, ", "with ignore [severity.KN906]", "3:1:"],
        ),
        (".kvnet.toml", 'strict = true\nseverity = {KN906 = "fatal"}', ["2:1: error"]),
        (".kvnet.toml", 'strict = true\nseverity = {KN906 = "off"}', ["2:1: error KN030 'off' is no severity"]),
        ("pyproject.toml", "[tool.a]\nselekt = 1\n[tool.kvnet]\nselekt = 1\n", ["4:1:", "[tool.kvnet.selekt]"]),
        ("pyproject.toml", "[tool]\nkvnet = 1\n", ["tool.kvnet is a table"]),
        ("pyproject.toml", '[tool.kvnet.severity]\n"KN9" = "no"\n', ["pyproject.toml:2:2: error"]),
    ],
)
def test_each_mistake_is_told_at_its_place(file: str, text: str, told: list[str]) -> None:
    with pytest.raises(Rejected) as refused:
        read_config(text, file)
    for each in told:
        assert each in str(refused.value)
