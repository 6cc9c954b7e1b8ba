from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

BASH = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_shtab_kvnet kvnet "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish"])
def test_a_completion_script_names_the_commands_and_their_options(run: Run, shell: str) -> None:
    ended = run("--print-completion", shell)
    assert (ended.returncode, ended.stderr) == (0, b"")
    for word in (b"kvnet", b"render", b"check", b"define", b"strict", b"connect", b"devices"):
        assert word in ended.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish"])
def test_a_completion_script_is_sound_to_its_shell(run: Run, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_bytes(run("--print-completion", shell).stdout)
    subprocess.run([shell, "-n", str(script)], check=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["re"], ["render"]),
        (
            [""],
            [
                *(
                    "apply",
                    "bulk",
                    "check",
                    "cloud-init",
                    "debug",
                    "define",
                    "diff",
                    "down",
                    "exec",
                    "explain",
                    "import",
                    "instancetypes",
                ),
                *("plan", "pod", "ps", "render", "rules", "schema", "show", "status", "up"),
            ],
        ),
        (["check", "--st"], ["--strict"]),
        (["check", "-o", ""], ["github", "json", "junit", "sarif", "text", "yaml"]),
        (["render", "--profile", "h"], ["host"]),
        (["up", "--virt-type", ""], ["kvm", "qemu"]),
        (["up", "--no"], ["--no-wait"]),
        (["ps", "-o", ""], ["json", "table", "yaml"]),
        (["render", "--facts", "fa"], ["facts.yaml"]),
    ],
    ids=str,
)
def test_bash_completes_with_it(run: Run, tmp_path: Path, words: list[str], completed: list[str]) -> None:
    script = tmp_path / "script"
    script.write_bytes(run("--print-completion", "bash").stdout)
    (tmp_path / "facts.yaml").touch()
    ended = subprocess.run(
        ["bash", "-c", BASH, "bash", str(script), "kvnet", *words],
        capture_output=True,
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    assert sorted(ended.stdout.decode().split()) == completed


def test_a_shell_that_is_not_known_is_refused(run: Run) -> None:
    ended = run("--print-completion", "csh")
    assert ended.returncode == 2
    assert b"invalid choice: 'csh'" in ended.stderr
