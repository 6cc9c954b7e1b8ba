"""The pieces of a run, each alone: lines found by number, counts, blocks that are read, names of files."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvnet.bulk import duplicates, inputs
from kvnet.bulk.batches import Tally, error_dict, head, numbered, read_head, read_without_index, without_index
from kvnet.bulk.duplicates import LineFile, Records, digests_of
from kvnet.bulk.files import REPORT_BEGINS, Role, check_report, check_roles, created, locked
from kvnet.bulk.inputs import Directory, Done, File, Ndjson, Unusable
from kvnet.bulk.lines import Line
from kvnet.bulk.outputs import FileOutput, file_name
from kvnet.errors import FieldPath, Place, Problem, Severity
from kvnet.fleet import Uses


@pytest.fixture
def lines() -> Iterator[LineFile]:
    with tempfile.TemporaryFile() as file:
        yield LineFile(file.fileno())


def text(number: int) -> bytes:
    return b'{"index": %d, "x": "%b"}' % (number, b"x" * (number % 7))


@pytest.mark.parametrize("batch", [1, 5, 16, 50])
def test_each_line_is_found_by_its_number(lines: LineFile, batch: int) -> None:
    for first in range(0, 50, batch):
        lines.append([text(n) + b"\n" for n in range(first, min(first + batch, 50))])
    assert lines.count == 50
    assert [lines.line(n) for n in range(50)] == [text(n) for n in range(50)]


@pytest.mark.parametrize("at_once", [1, 3, 64, 1 << 20])
@pytest.mark.parametrize("torn", [b"", b'{"index": 33, "to'])
def test_lines_that_are_there_are_found_again_without_a_torn_one(
    lines: LineFile, torn: bytes, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_READ_AT_ONCE", at_once)
    os.write(lines.descriptor, b"".join(text(n) + b"\n" for n in range(33)) + torn)
    assert list(lines.recover()) == [text(n) + b"\n" for n in range(33)]
    assert lines.rest(5) == torn[:5]
    lines.cut()
    lines.append([text(33) + b"\n"])
    assert [lines.line(n) for n in range(34)] == [text(n) for n in range(34)]
    assert [each[:-1] for each in lines.whole_lines()] == [text(n) for n in range(34)]


@pytest.mark.parametrize("at_once", [1, 2, 1 << 17])
def test_what_two_machines_use_is_found_in_any_number_of_passes(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_AT_ONCE", at_once)
    used = [Uses.of_line(each) for each in _LINES]
    assert any(digests_of(each) for each in used), "the lines say what machines use"
    records = Records()
    for number, each in enumerate(used):
        records.add(number, digests_of(each))
    found = sorted((each.first, each.again) for each in records.duplicates(_LINES.__getitem__))
    records.close()
    assert found == [("ns/vm-0", "ns/vm-2"), ("ns/vm-0", "ns/vm-3"), ("ns/vm-1", "ns/vm-3")]


def _line(number: int, *macs: str) -> dict[str, Any]:
    uses = {"macs": [("net", mac) for mac in macs], "vfs": [("node", f"0000:81:00.{number}")]}
    return {"index": number, "namespace": "ns", "name": f"vm-{number}", "uses": uses}


A, B, C = (f"02:00:00:00:00:0{n}" for n in range(1, 4))
_LINES = [_line(0, A), _line(1, B), _line(2, A, C), _line(3, B, A)]


def test_a_tally_counts_machines_reasons_and_notes_in_order() -> None:
    one, other = Tally(), Tally()
    bad = {"name": "a", "problems": [{"code": "KN100", "message": "no", "file": "f", "line": 3, "column": 4}]}
    one.count({"name": "x", "notes": ["KN330", "KN330"]})
    one.count(bad)
    other.count({**bad, "name": "b", "namespace": "prod"})
    other.count({"problems": [{"code": "KN200", "message": "odd"}, {"code": "KN999", "message": "second"}]})
    other.count({"name": "y", "notes": ["KN331"]})
    one.add(other)
    assert one.refused == 3
    assert one.as_dict() == {
        "vms": 5,
        "rendered": 2,
        "refused": 3,
        "reasons": {
            "KN100": {"count": 2, "example": "default/a (f:3:4): no"},
            "KN200": {"count": 1, "example": "a machine without a name: odd"},
        },
        "notes": {"KN330": 2, "KN331": 1},
        "duplicated": 0,
    }
    assert list(one.as_dict()["reasons"]) == ["KN100", "KN200"]


def test_lines_have_their_numbers_and_the_first_names_the_run() -> None:
    told = [{"a": 1}, {"b": 2}]
    assert numbered(0, map(without_index, told), "r") == [
        b'{"index": 0, "run": "r", "a": 1}\n',
        b'{"index": 1, "b": 2}\n',
    ]
    assert numbered(7, [without_index({"a": 1})], "r") == [b'{"index": 7, "a": 1}\n']
    assert [*map(read_without_index, map(without_index, told))] == told


@pytest.mark.parametrize("key", ["xml", "devices"])
def test_the_head_of_a_line_is_all_before_its_xml(key: str) -> None:
    whole = b'{"index": 1, "name": "a", "%b": "<x/>", "notes": []}' % key.encode()
    assert head(whole) == b'{"index": 1, "name": "a"}\n'
    assert read_head(whole) == {"index": 1, "name": "a"}
    assert head(b'{"index": 1}') == b'{"index": 1}'
    with pytest.raises(ValueError, match="list"):
        read_head(b"[1]")


def test_an_error_is_told_without_what_it_does_not_say() -> None:
    problem = Problem(FieldPath(("a",)), "KN1", "no", hint="yes", severity=Severity.WARNING)
    assert error_dict(problem) == {"code": "KN1", "field": "a", "message": "no", "hint": "yes"}
    assert "field" not in error_dict(Problem(FieldPath(), "KN1", "no", place=Place("f", 1, 2)))


NAMES = {
    ("ns", "vm"): "ns_vm.xml",
    (None, "vm"): "default_vm.xml",
    ("ns", None): "ns_vm.xml",
    ("ns", "a.b-c_D9"): "ns_a.b-c_D9.xml",
    ("ns", "../x"): None,
    ("ns", ".x"): None,
    ("ns", "a/b"): None,
    ("ns", "ä"): None,
    ("ns", "x" * 237): f"ns_{'x' * 237}.xml",
    ("ns", "x" * 238): None,
    ("", ""): "default_vm.xml",
}


@pytest.mark.parametrize(("names", "expected"), NAMES.items())
def test_a_file_has_one_plain_name(names: tuple[str | None, str | None], expected: str | None) -> None:
    assert file_name(*names) == expected


@given(st.lists(st.sampled_from([b"{}", b"", b" \t\r", b"\x0c", b'{"a": 1}'])), st.integers(1, 9), st.booleans())
def test_lines_have_their_numbers_whatever_the_blocks(texts: list[bytes], block: int, ends: bool) -> None:
    whole = b"\n".join(texts) + (b"\n" if ends else b"")
    found = [each for chunk in Ndjson(BytesIO(whole), "f", block=block).chunks() for each in chunk]
    expected = [(n, each) for n, each in enumerate(whole.split(b"\n"), 1) if each.strip()]
    assert [(each.number, each.text) for each in found if isinstance(each, Line)] == expected
    assert {each.file for each in found if isinstance(each, Line)} <= {"f"}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("block", [4, 7, 1 << 10])
def test_an_input_goes_on_behind_what_was_done(count: int, block: int) -> None:
    whole = b"".join(b'{"n": %d}\n\n' % n for n in range(6))
    resumed = Ndjson(BytesIO(whole), "f", block=block).after(Done(count))
    assert isinstance(resumed.last, Line)
    assert resumed.last.text == b'{"n": %d}' % (count - 1)
    rest = [each for chunk in resumed.chunks for each in chunk]
    assert [each.text for each in rest if isinstance(each, Line)] == [b'{"n": %d}' % n for n in range(count, 6)]
    assert resumed.size == sum(len(b'{"n": 0}\n') for _ in range(count))


def test_an_input_that_is_shorter_than_what_was_done_is_another_one() -> None:
    with pytest.raises(Unusable, match="'f' does not lead to what is in the output already"):
        Ndjson(BytesIO(b"{}\n{}\n"), "f").after(Done(3))


def test_a_directory_goes_on_in_the_file_that_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_FILES", 2)
    directory = Directory("d", ("a", "b", "c", "d", "e"))
    assert (directory.size, directory.step) == (5, 2)
    assert list(directory.chunks()) == [
        [File("d", "a"), File("d", "b")],
        [File("d", "c"), File("d", "d")],
        [File("d", "e")],
    ]
    resumed = directory.after(Done(7, b"", "c", 3))
    assert (resumed.last, resumed.size) == (File("d", "c", 2), 2)
    assert list(resumed.chunks) == [[File("d", "c", 3), File("d", "d")], [File("d", "e")]]
    with pytest.raises(Unusable):
        directory.after(Done(1, b"", "z", 1))
    with pytest.raises(Unusable):
        directory.after(Done(1, b"", None, 1))


def test_a_file_that_is_locked_is_another_runs(tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    descriptor = locked(path, "out", is_new=True)
    with pytest.raises(Unusable, match="another run is writing to 'out'"):
        locked(path, "out", is_new=False)
    with pytest.raises(FileExistsError):
        locked(path, "out", is_new=True)
    os.close(descriptor)
    os.close(locked(path, "out", is_new=False))


def test_no_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    os.link(tmp_path / "kept", tmp_path / "hard")
    for name in ("link", "hard"):
        with pytest.raises(Unusable, match="symbolic link" if name == "link" else "another name"):
            locked(str(tmp_path / name), name, is_new=False)
    os.close(created(str(tmp_path / "link")))
    assert (tmp_path / "kept").read_text() == "kept"
    assert not (tmp_path / "link").is_symlink()


def test_files_that_are_read_may_be_one_and_a_written_one_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").touch()
    a, inside = str(tmp_path / "a"), str(tmp_path / "folder" / "out")
    check_roles([Role("-f", a), Role("--facts", a)])
    check_roles([Role("-f", "-"), Role("-o", "-", True), Role("--report", str(tmp_path / "b"), True)])
    for roles in (
        [Role("-f", a), Role("-o", a, True)],
        [Role("-o", a, True), Role("--facts", a)],
        [Role("-f", a), Role("--facts", str(tmp_path / "b")), Role("-o", str(tmp_path / "b"), True)],
        [Role("-f", str(tmp_path / "folder")), Role("-o", inside, True)],
        [Role("--report", inside, True), Role("-o", f"{tmp_path / 'folder'}/", True)],
    ):
        with pytest.raises(Unusable):
            check_roles(roles)


def test_what_a_run_left_is_counted_when_it_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(
        b'{"index": 0, "run": "r", "name": "a", "file": "x", "xml": ""}\n'
        b'{"index": 1, "name": "b", "file": "y", "xml": ""}\n'
        b'{"index": 2, "name": "c", "file": "y", "problems": [{"code": "KN1", "message": "no"}]}\n{"ind'
    )
    output = FileOutput(str(path), run="r", resume=True)
    done = output.resume()
    assert (done.count, done.file, done.of_file) == (3, "y", 2)
    assert done.last.startswith(b'{"index": 2')
    assert (output.tally.machines, output.tally.refused) == (3, 1)
    output.close()
    for run, bad in (("other", "another input, or other settings"), ("r", "line 2 of")):
        if run == "r":
            path.write_bytes(path.read_bytes().replace(b'"index": 1', b'"index": 5'))
        output = FileOutput(str(path), run=run, resume=True)
        with pytest.raises(Unusable, match=bad):
            output.resume()
        output.close()


@pytest.mark.parametrize("force", [False, True])
def test_a_report_is_written_over_no_link_and_over_another_file_only_where_asked(tmp_path: Path, force: bool) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other").write_text("mine")
    (tmp_path / "empty").touch()
    (tmp_path / "report").write_text(REPORT_BEGINS + "]}")
    with pytest.raises(Unusable, match="is a symbolic link"):
        check_report(str(tmp_path / "link"), force=force)
    with pytest.raises(Unusable, match="No such file or directory"):
        check_report(str(tmp_path / "none" / "report"), force=force)
    for name in ("empty", "report", "new", *(["other"] if force else [])):
        check_report(str(tmp_path / name), force=force)
    check_report("/dev/null", force=force)
    if not force:
        with pytest.raises(Unusable, match="exists and is no report"):
            check_report(str(tmp_path / "other"), force=force)


def test_lines_are_waited_for_at_the_end_of_a_pipe_that_does_not_block() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with open(reader, "rb") as stream, ThreadPoolExecutor(1) as executor:
        asked = executor.submit(lambda: [*Ndjson(stream, "in").chunks()])
        for text in (b"1\n2", b"3\n"):
            # by then the pipe is empty, and most often the reader waits
            time.sleep(0.05)
            os.write(writer, text)
        os.close(writer)
        blocks = asked.result(timeout=60)
    assert [line.text for block in blocks for line in block if isinstance(line, Line)] == [b"1", b"23"]


@pytest.mark.parametrize("blanks", [7, 8, 9, 10, 13])
def test_a_line_that_is_too_long_is_not_blank_though_what_is_kept_of_it_is(
    blanks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "LONGEST", 8)
    text = b" " * blanks + b"{}" + b" " * 20 + b"\n" + b" " * 40 + b"\n{}\n"
    blocks = [*Ndjson(BytesIO(text), "in", block=4).chunks()]
    assert [line.number for block in blocks for line in block if isinstance(line, Line)] == [1, 3]
