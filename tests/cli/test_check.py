"""``kvnet check`` on repositories, lists of files and streams, of which few documents are KubeVirt's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

POD = (Path(__file__).parents[2] / "examples" / "pod.yaml").read_text()
REFUSED = POD.replace("pod: {}", "multus: {networkName: lan}").replace("name: pod", "name: flawed")
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\n"
OTHERS = {
    "deploy.yaml": DEPLOYMENT,
    "values.yaml": "replicas: 2\n",
    "play.yml": "- hosts: all\n",
    "package.json": "{// a comment\n}",
    "broken.yaml": "a: [\n",
    "template.yaml": "kind: Secret\ntext: {{ .x }}\n",
    "templates/deploy.yaml": "kind: Deployment\n{{- if .x }}\na: 1\n{{- end }}\n",
    "templates/_names.yaml": '{{- define "x.name" -}}\n{{ .x }}\n{{- end -}}\n',
    "latin.yaml": "a: caf\udce9\n",
}


HOOKS = ["a hook with one file", "a hook with one template", "a hook with a file that is not UTF-8"]


def put(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="surrogateescape"))
    return list(files)


def codes(ended: CompletedProcess[bytes]) -> list[str]:
    return re.findall(r"(?:error|warning|note) (KN\d{3})\b", ended.stderr.decode())


def test_of_a_repository_only_machines_are_judged(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "app", OTHERS | {"base/vm.yaml": REFUSED})
    ended = run("check", "app")
    assert (ended.returncode, codes(ended)) == (1, ["KN112"])
    assert b"app/base/vm.yaml:" in ended.stderr
    assert b"kvnet: skipped what is not KubeVirt's: " in ended.stderr
    counts = (b"files that are no YAML (3)", b"documents without a kind (3)", b"Deployment (2)", b"Secret (1)")
    assert all(count in ended.stderr for count in counts)


@pytest.mark.parametrize("how", ["a directory", "a list of files", "a stream", *HOOKS])
def test_other_documents_alone_are_no_finding(run: Run, tmp_path: Path, how: str) -> None:
    names = put(tmp_path, OTHERS)
    ended = {
        "a directory": lambda: run("check", "-f", "."),
        "a list of files": lambda: run("check", *names),
        "a stream": lambda: run("check", "-", stdin=f"{DEPLOYMENT}---\na: 1\n".encode()),
        "a hook with one file": lambda: run("check", "--allow-no-machine", "deploy.yaml"),
        "a hook with one template": lambda: run("check", "--allow-no-machine", "templates/_names.yaml"),
        "a hook with a file that is not UTF-8": lambda: run("check", "--allow-no-machine", "latin.yaml"),
    }[how]()
    assert (ended.returncode, codes(ended)) == (0, [])


def test_a_single_file_without_a_machine_is_named(run: Run, tmp_path: Path) -> None:
    put(tmp_path, OTHERS)
    ended = run("check", "deploy.yaml")
    assert ended.returncode == 1
    assert b"KN009 there is no virtual machine in 'deploy.yaml'" in ended.stderr
    assert codes(run("check", "templates/deploy.yaml")) == ["KN009"]


@pytest.mark.parametrize("xml", ["<domain/>", "<?xml version='1.0'?>\n<domain>\n  <title>a: b</title>\n</domain>\n"])
@pytest.mark.parametrize("command", ["check", "render", "show"])
def test_xml_in_place_of_a_manifest_is_told_what_reads_it(run: Run, tmp_path: Path, command: str, xml: str) -> None:
    (tmp_path / "vm.xml").write_text(xml)
    ended = run(command, "vm.xml")
    assert ended.returncode == 1
    assert b"KN009 there is no virtual machine in 'vm.xml'; this is XML: kvnet import makes" in ended.stderr


def test_host_facts_among_manifests_are_skipped_and_named(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"facts.yaml": "links: {default: {mtu: 1450}}\n"})
    alone = run("check", "facts.yaml")
    assert alone.returncode == 1
    assert b"KN009 there is no virtual machine in 'facts.yaml'; these look like host facts: give them" in alone.stderr
    both = run("check", ".")
    assert (both.returncode, both.stderr.count(b"host facts (1); give host facts with --facts")) == (0, 1)


def test_a_single_file_that_is_no_yaml_is_told(run: Run, tmp_path: Path) -> None:
    put(tmp_path, OTHERS)
    assert codes(run("check", "broken.yaml")) == ["KN001"]
    assert codes(run("check", "templates/_names.yaml")) == ["KN015"]
    assert codes(run("check", "latin.yaml")) == ["KN001"]


def test_a_template_of_a_machine_is_told_among_other_files(run: Run, tmp_path: Path) -> None:
    put(tmp_path, OTHERS | {"vm.yaml": POD.replace("name: pod", "name: {{ .name }}", 1)})
    assert codes(run("check", ".")) == ["KN015"]


def test_where_nothing_can_be_checked_no_files_are_counted(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"vm.yaml": POD})
    ended = run("check", "vm.yaml", "--facts", "absent.yaml")
    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)


def test_other_documents_are_not_counted_among_the_problems_of_json(run: Run, tmp_path: Path) -> None:
    put(tmp_path, OTHERS)
    ended = run("check", ".", "-o", "json")
    assert (json.loads(ended.stdout), ended.stderr) == ([], b"")


def test_quiet_says_nothing_of_what_was_skipped(run: Run, tmp_path: Path) -> None:
    put(tmp_path, OTHERS)
    assert run("check", ".", "-q").stderr == b""


def test_a_flawed_field_hides_neither_the_other_fields_nor_the_other_machines(run: Run) -> None:
    flawed = REFUSED.replace(
        "masquerade: {}", "masquerade: {}\n              bootOrder: one\n              model: none"
    )
    assert "bootOrder" in flawed
    ended = run("check", "-", stdin=f"{flawed}---\n{REFUSED}".encode())
    assert sorted(codes(ended)) == ["KN004", "KN112", "KN112", "KN129"]


def test_a_file_is_told_of_from_its_first_line_to_its_last(run: Run, tmp_path: Path) -> None:
    flawed = REFUSED.replace(
        "masquerade: {}", "masquerade: {}\n              bootOrder: one\n              macAddress: x"
    )
    put(tmp_path, {"b.yaml": f"{flawed}---\n{flawed}", "a.yaml": flawed})
    told = json.loads(run("check", "b.yaml", "a.yaml", "-o", "json").stdout)
    places = [(each["file"], each["line"], each["column"]) for each in told]
    assert len(places) == 9
    assert places == sorted(places, key=lambda each: (each[0] == "a.yaml", *each[1:]))


def test_machines_of_several_files_are_judged_together(run: Run, tmp_path: Path) -> None:
    shared = POD.replace("masquerade: {}", "bridge: {}\n              macAddress: '02:00:00:00:00:42'")
    shared = shared.replace("pod: {}", "multus: {networkName: lan}")
    put(tmp_path, {"a.yaml": shared, "b.yaml": shared.replace("name: pod", "name: other")})
    ended = run("check", "a.yaml", "b.yaml")
    assert (ended.returncode, codes(ended)) == (1, ["KN710"])
    assert re.search(rb"^b.yaml:\d+:\d+: error KN710", ended.stderr, re.MULTILINE)
