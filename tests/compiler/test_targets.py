"""A target does not contradict the host facts that it holds."""

from __future__ import annotations

from typing import Any

import pytest

import kvnet

FACTS = kvnet.HostFacts(architecture="arm64", libvirt_version="9.0.0")
CONTRADICTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "another architecture": ({"architecture": "amd64"}, ["architecture"]),
    "another release of libvirt": ({"libvirt_release": "10.0.0"}, ["libvirtVersion"]),
    "both": ({"architecture": "amd64", "libvirt_release": "10.0.0"}, ["architecture", "libvirtVersion"]),
    "the same": ({"architecture": "arm64", "libvirt_release": "9.0.0"}, []),
    "neither": ({}, []),
}


@pytest.mark.parametrize(("said", "fields"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_a_target_says_is_what_its_facts_say(said: dict[str, Any], fields: list[str]) -> None:
    assert kvnet.Target(**said), "without facts there is nothing to contradict"
    try:
        kvnet.Target(facts=FACTS, **said)
        problems: tuple[kvnet.Problem, ...] = ()
    except kvnet.Rejected as rejected:
        problems = rejected.problems
    assert [(each.code, each.field) for each in problems] == [("KN023", field) for field in fields]
    assert all(each.hint for each in problems)
