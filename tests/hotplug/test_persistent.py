"""A running domain and its next start: what is asked goes into both, alike, and what is half done is completed."""

from __future__ import annotations

from typing import Any

import pytest
from instancetypes.given import given_vm
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import Profile
from kvnet.device import Interface
from kvnet.hotplug import (
    DomainPlan,
    DomainState,
    LiveDomain,
    mac_from_uuid,
    plan_changes,
    plan_domain,
    plan_virtual_functions,
    preview,
    redefine,
)
from kvnet.spec import Domain, Machine, Nad, Resources, VmiSpec
from kvnet.values import MacAddress

UUID = "3B4A7195-549c-5bd7-b0c1-fffc5d533a77"
NADS = (Nad(name="nad", config='{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br0"}'),)
ROOT = "<controller type='pci' index='0' model='pcie-root'/>"


def machine(*interfaces: dict[str, Any]) -> Machine:
    networks = [multus(each["name"]) for each in interfaces]
    return kvnet.load(vmi([nic("default", "masquerade"), *interfaces], [pod("default"), *networks]))


def standing(name: str, bus: int, *, mac: str | None = None, model: str = "virtio", inside: str = "") -> str:
    source = "<source network='default'/>" if name == "default" else "<source bridge='br0'/>"
    return (
        f"<interface type='{'network' if name == 'default' else 'bridge'}'>{source}"
        f"<mac address='{mac or f'52:54:00:00:00:{bus:02x}'}'/><model type='{model}'/>{inside}"
        f"<alias name='ua-{name}'/><rom enabled='no'/>"
        f"<address type='pci' domain='0x0000' bus='{bus:#04x}' slot='0x00' function='0x0'/></interface>"
    )


DEFAULT = standing("default", 1)


def domain(*devices: str, ports: int = 4) -> str:
    root_ports = "".join(f"<controller type='pci' index='{n}' model='pcie-root-port'/>" for n in range(1, ports + 1))
    return f"<domain><devices>{ROOT}{root_ports}{DEFAULT}{''.join(devices)}</devices></domain>"


def planned(live: str | None, config: str | None, *interfaces: dict[str, Any]) -> DomainPlan:
    state = DomainState(uuid=UUID, live=live, persistent=config)
    return plan_domain(state, machine(*interfaces), kvnet.Target(nads=NADS, profile=Profile.HOST))


def told(plan: DomainPlan) -> list[str]:
    return [str(call) for call in plan.calls]


RED = standing("red", 2)
E1000E = standing("red", 2, model="e1000e")
DOWN = standing("red", 2, inside="<link state='down'/>")
HALVES: dict[str, tuple[str | None, str | None, dict[str, Any], list[str]]] = {
    "neither has the NIC": (domain(), domain(), nic("red"), ["attach red (ua-red) [running, next start]"]),
    "the next start lacks it": (domain(RED), domain(), nic("red"), ["attach red (ua-red) [next start]"]),
    "the running domain lacks it": (domain(), domain(RED), nic("red"), ["attach red (ua-red) [running]"]),
    "both have it": (domain(RED), domain(RED), nic("red"), []),
    "both have it, and should not": (
        *(domain(RED), domain(RED), nic("red", state="absent")),
        ["detach red (ua-red) [running, next start]"],
    ),
    "the running domain still has it": (
        *(domain(RED), domain(), nic("red", state="absent")),
        ["detach red (ua-red) [running]"],
    ),
    "the next start still has it": (
        *(domain(), domain(RED), nic("red", state="absent")),
        ["detach red (ua-red) [next start]"],
    ),
    "links of both": (
        *(domain(RED), domain(RED), nic("red", state="down")),
        ["update-link red (ua-red) [running, next start]"],
    ),
    "the link of one": (domain(DOWN), domain(RED), nic("red", state="down"), ["update-link red (ua-red) [next start]"]),
    "links of NICs that libvirt knows by different addresses": (
        *(domain(RED), domain(standing("red", 2, mac="52:54:00:00:00:09")), nic("red", state="down")),
        ["update-link red (ua-red) [running]", "replace red (ua-red) [next start]"],
    ),
    "another model": (domain(RED), domain(RED), nic("red", model="e1000e"), ["replace red (ua-red) [next start]"]),
    "another model that waits for the restart": (domain(RED), domain(E1000E), nic("red", model="e1000e"), []),
    "a domain that does not run": (None, domain(), nic("red"), ["attach red (ua-red) [next start]"]),
    "a domain that does not run, and no port": (
        *(None, domain(ports=1), nic("red")),
        ["attach red (ua-red) [next start]"],
    ),
    "another model while it does not run": (
        *(None, domain(RED), nic("red", model="e1000e")),
        ["replace red (ua-red) [next start]"],
    ),
    "a domain that will not start again": (domain(), None, nic("red"), ["attach red (ua-red) [running]"]),
}


