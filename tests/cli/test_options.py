"""What the options of each command can be."""

from __future__ import annotations

import argparse

import pytest

import kvnet
from kvnet import pictures
from kvnet.cli import formats, options
from kvnet.cli.main import parser
from kvnet.hotplug import HotplugPolicy
from kvnet.manifest import dumping
from kvnet.report import FORMATS

OWN = {"render": "xml", "rules": "text", "instancetypes": "text", "status": "table", "diff": "text"}
"""The form that a command writes by itself."""


def choices(option: str) -> dict[str, list[str]]:
    """The choices of an option, by command."""
    (commands,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    found = {name: each._option_string_actions.get(option) for name, each in commands.choices.items()}
    return {name: list(each.choices) for name, each in found.items() if each is not None and each.choices}


def test_every_form_of_output_has_a_writer() -> None:
    offered = choices("-o")
    assert offered.pop("import") == list(dumping.WRITERS)
    assert offered.pop("show") == list(pictures.FORMATS)
    assert offered.pop("check") == list(FORMATS)
    assert {name: own for name, (own, *_) in offered.items()} == OWN
    for _, *others in offered.values():
        assert others
        assert set(others) <= set(formats.WRITERS)


@pytest.mark.parametrize("command", [*OWN, "check", "import", "show"])
def test_a_form_that_a_command_does_not_offer_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([command, "-o", "toml", "file"])
    assert ended.value.code == 2
    assert "invalid choice: 'toml'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["render", "a", "--profile", "host", "b", "--devices", "c"], ["a", "b", "c"]),
        (["check", "--strict", "a", "-q", "-", "-f", "b"], ["a", "-", "b"]),
        (["instancetypes", "--cluster", "c", "a"], ["a"]),
    ],
)
def test_files_may_be_named_before_and_after_options(argv: list[str], expected: list[str]) -> None:
    assert options.parsed(parser(), argv).files == expected


def test_domains_may_be_named_before_and_after_options() -> None:
    assert options.parsed(parser(), ["import", "a", "--profile", "host", "b"]).domains == ["a", "b"]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["render", "a", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["check"], "no manifest is given: kvnet check -f FILE"),
        (["diff", "a", "b", "c"], "unrecognized arguments: c"),
        (["define", "a", "--into"], "say which one with --connect URI"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_what_a_command_cannot_understand_shows_its_own_usage(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parsed(parser(), argv)
    shown = capsys.readouterr().err
    assert (ended.value.code, shown.startswith(f"usage: kvnet {argv[0]} ")) == (2, True)
    assert f"kvnet {argv[0]}: error: " in shown
    assert told in shown


def test_a_command_cannot_name_a_form_without_a_writer() -> None:
    with pytest.raises(ValueError, match="has no toml, only json, yaml"):
        options._output(argparse.ArgumentParser(), "text", "json", "toml")


def test_a_form_that_gets_a_writer_can_be_offered_and_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(formats, "WRITERS", {**formats.WRITERS, "repr": repr})
    command = argparse.ArgumentParser()
    options._output(command, "text", "json", "repr")
    formats.write(["a"], command.parse_args(["-o", "repr"]).output)
    assert capsys.readouterr().out == "['a']"


def test_every_command_that_tells_problems_offers_each_format_for_them() -> None:
    offered = choices("--problems")
    assert set(offered) == {"render", "define", "plan", "apply", "status", "instancetypes", "show", "diff", "import"}
    assert set(map(tuple, offered.values())) == {tuple(FORMATS)}


def test_policies_and_profiles_are_those_of_the_library() -> None:
    assert choices("--policy") == {"plan": [*HotplugPolicy], "apply": [*HotplugPolicy]}
    assert set(map(tuple, choices("--profile").values())) == {tuple(kvnet.Profile)}
