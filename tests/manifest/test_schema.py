"""The JSON Schema admits what kvnet reads, and refuses what it cannot read."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import kvnet
from kvnet.manifest.schema import SCHEMAS, facts_schema, manifest_schema
from kvnet.testing import admitted_machines, host_facts, instancetypes, machines, nads, preferences

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*.yaml"))
MANIFEST = Draft202012Validator(manifest_schema())
FACTS = Draft202012Validator(facts_schema())
STRUCTURAL = {"KN003", "KN004", "KN005", "KN006", "KN008", "KN013", "KN017"}
"""What keeps a document from being read as an object of its kind."""
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [0, -1, 2**63, 1.5, True, "", "x", "é", None, [], ["x"], {}, {"x": 1}, [[]], [None]]
)


def data(value: Any) -> Any:
    return json.loads(kvnet.dump(value, format="json"))


def flaws(document: Any, validator: Draft202012Validator = MANIFEST) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_and_every_reference_in_it_leads_somewhere(name: str) -> None:
    schema = SCHEMAS[name]()
    Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    assert all(f'"#/$defs/{each}"' in text for each in schema["$defs"])
    assert text.count('"$ref"') == sum(text.count(f'"#/$defs/{each}"') for each in schema["$defs"]) + text.count('"#"')


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid(path: Path) -> None:
    validator = FACTS if path.name.endswith(".facts.yaml") else MANIFEST
    assert [flaw for document in yaml.safe_load_all(path.read_text()) for flaw in flaws(document, validator)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_the_command_prints_what_check_jsonschema_takes(name: str, tmp_path: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "kvnet", "schema", name], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "schema.json").write_text(printed)
    files = []
    for path in EXAMPLES:
        if path.name.endswith(".facts.yaml") == (name == "facts"):
            # the tool reads files of one document
            for n, document in enumerate(yaml.safe_load_all(path.read_text())):
                files.append(tmp_path / f"{path.stem}.{n}.yaml")
                files[-1].write_text(yaml.safe_dump(document))
    assert files
    bad = tmp_path / "bad.yaml"
    bad.write_text("kind: VirtualMachine\nspec: 5\nlinks: 5\n")
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--schemafile", str(tmp_path / "schema.json")]
    assert subprocess.run([*command, *map(str, files)], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*command, str(bad)], capture_output=True, check=False).returncode == 1


@given(admitted_machines())
def test_every_machine_that_kubevirt_admits_is_valid(machine: kvnet.Machine) -> None:
    assert flaws(data(machine)) == []


@given(nads() | instancetypes() | preferences())
def test_every_object_beside_machines_is_valid(value: kvnet.Nad | kvnet.Instancetype | kvnet.Preference) -> None:
    assert flaws(data(value)) == []


@given(host_facts())
def test_all_facts_are_valid(facts: kvnet.HostFacts) -> None:
    assert flaws(data(facts), FACTS) == []


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, item in inner for each in paths(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A document of a machine in which a value is replaced, or a member is added or misspelt."""
    document = data(draw(machines()))
    *outer, last = draw(st.sampled_from([path for path in paths(document) if path and path[0] == "spec"]))
    holder = document
    for step in outer:
        holder = holder[step]
    kind = draw(st.sampled_from(["replaced", "added", "misspelt"]))
    if kind == "replaced":
        holder[last] = draw(ODD)
    elif isinstance(holder, dict):
        value = deepcopy(holder[last]) if kind == "added" else holder.pop(last)
        holder[f"{last}s"] = value
    return document


@settings(max_examples=examples(3), suppress_health_check=list(HealthCheck), deadline=None)
@given(mutated())
def test_a_document_that_cannot_be_read_is_not_valid(document: Any) -> None:
    try:
        kvnet.load_all(document)
    except kvnet.Rejected as rejected:
        told = {problem.code for problem in rejected.problems}
        assert not told & STRUCTURAL or flaws(document), told


@settings(max_examples=examples(3), suppress_health_check=list(HealthCheck), deadline=None)
@given(mutated())
def test_a_document_that_is_not_valid_is_refused_when_it_is_read_or_checked(document: Any) -> None:
    found = flaws(document)
    try:
        machines_of = kvnet.load_all(document).machines
    except kvnet.Rejected:
        return
    problems = [problem for machine in machines_of for problem in kvnet.check(machine)]
    assert not found or any(problem.is_error for problem in problems), found


NIC = {"name": "a", "bridge": {}}
BAD: dict[str, dict[str, Any]] = {
    "a misspelt binding": {"name": "a", "brige": {}},
    "two bindings": NIC | {"masquerade": {}},
    "a model of libvirt's alone": NIC | {"model": "vmxnet3"},
    "a MAC address that YAML read as a number": NIC | {"macAddress": 525400123456},
    "a MAC address of five bytes": NIC | {"macAddress": "52:54:00:12:34"},
    "a state in capitals": NIC | {"state": "Down"},
    "a boot order of zero": NIC | {"bootOrder": 0},
    "a port that no number of 32 bits can be": NIC | {"ports": [{"port": 2**31}]},
    "a port without a number": NIC | {"ports": [{"name": "ssh"}]},
    "a protocol that is a number": NIC | {"ports": [{"port": 22, "protocol": 6}]},
    "no name": {"bridge": {}},
    "a list in place of a mapping": NIC | {"bridge": []},
}


@pytest.mark.parametrize("nic", BAD.values(), ids=BAD)
def test_a_flaw_of_a_single_interface_is_found_at_its_place(nic: dict[str, Any]) -> None:
    spec = {"domain": {"devices": {"interfaces": [nic]}}, "networks": [{"name": "a", "pod": {}}]}
    found = flaws({"kind": "VirtualMachineInstance", "spec": spec})
    assert found
    assert all(flaw.startswith("$.spec.domain.devices.interfaces[0]") for flaw in found)


def test_documents_of_other_kinds_are_valid_and_a_list_is_looked_into() -> None:
    assert flaws({"kind": "Service", "spec": {"domain": 5}}) == []
    for kind in ("List", "VirtualMachineInstanceList"):
        assert flaws({"kind": kind, "items": [{"kind": "VirtualMachineInstance", "spec": 5}]}) != []
    assert flaws({"domain": {"devices": {"interfaces": 5}}}) != []


VM: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {"name": "vm"},
    "spec": {"template": {"metadata": {}, "spec": {"domain": {"devices": {}}}}},
}


@pytest.mark.parametrize(
    "path",
    [
        ("metadata",),
        ("metadata", "name"),
        ("metadata", "namespace"),
        ("metadata", "labels"),
        ("metadata", "labels", "a"),
        ("metadata", "annotations", "a"),
        ("spec", "template", "metadata"),
        ("spec", "template", "metadata", "annotations"),
        ("spec", "template", "spec", "networks"),
    ],
    ids=".".join,
)
def test_null_is_valid_where_the_api_server_takes_it_for_absent(path: tuple[str, ...]) -> None:
    document = deepcopy(VM)
    holder = document
    for step in path[:-1]:
        holder = holder.setdefault(step, {})
    holder[path[-1]] = None
    assert kvnet.load_all(document).machines
    assert flaws(document) == []


@pytest.mark.parametrize(
    "document",
    [
        {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition", "spec": None},
        {"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "spec": None},
        {"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "spec": {"configuration": None}},
    ],
)
def test_an_object_that_says_nothing_is_valid(document: dict[str, Any]) -> None:
    kvnet.load_all(document | {"metadata": {"name": "a"}})
    assert flaws(document) == []
