from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kvnet
from kvnet import Rejected, load, load_all, loads, loads_all
from kvnet.spec import Machine, Nad

VMI = "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\nmetadata: {name: %s}\nspec: {domain: {devices: {}}}\n"
NAD = """\
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: red}
spec: {config: '{"type": "bridge"}'}
"""
DATA: dict[str, Any] = {
    "kind": "VirtualMachineInstance",
    "metadata": {"name": "a"},
    "spec": {"domain": {"devices": {}}},
}


def kinds_and_names(source: Any) -> list[tuple[str, str | None]]:
    read = loads_all(source) if isinstance(source, str) else load_all(source)
    return [(type(each).__name__, each.name) for each in read]


@pytest.mark.parametrize(
    "text",
    [
        f"{VMI % 'a'}---\n{NAD}---\n{VMI % 'b'}",
        f"---\n{VMI % 'a'}---\n---\n# nothing\n---\n{NAD}...\n---\n{VMI % 'b'}...\n",
        f"# first\n{VMI % 'a'}--- # second\n{NAD}---\n{VMI % 'b'}---\n",
        f"%YAML 1.1\n---\n{VMI % 'a'}...\n---\n{NAD}---\n{VMI % 'b'}",
        f"\ufeff{VMI % 'a'}---\n{NAD}---\n{VMI % 'b'}",
        f"{VMI % 'a'}---\n{NAD}---\n{VMI % 'b'}".replace("\n", "\r\n"),
        f"{VMI % 'a'}---\n{NAD}---\nkind: Secret\n---\nkind: PodList\nitems: []\n---\n{VMI % 'b'}",
    ],
    ids=["plain", "empty documents", "comments", "directive", "byte order mark", "CRLF", "strangers between"],
)
def test_a_stream_gives_its_objects_in_their_order(text: str) -> None:
    assert kinds_and_names(text) == [("Machine", "a"), ("Nad", "red"), ("Machine", "b")]


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "List", "items": [DATA]},
        {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceList", "items": [DATA]},
        {"kind": "VirtualMachineInstanceList", "items": [{key: DATA[key] for key in ("metadata", "spec")}]},
        {"kind": "List", "items": [{"kind": "List", "items": [DATA]}]},
        [DATA],
        ({"kind": "List", "items": [DATA]},),
    ],
    ids=["List", "typed list", "typed list of silent items", "List in List", "sequence", "sequence of a List"],
)
@pytest.mark.parametrize("form", ["data", "json"])
def test_the_items_of_a_list_are_objects_of_their_own(data: Any, form: str) -> None:
    if form == "json" and isinstance(data, dict):
        assert kinds_and_names(json.dumps(data)) == [("Machine", "a")]
    assert kinds_and_names(data) == [("Machine", "a")]


@pytest.mark.parametrize(
    "data", [{"kind": "List", "items": []}, {"kind": "List"}, {"kind": "PodList", "items": []}, []]
)
def test_an_empty_list_holds_nothing(data: Any) -> None:
    assert kinds_and_names(data) == []


@pytest.mark.parametrize("text", ["\n", "---\n", "# nothing: at all\n", "---\n---\n...\n", "null\n"])
def test_an_empty_stream_holds_nothing(text: str) -> None:
    assert kinds_and_names(text) == []


def test_what_kvnet_does_not_read_is_named() -> None:
    manifest = loads_all(f"kind: Secret\n---\n{VMI % 'a'}---\nkind: ConfigMap\n")
    assert manifest.skipped == ("Secret", "ConfigMap")
    assert [each.name for each in manifest.machines] == ["a"]


def test_every_problem_of_every_document_is_told_at_once_in_the_order_of_the_text() -> None:
    bad = "kind: VirtualMachineInstance\nspec: {q: *b, domain: {}}\n"
    cluster = "kind: KubeVirt\nspec: !x y\n"
    text = f"kind: virtualmachine\n---\n{NAD.replace('type', 'typ')}---\n{VMI % '5'}---\n{cluster}---\n{bad}"
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    told = [(p.place.line, p.place.document, p.code) for p in caught.value.problems if p.place]
    assert told == [(1, 0, "KN012"), (6, 1, "KN008"), (10, 2, "KN004"), (14, 3, "KN007"), (17, 4, "KN007")]


