"""Keys outside interfaces and networks that KubeVirt does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.spec import TEMPLATES, Cpu, Domain, Firmware, Machine, MachineType, Memory, Resources, VmiSpec, keys
from kvnet.spec.keys import known_keys, meant

ODD = "KN016"
OPTED_OUT = {"autoattachPodInterface": False}
TEMPLATE = {"spec": {"domain": {"devices": OPTED_OUT}}}


def told(data: Any) -> list[tuple[str, str]]:
    problems = kvnet.check(kvnet.load(data))
    return [(each.field, each.hint) for each in problems if each.code == ODD]


def _pool(**members: Any) -> Any:
    data = vmi(kind="VirtualMachinePool", devices=OPTED_OUT)
    data["spec"]["virtualMachineTemplate"] |= members
    return data


CASES: dict[str, tuple[Any, str, str]] = {
    "of the template of a pool": (
        _pool(metdata={}),
        "spec.virtualMachineTemplate.metdata",
        "did you mean 'metadata'?",
    ),
    "another letter case": (
        vmi(devices={"autoattachPodinterface": False}),
        "spec.domain.devices.autoattachPodinterface",
        "did you mean 'autoattachPodInterface'?",
    ),
    "the spelling of instancetypes": (
        vmi(devices=OPTED_OUT, domain={"cpu": {"dedicatedCPUPlacement": True}}),
        "spec.domain.cpu.dedicatedCPUPlacement",
        "did you mean 'dedicatedCpuPlacement'?",
    ),
    "one letter less": (
        vmi(devices=OPTED_OUT | {"interface": []}),
        "spec.domain.devices.interface",
        "did you mean 'interfaces'?",
    ),
    "two letters swapped": (
        vmi(devices=OPTED_OUT, domain={"mahcine": {"type": "q35"}}),
        "spec.domain.mahcine",
        "did you mean 'machine'?",
    ),
    "one level too high": (
        vmi(devices=OPTED_OUT, domain={"interfaces": []}),
        "spec.domain.interfaces",
        "'interfaces' belongs in spec.domain.devices",
    ),
    "one level too low": (
        vmi(devices=OPTED_OUT | {"networks": []}),
        "spec.domain.devices.networks",
        "'networks' belongs in spec",
    ),
    "another level and letter case": (
        vmi(devices=OPTED_OUT, spec={"networkinterfacemultiqueue": True}),
        "spec.networkinterfacemultiqueue",
        "'networkInterfaceMultiqueue' belongs in spec.domain.devices",
    ),
    **{
        f"of {name}": (
            vmi(devices=OPTED_OUT, domain={name: {wrong: value}}),
            f"spec.domain.{name}.{wrong}",
            f"did you mean '{meant}'?",
        )
        for name, wrong, value, meant in (
            ("memory", "hugpages", {}, "hugepages"),
            ("resources", "overcommitGuestOverhed", True, "overcommitGuestOverhead"),
            ("machine", "typee", "q35", "type"),
            ("launchSecurity", "Sev", {}, "sev"),
        )
    },
    "another level, and a letter less": (
        vmi(devices=OPTED_OUT, spec={"networkInterfaceMultiqeue": True}),
        "spec.networkInterfaceMultiqeue",
        "'networkInterfaceMultiqueue' belongs in spec.domain.devices",
    ),
    "two letters swapped in a short key": (
        vmi(devices=OPTED_OUT, domain={"firmware": {"apci": {}}}),
        "spec.domain.firmware.apci",
        "did you mean 'acpi'?",
    ),
    "a disk": (
        vmi(devices=OPTED_OUT | {"disks": [{"name": "a", "bootorder": 1}]}),
        "spec.domain.devices.disks[0].bootorder",
        "did you mean 'bootOrder'?",
    ),
    "the object": (
        {"kind": "VirtualMachine", "spec": {"runstrategy": "Always", "template": TEMPLATE}},
        "spec.runstrategy",
        "did you mean 'runStrategy'?",
    ),
    "the template of a machine": (
        {"kind": "VirtualMachine", "spec": {"template": TEMPLATE | {"metdata": {}}}},
        "spec.template.metdata",
        "did you mean 'metadata'?",
    ),
    "the template of a replica set": (
        {"kind": "VirtualMachineInstanceReplicaSet", "spec": {"template": TEMPLATE | {"metdata": {}}}},
        "spec.template.metdata",
        "did you mean 'metadata'?",
    ),
    "the template of the machines of a pool": (
        {
            "kind": "VirtualMachinePool",
            "spec": {"virtualMachineTemplate": {"spec": {"template": TEMPLATE | {"metdata": {}}}}},
        },
        "spec.virtualMachineTemplate.spec.template.metdata",
        "did you mean 'metadata'?",
    ),
    "what belongs in the template": (
        {"kind": "VirtualMachine", "spec": {"networks": [], "template": TEMPLATE}},
        "spec.networks",
        "'networks' belongs in spec.template.spec",
    ),
    "the annotations of a template": (
        {"kind": "VirtualMachine", "spec": {"template": TEMPLATE | {"metadata": {"annotation": {}}}}},
        "spec.template.metadata.annotation",
        "did you mean 'annotations'?",
    ),
    "a bare spec": (
        {"domain": {"devices": OPTED_OUT}, "volums": []},
        "spec.volums",
        "did you mean 'volumes'?",
    ),
}


@pytest.mark.parametrize(("data", "field", "hint"), CASES.values(), ids=CASES)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(data: Any, field: str, hint: str) -> None:
    assert told(data) == [(field, hint)]


HOMES = [
    (kind, path, key) for kind in ("", *TEMPLATES) for path, keys in known_keys(kind).items() for key in sorted(keys)
]


@given(st.sampled_from(HOMES), st.data())
def test_every_known_key_in_another_letter_case_is_told_by_its_name(home: Any, data: st.DataObject) -> None:
    kind, path, key = home
    letters = st.lists(st.booleans(), min_size=len(key), max_size=len(key))
    turned = "".join(each.swapcase() if turn else each for each, turn in zip(key, data.draw(letters), strict=True))
    found = meant(kind, path, turned)
    assert found is None if turned == key else found is not None and (found.key, found.holder) == (key, None)


def test_nothing_is_said_of_what_resembles_no_key_of_kubevirts() -> None:
    strange = {"x": 1, "bunch": {}, "l" * 10_000: 1, "": 0}
    assert told(vmi(devices=OPTED_OUT | strange, domain=strange | {"operation": "x"}, spec=strange)) == []


def test_nothing_is_said_of_what_kubevirt_knows_and_kvnet_does_not() -> None:
    domain: dict[str, Any] = {
        "clock": {},
        "features": {},
        "chassis": {},
        "firmware": {"bootloader": {}},
        "memory": {"hugepages": {}},
    }
    spec = {"volumes": [], "tolerations": [], "evictionStrategy": "None", "accessCredentials": []}
    devices = OPTED_OUT | {"rng": {}, "tpm": {}, "disks": [{"name": "a", "disk": {}, "dedicatedIOThread": True}]}
    assert told(vmi(devices=devices, domain=domain, spec=spec)) == []


def test_of_very_many_unknown_keys_a_few_are_told() -> None:
    assert 0 < len(told(vmi(devices=OPTED_OUT | {f"interface{n}": 0 for n in range(10_000)}))) <= 64


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("kind: VirtualMachineInstance\nspec:\n  domian:\n    devices: {}\n", 3, "did you mean 'domain'?"),
        ("kind: VirtualMachineInstance\nspec:\n  domain: {Devices: {}}\n", 3, "did you mean 'devices'?"),
        (
            "kind: VirtualMachineInstance\nspec:\n  domain:\n    interfaces: []\n",
            4,
            "'interfaces' belongs in spec.domain.devices",
        ),
        (
            "kind: VirtualMachine\nspec:\n  domain:\n    devices: {}\n",
            3,
            "'domain' belongs in spec.template.spec",
        ),
        (
            "kind: VirtualMachineInstance\nspec:\n  template: {spec: {domain: {devices: {}}}}\n",
            3,
            "write `kind: VirtualMachine`, which has one",
        ),
        ("kind: VirtualMachine\nspecs:\n  template: {}\n", 2, "did you mean 'spec'?"),
        ("networks: [{name: a, pod: {}}]\ndomian:\n  devices: {}\n", 2, "did you mean 'domain'?"),
        (
            "kind: VirtualMachineInstance\nspec:\n  domain: {cpu: {}}\n  devices: {}\n",
            4,
            "'devices' belongs in spec.domain",
        ),
        ("kind: VirtualMachine\nspec:\n  template:\n    sepc: {}\n", 4, "did you mean 'spec'?"),
    ],
    ids=[
        "misspelt",
        "letter case",
        "a level too high",
        "no template",
        "a template",
        "the spec",
        "a bare spec",
        "around",
        "short",
    ],
)
def test_a_required_field_that_is_misspelt_is_one_error_at_its_key(text: str, line: int, hint: str) -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        kvnet.loads(text)
    [problem] = caught.value.problems
    assert (problem.code, problem.is_error, problem.hint) == (ODD, True, hint)
    assert problem.place is not None
    assert problem.place.line == line


def test_the_place_of_a_key_is_its_own_and_not_that_of_its_value(tmp_path: Any) -> None:
    text = "domain:\n  devices:\n    autoattachPodInterface: false\n    Disks:\n    - {name: a}\nnetworks: []\n"
    (problem,) = kvnet.check(kvnet.loads(text))
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (4, 5)


ONE_NIC = {"interfaces": [nic("a", "masquerade")]}
DISTANT: dict[str, tuple[Any, str, bool]] = {
    "interfaces": (vmi([], [pod("a")], devices={"interface": ONE_NIC["interfaces"]}), "interface", True),
    "interfaces at another level": (vmi([], [pod("a")], domain=ONE_NIC), "interfaces", True),
    "networks": (vmi([nic("a", "masquerade")], [], spec={"network": [pod("a")]}), "network", True),
    "interfaces without networks": (vmi([], [], devices={"interface": []}), "interface", False),
    "the NIC that nobody wants": (vmi(devices={"autoAttachPodInterface": False}), "autoAttachPodInterface", False),
}


@pytest.mark.parametrize(("data", "key", "is_error"), DISTANT.values(), ids=DISTANT)
def test_what_follows_from_an_unknown_key_is_not_told_beside_it(data: Any, key: str, is_error: bool) -> None:
    machine = kvnet.load(data)
    (problem,) = [each for each in kvnet.check_all([machine]) if each.code != "KN321"]
    assert (problem.code, problem.at.parts[-1], problem.is_error) == (ODD, key, is_error)
    assert kvnet.render(machine).is_refused is is_error
    # KubeVirt tells all of it
    assert any(each.is_error for each in kvnet.check(machine)) is is_error


def test_an_unknown_key_beside_the_known_one_hides_nothing() -> None:
    data = vmi([nic("a", "masquerade")], [pod("a"), multus("b")], devices={"interface": []})
    assert {each.code for each in kvnet.check_all([kvnet.load(data)])} >= {ODD, "KN125"}


PARTS: dict[str, tuple[Callable[[Domain], Any], frozenset[str]]] = {
    "cpu": (lambda domain: Cpu(), keys._CPU),
    "memory": (lambda domain: Memory(), keys._MEMORY),
    "resources": (lambda domain: Resources(), keys._RESOURCES),
    "firmware": (lambda domain: Firmware(), keys._FIRMWARE),
    "machine": (lambda domain: MachineType(), keys._MACHINE),
    "devices": (lambda domain: domain.devices, keys._DEVICES),
}


def _with_rest(part: str, rest: dict[str, Any]) -> Machine:
    domain = Domain()
    made = (
        evolve(domain, rest=rest)
        if part == "domain"
        else evolve(domain, **{part: evolve(PARTS[part][0](domain), rest=rest)})
    )
    return Machine(spec=VmiSpec(domain=made))


@pytest.mark.parametrize("part", ["domain", *PARTS])
def test_all_keys_that_kubevirt_has_are_known_and_one_more_is_not(part: str) -> None:
    known = keys._DOMAIN if part == "domain" else PARTS[part][1]
    whole: dict[str, Any] = {key: {} for key in known}
    for rest, is_odd in (({}, False), (whole, False), (whole | {max(known).upper(): 1}, True)):
        machine = _with_rest(part, rest)
        assert keys.has_odd_keys(machine) is is_odd
        assert bool([*keys.odd_keys(machine)]) is is_odd


@pytest.mark.parametrize(
    ("what", "instead"),
    [("another letter case", "autoattachPodInterface"), ("one level too high", "")],
)
def test_a_key_that_is_meant_for_sure_is_written_in_place_of_the_other(what: str, instead: str) -> None:
    [problem] = [each for each in kvnet.check(kvnet.load(CASES[what][0])) if each.code == ODD]
    assert (problem.instead or "") == instead
