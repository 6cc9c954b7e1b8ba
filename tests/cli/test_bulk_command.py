"""What `kvnet bulk` tells of a whole run, and which files it refuses to use twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.conftest import Run
from machines import multus, nic, vmi

ROLES = ("-o", "--report", "-f", "--facts", "--cluster", "--nads")


def machine(number: int, mac: str) -> str:
    """A line of a machine with one NIC, on a network that all are on."""
    made = vmi([nic("a", "bridge", macAddress=mac)], [multus("a")], spec={"architecture": "amd64"})
    return json.dumps(made | {"metadata": {"name": f"vm-{number}"}}) + "\n"


@pytest.mark.parametrize("times", [2, 3])
def test_machines_of_one_address_are_told_and_not_counted_again(run: Run, tmp_path: Path, times: int) -> None:
    given, output = tmp_path / "in.ndjson", tmp_path / "out.ndjson"
    given.write_text("".join(machine(n, "52:54:00:00:00:01") for n in range(times)))
    ended = run("bulk", "-f", given, "-o", output, "--jobs", "1")
    assert ended.returncode == 1
    told = ended.stderr.decode()
    assert told.count("KN710") == times - 1
    assert "more duplicates" not in told


@pytest.mark.parametrize("read", ROLES[2:])
@pytest.mark.parametrize("written", ROLES[:2])
def test_a_file_that_is_read_is_not_written_and_both_options_are_named(
    run: Run, tmp_path: Path, written: str, read: str
) -> None:
    shared = tmp_path / "shared"
    shared.write_text(machine(0, "52:54:00:00:00:01"))
    files = {"-o": "out", "-f": "in", written: "shared", read: "shared"}
    (tmp_path / "in").write_text(shared.read_text())
    ended = run("bulk", *(word for option, name in files.items() for word in (option, tmp_path / name)))
    assert ended.returncode == 2
    assert f"{written} and {read} are one file" in ended.stderr.decode()
    assert shared.read_text() == machine(0, "52:54:00:00:00:01")


def test_a_dash_is_standard_output_where_a_folder_has_this_name_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "-").mkdir()
    ended = run("bulk", "-f", "-", "-o", "-", "--jobs", "1", stdin=machine(0, "52:54:00:00:00:01").encode())
    assert (ended.returncode, json.loads(ended.stdout)["name"]) == (0, "vm-0")
    assert [*(tmp_path / "-").iterdir()] == []