def test_a_broken_document_hides_none_of_the_flaws_before_it() -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(f"{VMI % '5'}---\na: [\n")
    assert [problem.code for problem in caught.value.problems] == ["KN004", "KN001"]


def test_places_within_lists_count_in_the_whole_text() -> None:
    text = json.dumps({"kind": "List", "items": [DATA, {**DATA, "metadata": {"name": 5}}]}, indent=1)
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    line = text.split("\n").index('    "name": 5') + 1
    assert problem.place is not None
    assert (problem.field, problem.place.line, problem.place.column) == ("metadata.name", line, 13)


def test_json_lines_are_refused_with_the_way_out() -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(f"{json.dumps(DATA)}\n{json.dumps(DATA)}\n")
    [problem] = caught.value.problems
    assert str(problem.place) == "<text>:2:1"
    assert problem.hint == "put several objects into a List, or a line of --- between them"


@pytest.mark.parametrize("between", ["\n---\n", "\n...\n---\n", " # the first\n---\n"])
def test_json_documents_may_make_a_yaml_stream(between: str) -> None:
    text = json.dumps(DATA) + between + json.dumps(DATA)
    assert kinds_and_names(text) == [("Machine", "a")] * 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{VMI % 'a'}---\n{VMI % 'b'}", "KN010 there are 2 machines: a, b; use load_all"),
        (NAD, "KN009 there is no virtual machine in 1 documents, only NetworkAttachmentDefinition"),
        ("kind: Secret\n---\nkind: Pod\n", "KN009 there is no virtual machine in 2 documents, only Pod, Secret"),
        ("\n", "KN009 there is no virtual machine in 0 documents; give"),
    ],
)
def test_load_wants_exactly_one_machine(text: str, says: str) -> None:
    with pytest.raises(Rejected, match="KN0") as caught:
        loads(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_kind_of_source_is_read(tmp_path: Path, encoding: str) -> None:
    text = VMI % "ländlich"
    path = tmp_path / "machine.yaml"
    path.write_bytes(text.encode(encoding))
    with path.open("rb") as binary:
        sources: list[Any] = [path, str(path), io.BytesIO(path.read_bytes()), io.StringIO(text), binary]
        assert {load(source).name for source in sources} == {"ländlich"}
    assert {loads(given).name for given in (text, path.read_bytes())} == {"ländlich"}


READERS = [load, load_all, kvnet.load_cluster, kvnet.load_facts]
TEXT_READERS = [loads, loads_all, kvnet.loads_cluster, kvnet.loads_facts]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("source", [None, 5, object(), True])
def test_a_wrong_source_is_a_type_error_that_says_what_is_wanted(read: Any, source: Any) -> None:
    with pytest.raises(
        TypeError, match=r"a manifest is a path, an open file, a mapping or a list of mappings, not \w+"
    ):
        read(source)


@pytest.mark.parametrize("read", READERS)
def test_text_in_place_of_a_path_is_refused_with_the_name_of_the_other_function(read: Any) -> None:
    with pytest.raises(ValueError, match="use loads"):
        read(VMI % "a")
    with pytest.raises(TypeError, match="use loads"):
        read((VMI % "a").encode())
    for text in ("{}", "kind: Secret"):
        with pytest.raises(kvnet.KvnetError, match=r"cannot read .*; to read a text that is not in a file, use loads"):
            read(text)


@pytest.mark.parametrize("read", TEXT_READERS)
@pytest.mark.parametrize("text", [None, 5, DATA, Path("machine.yaml")])
def test_what_is_not_text_is_refused_with_the_name_of_the_other_function(read: Any, text: Any) -> None:
    with pytest.raises(TypeError, match="use load"):
        read(text)


@pytest.mark.parametrize("read", TEXT_READERS)
def test_problems_of_a_text_call_it_by_the_name_that_was_given(read: Any) -> None:
    with pytest.raises(kvnet.KvnetError) as caught:
        read("a: [\n", name="vms[3]")
    [problem] = caught.value.problems
    assert str(problem.place) == "vms[3]:2:1"


@pytest.mark.parametrize("text", ["a.yaml: b", "{"])
def test_a_file_may_have_a_name_that_looks_like_text(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(text).write_text(VMI % "a")
    assert load(text).name == "a"


@pytest.mark.parametrize("content", [b"kind: \xff\n", b"\xff\xfek", b"kind: \xed\xa0\x80\n", b"\xc3"])
def test_bytes_that_are_no_text_are_refused_at_their_place(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "machine.yaml"
    path.write_bytes(content)
    reads: list[Callable[[], object]] = [
        lambda: load_all(path),
        lambda: loads_all(content),
        lambda: load_all(io.BytesIO(content)),
    ]
    for read in reads:
        with pytest.raises(Rejected, match=r"KN001 byte 0x.. is not UTF-"):
            read()


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_dumped_manifest_is_read_as_the_same_objects(form: Any) -> None:
    manifest = loads_all(f"{VMI % 'a'}---\n{NAD}---\n{VMI % 'b'}")
    again = loads_all(kvnet.dump(manifest, form))
    assert again.objects == manifest.objects
    assert [type(each) for each in again] == [Machine, Nad, Machine]


@pytest.mark.parametrize(
    "text",
    [
        "kind: VirtualMachineInstance\nmetadata:\nspec: {domain: {devices: {}}}\n",
        "kind: VirtualMachine\nmetadata: null\nspec: {template: {metadata: null, spec: {domain: {devices: {}}}}}\n",
    ],
)
def test_metadata_of_null_is_dumped_and_loaded_again(text: str) -> None:
    machine = kvnet.loads(text)
    assert kvnet.loads(kvnet.dump(machine)) == machine


@pytest.mark.parametrize("read", READERS)
def test_an_empty_path_is_refused_with_what_to_give(read: Any) -> None:
    with pytest.raises(kvnet.KvnetError, match=r"KN001 the path is empty; give the path of a file; .* use loads"):
        read("")


def test_a_directory_is_refused_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(kvnet.Rejected, match="Is a directory; give the path of a file in it"):
        load(tmp_path)


def test_several_sources_are_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(VMI % "a")
    (tmp_path / "nad.yaml").write_text(NAD)
    read = kvnet.load_all(tmp_path / "vm.yaml", str(tmp_path / "nad.yaml"), {"kind": "Secret"})
    assert (len(read.machines), len(read.nads), read.skipped) == (1, 1, ("Secret",))
    assert kvnet.load_all(*[tmp_path / "nad.yaml"]).nads == read.nads


def test_problems_of_several_sources_come_file_by_file(tmp_path: Path) -> None:
    for name, lines in (("b.yaml", 3), ("a.yaml", 1)):
        (tmp_path / name).write_text("\n" * lines + "kind: virtualmachine\n---\nkind: [\n")
    with pytest.raises(kvnet.Rejected) as caught:
        kvnet.load_all(tmp_path / "b.yaml", tmp_path / "a.yaml")
    places = [(Path(each.place.file).name, each.code) for each in caught.value.problems if each.place]
    assert places == [("b.yaml", "KN012"), ("b.yaml", "KN001"), ("a.yaml", "KN012"), ("a.yaml", "KN001")]


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        kvnet.load_all(tmp_path / "a", tmp_path / "b")
    assert [each.code for each in caught.value.problems] == ["KN001", "KN001"]


@pytest.mark.parametrize("read", [kvnet.load_all, kvnet.load, kvnet.load_facts, kvnet.load_cluster])
@pytest.mark.parametrize("paths", [["a.yaml", "b.yaml"], (Path("a.yaml"),)], ids=str)
def test_a_list_of_paths_is_refused_with_what_reads_it(read: Any, paths: Any) -> None:
    with pytest.raises(TypeError, match=r"kvnet\.load_all\(\*paths\)"):
        read(paths)
