"""What the options of each command can be."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

import kvnet
from kvnet import pictures
from kvnet.cli import options, output
from kvnet.cli.commands import COMMANDS
from kvnet.cli.main import parser
from kvnet.hotplug import HotplugPolicy
from kvnet.manifest import dumping
from kvnet.manifest.schema import SCHEMAS
from kvnet.report import FORMATS

OWN = {
    **dict.fromkeys(("render", "define"), "xml"),
    **dict.fromkeys(("plan", "apply", "rules", "instancetypes", "diff"), "text"),
    "status": "table",
    "cloud-init": "yaml",
    "up": "text",
    "ps": "table",
}
"""The form that a command writes by itself."""


EXCEPT = {
    "up": {"--profile"},
    "check": {"--problems"},
    "bulk": {"--name", "--problems", "--select", "--extend-select", "--ignore", "--config", "--isolated"},
}
"""What commands lack of the common options, as the docs say beside them."""
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def section(begin: str) -> list[str]:
    """The lines of the page on the command, from the one that begins so to the next heading."""
    _, found, rest = f"\n{PAGE.read_text()}".partition(f"\n{begin}")
    assert found, begin
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].splitlines()


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    (found,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    return found.choices


def choices(option: str) -> dict[str, list[str]]:
    """The choices of an option, by command."""
    found = {name: each._option_string_actions.get(option) for name, each in commands().items()}
    return {name: list(each.choices) for name, each in found.items() if each is not None and each.choices}


def test_every_form_of_output_has_a_writer() -> None:
    offered = choices("-o")
    assert offered.pop("import") == list(dumping.WRITERS)
    assert offered.pop("show") == list(pictures.FORMATS)
    assert offered.pop("check") == list(FORMATS)
    assert offered.pop("pod") == ["text", "json", "yaml", "nft", "dnsmasq", "annotations"]
    assert {name: own for name, (own, *_) in offered.items()} == OWN
    for _, *others in offered.values():
        assert others
        assert set(others) <= set(output.WRITERS)


def test_the_options_that_the_docs_call_common_are_on_every_command_that_reads_manifests() -> None:
    rows = [line.split("|")[1] for line in section("These options are common") if line.startswith("| `-")]
    common = {option for row in rows for option in re.findall(r"`(--?[a-z-]+)", row)} - {"-qq"}
    assert {"-f", "--facts", "--cluster", "--common-instancetypes", "--profile", "--name", "-q", "-o"} <= common
    reading = [name for name, command in commands().items() if "--facts" in command._option_string_actions]
    assert set(reading) == {
        *("render", "check", "define", "plan", "apply", "status", "instancetypes", "show", "pod", "bulk"),
        *("cloud-init", "up"),
    }
    for name in reading:
        lacking = common - set(commands()[name]._option_string_actions)
        assert lacking == EXCEPT.get(name, set()), name


def test_help_lists_every_command_once_in_its_group() -> None:
    told = parser().format_help()
    listed = re.findall(r"^  ([a-z-]+) ", told, re.MULTILINE)
    assert [each for each in listed if each in COMMANDS] == list(COMMANDS)
    assert re.findall(r"^(\w+):$", told, re.MULTILINE) == [
        *("Manifests", "libvirt", "Running", "Domains", "Fleets", "Other"),
        *("options", "examples"),
    ]


def test_options_of_one_name_have_one_letter() -> None:
    letters: dict[str, set[tuple[str, ...]]] = {}
    for action in (each for command in commands().values() for each in command._actions if each.option_strings):
        letters.setdefault(action.option_strings[-1], set()).add(tuple(action.option_strings[:-1]))
    assert {name: found for name, found in letters.items() if len(found) > 1} == {}
    assert letters["--connect"] == {("-c",)}


def test_every_option_but_the_form_of_output_says_what_it_does() -> None:
    silent = {action.dest for command in commands().values() for action in command._actions if not action.help}
    assert silent == {"output"}


def test_the_docs_call_the_value_of_an_option_as_the_help_does() -> None:
    called = set(re.findall(r"(--[a-z][a-z-]*) ([A-Z][A-Z=]*)", PAGE.read_text()))
    actions = [action for command in commands().values() for action in command._actions]
    known = {(option, each.metavar or each.dest.upper()) for each in actions for option in each.option_strings}
    assert len(called) > 20
    assert called - known == set()


@pytest.mark.parametrize("name", commands())
def test_every_help_shows_two_examples_of_its_command_that_parse(name: str) -> None:
    _, _, told = commands()[name].format_help().partition("examples:\n")
    examples = [line.strip() for line in told.splitlines()]
    assert len(examples) == 2
    for example in examples:
        _, _, arguments = example.rpartition("kvnet ")
        assert options.parsed(parser(), shlex.split(arguments)).command == name


@pytest.mark.parametrize("command", [*OWN, "check", "import", "show"])
def test_a_form_that_a_command_does_not_offer_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([command, "-o", "toml", "file"])
    assert ended.value.code == 2
    assert "invalid choice: 'toml'" in capsys.readouterr().err


SWITCHES = {
    "render": ("--devices", "--common-instancetypes"),
    "define": ("--into", "--replace"),
    "check": ("--strict", "--write-baseline", "--fix", "--diff", "--allow-no-machine", "--isolated"),
    "status": ("--watch",),
    "cloud-init": ("--check",),
    "up": ("--dry-run", "--no-wait"),
    "diff": ("--noise",),
    "import": ("--all",),
    "bulk": ("--devices", "--no-templates", "--resume", "--force", "--fsync"),
}


@pytest.mark.parametrize(
    ("command", "switch"), [(command, each) for command, switches in SWITCHES.items() for each in switches]
)
def test_a_switch_takes_no_value_and_asks_for_one_thing(command: str, switch: str) -> None:
    files = {"diff": ["a", "b"], "import": ["a"]}.get(command, ["-f", "a"])
    parsed = commands()[command].parse_args
    without, given = (vars(parsed([*asked, *files])) for asked in ([], [switch]))
    (changed,) = (name for name in given if given[name] != without[name])
    assert {given[changed], without[changed]} == {True, False}


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
        (["check", "a", "--selct", "KN906"], "unrecognized arguments: --selct KN906; did you mean '--select'?"),
        (["check", "a", "--profile", "hots"], "invalid choice: 'hots'; did you mean 'host'?"),
        (["render", "a", "-o", "domains"], "(choose from 'xml', 'json', 'yaml'); the name of a folder ends in '/'"),
        (["pod", "plan", "a", "--phase", "start"], "--phase: invalid choice: 'start'"),
        (["render", "a", "--virt-type", "xen"], "--virt-type: invalid choice: 'xen'"),
        (["show", "a", "--beside", "apply"], "--beside: invalid choice: 'apply'"),
        (["cloud-init", "a", "--version", "3"], "--version: invalid choice: 3 (choose from 1, 2)"),
        (["plan", "a", "--policy", "none"], "--policy: invalid choice: 'none'"),
        (["check"], "no manifest is given: kvnet check -f FILE"),
        (["exec", "web"], "no command is given: kvnet exec NAME -- COMMAND"),
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
    monkeypatch.setattr(output, "WRITERS", {**output.WRITERS, "repr": repr})
    command = argparse.ArgumentParser()
    options._output(command, "text", "json", "repr")
    output.write(["a"], command.parse_args(["-o", "repr"]).output)
    assert capsys.readouterr().out == "['a']"


def test_every_command_that_tells_problems_offers_each_format_for_them() -> None:
    offered = choices("--problems")
    others = {"instancetypes", "show", "cloud-init", "diff", "import", "up"}
    assert set(offered) == {"render", "define", "plan", "apply", "status", "pod", *others}
    assert set(map(tuple, offered.values())) == {tuple(FORMATS)}


def test_policies_profiles_and_schemas_are_those_of_the_library() -> None:
    assert choices("--policy") == {"plan": [*HotplugPolicy], "apply": [*HotplugPolicy]}
    assert set(map(tuple, choices("--profile").values())) == {tuple(kvnet.Profile)}
    (what,) = (each for each in commands()["schema"]._actions if each.dest == "what")
    assert what.choices == tuple(SCHEMAS)
