"""What can be dumped, and how."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

import kvnet
from kvnet.spec import InterfaceStatus, Machine


@pytest.mark.parametrize("value", ["x", 5, None, {"kind": "VirtualMachine"}, ["x"], kvnet.Place("x", 1, 1)])
def test_what_cannot_be_dumped_is_a_type_error_that_says_what_can(value: Any) -> None:
    with pytest.raises(TypeError, match=r"what can be dumped is a Machine, .*, not \w+"):
        kvnet.dump(value)


@pytest.mark.parametrize("form", ["xml", "", "YAML", None])
def test_another_format_is_a_value_error_that_names_the_two(form: Any) -> None:
    with pytest.raises(ValueError, match="the format is 'yaml' or 'json', not "):
        kvnet.dump(Machine(), form)


def test_what_status_gives_can_be_dumped() -> None:
    reported = (InterfaceStatus(name="a", mac="02:00:00:00:00:01", queue_count=2),)
    listed = [{"name": "a", "mac": "02:00:00:00:00:01", "queueCount": 2}]
    assert yaml.safe_load(kvnet.dump(reported)) == listed
    assert yaml.safe_load(kvnet.dump(reported, "json")) == listed
    assert yaml.safe_load(kvnet.dump(list(reported))) == listed
    assert yaml.safe_load(kvnet.dump(reported[0])) == listed[0]


def nested(levels: int, *, lists: bool = False) -> Any:
    data: Any = "x"
    for _ in range(levels):
        data = [data] if lists else {"a": data}
    return data


def looped() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["a"] = data
    return data


def vmi(**domain: Any) -> dict[str, Any]:
    return {"kind": "VirtualMachineInstance", "metadata": {"name": "x"}, "spec": {"domain": {"devices": {}} | domain}}


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("lists", [False, True])
def test_what_is_dumped_is_not_nested_deeper_than_is_read(form: Any, lists: bool) -> None:
    machine = kvnet.load(vmi(rng=nested(124, lists=lists)))
    assert kvnet.loads(kvnet.dump(machine, form)) == machine
    at = "[0]" if lists else ".a"
    with pytest.raises(ValueError, match=re.escape(f"spec.domain.rng{at} is nested deeper than 128 levels")):
        kvnet.dump(kvnet.load(vmi(rng=nested(125, lists=lists))), form)


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize(
    "data", [nested(50_000), nested(50_000, lists=True), looped()], ids=["deep", "lists", "looped"]
)
def test_what_is_nested_without_end_is_a_value_error(data: Any, form: Any) -> None:
    machine = kvnet.load(vmi(rng=data))
    for given in (machine, [machine], kvnet.Manifest(objects=(machine,))):
        with pytest.raises(ValueError, match="nested deeper than 128 levels"):
            kvnet.dump(given, form)


HALF = "\ud800"
UNREADABLE: dict[str, tuple[Any, str]] = {
    "a name": (Machine(name=HALF), r"metadata\.name has U\+D800, half of a surrogate pair, which is not a character"),
    "the second half": (Machine(namespace="a\udfff"), r"metadata\.namespace has U\+DFFF"),
    "a key": (Machine(annotations={HALF: ""}), r"metadata\.annotations has U\+D800"),
    "a fact": (kvnet.HostFacts(links={HALF: kvnet.PodLink()}), r"links has U\+D800"),
    "an entry": ([InterfaceStatus(name=HALF)], r"\[0\]\.name has U\+D800"),
    "a number without end": (
        kvnet.load(vmi(rng=float("inf"))),
        r"spec\.domain\.rng is inf, a number that JSON does not",
    ),
    "no number": (kvnet.load(vmi(rng=[float("nan")])), r"spec\.domain\.rng\[0\] is nan"),
    "a long number": (kvnet.load(vmi(rng=10**5000)), r"spec\.domain\.rng is a number of more than 400 digits"),
    "a kind that does not exist": (Machine(kind="Pod"), "'Pod' is no kind of machine: write one of VirtualMachine, "),
}


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize(("value", "says"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_could_not_be_read_again_is_a_value_error_at_its_field(value: Any, says: str, form: Any) -> None:
    with pytest.raises(ValueError, match=says):
        kvnet.dump(value, form)


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (object(), r"spec\.domain\.rng is a value of type object"),
        (b"x", r"spec\.domain\.rng is a value of type bytes"),
        ({(1, 2): 3}, r"the key \(1, 2\) of spec\.domain\.rng is not text"),
        ({None: 3}, r"the key None of spec\.domain\.rng is not text"),
    ],
)
def test_what_is_no_plain_data_is_refused_at_its_field(data: Any, says: str, form: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        kvnet.dump(kvnet.load(vmi(rng=data)), form)


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_date_that_a_yaml_reader_made_is_dumped_as_text(form: Any) -> None:
    spec = "{template: {spec: {domain: {devices: {}}}}}"
    text = f"kind: VirtualMachine\nmetadata: {{creationTimestamp: 2026-01-02}}\nspec: {spec}\n"
    again = kvnet.loads(kvnet.dump(kvnet.load(yaml.safe_load(text)), form))
    assert again.around["metadata"]["creationTimestamp"] == "2026-01-02"
