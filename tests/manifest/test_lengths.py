"""What is read whole has a bound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kvnet
from kvnet.errors import Rejected
from kvnet.manifest import document


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(document, "LONGEST", 1 << 20)
    return 1 << 20


def test_a_device_without_an_end_is_refused(bound: int) -> None:
    with pytest.raises(Rejected, match="longer than 1 MiB"):
        kvnet.load_all("/dev/zero")


def test_an_open_file_is_read_up_to_the_bound(bound: int) -> None:
    with open("/dev/zero", "rb") as stream, pytest.raises(Rejected, match="longer than 1 MiB"):
        kvnet.load_all(stream)


def test_a_file_of_just_that_length_is_read(bound: int, tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_bytes(b"kind: Service\n#".ljust(bound, b"x"))
    assert kvnet.load_all(path).skipped == ("Service",)


def test_an_open_text_without_an_end_is_refused(bound: int) -> None:
    with open("/dev/zero", encoding="utf-8") as stream, pytest.raises(Rejected, match="longer than 1 MiB"):
        kvnet.load_all(stream)


@pytest.mark.slow
def test_the_aliases_of_all_documents_count_together() -> None:
    ten, hundred = ",".join("x" * 10), ",".join(["*a"] * 100)
    document = f"kind: Service\na: &a [{ten}]\nb: &b [{hundred}]\nc: [{','.join(['*b'] * 100)}]\n"
    assert kvnet.loads_all("---\n".join([document] * 5)).skipped == ("Service",) * 5
    with pytest.raises(Rejected) as refused:
        kvnet.loads_all("---\n".join([document.replace("Service", "VirtualMachine")] * 12))
    told = [each for each in refused.value.problems if "over 1,000,000 values" in each.message]
    assert len(told) == 4


@pytest.mark.slow
def test_documents_that_mention_a_star_without_aliases_are_not_counted() -> None:
    document = "kind: Service\na: '*'\nb: [" + ",".join("x" * 1000) + "]\n"
    assert len(kvnet.loads_all("---\n".join([document] * 1200)).skipped) == 1200


_MANY = {
    "entries of a list": "kind: VirtualMachineInstance\nspec: {domain: {devices: {interfaces: ["
    + "5," * 5000
    + "]}}}\n",
    "unknown fields": "kind: VirtualMachineInstance\nspec: {networks: [{name: a, "
    + ", ".join([f"k{n}: 1" for n in range(5000)])
    + "}], domain: {devices: {}}}\n",
    "keys that are given twice": "kind: VirtualMachineInstance\n" + "a: 1\n" * 5000,
    "aliases of a flawed mapping": "kind: VirtualMachineInstance\na: &a {"
    + ", ".join(["b: 1"] * 300)
    + "}\nb: ["
    + ", ".join(["*a"] * 300)
    + "]\n",
}


@pytest.mark.parametrize("text", _MANY.values(), ids=_MANY)
def test_of_very_many_problems_the_first_are_told_and_that_there_are_more(text: str) -> None:
    with pytest.raises(Rejected) as refused:
        kvnet.loads_all(text)
    [last] = [each for each in refused.value.problems if "not told" in each.message]
    assert len(refused.value.problems) == 1001
    assert (last.message, last.hint) == (
        "this has over 1,000 problems, and those from here on are not told",
        "correct the others first",
    )
    assert last.place is not None


@pytest.mark.parametrize("reference", ["${A}", "${{A}}"])
def test_the_parameters_of_a_template_stand_for_a_bounded_text(reference: str) -> None:
    metadata = {"name": "a", "labels": {str(n): reference for n in range(1000)}}
    template = {
        "kind": "Template",
        "apiVersion": "template.openshift.io/v1",
        "parameters": [{"name": "A", "value": "x" * 1000}],
        "objects": [{"kind": "VirtualMachineInstance", "metadata": metadata, "spec": {"domain": {"devices": {}}}}],
    }
    assert len(kvnet.load_all(template).machines) == 1
    template["parameters"] = [{"name": "A", "value": "x" * 1100}]
    for read in (kvnet.load_all, lambda data: kvnet.loads_all(json.dumps(data))):
        with pytest.raises(Rejected, match="its parameters stand for over 1,048,576 characters"):
            read(template)