@pytest.mark.parametrize(("live", "config", "asked", "calls"), HALVES.values(), ids=HALVES)
def test_each_half_gets_what_it_lacks(
    live: str | None, config: str | None, asked: dict[str, Any], calls: list[str]
) -> None:
    plan = planned(live, config, asked)
    assert told(plan) == calls
    assert plan.needs_restart == (live is not None and asked.get("model") == "e1000e")
    live_after, config_after = (
        text and preview(text, plan.part(live=half)) for half, text in ((True, live), (False, config))
    )
    assert planned(live_after, config_after, asked).calls == ()


@pytest.mark.parametrize(("live", "config"), [(domain(), domain()), (domain(RED), domain()), (domain(), domain(RED))])
def test_a_nic_that_is_plugged_is_the_same_in_both(live: str, config: str) -> None:
    plan = planned(live, config, nic("red"))
    one, other = (preview(text, plan.part(live=half)) for half, text in ((True, live), (False, config)))
    assert [kvnet.diff(*pair) for pair in zip(kvnet.read_domain(one), kvnet.read_domain(other), strict=True)] == [
        ()
    ] * 2
    (attached,) = (each for each in kvnet.read_domain(one) if each.alias == "ua-red")
    assert isinstance(attached, Interface)
    made_up = RED not in (live + config)
    assert attached.mac == (mac_from_uuid(UUID, "red") if made_up else MacAddress.parse("52:54:00:00:00:02"))
    assert attached.address is not None


def test_halves_that_disagree_on_what_nobody_asked_for_are_made_alike() -> None:
    live, config = domain(standing("red", 2)), domain(standing("red", 3))
    plan = planned(live, config, nic("red"))
    assert told(plan) == ["replace red (ua-red) [next start]"]
    assert not plan.needs_restart
    assert kvnet.diff(kvnet.read_domain(live), kvnet.read_domain(preview(config, plan.part(live=False)))) == ()


def test_new_nics_take_ports_that_are_free_in_both() -> None:
    plan = planned(domain(standing("x", 2)), domain(standing("y", 3)), nic("red"), nic("blue"))
    buses = [kvnet.read_device(call.step.xml).address for call in plan.calls]
    assert [getattr(each, "bus", None) for each in buses] == [4, None], "for the second, each has one port left"
    assert [problem.code for problem in plan.problems if problem.is_error] == []


def test_a_nic_without_a_port_is_attached_to_neither() -> None:
    plan = planned(domain(ports=2), domain(ports=2), nic("red"), nic("blue"))
    assert told(plan) == ["attach red (ua-red) [running, next start]"]
    assert [problem.code for problem in plan.problems if problem.is_error] == ["KN853"]


def test_a_mac_address_that_is_given_is_kept() -> None:
    (call,) = planned(domain(), domain(), nic("red", macAddress="02:00:00:00:00:01")).calls
    assert "<mac address='02:00:00:00:00:01'/>" in call.step.xml.replace('"', "'")


def test_a_mac_from_uuid_is_the_same_each_time_and_another_for_each_nic_and_machine() -> None:
    mac = mac_from_uuid(UUID, "red")
    assert str(mac) == str(mac_from_uuid(UUID.lower(), "red"))
    assert mac.octets[:3] == bytes.fromhex("525400")
    others = [mac_from_uuid(UUID, "blue"), mac_from_uuid(UUID[::-1], "red"), mac_from_uuid(UUID, "red", [mac])]
    assert len({mac, *others}) == 4


def test_links_of_one_nic_that_libvirt_writes_in_two_ways_are_set_in_one_call() -> None:
    live = domain(standing("red", 2, inside="<target dev='vnet1'/>"))
    (call,) = planned(live, domain(RED), nic("red", state="down")).calls
    assert str(call) == "update-link red (ua-red) [running, next start]"
    assert "vnet1" not in call.step.xml, "of a persistent NIC, libvirt takes no more than its own XML"


