"""What holds for every CNI configuration: nothing gets lost in silence, nothing crashes, and work is bounded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any

import attrs
import pytest
from compiler.compiling import only
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from machines import multus, nic

import kvnet
from kvnet.cni.chain import PLUGINS, Chain
from kvnet.compiler.losses import OF_THE_POD
from kvnet.manifest.cni import chain_of, position
from kvnet.spec import Nad
from kvnet.spec.wire import json_name
from kvnet.testing import cni_configs

FACTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "an Open vSwitch bridge": {"networks": {"default/nad": {"ovsBridge": "br-ex"}}},
    "a Linux bridge": {"networks": {"default/nad": {"bridge": "br0"}}},
    "a network of libvirt": {"networks": {"default/nad": {"libvirtNetwork": "lab"}}},
    "a macvtap": {"networks": {"default/nad": {"direct": "eth1"}}},
}
WHERE = {
    *("bridge", "master", "mode", "device", "hwaddr", "kernelpath", "pciBusID"),
    *("topology", "physicalNetworkName", "netAttachDefName", "provider"),
}
"""The settings that say where a network is: facts that say so count instead of them."""
OF_ANY_PLUGIN = {"mtu", "mac"}
"""The settings that several plugins of a chain can have, of which the last counts."""
POD = {json_name(each) for cls in PLUGINS.values() for each in attrs.fields(cls) if each.name in OF_THE_POD}
RESOURCE = {"k8s.v1.cni.cncf.io/resourceName": "macvtap.network.kubevirt.io/eth1"}
FUNCTION = "0000:05:00.1"
MOST_CALLS = 50_000
"""How many Python functions may be called for one NAD: a fifth of what takes 50 ms on slow machines."""
MANY = settings(max_examples=1000, suppress_health_check=list(HealthCheck), deadline=None)


def made(config: dict[str, Any], facts: dict[str, Any], binding: str = "bridge") -> kvnet.CompiledNic:
    nad = Nad(name="nad", annotations=RESOURCE, config=json.dumps(config))
    known = {**facts, **({"pciAddresses": {"a": FUNCTION}} if binding == "sriov" else {})}
    return only(nic(binding=binding), multus(), facts=known, target={"profile": "host", "nads": (nad,)})


def plugins_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    return config.get("plugins", [config])  # type: ignore[no-any-return]


def settings_of(config: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """The settings of a configuration that differ from what they are by default."""
    for n, plugin in enumerate(plugins_of(config)):
        yield from ((n, key) for key in plugin if key not in POD)


def without(config: dict[str, Any], n: int, key: str) -> dict[str, Any]:
    left = json.loads(json.dumps(config))
    del plugins_of(left)[n][key]
    return left  # type: ignore[no-any-return]


def silent(config: dict[str, Any], facts: dict[str, Any], binding: str) -> list[tuple[int, str]]:
    """The settings of an accepted configuration that are neither told nor make a difference to the device."""
    whole = made(config, facts, binding)
    assume(not whole.problems)
    told = [note.message for note in whole.notes if note.code == "KN346"]
    found = []
    for n, key in settings_of(config):
        plugin = plugins_of(config)[n]
        is_told = any(f"'{key}'" in each for each in told)
        is_told = is_told or any(f"'{plugin['type']}' (with " in each and key in each for each in told)
        others = [each for m, each in enumerate(plugins_of(config)) if m != n]
        is_replaced = key in OF_ANY_PLUGIN and any(key in each for each in others)
        # the facts may name the very same function
        is_default = (key, plugin[key]) in (("mode", "bridge"), ("pciBusID", FUNCTION), ("deviceID", FUNCTION))
        if is_told or is_replaced or is_default or (facts and binding != "sriov" and key in WHERE):
            continue
        other = made(without(config, n, key), facts, binding)
        if other.device == whole.device and other.link_mtu == whole.link_mtu:
            found.append((n, key))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("binding", ["bridge", "sriov"])
@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
@MANY
@given(config=cni_configs())
def test_each_setting_of_an_accepted_definition_is_in_the_device_or_told(
    facts: dict[str, Any], binding: str, config: dict[str, Any]
) -> None:
    assert silent(config, facts, binding) == []


@given(config=cni_configs())
@settings(suppress_health_check=list(HealthCheck))
def test_nothing_of_a_definition_is_lost_in_silence(config: dict[str, Any]) -> None:
    assert silent(config, FACTS["a Linux bridge"], "bridge") == []


@given(config=cni_configs())
def test_each_setting_has_its_position_in_the_text(config: dict[str, Any]) -> None:
    text = json.dumps(config, indent=1)
    for n, plugin in enumerate(plugins_of(config)):
        for key, value in plugin.items():
            path = ("plugins", n, key) if "plugins" in config else (key,)
            found, _ = json.JSONDecoder().raw_decode(text, position(text, path))
            assert found == value


@given(config=cni_configs())
def test_a_configuration_is_read_as_the_classes_of_its_plugins(config: dict[str, Any]) -> None:
    chain = chain_of(json.dumps(config))
    assert isinstance(chain, Chain)
    assert [type(each) for each in chain.plugins] == [PLUGINS[each["type"]] for each in plugins_of(config)]
    assert hash(chain) == hash(chain_of(json.dumps(config)))


VALUES: list[Any] = [-1, 0, 1, 4095, 5000, 10**6, 10**30, 1.5, True, None, "", "7", "x" * 99, "a/b", [], {}, [[]], [{}]]
ODD = st.sampled_from(VALUES).map(deepcopy)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The text of a configuration in which some values are odd, or some characters wrong."""
    config = draw(cni_configs())
    plugins = [*plugins_of(config)]
    for _ in range(draw(st.integers(0, 3))):
        holder: Any = draw(st.sampled_from(plugins))
        key = draw(st.sampled_from(sorted(holder)))
        while isinstance(holder[key], dict | list) and holder[key] and draw(st.booleans()):
            holder = holder[key]
            key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        holder[key] = draw(ODD)
    text = json.dumps(config)
    if draw(st.booleans()):
        return text
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text(max_size=2)) + text[at + draw(st.integers(0, 3)) :]


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Counts the calls of Python functions."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield lambda: calls
    finally:
        sys.setprofile(before)


