"""Names with characters that no name can have are refused where they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from machines import nic, pod, vmi

import kvnet
from kvnet.errors import Rejected

_NAD = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition", "spec": {"config": "{}"}}
_TYPE = {"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": "VirtualMachineInstancetype", "spec": {}}


def _objects(metadata: dict[str, str]) -> list[dict[str, Any]]:
    return [{**each, "metadata": metadata} for each in (vmi([nic()], [pod()]), _NAD, _TYPE)]


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
@pytest.mark.parametrize("key", ["name", "namespace"])
@pytest.mark.parametrize("number", range(3))
def test_a_control_character_in_a_name_is_refused(number: int, key: str, character: str) -> None:
    metadata = {"name": "web", "namespace": "shop", key: f"a{character}b"}
    with pytest.raises(Rejected) as refused:
        kvnet.load_all(_objects(metadata)[number])
    problems = [each for each in refused.value.problems if each.field == f"metadata.{key}"]
    assert f"U+{ord(character):04X}" in problems[0].message


def test_the_refusal_of_a_name_has_its_place() -> None:
    text = json.dumps(_objects({"name": "a\0b"})[0], indent=1)
    with pytest.raises(Rejected) as refused:
        kvnet.loads(text)
    place = refused.value.problems[0].place
    assert place is not None
    assert text.splitlines()[place.line - 1].strip().startswith('"name": "a')


@pytest.mark.parametrize("name", ["web", "größe", "a b", "网", "\u00a0"])
def test_other_characters_are_left_to_the_rules(name: str) -> None:
    assert kvnet.load(_objects({"name": name})[0]).name == name
