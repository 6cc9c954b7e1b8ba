"""cattrs converters structure and unstructure every class of kvnet, alone and inside a user's own."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cattrs
import cattrs.preconf.json
import pytest
from attrs import frozen
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kvnet
from kvnet.facts import PodLink
from kvnet.manifest.converter import CLASSES
from kvnet.spec import Interface, Machine, Multus, Nad, Network
from kvnet.spec.cluster import ClusterConfig
from kvnet.testing import nads, targets, values_of
from kvnet.values import MacAddress, PciAddress

SOME = settings(
    max_examples=examples(0.5),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
CONVERTER = kvnet.converter()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@given(data=st.data())
@SOME
def test_every_value_is_structured_from_what_it_is_unstructured_to(cls: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(cls))
    plain = CONVERTER.unstructure(value)
    assert is_plain(plain)
    assert CONVERTER.structure(plain, cls) == value


def is_plain(data: Any) -> bool:
    if isinstance(data, dict):
        return all(type(key) is str and is_plain(each) for key, each in data.items())
    return all(map(is_plain, data)) if isinstance(data, list) else type(data) in (str, int, bool, float, type(None))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@given(data=st.data())
@SOME
def test_every_value_is_hashable_and_survives_pickle_and_copy(cls: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(cls))
    for again in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert again == value
        assert hash(again) == hash(value)


@frozen
class Order:
    """A user's own class."""

    customer: str
    machine: Machine
    spare: Machine | None
    nads: list[Nad]
    links: dict[str, PodLink]


RED = {
    "kind": "VirtualMachineInstance",
    "metadata": {"name": "red"},
    "spec": {"domain": {"devices": {}}, "networks": [{"name": "a", "pod": {}}]},
}
VLAN = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": "vlan"}, "spec": {"config": '{"type": "vlan"}'}}


@pytest.mark.parametrize("own", [cattrs.Converter(), cattrs.Converter(detailed_validation=False)])
def test_a_class_of_ones_own_may_hold_kvnets(own: cattrs.Converter) -> None:
    assert kvnet.configure_converter(own) is own
    links = {"a": {"mac": "02:00:00:00:00:01"}}
    order = own.structure({"customer": "a", "machine": RED, "spare": None, "nads": [VLAN], "links": links}, Order)
    assert order.machine == kvnet.load(RED)
    assert order.nads == [kvnet.load_all(VLAN).nads[0]]
    assert own.structure(own.unstructure(order), Order) == order


def test_a_converter_to_json_text_can_be_configured() -> None:
    own = kvnet.configure_converter(cattrs.preconf.json.make_converter())
    machines = own.loads(own.dumps([kvnet.load(RED)]), list[Machine])
    assert machines == [kvnet.load(RED)]


def test_flaws_are_told_as_problems_with_their_paths() -> None:
    wrong = {**RED, "spec": {"domain": {"cpu": {"cores": -1}, "devices": {}}, "networks": [{"name": 5}]}}
    with pytest.raises(kvnet.Rejected) as caught:
        CONVERTER.structure(wrong, Machine)
    assert [(each.code, each.field) for each in caught.value.problems] == [
        ("KN006", "spec.domain.cpu.cores"),
        ("KN004", "spec.networks[0].name"),
    ]


@pytest.mark.parametrize(
    ("cls", "data", "says"),
    [
        (Machine, VLAN, "not one of VirtualMachine, "),
        (Nad, RED, "not NetworkAttachmentDefinition"),
        (Machine, 5, "a document is a mapping"),
        (MacAddress, "02:00", "has 2 bytes, a MAC address has 6"),
        (MacAddress, 5, "5 is a number, not text"),
        (PciAddress, "05:00.1", "is not a PCI address"),
        (kvnet.Profile, "pod", "not one of kubevirt, host"),
        (kvnet.Target, {"facts": {"architecture": "arm64"}, "architecture": "amd64"}, "the host facts say arm64"),
        (kvnet.Target, {"profil": "host"}, "did you mean 'profile'"),
    ],
)
def test_data_of_another_class_is_refused(cls: Any, data: Any, says: str) -> None:
    with pytest.raises(kvnet.Rejected, match=says):
        CONVERTER.structure(data, cls)


@given(st.lists(nads(), max_size=2), targets())
@SOME
def test_the_parts_of_a_target_are_dumped_and_loaded_again(given: list[Nad], target: kvnet.Target) -> None:
    for form in ("yaml", "json"):
        assert kvnet.loads_cluster(kvnet.dump(target.cluster, form)) == target.cluster
        assert kvnet.loads_facts(kvnet.dump(target.facts, form)) == target.facts
        assert kvnet.loads_all(kvnet.dump(kvnet.Manifest(objects=tuple(given)), form)).nads == tuple(given)


def test_a_repr_shows_what_was_given_and_nothing_else() -> None:
    nic = Interface(name="a", bindings=(), mac_address="02:00:00:00:00:01")
    assert repr(nic) == "Interface(name='a', mac_address='02:00:00:00:00:01')"
    assert repr(Network(name="a", sources=Multus(network_name="b"))) == (
        "Network(name='a', sources=(Multus(network_name='b'),))"
    )
    assert repr(ClusterConfig()) == "ClusterConfig()"
    assert "rest" not in repr(kvnet.loads("{domain: {devices: {}}, networks: [], extra: 1}"))
