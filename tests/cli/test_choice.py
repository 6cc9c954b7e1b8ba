"""Options, configuration, comments and a baseline decide together what ``kvnet check`` tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

POD = (Path(__file__).parents[2] / "examples" / "pod.yaml").read_text()
BRIDGED = POD.replace("masquerade: {}", "bridge: {}")
REFUSED = POD.replace("pod: {}", "multus: {networkName: lan}")
COMMENT = "  # kvnet: ignore[KN906] as agreed"


@pytest.fixture
def told(run: Run, tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """The exit status, and the severity and code of each problem, of checking a manifest and settings."""

    def told(*options: str, manifest: str = BRIDGED, settings: str | None = None) -> tuple[int, list[str]]:
        (tmp_path / "vm.yaml").write_text(manifest)
        if settings is not None:
            (tmp_path / ".kvnet.toml").write_text(settings)
        ended = run("check", "vm.yaml", *options)
        assert b"Traceback" not in ended.stderr
        return ended.returncode, re.findall(r"(?:error|warning|note) KN\d{3}", ended.stderr.decode())

    return told


Told = Callable[..., tuple[int, list[str]]]


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        ([], "", (0, ["warning KN906"])),
        (["--ignore", "KN9"], "", (0, [])),
        (["--select", "KN1,KN2"], "", (0, [])),
        (["--severity", "KN906=error"], "", (1, ["error KN906"])),
        (["--severity", "advice=note", "--strict"], "", (0, ["note KN906"])),
        (["--severity", "advice=note", "-q"], "", (0, [])),
        (["--strict"], "", (1, ["warning KN906"])),
        (["--strict", "-qq"], "", (1, [])),
        ([], "ignore = ['KN906']", (0, [])),
        (["--isolated"], "ignore = ['KN906']", (0, ["warning KN906"])),
        (["--extend-select", "KN906"], "ignore = ['advice']", (0, ["warning KN906"])),
        (["--select", "KN9"], "select = ['KN1']", (0, ["warning KN906"])),
        (["--severity", "KN906=note"], "severity = {KN906 = 'error'}", (0, ["note KN906"])),
        ([], "strict = true", (1, ["warning KN906"])),
        ([], "ingore = []", (2, ["error KN030"])),
        (["--config", "absent.toml"], "", (2, ["error KN001"])),
    ],
    ids=str,
)
def test_options_add_to_the_configuration_and_win_over_it(
    told: Told, options: list[str], settings: str, expected: tuple[int, list[str]]
) -> None:
    assert told(*options, settings=settings) == expected


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--ignore", "advise"], b"did you mean 'advice'?"),
        (["--select", "KN999"], b"no problem has the code 'KN999'; did you mean KN929?"),
        (["--severity", "kn999=error"], b"did you mean KN929?"),
        (["--severity", "KN906"], b"'' is no severity: write error, warning, note"),
        (["--severity", "KN906=bad"], b"'bad' is no severity"),
        (["-o", "toml"], b"invalid choice: 'toml'"),
        (["--write-baseline"], b"--baseline"),
    ],
    ids=str,
)
def test_an_option_that_says_nothing_known_is_refused(run: Run, options: list[str], told: bytes) -> None:
    ended = run("check", "-", *options, stdin=POD.encode())
    assert (ended.returncode, told in ended.stderr) == (2, True)


def test_the_configuration_is_found_above_the_first_file_or_the_working_directory(run: Run, tmp_path: Path) -> None:
    inner = tmp_path / "project" / "app"
    inner.mkdir(parents=True)
    (inner / "vm.yaml").write_text(BRIDGED)
    (inner.parent / "pyproject.toml").write_text("[tool.kvnet]\nignore = ['KN906']\n")
    (inner / "pyproject.toml").write_text("[project]\nname = 'app'\n")
    assert b"KN906" not in run("check", "project/app").stderr
    assert b"KN906" not in run("check", "project/app/vm.yaml").stderr
    assert b"KN906" in run("check", "-", stdin=BRIDGED.encode()).stderr
    (tmp_path / ".kvnet.toml").write_text("ignore = ['KN906']\n")
    assert b"KN906" not in run("check", "-", stdin=BRIDGED.encode()).stderr


def test_a_comment_suppresses_and_one_without_use_is_told(told: Told) -> None:
    assert told(manifest=BRIDGED.replace("bridge: {}", f"bridge: {{}}{COMMENT}")) == (0, [])
    unused = POD.replace("masquerade: {}", f"masquerade: {{}}{COMMENT}")
    assert told(manifest=unused) == (0, ["warning KN031"])
    assert told("--ignore", "KN03", manifest=unused) == (0, [])
    assert told("--strict", manifest=unused) == (1, ["warning KN031"])


@pytest.mark.parametrize("code", ["KN310", "KN346", "KN710", "KN999", "security"])
def test_a_comment_for_what_this_check_does_not_look_for_is_not_called_unused(told: Told, code: str) -> None:
    manifest = POD.replace("masquerade: {}", f"masquerade: {{}}  # kvnet: ignore[{code}]")
    expected = [] if code != "KN999" else ["warning KN031"]
    assert told(manifest=manifest) == (0, expected)


def test_suppressed_problems_are_counted(run: Run) -> None:
    manifest = BRIDGED.replace("bridge: {}", f"bridge: {{}}{COMMENT}")
    assert run("check", "-", stdin=manifest.encode()).stderr == b"kvnet: no problems in 1 file; 1 problem suppressed\n"


def test_what_the_machine_is_refused_for_can_be_ignored_in_a_check_and_still_gives_no_xml(run: Run) -> None:
    for options, manifest in (
        (["--ignore", "KN112"], REFUSED),
        ([], REFUSED.replace("apiVersion", "# kvnet: ignore[KN112]\napiVersion", 1)),
    ):
        checked = run("check", "-", *options, stdin=manifest.encode())
        assert (checked.returncode, b"KN112" in checked.stderr) == (0, False)
        rendered = run("render", "-", *options, stdin=manifest.encode())
        assert (rendered.returncode, rendered.stdout) == (1, b"")
        assert b"error KN112" in rendered.stderr


def test_notes_of_a_rendering_can_be_ignored(run: Run) -> None:
    assert b"KN310" in run("render", "-", stdin=POD.encode()).stderr
    quiet = run("render", "-", "--ignore", "KN310", "--ignore", "KN312,KN321", stdin=POD.encode())
    assert (quiet.returncode, quiet.stderr) == (0, b"")
    commented = POD.replace("# joined to the network of the same name", "# kvnet: ignore[assumption]")
    assert commented != POD
    assert b"KN312" not in run("render", "-", stdin=commented.encode()).stderr


def test_problems_of_other_commands_come_in_every_format(run: Run) -> None:
    ended = run("render", "-", "--problems", "json", stdin=REFUSED.encode())
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert [each["code"] for each in json.loads(ended.stderr)] == ["KN112"]
    ended = run("render", "-", "--problems", "github", "-q", stdin=BRIDGED.encode())
    assert ended.stderr.startswith(b"::warning file=<stdin>,line=")


@pytest.mark.parametrize("output", ["json", "yaml", "sarif", "github", "junit"])
def test_every_format_of_a_check_goes_to_standard_output_alone(run: Run, output: str) -> None:
    ended = run("check", "-", "-o", output, stdin=BRIDGED.encode())
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"KN906" in ended.stdout


@pytest.mark.parametrize("output", ["json", "yaml", "sarif", "github", "junit"])
def test_what_keeps_a_check_from_running_is_told_in_the_format_that_was_asked_for(
    run: Run, tmp_path: Path, output: str
) -> None:
    (tmp_path / ".kvnet.toml").write_text("colour = 1")
    ended = run("check", "-", "-o", output, stdin=BRIDGED.encode())
    assert (ended.returncode, ended.stderr) == (2, b"")
    assert b"KN030" in ended.stdout


def test_a_baseline_hides_what_there_was_after_lines_moved(run: Run, tmp_path: Path) -> None:
    vm = tmp_path / "vm.yaml"
    vm.write_text(BRIDGED)
    written = run("check", "vm.yaml", "--baseline", "known.json", "--write-baseline")
    assert (written.returncode, written.stderr) == (0, b"kvnet: wrote 1 problem to known.json\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["known.json", "vm.yaml"]
    again = run("check", "vm.yaml", "--strict", "--baseline", "known.json")
    assert (again.returncode, again.stderr) == (0, b"kvnet: no problems in 1 file; 1 problem suppressed\n")
    vm.write_text(f"# one\n# two\n---\n{BRIDGED}---\n{REFUSED}")
    more = run("check", "vm.yaml", "--baseline", "known.json")
    assert (more.returncode, b"KN906" in more.stderr, b"KN112" in more.stderr) == (1, False, True)
    vm.write_text(POD)
    gone = run("check", "vm.yaml", "--strict", "--baseline", "known.json")
    assert (gone.returncode, b"known.json:1:1: note KN034" in gone.stderr) == (0, True)


def test_a_baseline_is_not_written_over_what_is_checked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(BRIDGED)
    for arguments in (("vm.yaml",), (".",), ("--facts", "vm.yaml", "-")):
        ended = run("check", *arguments, "--baseline", "vm.yaml", "--write-baseline", stdin=BRIDGED.encode())
        assert ended.returncode == 2
    assert (tmp_path / "vm.yaml").read_text() == BRIDGED


def test_a_baseline_of_the_configuration_lies_beside_it_wherever_kvnet_is_started(run: Run, tmp_path: Path) -> None:
    app = tmp_path / "project" / "app"
    app.mkdir(parents=True)
    (app / "vm.yaml").write_text(BRIDGED)
    (app.parent / ".kvnet.toml").write_text('baseline = "known.json"\nstrict = true\n')
    assert run("check", "project/app", "--write-baseline").returncode == 0
    assert json.loads((app.parent / "known.json").read_text())["problems"][0]["file"] == "app/vm.yaml"
    assert run("check", str(app / "vm.yaml")).returncode == 0


@pytest.mark.parametrize(("text", "code"), [(None, b"KN001"), ("{}", b"KN033")])
def test_a_baseline_that_cannot_be_read_ends_with_status_2(
    run: Run, tmp_path: Path, text: str | None, code: bytes
) -> None:
    if text is not None:
        (tmp_path / "known.json").write_text(text)
    ended = run("check", "-", "--baseline", "known.json", stdin=POD.encode())
    assert (ended.returncode, code in ended.stderr) == (2, True)


def test_no_baseline_is_written_of_what_cannot_be_read(run: Run, tmp_path: Path) -> None:
    ended = run("check", "-", "--baseline", "known.json", "--write-baseline", stdin=b"a: [")
    assert (ended.returncode, (tmp_path / "known.json").exists()) == (2, False)


def test_a_baseline_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "known.json").mkdir()
    ended = run("check", "-", "--baseline", "known.json", "--write-baseline", stdin=BRIDGED.encode())
    assert (ended.returncode, b"Is a directory" in ended.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["known.json"]


def test_the_summary_counts_severities_and_files(run: Run, tmp_path: Path) -> None:
    for name, text in {"a.yaml": REFUSED, "b.yaml": BRIDGED, "c.yaml": POD, "d.yaml": "kind: Secret\n"}.items():
        (tmp_path / name).write_text(text.replace("name: pod", f"name: {name[0]}", 1))
    told = run("check", ".").stderr.decode().splitlines()
    assert told[-1] == "kvnet: 1 error, 1 warning in 3 files; 1 file skipped; kvnet explain KN112 tells more"


def test_a_pipe_that_was_read_is_quoted_and_not_opened_again(run: Run) -> None:
    ended = run("check", "/dev/stdin", stdin=REFUSED.encode())
    assert b"KN112" in ended.stderr
    assert b"^" in ended.stderr
