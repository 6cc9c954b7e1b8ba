"""NetworkAttachmentDefinitions that are none."""

from __future__ import annotations

import json

import pytest

from kvnet import Rejected, check, load_all, loads_all

NAD = "kind: NetworkAttachmentDefinition\nmetadata: {name: a}\n"

CASES = {
    "a CNI configuration cut short": (
        NAD + "spec:\n  config: '{'\n",
        "4:12 KN008 spec.config",
        "is not JSON: Expecting property name | write JSON such as",
    ),
    "a CNI configuration without quotes": (
        NAD + "spec: {config: {type: bridge}}\n",
        "3:16 KN008 spec.config",
        "a mapping, not a CNI configuration | put the JSON into quotes",
    ),
    "an empty list for a CNI configuration": (
        NAD + "spec: {config: '[]'}\n",
        "3:17 KN008 spec.config",
        "is neither a plugin nor a list of plugins | write JSON such as",
    ),
    "a CNI plugin without a type": (
        NAD + "spec: {config: '{}'}\n",
        "3:17 KN008 spec.config",
        "has a plugin without a `type` | write JSON such as",
    ),
    "a CNI plugin with an empty type": (
        NAD + 'spec: {config: \'{"type": ""}\'}\n',
        "3:17 KN008 spec.config",
        "has a plugin without a `type` | write JSON such as",
    ),
    "a CNI configuration without plugins": (
        NAD + "spec: {config: '{\"plugins\": []}'}\n",
        "3:17 KN008 spec.config",
        "is neither a plugin nor a list of plugins | write JSON such as",
    ),
    "a CNI key twice": (
        NAD + 'spec: {config: \'{"type": "a", "type": "b"}\'}\n',
        "3:31 KN008 spec.config",
        "'type' is given twice",
    ),
    "a VLAN that does not exist": (
        NAD + 'spec:\n  config: |\n    {\n      "type": "bridge",\n      "vlan": 5000\n    }\n',
        "7:15 KN345 spec.config",
        "in the CNI configuration, vlan: 5000 is not between 0 and 4094",
    ),
    "a trunk without an end, in a chain": (
        NAD + 'spec: {config: \'{"plugins": [{"type": "x"}, {"type": "bridge", "vlanTrunk": [{"minID": 7}]}]}\'}\n',
        "3:78 KN345 spec.config",
        "plugins[1].vlanTrunk[0]: a range of a trunk has both minID and maxID, and this one has no maxID",
    ),
    "a number in quotes": (
        NAD + 'spec: {config: "{\\"type\\": \\"bridge\\", \\"mtu\\": \\"1400\\"}"}\n',
        "3:49 KN345 spec.config",
        'mtu: "1400" is text, not an MTU from 68 to 65535',
    ),
    "a misspelled config": (
        NAD + "spec: {conf: x}\n",
        "3:8 KN003 spec.conf",
        "no field 'conf' | did you mean 'config'?",
    ),
    "a list for a NAD's spec": (NAD + "spec: []\n", "3:7 KN004 spec", "[] is a list, not a mapping"),
    "a NAD without a name": (
        'kind: NetworkAttachmentDefinition\nspec: {config: \'{"type": "a"}\'}\n',
        "1:1 KN005 metadata.name",
        "the field 'name' is missing",
    ),
    "a CNI configuration with two commas": (
        NAD + 'spec:\n  config: |\n    {\n      "type": "x",\n      ,\n    }\n',
        "7:7 KN008 spec.config",
        "is not JSON:  | write JSON such as",
    ),
    "a number for a CNI configuration": (
        NAD + "spec: {config: 5}\n",
        "3:16 KN008 spec.config",
        "5 is a number, not a CNI configuration | put the JSON into quotes",
    ),
    "a CNI value that is no number": (
        NAD + "spec: {config: '{\"type\": NaN}'}\n",
        "3:26 KN008 spec.config",
        "NaN is not JSON",
    ),
    "a CNI plugin whose type is a number": (
        NAD + "spec: {config: '{\"type\": 5}'}\n",
        "3:17 KN008 spec.config",
        "has a plugin without a `type` | write JSON such as",
    ),
}


@pytest.mark.parametrize(("text", "where", "says"), CASES.values(), ids=CASES)
def test_a_bad_network_is_refused_at_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}".rstrip() == f"<text>:{where}"
    message, _, hint = says.partition(" | ")
    assert message in problem.message
    assert hint in problem.hint if hint else not problem.hint


def test_every_value_that_is_refused_is_told_at_once() -> None:
    config = '{"type": "bridge", "bridge": "this-name-is-too-long", "vlan": 5000, "mtu": -1}'
    with pytest.raises(Rejected) as caught:
        loads_all(f"{NAD}spec: {{config: '{config}'}}")
    assert [problem.code for problem in caught.value.problems] == ["KN345"] * 3


def test_a_plugin_that_nobody_knows_may_have_any_settings() -> None:
    config = '{"type": "mine", "bridge": 5, "vlan": -1}'
    assert loads_all(f"{NAD}spec: {{config: '{config}'}}").nads[0].config == config


def test_of_many_values_that_are_refused_some_are_told_and_the_others_counted() -> None:
    config = json.dumps({"type": "bridge", "vlanTrunk": [{"minID": 7}] * 100})
    with pytest.raises(Rejected) as caught:
        load_all({"kind": "NetworkAttachmentDefinition", "metadata": {"name": "a"}, "spec": {"config": config}})
    assert len(caught.value.problems) == 33
    assert "68 more values are refused" in caught.value.problems[-1].message


def test_of_many_keys_that_are_given_twice_some_are_told_and_the_others_counted() -> None:
    config = '{"type": "bridge", "args": {' + ", ".join(['"a": 1'] * 101) + "}}"
    with pytest.raises(Rejected) as caught:
        load_all({"kind": "NetworkAttachmentDefinition", "metadata": {"name": "a"}, "spec": {"config": config}})
    assert len(caught.value.problems) == 33
    assert "68 more values are given twice" in caught.value.problems[-1].message


def test_what_is_lost_is_told_at_its_place_in_the_definition() -> None:
    vm = """---
kind: VirtualMachineInstance
metadata: {name: vm}
spec:
  domain: {devices: {interfaces: [{name: a, bridge: {}}]}, memory: {guest: 1Gi}}
  networks: [{name: a, multus: {networkName: a}}]
"""
    config = 'spec:\n  config: |\n    {"plugins": [{"type": "bridge"},\n      {"type": "tuning", "promisc": true}]}\n'
    manifest = loads_all(NAD + config + vm)
    found = check(manifest.machines[0], manifest.target(profile="host"))
    assert [f"{each.place} {each.code}" for each in found] == ["<text>:6:37 KN346"]
