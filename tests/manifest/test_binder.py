"""Plain data is read into attrs classes, or every flaw of it is told with its path."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from attrs import frozen
from machines import nic, pod, vmi

import kvnet
from kvnet.manifest._problems import Misfit
from kvnet.manifest.binder import bind, plain
from kvnet.spec import Interface, Resources, VmiSpec
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.wire import Lenient, named


@pytest.mark.parametrize(
    "key", ["'", '"', "\\", "{x}", "\n", "\0", "\u2028", "v0", "x" * 5000, "rest", "held", "dotted.key"]
)
def test_an_unknown_member_of_an_open_class_is_kept_whatever_its_key(key: str) -> None:
    machine = kvnet.load(vmi([nic()], [pod()], spec={key: {"kept": None}}))
    assert machine.spec.rest == {key: {"kept": None}}
    assert kvnet.load(kvnet.manifest.plain(machine)) == machine


def flaws(kind: Any, data: Any) -> set[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(Misfit) as caught:
        bind(kind, data)
    return {(flaw.path, flaw.code) for flaw in caught.value.flaws}


def test_every_flaw_is_told_at_once_at_any_depth() -> None:
    data = {
        "domain": {"devices": {"interfaces": [{"name": 5, "ports": [{"port": -(2**40)}, 7]}, {"bridge": {"x": 1}}]}},
        "networks": [{"name": "a", "pod": [], "extra": 1}, None],
    }
    interfaces = ("domain", "devices", "interfaces")
    assert flaws(VmiSpec, data) == {
        ((*interfaces, 0, "name"), "KN004"),
        ((*interfaces, 0, "ports", 0, "port"), "KN006"),
        ((*interfaces, 0, "ports", 1), "KN004"),
        ((*interfaces, 1, "bridge", "x"), "KN003"),
        ((*interfaces, 1, "name"), "KN005"),
        (("networks", 0, "pod"), "KN004"),
        (("networks", 0, "extra"), "KN003"),
        (("networks", 1), "KN004"),
    }


def test_null_is_as_good_as_absent() -> None:
    assert bind(Interface, {"name": "a", "bridge": None, "model": None, "q": None}) == Interface(name="a")
    assert flaws(Interface, {"name": None}) == {(("name",), "KN005")}


def test_null_is_absent_among_quantities_too() -> None:
    assert bind(Resources, {"requests": {"cpu": None, "memory": "1Gi"}}) == Resources(requests={"memory": "1Gi"})


def test_any_mapping_and_any_tuple_is_read() -> None:
    data = {"name": "a", "ports": (MappingProxyType({"port": 80}),)}
    assert bind(Interface, MappingProxyType(data)) == bind(Interface, {"name": "a", "ports": [{"port": 80}]})


def test_bindings_come_in_the_order_of_their_table() -> None:
    one_way = {"name": "a", "bridge": {}, "sriov": {}}
    other_way = {"name": "a", "sriov": {}, "bridge": {}}
    assert bind(Interface, one_way) == bind(Interface, other_way)


def test_objects_of_one_class_share_nothing_that_can_be_changed() -> None:
    one, other = (bind(VmiSpec, {"domain": {"devices": {}}}) for _ in range(2))
    assert one.rest is not other.rest
    assert one.domain.rest is not other.domain.rest


@frozen(kw_only=True)
class Outer(Lenient):
    """A class whose fields lie in inner objects."""

    near: str | None = named("a.near", default=None)
    far: int | None = named("a.b.far", default=None)
    by_name: Mapping[str, int] | None = None


def test_a_dotted_name_leads_into_inner_objects_and_back() -> None:
    data = {"a": {"near": "x", "b": {"far": 1}}}
    assert bind(Outer, data) == Outer(near="x", far=1)
    assert plain(Outer(near="x", far=1)) == data
    assert flaws(Outer, {"a": {"near": 1, "b": {"far": "x"}}}) == {
        (("a", "near"), "KN004"),
        (("a", "b", "far"), "KN004"),
    }
    assert flaws(Outer, {"a": {"b": 5}}) == {(("a", "b"), "KN004")}


def test_the_path_of_a_mapping_names_its_key_as_it_is() -> None:
    assert flaws(Outer, {"byName": {"0": "x", "a]b'c": [], "": {}}}) == {
        (("byName", "0"), "KN004"),
        (("byName", "a]b'c"), "KN004"),
        (("byName", ""), "KN004"),
    }


def test_a_key_that_is_not_text_is_refused() -> None:
    assert flaws(Outer, {"byName": {5: 1}}) == {(("byName",), "KN004")}


def test_plain_data_has_only_what_was_given() -> None:
    assert plain(ClusterConfig()) == {}
    assert plain(Interface(name="a", ports=())) == {"name": "a", "ports": []}
