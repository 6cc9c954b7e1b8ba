"""``kvnet check --fix`` and ``--diff``."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

RIGHT = """\
# a machine
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: a}
spec:
  domain:
    devices:
      interfaces:
      - name: a   # the only one
        masquerade: {}
        model: virtio
        bootOrder: 1
  networks:
  - name: a
    pod: {}
"""
WRONG = RIGHT.replace("model: virtio", "Model: VirtIO").replace("bootOrder: 1", 'bootOrder: "1"')
TWO_NICS = RIGHT.replace("  networks:", "      - {name: b, bridge: {}, bootOrder: 1}\n  networks:")
TWO_NICS += "  - name: b\n    multus: {networkName: lan}\n"


def test_files_are_corrected_and_the_status_says_what_is_left(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    one, other = tmp_path / "folder" / "one.yaml", tmp_path / "folder" / "other.yaml"
    one.write_text(WRONG)
    other.write_text(WRONG.replace("name: a}", "name: b}").replace("pod: {}", "pod: {}\n  architecture: vax"))
    ended = run("check", "--fix", "folder")
    assert one.read_text() == RIGHT
    assert other.read_text() == RIGHT.replace("name: a}", "name: b}").replace("pod: {}", "pod: {}\n  architecture: vax")
    assert ended.returncode == 1
    assert b"kvnet: fixed 6 of 7 problems in 2 files" in ended.stderr
    assert ended.stderr.count(b"error") == 2, "the problem that is left, and the summary"
    assert run("check", "--fix", "folder/one.yaml").returncode == 0


def test_a_diff_changes_nothing_and_patch_applies_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "vm.yaml"
    file.write_text(WRONG.rstrip("\n"))
    ended = run("check", "--fix", "--diff", "vm.yaml")
    assert (ended.returncode, file.read_text()) == (1, WRONG.rstrip("\n"))
    assert b"kvnet: would fix 3 of 3 problems in 1 file" in ended.stderr
    subprocess.run(["patch", "-p0", "-s"], input=ended.stdout, cwd=tmp_path, check=True)
    assert file.read_text() == RIGHT.rstrip("\n")
    assert (run("check", "--diff", "vm.yaml").returncode, run("check", "--diff", "vm.yaml").stdout) == (0, b"")


ENCODED: dict[str, Callable[[str], bytes]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "big-endian UTF-16": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "no line end at the end": lambda text: text.rstrip("\n").encode(),
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_encoding_and_line_ends_are_kept(run: Run, tmp_path: Path, encoding: str) -> None:
    encoded = ENCODED[encoding]
    (tmp_path / "vm.yaml").write_bytes(encoded(WRONG))
    assert run("check", "--fix", "vm.yaml").returncode == 0
    assert (tmp_path / "vm.yaml").read_bytes() == encoded(RIGHT)
    ended = run("check", "--fix", "-", stdin=encoded(WRONG))
    assert (ended.returncode, ended.stdout) == (0, encoded(RIGHT))


def test_a_file_with_byte_order_marks_within_is_left_alone(run: Run, tmp_path: Path) -> None:
    content = f"\ufeff{RIGHT}---\n\ufeff{WRONG}".encode()
    (tmp_path / "vm.yaml").write_bytes(content)
    assert run("check", "--fix", "vm.yaml").returncode == 1
    assert (tmp_path / "vm.yaml").read_bytes() == content


def test_standard_input_is_printed_even_where_nothing_is_corrected(run: Run) -> None:
    for text in (RIGHT.encode(), b"a: [\n", b"\xff\xfe\x00", b""):
        assert run("check", "--fix", "-", stdin=text).stdout == text


def test_a_link_and_the_mode_of_its_target_stay(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "target.yaml"
    target.write_text(WRONG)
    target.chmod(0o640)
    (tmp_path / "vm.yaml").symlink_to("target.yaml")
    assert run("check", "--fix", "vm.yaml").returncode == 0
    assert target.read_text() == RIGHT
    assert (tmp_path / "vm.yaml").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["target.yaml", "vm.yaml"]


def test_a_file_with_two_names_is_corrected_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(WRONG)
    (tmp_path / "link.yaml").symlink_to("vm.yaml")
    ended = run("check", "--fix", "link.yaml", "vm.yaml")
    assert b"left alone" not in ended.stderr
    assert (tmp_path / "vm.yaml").read_text() == RIGHT


def test_a_kind_in_a_document_of_one_line_is_corrected_whatever_comes_to_light(run: Run, tmp_path: Path) -> None:
    text = (
        '{"kind": "virtualmachineinstance", "apiVersion": "kubevirt.io/v1", "metadata": {"name": "a"}, "spec": {'
        '"domain": {"devices": {"interfaces": [{"name": "a", "bridge": {}}]}}, "networks": []}}'
    )
    (tmp_path / "vm.json").write_text(text)
    ended = run("check", "--fix", "vm.json")
    assert (ended.returncode, b"fixed 1 of" in ended.stderr) == (1, True)
    assert (tmp_path / "vm.json").read_text() == text.replace("virtualmachineinstance", "VirtualMachineInstance")


def test_only_what_is_told_is_corrected(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "vm.yaml"
    file.write_text(WRONG)
    run("check", "--fix", "--select", "KN004", "vm.yaml")
    assert file.read_text() == RIGHT.replace("model: virtio", "Model: VirtIO")
    suppressed = WRONG.replace('"1"', '"1"  # kvnet: ignore[KN004] kept')
    file.write_text(suppressed)
    run("check", "--fix", "vm.yaml")
    assert file.read_text() == suppressed.replace("Model: VirtIO", "model: virtio")
    file.write_text(WRONG)
    run("check", "--baseline", "known.json", "--write-baseline", "vm.yaml")
    run("check", "--baseline", "known.json", "--fix", "vm.yaml")
    assert file.read_text() == WRONG


def test_a_fix_that_would_make_another_problem_is_not_made(run: Run, tmp_path: Path) -> None:
    duplicate = TWO_NICS.replace("bootOrder: 1\n", 'bootOrder: "1"\n')
    taken = RIGHT.replace("model: virtio", "model: virtio\n        Model: e1000")
    for text in (duplicate, taken):
        (tmp_path / "vm.yaml").write_text(text)
        ended = run("check", "--fix", "vm.yaml")
        assert (ended.returncode, (tmp_path / "vm.yaml").read_text()) == (1, text)
        assert b"fixed" not in ended.stderr
    both = duplicate.replace("model: virtio", "model: VirtIO")
    (tmp_path / "vm.yaml").write_text(both)
    run("check", "--fix", "vm.yaml")
    assert (tmp_path / "vm.yaml").read_text() == duplicate, "what is harmless is made all the same"


def test_what_a_fix_brings_to_light_is_corrected_too(run: Run, tmp_path: Path) -> None:
    text = RIGHT.replace("kind: V", "kind: v").replace("model: virtio", "macAdress: 525400123456")
    (tmp_path / "vm.yaml").write_text(text)
    ended = run("check", "--fix", "vm.yaml")
    assert (ended.returncode, b"fixed 3 of 3 problems" in ended.stderr) == (0, True)
    assert (tmp_path / "vm.yaml").read_text() == RIGHT.replace("model: virtio", 'macAddress: "525400123456"')


def test_problems_that_can_be_corrected_are_marked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(WRONG.replace("masquerade: {}", "slirp: {}"))
    lines = [line for line in run("check", "vm.yaml").stderr.decode().splitlines() if line.startswith("vm.yaml:")]
    assert [(line.split()[2], line.endswith(" [fixable]")) for line in lines] == [
        ("KN150", False),
        ("KN003", True),
        ("KN004", True),
    ]
    log = json.loads(run("check", "-o", "sarif", "vm.yaml").stdout)
    fixes = [each.get("fixes", []) for each in log["runs"][0]["results"]]
    assert [len(each) for each in fixes] == [0, 1, 1]
    [replacement] = fixes[1][0]["artifactChanges"][0]["replacements"]
    assert replacement == {
        "deletedRegion": {"startLine": 11, "startColumn": 9, "endLine": 11, "endColumn": 14},
        "insertedContent": {"text": "model"},
    }


def test_what_would_be_mixed_on_standard_output_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(WRONG)
    assert run("check", "--fix", "-", "-o", "json", stdin=WRONG.encode()).returncode == 2
    assert run("check", "--diff", "vm.yaml", "-o", "sarif").returncode == 2
    assert run("check", "--fix", "--baseline", "x.json", "--write-baseline", "vm.yaml").returncode == 2
    assert (tmp_path / "vm.yaml").read_text() == WRONG
    ended = run("check", "--fix", "vm.yaml", "-o", "json")
    assert (ended.returncode, json.loads(ended.stdout)) == (0, [])


def test_a_file_that_cannot_be_written_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(WRONG)
    code = "import os, sys\nfrom kvnet.cli.main import main\n"
    code += "def replace(*_): raise OSError(28, 'No space')\n"
    code += "os.replace = replace\nsys.exit(main(['check', '--fix', 'vm.yaml']))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, b"No space" in ended.stderr) == (2, True)
    assert os.listdir(tmp_path) == ["vm.yaml"]
    assert (tmp_path / "vm.yaml").read_text() == WRONG