UNLIKE: dict[str, str] = {
    "another alias": RED.replace("ua-red", "red"),
    "another MAC address": standing("red", 2, mac="52:54:00:00:00:09"),
    "another guest address": standing("red", 3),
}


@pytest.mark.parametrize("config", UNLIKE.values(), ids=UNLIKE)
def test_links_of_nics_that_differ_in_what_libvirt_knows_them_by_are_set_one_by_one(config: str) -> None:
    down = kvnet.load(vmi([nic("red", state="down")], [multus("red")], status={"phase": "Running"}))
    state = DomainState(uuid=UUID, live=domain(RED), persistent=domain(config))
    plan = plan_domain(state, down, kvnet.Target(nads=NADS, profile=Profile.HOST), policy="kubevirt")
    alias = kvnet.read_device(config).alias
    assert told(plan) == ["update-link red (ua-red) [running]", f"update-link red ({alias}) [next start]"]


def test_what_steps_change_is_told_of_each_configuration_without_noise() -> None:
    plan = planned(domain(RED), domain(), nic("red", state="down"))
    assert [str(change.at) for change in plan.changes(live=True)] == ["interface[1].link.@state"]
    assert [(str(change.at), change.before) for change in plan.changes(live=False)] == [("interface[1]", None)]
    assert planned(domain(), None, nic("red")).changes(live=False) == ()


def test_a_machine_that_contradicts_its_instancetype_is_a_problem_of_every_plan() -> None:
    asked, target = given_vm({"domain": {"cpu": {"cores": 2}}}, instancetype={})
    plans = (
        plan_domain(DomainState(uuid=UUID, live=domain(), persistent=domain()), asked, target),
        plan_changes(domain(), asked, target),
        plan_virtual_functions(domain(), asked, target),
        redefine(domain(), UUID, asked, target),
    )
    for plan in plans:
        assert [problem.code for problem in plan.problems] == ["KN211"]
    assert (plans[0].calls, plans[1].steps, plans[2].steps, plans[3].document) == ((), (), (), domain())


@pytest.mark.parametrize(("live", "config"), [(domain(), domain()), (None, domain()), (domain(), None)])
def test_new_nics_whose_derived_mac_addresses_would_be_equal_get_two(live: str | None, config: str | None) -> None:
    first, second = "net-4565", "net-7784"
    derived = mac_from_uuid(UUID, first)
    assert derived == mac_from_uuid(UUID, second)
    plan = planned(live, config, nic(first), nic(second))
    macs = [device.mac for call in plan.calls if isinstance(device := kvnet.read_device(call.step.xml), Interface)]
    assert macs == [derived, mac_from_uuid(UUID, second, [derived])]


I440FX = "<controller type='pci' index='0' model='pci-root'/>"


def on_i440fx(*slots: int) -> str:
    taken = "".join(
        f"<rng model='virtio'><address type='pci' domain='0x0000' bus='0x00' slot='{slot:#04x}' function='0x0'/></rng>"
        for slot in slots
    )
    return f"<domain><devices>{I440FX}{DEFAULT.replace('0x01', '0x00')}{taken}</devices></domain>"


@pytest.mark.parametrize(
    ("running", "next_start", "slot"),
    [
        pytest.param((), (), 3, id="the third, after those of chipset and display"),
        pytest.param((3,), (), 4, id="the next one where the running domain has something there"),
        pytest.param((4,), (3,), 5, id="the next one where either has something there"),
        pytest.param(tuple(range(3, 31)), (), 31, id="the last one"),
        pytest.param(tuple(range(3, 32)), (), None, id="none where all are taken"),
    ],
)
def test_the_first_free_slot_of_an_i440fx_is(
    running: tuple[int, ...], next_start: tuple[int, ...], slot: int | None
) -> None:
    (call,) = planned(on_i440fx(*running), on_i440fx(*next_start), nic("red")).calls
    address = kvnet.read_device(call.step.xml).address
    assert (getattr(address, "bus", None), getattr(address, "slot", None)) == (None if slot is None else 0, slot)


def test_cpus_that_cannot_be_counted_are_a_problem_of_the_plan() -> None:
    resources = Resources(limits={"cpu": "many"})
    given = Machine(spec=VmiSpec(domain=Domain(resources=resources)))
    plan = plan_domain(DomainState(uuid="", live=LiveDomain.parse(domain()), persistent=None), given)
    assert [f"{problem.code} {problem.at}" for problem in plan.problems] == ["KN603 spec.domain.resources.limits.cpu"]
    assert plan.calls == ()