def rendered(config: str) -> int:
    """Read a definition and render a machine with it, or be told why not. How many calls that took."""
    vm = {
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "vm"},
        "spec": {"domain": {"devices": {"interfaces": [nic()]}, "memory": {"guest": "1Gi"}}, "networks": [multus()]},
    }
    nad = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": "nad"}, "spec": {"config": config}}
    chain_of.cache_clear()
    with counted() as calls, suppress(kvnet.Rejected):
        manifest = kvnet.load_all([nad, vm])
        kvnet.render(manifest.machines[0], manifest.target(profile="host"))
    return calls()


@pytest.mark.slow
@MANY
@given(config=cni_configs().map(json.dumps))
def test_a_random_definition_takes_little_work(config: str) -> None:
    assert rendered(config) < MOST_CALLS


@pytest.mark.slow
@MANY
@given(config=mutated())
def test_a_mutated_definition_is_refused_with_little_work_and_without_a_crash(config: str) -> None:
    assert rendered(config) < MOST_CALLS


LONG: dict[str, list[Any]] = {
    "ranges of every VLAN": [{"minID": 0, "maxID": 4094}] * 2000,
    "a range of millions": [{"minID": 1, "maxID": 3_000_000}],
    "entries that are wrong": [{"minID": 7}] * 2000,
}


@pytest.mark.parametrize("trunk", LONG.values(), ids=LONG)
def test_a_trunk_takes_work_in_proportion_to_its_entries(trunk: list[Any]) -> None:
    assert rendered(json.dumps({"type": "bridge", "vlanTrunk": trunk})) < MOST_CALLS * 5
