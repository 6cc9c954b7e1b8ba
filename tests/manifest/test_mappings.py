"""Mappings that Python made: what no text can hold is a located problem all the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

import kvnet


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels):
        data = {"a": data}
    return data


def looped() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["a"] = data
    return data


@cache
def lists(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "VirtualMachineInstance", "spec": {"domain": {"devices": {}}}}
    for _ in range(levels):
        data = {"kind": "List", "items": [data]}
    return data


def list_of_itself() -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "List", "items": []}
    data["items"].append(data)
    return data


ODD = {
    "deep": nested(50_000),
    "looped": looped(),
    "a key that is no text": {(1, 2): 3},
    "a long number": 10**5000,
    "no number": float("nan"),
    "bytes": b"\xff",
}
PLACES: dict[str, dict[str, Any]] = {
    "metadata.name": {"metadata": {"name": "?"}},
    "metadata.annotations.a": {"metadata": {"annotations": {"a": "?"}}},
    "spec.networks[0]": {"spec": {"domain": {"devices": {}}, "networks": ["?"]}},
    "spec.domain.memory.guest": {"spec": {"domain": {"memory": {"guest": "?"}}}},
    "spec.domain.cpu.sockets": {"spec": {"domain": {"cpu": {"sockets": "?"}}}},
    "spec.domain.devices.useVirtioTransitional": {"spec": {"domain": {"devices": {"useVirtioTransitional": "?"}}}},
}


def filled(data: Any, value: Any) -> Any:
    if isinstance(data, dict):
        return {key: filled(each, value) for key, each in data.items()}
    if isinstance(data, list):
        return [filled(each, value) for each in data]
    return value if data == "?" else data


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize(("where", "data"), PLACES.items(), ids=PLACES)
def test_a_value_that_cannot_be_shown_is_a_problem_at_its_field(where: str, data: Any, odd: Any) -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        kvnet.load({"kind": "VirtualMachineInstance", "spec": {"domain": {"devices": {}}}} | filled(data, odd))
    assert caught.value.problems[0].field.startswith(where)
    assert all(len(str(problem)) < 400 for problem in caught.value.problems)


@pytest.mark.parametrize("make", [lambda: lists(50_000), list_of_itself], ids=["deep", "of itself"])
@pytest.mark.parametrize("load", [kvnet.load, kvnet.load_all, kvnet.load_cluster, kvnet.load_facts])
def test_lists_of_lists_without_end_are_a_problem(load: Any, make: Callable[[], Any]) -> None:
    source = make()
    for given in (source, [source]):
        with pytest.raises(kvnet.KvnetError, match=r"KN0.. Lists are nested deeper than 128 levels"):
            load(given)


def test_a_list_may_hold_lists() -> None:
    assert kvnet.load(lists(50)).kind == "VirtualMachineInstance"


def test_an_annotation_of_a_pod_that_is_nested_without_end_is_a_problem() -> None:
    annotations = {"k8s.v1.cni.cncf.io/network-status": "[" * 100_000 + "]" * 100_000}
    with pytest.raises(kvnet.FactsError, match=r"KN021 this annotation is nested deeper than 128 levels \[metadata"):
        kvnet.load_facts({"kind": "Pod", "metadata": {"annotations": annotations}})


@pytest.mark.parametrize("text", ['{"kind": "\ud800"}', '{"kind": "é\udfff"}', '{"kind": "\\ud800"}'])
def test_half_of_a_surrogate_pair_in_json_is_refused_at_its_place(text: str) -> None:
    with pytest.raises(kvnet.Rejected, match=r"<text>:1:10: error KN004 half of a surrogate pair is not a character"):
        kvnet.loads(text)
