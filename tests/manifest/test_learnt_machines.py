"""A machine that is read by what was learnt of its like is the machine that the ordinary way reads."""

from __future__ import annotations

import json
import pickle
from typing import Any

import attrs
import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi

from kvnet import Rejected, dump, load, load_all, loads, loads_all
from kvnet.errors import FieldPath
from kvnet.manifest import loading
from kvnet.manifest._learnt import LearntMachines
from kvnet.manifest.document import Text
from kvnet.spec import Machine
from kvnet.testing import machines


@pytest.fixture(autouse=True)
def _nothing_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_LEARNT", LearntMachines(loading._machine_of_json))


def fleet_machine(n: int, **changed: Any) -> dict[str, Any]:
    """The nth machine of a fleet."""
    red, blue = f"red-{n}", f"blue-{n}"
    nics = [
        nic(red, binding="masquerade", macAddress=f"02:00:00:00:00:{n:02x}"),
        nic(blue, binding="bridge", pciAddress=f"0000:{n + 1:02x}:00.0"),
    ]
    made = vmi(nics, [pod(red), multus(blue, networkName=f"default/{blue}")])
    made["metadata"] = {"name": f"vm-{n}", "namespace": "prod", "labels": {"app": "web"}}
    made["spec"] |= changed
    return made


def told(text: str) -> object:
    """The machine of a text with the place of its spec, or the problems that it has."""
    try:
        machine = loads(text)
    except Rejected as error:
        return error.problems
    assert machine.origin is not None
    return machine, machine.origin.place(FieldPath(("spec", "domain"))), dump(machine)


def ordinary(text: str) -> object:
    """The same by the ordinary way alone, for what was learnt is used up to the first machine."""
    with pytest.MonkeyPatch.context() as patched:
        forget(patched)
        return told(text)


def test_the_machines_of_a_fleet_are_read_by_what_was_learnt() -> None:
    read = [loads(json.dumps(fleet_machine(n))) for n in range(6)]
    assert [bool(machine.text_shape) for machine in read] == [False] * 3 + [True] * 3
    assert read == [load(fleet_machine(n)) for n in range(6)]


def test_all_objects_of_a_learnt_text_are_its_machine() -> None:
    texts = [json.dumps(fleet_machine(n)) for n in range(6)]
    assert [loads_all(text) for text in texts] == [load_all(fleet_machine(n)) for n in range(6)]


def test_a_machine_in_a_list_has_its_places_there() -> None:
    for n in range(6):
        text = json.dumps({"kind": "List", "apiVersion": "v1", "items": [fleet_machine(n)]}, indent=1)
        assert told(text) == ordinary(text)
    assert loads(text).text_shape


def test_what_can_be_changed_is_not_shared() -> None:
    volumes = [{"name": "a", "emptyDisk": {"capacity": "1"}}]
    *_, first, second = [loads(json.dumps(fleet_machine(n, volumes=volumes))) for n in range(6)]
    assert first.text_shape == second.text_shape != ""
    first.spec.rest["volumes"][0]["emptyDisk"]["capacity"] = "2"
    assert second == load(fleet_machine(5, volumes=volumes))


def test_a_changed_machine_has_no_shape_any_more() -> None:
    *_, machine = [loads(json.dumps(fleet_machine(n))) for n in range(6)]
    assert machine.text_shape
    assert not attrs.evolve(machine, name="other").text_shape
    assert pickle.loads(pickle.dumps(machine)) == machine


ODD = (
    *("", " ", "a b", "a\nb", "a\tb", "é", "\u200b", "\ud800", "red-0", "x" * 64, "A", "a.b", "1", "\x7f"),
    *("02:00:00:00:00:0A", "03:00:00:00:00:01", "fe:00:00:00:00:01", "00:00:00:00:00:01", "02-00-00-00-00-01"),
    *("0000:00:02.0", "0000:01:00.1", "0000:0A:00.0", "a/b", "a/b/c", "default/", "\\u0041", '\\"', "\\n"),
)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("word", ["vm-9", "prod", "red-9", "blue-9", "default/blue-9", "02:00:00:00:00:09", "web"])
def test_an_odd_word_is_read_as_the_ordinary_way_reads_it(word: str, odd: str) -> None:
    for n in range(4):
        loads(json.dumps(fleet_machine(n)))
    whole = json.dumps(fleet_machine(9))
    assert f'"{word}"' in whole
    for text in (whole.replace(f'"{word}"', f'"{odd}"'), whole.replace(f'"{word}"', f'"{odd}"', 1)):
        assert told(text) == ordinary(text)


FLAWED = (
    ('"red-9"', "'red-9'"),
    ('"red-9"', "9"),
    ('"red-9"', "null"),
    ('"spec"', '"spec": {}, "spec"'),
    ('"name"', '"nam"'),
    ('"name"', '"namespace"'),
    ("{", "{ "),
    ("}", "},"),
    (":", " : "),
    ('"labels"', '"lab\\u0065ls"'),
)


@pytest.mark.parametrize(("old", "new"), FLAWED)
@pytest.mark.parametrize("count", [1, -1])
def test_another_text_is_read_in_the_ordinary_way(old: str, new: str, count: int) -> None:
    for n in range(4):
        loads(json.dumps(fleet_machine(n)))
    text = json.dumps(fleet_machine(9)).replace(old, new, count)
    assert told(text) == ordinary(text)


@given(st.data())
@settings(deadline=None, max_examples=examples(0.6), suppress_health_check=list(HealthCheck))
def test_renamed_machines_are_read_as_the_ordinary_way_reads_them(data: st.DataObject) -> None:
    pattern = json.loads(dump(data.draw(machines(max_nics=3)), format="json"))
    texts = [json.dumps(pattern)] * 3 + [
        mutated(json.dumps(renamed(pattern, data.draw(st.sampled_from(["a", "net1", "x" * 70, "é", ""])))), data)
        for _ in range(3)
    ]
    for text in texts:
        assert told(text) == ordinary(text)


def renamed(value: Any, prefix: str) -> Any:
    """Plain data with a prefix before every name of a NIC and a network."""
    if isinstance(value, list):
        return [renamed(each, prefix) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"{prefix}{each}" if key in ("name", "networkName") and isinstance(each, str) else renamed(each, prefix)
        for key, each in value.items()
    }


def mutated(text: str, data: st.DataObject) -> str:
    """A text with one of its characters replaced, left out or doubled, or as it is."""
    change = data.draw(st.sampled_from(["", "", "drop", "double", "replace"]))
    at = data.draw(st.integers(0, len(text) - 1))
    new = {"drop": "", "double": text[at] * 2, "replace": data.draw(st.sampled_from('"\\{}[],: \n\t09aé\x00'))}
    return text[:at] + new[change] + text[at + 1 :] if change else text


def test_machines_that_are_read_have_the_class_of_others() -> None:
    *_, machine = [loads(json.dumps(fleet_machine(n))) for n in range(6)]
    assert type(machine) is Machine
    assert vars(machine).keys() - {"text_shape"} == vars(load(fleet_machine(5))).keys()
    assert loading._LEARNT.read(Text("", "{}")) is None
