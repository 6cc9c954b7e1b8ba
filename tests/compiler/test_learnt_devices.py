"""Devices that are made by what was learnt of a machine's like are those that the ordinary way makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvnet import compile, dump, loads
from kvnet.compiler import Compiled, _learnt
from kvnet.compiler.compiler import _compiled as ordinary
from kvnet.compiler.pod import hashed_name
from kvnet.facts import HostFacts, PodLink
from kvnet.manifest import loading
from kvnet.manifest._learnt import LearntMachines
from kvnet.spec import Machine
from kvnet.target import Profile, Target
from kvnet.testing import admitted_machines, machines
from kvnet.values import MacAddress, PciAddress

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _nothing_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr(loading, "_LEARNT", LearntMachines(loading._machine_of_json))


def forget() -> None:
    _learnt._known.clear()
    _learnt._met._met.clear()


def told(made: Compiled) -> tuple[Compiled, list[str]]:
    """What was compiled, with its XML: addresses are equal however they are spelled."""
    return made, [] if made.problems else made.xml()


def text_of(n: int) -> str:
    """The nth machine of a fleet."""
    nics = [
        {"name": f"red-{n}", "masquerade": {}, "macAddress": f"02:00:00:00:06:{n:02x}"},
        {"name": f"blue-{n}", "bridge": {}, "model": "e1000", "pciAddress": f"0000:{n + 1:02x}:00.0"},
        {"name": f"vf-{n}", "sriov": {}},
    ]
    networks = [
        {"name": f"red-{n}", "pod": {}},
        *({"name": f"{each}-{n}", "multus": {"networkName": f"{each}-{n}"}} for each in ("blue", "vf")),
    ]
    spec = {"domain": {"devices": {"interfaces": nics}}, "networks": networks}
    return json.dumps({"kind": "VirtualMachineInstance", "metadata": {"name": f"vm-{n}"}, "spec": spec})


def machine(n: int) -> Machine:
    """The nth machine of a fleet, as its text is read once its shape is known."""
    text = text_of(n)
    for _ in range(3):
        loads(text)
    read = loads(text)
    assert read.text_shape
    return read


def facts(n: int, **changed: Any) -> HostFacts:
    """What is known of the pod of the nth machine."""
    links = {
        f"red-{n}": PodLink(name="eth0", mac=MacAddress.parse("02:00:00:00:07:01"), mtu=1400),
        f"blue-{n}": PodLink(
            name=hashed_name(f"blue-{n}"), mac=MacAddress.parse(f"02:00:00:00:08:{n:02x}"), mtu=1400 + n
        ),
    }
    given: dict[str, Any] = {"links": links, "pci_addresses": {f"vf-{n}": PciAddress(0, 0x81, n % 32, 2)}}
    return HostFacts(**{"architecture": "amd64", **given, **changed})


def test_the_devices_of_a_fleet_are_made_by_what_was_learnt() -> None:
    for n in range(6):
        asked = machine(n), Target(facts=facts(n))
        assert compile(*asked) == ordinary(*asked)
        assert compile(*asked).xml() == ordinary(*asked).xml()
    assert len(_learnt._known[asked[0].text_shape]) == 1
    assert _learnt.compiled(*asked) is not None


ODD_WORDS = {
    "02:00:00:00:06:09": ("02:00:00:00:06:0A", "02-00-00-00-06-09", "020000000609", "03:00:00:00:06:09", "02:00"),
    "0000:0a:00.0": ("0000:0A:00.0", "0000:00:02.0", "0000:0a:00.1", "0000:f1:00.0", "a"),
    "red-9": ("red 9", "red.9", "é", "x" * 64, "<&>", "blue-9"),
}


@pytest.mark.parametrize(("word", "odd"), [(word, odd) for word, others in ODD_WORDS.items() for odd in others])
def test_a_machine_with_an_odd_word_is_compiled_in_the_ordinary_way(word: str, odd: str) -> None:
    for n in range(4):
        compile(machine(n), Target(facts=facts(n)))
    assert f'"{word}"' in text_of(9)
    read = loads(text_of(9).replace(f'"{word}"', f'"{odd}"'))
    target = Target(facts=facts(9, links=dict.fromkeys(("red-9", odd), PodLink(name="eth0")) | link()))
    assert told(compile(read, target)) == told(ordinary(read, target))


def link(**changed: Any) -> dict[str, PodLink]:
    """The links of the ninth machine, one of them changed."""
    links = dict(facts(9).links or {})
    return links | {"blue-9": attrs.evolve(links["blue-9"], **changed)}


UNUSUAL: dict[str, Target] = {
    "no link": Target(facts=facts(9, links={})),
    "one link": Target(facts=facts(9, links={"red-9": PodLink(name="eth0")})),
    "links unknown": Target(facts=facts(9, links=None)),
    "link of another scheme": Target(facts=facts(9, links=link(name="net1"))),
    "link with an odd name": Target(facts=facts(9, links=link(name="pod'<&>"))),
    "link without a name": Target(facts=facts(9, links=link(name=None))),
    "link without an address": Target(facts=facts(9, links=link(mac=None))),
    "link with capital letters": Target(facts=facts(9, links=link(mac=MacAddress.parse("02-AB-00-00-00-01")))),
    "link without a tap": Target(facts=facts(9, links=link(tap=False))),
    "link with a named tap": Target(facts=facts(9, links=link(tap="tap7"))),
    "link without an MTU": Target(facts=facts(9, links=link(mtu=None))),
    "MTU of 0": Target(facts=facts(9, links=link(mtu=0))),
    "small MTU": Target(facts=facts(9, links=link(mtu=68))),
    "large MTU": Target(facts=facts(9, links=link(mtu=2**31))),
    "no virtual function": Target(facts=facts(9, pci_addresses={})),
    "a function for every NIC": Target(
        facts=facts(9, pci_addresses={name: PciAddress(0, 1, 0, 0) for name in ("red-9", "blue-9", "vf-9")})
    ),
    "a slot that libvirt refuses": Target(facts=facts(9, pci_addresses={"vf-9": PciAddress(0, 1, 0x20, 0)})),
    "capital digits": Target(facts=facts(9, pci_addresses={"vf-9": PciAddress.parse("0000:AB:00.1")})),
    "another architecture": Target(facts=facts(9, architecture="s390x")),
    "another type of domains": Target(facts=facts(9), virt_type="qemu"),
    "a plain host": Target(profile=Profile.HOST, facts=facts(9)),
    "old libvirt": Target(facts=facts(9, libvirt_version="6.0.0")),
}


@pytest.mark.parametrize("target", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_target_is_compiled_for_in_the_ordinary_way(target: Target) -> None:
    for n in range(4):
        compile(machine(n), Target(facts=facts(n)))
    assert told(compile(machine(9), target)) == told(ordinary(machine(9), target))
    for n in range(4):
        compile(machine(n), target)
        assert compile(machine(n), Target(facts=facts(n))) == ordinary(machine(n), Target(facts=facts(n)))
    assert told(compile(machine(9), target)) == told(ordinary(machine(9), target))


def test_settings_without_end_do_not_fill_the_memory() -> None:
    for n in range(40):
        compile(machine(n), Target(facts=facts(n, libvirt_networks=(f"net-{n}",))))
    assert all(len(makes) <= _learnt._MOST_SETTINGS for makes in _learnt._known.values())


@given(st.data())
@settings(deadline=None, max_examples=examples(0.6), suppress_health_check=list(HealthCheck))
def test_renamed_machines_are_compiled_as_the_ordinary_way_compiles_them(data: st.DataObject) -> None:
    forget()
    pattern = json.loads(dump(data.draw(st.one_of(machines(max_nics=3), admitted_machines())), format="json"))
    names = [each.name for each in loads(json.dumps(pattern)).interfaces]
    known = {name: data.draw(LINKS) for name in names}
    functions = {name: data.draw(FUNCTIONS) for name in names}
    for n in range(8):
        text = json.dumps(pattern)
        for at, name in enumerate(names):
            text = text.replace(json.dumps(name), json.dumps(f"n{at}-{n}"))
        links, others = known, functions
        if n == 7:
            links, others = {name: data.draw(LINKS) for name in names}, {name: data.draw(FUNCTIONS) for name in names}
        target = Target(facts=HostFacts(links=placed(links, n), pci_addresses=placed(others, n)))
        read = loads(text)
        assert told(compile(read, target)) == told(ordinary(read, target))


def placed(values: Mapping[str, T | None], n: int) -> dict[str, T]:
    """The values that there are, by the names that the nth machine has for their NICs."""
    return {f"n{at}-{n}": each for at, each in enumerate(values.values()) if each is not None}


LINKS = st.none() | st.builds(
    PodLink,
    name=st.sampled_from([None, "eth0", "net1", "pod16477688c0e", "pod37a8eec1ce1"]),
    mac=st.none() | st.binary(min_size=6, max_size=6).map(MacAddress),
    mtu=st.none() | st.integers(0, 70000),
    tap=st.sampled_from([True, True, True, False, "tap9"]),
)
FUNCTIONS = st.none() | st.builds(PciAddress, st.just(0), st.integers(0, 255), st.integers(0, 40), st.integers(0, 7))
