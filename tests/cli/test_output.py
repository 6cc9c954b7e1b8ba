from __future__ import annotations

import json
import os
import pty
import re
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from threading import Thread

import pytest
import yaml
from cli.conftest import Run, RunOn, shown
from lxml import etree

from kvnet.cli.output import replace
from kvnet.cli.report import has_links

EXAMPLES = Path(__file__).parents[2] / "examples"
POD, BRIDGE = EXAMPLES / "pod.yaml", EXAMPLES / "bridge.yaml"
MISSPELLED = POD.read_bytes().replace(b"masquerade", b"masqerade")
REGRETTABLE = POD.read_bytes().replace(b"masquerade: {}", b"bridge: {}")
DOMAIN = (
    "<?xml version='1.0'?>\n"
    "<domain type='kvm'>\n"
    "  <name>ländlich</name>   <!-- two  spaces -->\n"
    "\t<devices>\n"
    '\t  <disk   type="file"/>\n'
    "\t</devices>\n"
    "  <weird xmlns='urn:x'><![CDATA[<&>]]></weird>\n"
    "</domain>"
)


def described(ended: CompletedProcess[bytes], output: str) -> object:
    return json.loads(ended.stdout) if output == "json" else yaml.safe_load(ended.stdout)


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_a_rendering_is_described_with_its_xml_notes_and_requirements(run: Run, output: str) -> None:
    told = described(run("render", POD, "-o", output), output)
    assert isinstance(told, dict)
    assert list(told) == ["name", "xml", "devices", "notes", "requirements"]
    assert told["name"] == "default_pod"
    assert told["xml"] + "\n" == run("render", POD).stdout.decode()
    assert [note["code"] for note in told["notes"]] == ["KN321", "KN310", "KN312"]
    assert told["requirements"] == [{"kind": "tap", "name": "tap0", "nic": "default", "multi_queue": False}]


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_several_machines_are_described_as_a_list(run: Run, output: str) -> None:
    told = described(run("render", POD, BRIDGE, "-o", output), output)
    assert isinstance(told, list)
    assert [each["name"] for each in told] == ["default_pod", "default_bridge"]


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_findings_are_told_in_the_words_of_a_status_cause(run: Run, output: str) -> None:
    told = described(run("check", "-", "-o", output, stdin=MISSPELLED), output)
    assert told == [
        {
            "severity": "error",
            "code": "KN003",
            "field": "spec.template.spec.domain.devices.interfaces[0].masqerade",
            "message": "there is no field 'masqerade' here",
            "hint": "did you mean 'masquerade'?",
            "file": "<stdin>",
            "line": 18,
            "column": 15,
        }
    ]


def test_no_findings_are_an_empty_list(run: Run) -> None:
    assert json.loads(run("check", POD, "-o", "json").stdout) == []


def test_a_finding_is_a_line_and_its_line_of_the_source_with_a_mark_under_the_place(run: Run) -> None:
    assert run("check", "-", stdin=MISSPELLED).stderr == (
        b"<stdin>:18:15: error KN003 there is no field 'masqerade' here; did you mean 'masquerade'?"
        b" [spec.template.spec.domain.devices.interfaces[0].masqerade] [fixable]\n"
        b"  18 |               masqerade: {}\n"
        b"     |               ^^^^^^^^^\n"
        b"kvnet: 1 error in 1 file; kvnet explain KN003 tells more\n"
    )


SEVERAL = [POD, BRIDGE, "--quiet"]


def test_several_documents_are_told_apart_by_a_comment_with_the_name_of_the_domain(run: Run) -> None:
    told = run("render", *SEVERAL).stdout.decode()
    _, *parts = re.split(r"^<!-- (\S+) -->\n", told, flags=re.MULTILINE)
    assert parts[::2] == ["default_pod", "default_bridge"]
    assert [etree.fromstring(part).findtext("name") for part in parts[1::2]] == parts[::2]
    assert [f"{part.rstrip()}\n" for part in parts[1::2]] == [
        run("render", POD).stdout.decode(),
        run("render", BRIDGE).stdout.decode(),
    ]


def test_a_name_with_two_hyphens_does_not_end_its_comment(run: Run) -> None:
    manifest = POD.read_text().replace("name: pod", "name: a---b")
    told = run("render", "-", BRIDGE, "--devices", stdin=manifest.encode()).stdout
    etree.fromstring(b"<devices>" + told + b"</devices>")
    assert told.startswith(b"<!-- default_a- - -b -->\n<interface")


