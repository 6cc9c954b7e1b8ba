"""What is read and written to the letter: places behind escapes, keys of templates, spellings that need quotes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml
from machines import multus, nic, vmi

import kvnet
from kvnet.manifest._kinds import is_bare_spec, skipped_as
from kvnet.manifest._yaml import sound_nodes
from kvnet.manifest.document import Text, sound_documents
from kvnet.manifest.network_data import read_network_data
from kvnet.manifest.schema import manifest_schema

Json = dict[str, Any]
NAD = "NetworkAttachmentDefinition"


def test_json_is_written_with_two_spaces_a_level_and_letters_as_they_are() -> None:
    text = kvnet.dump(kvnet.load(vmi([nic("ä")], [multus("ä")])), "json")
    assert text.splitlines()[1].startswith('  "')
    assert '"ä"' in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("escape", ["", r"\ud800", r"\uDFFF and \uDc00", "\x07"])
def test_what_yaml_does_not_know_moves_no_place(escape: str) -> None:
    text = f'{{"a": "{escape}", "b": 5}}'
    (root,) = sound_nodes(text)
    assert root.value[1][1].start_mark.column == text.index("5")


@pytest.mark.parametrize("text", ["00:00:00:00:00:aa", "12:34", "1e3", "0x10", "7up", "a:b", "on", "null"])
def test_text_that_others_take_for_something_else_is_quoted(text: str) -> None:
    dumped = kvnet.dump(kvnet.load(vmi([nic()], [multus()], annotations={"a": text})))
    assert f'"{text}"' in dumped
    assert yaml.safe_load(dumped)["metadata"]["annotations"] == {"a": text}


def test_text_that_is_nothing_else_is_not_quoted() -> None:
    assert '"' not in kvnet.dump(kvnet.load(vmi([nic()], [multus()], annotations={"a": "plain-text_1"})))


def test_only_a_converter_of_cattrs_can_be_configured() -> None:
    with pytest.raises(TypeError, match="cattrs Converter"):
        kvnet.configure_converter(object())  # type: ignore[type-var]


@pytest.mark.parametrize("source", ["pod", "multus", "resourceClaim"])
def test_a_spec_is_known_by_the_sources_of_its_networks(source: str) -> None:
    assert is_bare_spec({"networks": [{"name": "other"}, {"name": "a", source: {}}]})
    assert not is_bare_spec({"networks": [{"name": "other"}, {"name": "a", "bridge": {}}]})


@pytest.mark.parametrize(
    ("api", "counted"),
    [("k8s.cni.cncf.io/v9", None), ("k8s.cni.cncf.io/v1", None), ("other.io/v1", f"{NAD} of other.io/v1")],
)
def test_a_nad_is_one_of_its_group(api: str, counted: str | None) -> None:
    assert skipped_as({"apiVersion": api, "kind": NAD}) == counted


@pytest.mark.parametrize("key", ["apiVersion", "kind"])
def test_the_schema_wants_text_for_what_a_document_is(key: str) -> None:
    validator = jsonschema.Draft202012Validator(manifest_schema())
    other = {"apiVersion": "v1", "kind": "Secret"}
    assert validator.is_valid(other)
    assert not validator.is_valid({**other, key: 5})


def test_a_template_of_helm_is_told_where_objects_are_expected() -> None:
    text = "{{- if .Values.vm }}\nkind: VirtualMachine\n{{- end }}\n"
    codes = [
        [problem.code for problem in sound_documents(Text("", text), **options)[1]]
        for options in ({}, {"of_kubernetes": False}, {"of_kubernetes": True})
    ]
    assert codes[0] == codes[1] != codes[2]


@pytest.mark.parametrize("key", ["networkName", "claimName", "requestName", "namespace"])
def test_a_name_stays_that_a_template_leaves_open(key: str) -> None:
    network: Json = {"name": "a", "multus": {"networkName": "nad"}}
    if key in ("claimName", "requestName"):
        network = {"name": "a", "resourceClaim": {"claimName": "card", "requestName": "vf"}}
        network["resourceClaim"][key] = "${OPEN}"
    elif key == "networkName":
        network["multus"][key] = "${OPEN}"
    machine = vmi([nic(binding="sriov")], [network])
    if key == "namespace":
        machine["metadata"][key] = "${OPEN}"
    template = {
        "apiVersion": "template.openshift.io/v1",
        "kind": "Template",
        "objects": [machine],
        "parameters": [{"name": "OPEN", "required": True}],
    }
    assert "${OPEN}" in kvnet.dump(kvnet.loads_all(json.dumps(template)).machines)


def test_gateways_of_network_data_are_told_with_the_path_to_each() -> None:
    link = {
        "gateway6": "fd00::1",
        "routes": [{"to": "10.0.0.0/8", "via": "10.0.0.1"}, {"to": "::/0", "via": "fd00::2"}],
    }
    links = read_network_data(json.dumps({"version": 2, "ethernets": {"other": {}, "eth0": link}}))
    assert links is not None
    assert [(each.text, each.path) for each in links[1].gateways] == [
        ("fd00::1", ("ethernets", "eth0", "gateway6")),
        ("fd00::2", ("ethernets", "eth0", "routes", 1, "via")),
    ]
    assert links[1].uses_gateway6