@pytest.mark.parametrize("option", [[], ["--devices"]], ids=["domains", "devices"])
def test_a_folder_gets_a_file_for_each_machine_with_what_it_alone_would_print(
    run: Run, tmp_path: Path, option: list[str]
) -> None:
    for _ in range(2):
        ended = run("render", *SEVERAL, *option, "-o", "made/")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    made = {each.name: each.read_bytes() for each in (tmp_path / "made").iterdir()}
    alone = {f"default_{each.stem}.xml": run("render", each, *option).stdout for each in (POD, BRIDGE)}
    assert made == alone


@pytest.mark.parametrize("other", [EXAMPLES / "sriov.yaml", POD], ids=["refused", "twice"])
def test_a_folder_gets_nothing_where_one_machine_is_refused(run: Run, tmp_path: Path, other: Path) -> None:
    ended = run("render", *SEVERAL, other, "--profile", "host", "-o", "made/")
    assert (ended.returncode, ended.stdout, (tmp_path / "made").exists()) == (1, b"", False)


def test_a_folder_gets_nothing_where_the_name_of_one_file_would_be_too_long(run: Run, tmp_path: Path) -> None:
    long = POD.read_bytes().replace(b"name: pod\n", b"name: " + b"a" * 250 + b"\n", 1)
    assert long != POD.read_bytes()
    ended = run("render", POD, "-", "-o", "made/", stdin=long)
    assert (ended.returncode, (tmp_path / "made").exists()) == (1, False)
    assert b"KN704" in ended.stderr
    assert b"give the machine a shorter name [metadata.name]" in ended.stderr


def test_a_name_that_is_neither_a_format_nor_a_folder_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("render", POD, "-o", "made").returncode == 2
    (tmp_path / "made").mkdir()
    assert run("render", POD, "-o", "made").returncode == 0
    assert (tmp_path / "made" / "default_pod.xml").is_file()


def test_a_name_chooses_what_check_tells_of(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(MISSPELLED + b"---\n" + REGRETTABLE.replace(b"name: pod", b"name: other"))
    codes = {name: {each["code"] for each in named(run, name)} for name in ("pod", "other", "none")}
    assert codes == {"pod": {"KN003"}, "other": {"KN906"}, "none": {"KN009"}}


def named(run: Run, name: str) -> list[dict[str, str]]:
    told: list[dict[str, str]] = json.loads(run("check", "a.yaml", "--name", name, "-o", "json").stdout)
    return told


def test_devices_alone_are_what_the_whole_domain_holds(run: Run) -> None:
    whole, devices = (run("render", POD, *option).stdout.decode() for option in ([], ["--devices"]))
    assert devices.startswith("<interface type='ethernet'>")
    assert [line.strip() for line in devices.splitlines()] == [
        line.strip() for line in whole[whole.index("<interface") : whole.index("</interface>") + 12].splitlines()
    ]


def test_the_same_input_gives_the_same_bytes(run: Run) -> None:
    first, second = (run("render", POD, BRIDGE, env={"PYTHONHASHSEED": seed}) for seed in "12")
    assert first.stdout == second.stdout != b""


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_xml_is_utf_8_whatever_the_locale(run: Run, locale: str) -> None:
    ended = run("render", POD, "--into", "-", stdin=DOMAIN.encode(), env={"LC_ALL": locale, "PYTHONUTF8": "0"})
    assert "ländlich".encode() in ended.stdout


@pytest.mark.parametrize("ending", ["", "\n", "\n\n<!-- after -->\n"], ids=repr)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=repr)
@pytest.mark.parametrize("source", ["file", "-"])
def test_a_strangers_domain_gains_the_nics_and_keeps_every_other_byte(
    run: Run, tmp_path: Path, source: str, newline: str, ending: str
) -> None:
    given = (DOMAIN + ending).replace("\n", newline).encode()
    (tmp_path / "domain.xml").write_bytes(given)
    name = "-" if source == "-" else "domain.xml"
    ended = run("render", POD, "--into", name, stdin=given if source == "-" else b"")
    assert ended.returncode == 0
    kept = next(n for n, (theirs, ours) in enumerate(zip(given, ended.stdout, strict=False)) if theirs != ours)
    rest = len(given) - kept
    assert ended.stdout.endswith(given[kept:])
    gained = ended.stdout[kept : len(ended.stdout) - rest]
    assert gained.strip().startswith(b"<interface type='ethernet'>")
    assert gained.count(b"</interface>") == 1
    assert (tmp_path / "domain.xml").read_bytes() == given


def test_a_domain_in_utf_16_is_refused_for_its_declaration_would_lie(run: Run) -> None:
    given = "<?xml version='1.0' encoding='UTF-16'?>\n<domain><devices/></domain>".encode("utf-16")
    ended = run("render", POD, "--into", "-", "-q", stdin=given)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(
        b"<stdin>:1:1: error KN001 the domain declares the encoding UTF-16; save the file as UTF-8\n"
    )


def test_one_domain_takes_one_machine(run: Run) -> None:
    ended = run("render", POD, BRIDGE, "--into", "-", "-q", stdin=DOMAIN.encode())
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"KN010 2 machines do not fit into one domain; choose one with --name" in ended.stderr
    chosen = run("render", POD, BRIDGE, "--into", "-", "--name", "bridge", stdin=DOMAIN.encode())
    assert chosen.returncode == 0


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=str,
)
def test_a_terminal_is_told_in_colour_unless_it_asks_for_none(
    env: dict[str, str], coloured: bool, run_on: RunOn, environment: dict[str, str], tmp_path: Path
) -> None:
    manifest = tmp_path / "bad.yaml"
    manifest.write_bytes(MISSPELLED)
    told = on_a_terminal(run_on, ["check", "bad.yaml"], environment | env)
    assert (b"\033[1;31merror\033[0m KN003" in told) is coloured
    assert (b"\033" in told) is coloured


def test_a_terminal_gets_what_would_be_fixed_in_colour(
    run_on: RunOn, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_bytes(MISSPELLED)
    told = on_a_terminal(run_on, ["check", "bad.yaml", "--diff", "-qq"], environment)
    assert b"\033[31m-" in told
    assert b"\033[32m+" in told


LINK = b"\033]8;;https://kvnet.readthedocs.io/en/latest/reference/problems/KN003.html\033\\KN003\033]8;;\033\\"


@pytest.mark.parametrize(
    ("env", "linked"),
    [
        ({}, False),
        ({"VTE_VERSION": "7003"}, True),
        ({"VTE_VERSION": "5000"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"WT_SESSION": "1", "NO_COLOR": "1"}, False),
        ({"WT_SESSION": "1", "TERM": "dumb"}, False),
        ({"FORCE_HYPERLINK": "1"}, True),
        ({"FORCE_HYPERLINK": "0", "VTE_VERSION": "7003"}, False),
    ],
    ids=str,
)
def test_a_terminal_that_has_links_gets_one_from_each_code_to_its_page(
    env: dict[str, str], linked: bool, run_on: RunOn, environment: dict[str, str], tmp_path: Path
) -> None:
    known = ("VTE_VERSION", "TERM_PROGRAM", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "FORCE_HYPERLINK")
    bare = {name: value for name, value in environment.items() if name not in known}
    (tmp_path / "bad.yaml").write_bytes(MISSPELLED)
    told = on_a_terminal(run_on, ["check", "bad.yaml"], bare | env)
    assert (LINK in told, b"\033]8" in told) == (linked, linked)
    assert b"kvnet: 1 error in 1 file; kvnet explain KN003 tells more" in told


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "variable",
    [
        *(f"TERM_PROGRAM={each}" for each in ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio")),
        *(f"TERM={each}" for each in ("xterm-kitty", "xterm-ghostty", "wezterm", "alacritty", "foot", "contour")),
        *("WT_SESSION=1", "KONSOLE_VERSION=230803", "DOMTERM=1", "VTE_VERSION=5001"),
    ],
)
def test_each_terminal_that_shows_links_is_known_by_its_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    name, _, value = variable.partition("=")
    assert not has_links(Terminal(), {})
    assert has_links(Terminal(), {name: value})


def test_a_pipe_has_no_links(run: Run) -> None:
    assert b"\033" not in run("check", "-", stdin=MISSPELLED, env={"FORCE_HYPERLINK": "1"}).stderr


def on_a_terminal(run_on: RunOn, arguments: list[str], env: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    run_on(*arguments, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    return shown(ours)


def test_a_pipe_is_told_without_colour(run: Run) -> None:
    assert b"\033" not in run("check", "-", stdin=REGRETTABLE).stderr


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    replace(str(pipe), b"content")
    reader.join()
    assert (got, pipe.is_fifo(), os.listdir(tmp_path)) == ([b"content"], True, ["pipe"])


def test_a_file_of_the_longest_name_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 255)
    for content in (b"first", b"second"):
        replace(str(file), content)
        assert (file.read_bytes(), len(os.listdir(tmp_path))) == (content, 1)


def test_a_domain_is_not_written_through_a_link_or_over_the_manifest(run: Run, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "default_pod.xml").symlink_to("../victim")
    ended = run("render", POD, "-o", "out/")
    assert (ended.returncode, (tmp_path / "victim").read_text()) == (2, "mine")
    manifest = tmp_path / "default_pod.xml"
    manifest.write_bytes(POD.read_bytes())
    ended = run("render", "default_pod.xml", "-o", "./")
    assert (ended.returncode, manifest.read_bytes()) == (2, POD.read_bytes())
    assert b"would be written over what is read" in ended.stderr
