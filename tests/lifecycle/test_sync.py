"""What the VM controller carries over between a manifest and its running machine."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi
from tables import rows

import kvnet
from kvnet.lifecycle import Synced, not_plugged, synced
from kvnet.manifest.binder import plain as unstructure
from kvnet.spec import InterfaceStatus, Machine, Status
from kvnet.testing import machines

Json = dict[str, Any]
PRIMARY, ON_POD = nic("p", "masquerade"), pod("p")
REPORTED = {"name": "a", "podInterfaceName": "pod1"}


def vm(*nics: Json, networks: list[Json] | None = None) -> Machine:
    given = networks or [multus(each["name"]) for each in nics]
    text = vmi([PRIMARY, *nics], [ON_POD, *given], kind="VirtualMachine")
    return kvnet.load({key: value for key, value in text.items() if key != "status"})


def running(*nics: Json, status: Json | None = None, networks: list[Json] | None = None) -> Machine:
    given = networks or [multus(each["name"]) for each in nics]
    return kvnet.load(vmi([PRIMARY, *nics], [ON_POD, *given], status=status))


def nics(machine: Machine | None) -> list[Json]:
    """The NICs but the primary one, each with its network beside it."""
    assert machine is not None
    networks = {network.name: network for network in machine.networks}
    assert [network.name for network in machine.networks] == [each.name for each in machine.interfaces]
    return [unstructure(each) for each in machine.interfaces if each.name != "p" and networks[each.name]]


@pytest.mark.parametrize(
    ("wanted", "given", "status", "after"),
    rows(
        {
            "a new bridge is plugged": ([nic("a")], [], {}, [nic("a")]),
            "a new virtual function is plugged": ([nic("a", "sriov")], [], {}, [nic("a", "sriov")]),
            "a new NIC of another binding is not": ([nic("a", "passtBinding")], [], {}, []),
            "a new NIC that is absent is not": ([nic("a", state="absent")], [], {}, []),
            "a link goes down": ([nic("a", state="down")], [nic("a")], {}, [nic("a", state="down")]),
            "a link goes up again": ([nic("a")], [nic("a", state="down")], {}, [nic("a")]),
            "nothing else is carried over": ([nic("a", model="e1000")], [nic("a")], {}, [nic("a")]),
            "a NIC is unplugged": (
                [nic("a", state="absent")],
                [nic("a")],
                {"interfaces": [REPORTED]},
                [nic("a", state="absent")],
            ),
            "a NIC that was unplugged is gone": ([nic("a", state="absent")], [nic("a", state="absent")], {}, []),
            "absent is for good": (
                [nic("a", state="up")],
                [nic("a", state="absent")],
                {"interfaces": [REPORTED]},
                [nic("a", state="absent")],
            ),
            "nothing is unplugged from a pod of ordinal links": (
                [nic("a", state="absent")],
                [nic("a")],
                {"interfaces": [REPORTED | {"podInterfaceName": "net1"}]},
                [nic("a")],
            ),
            "nor from one of which that is not known": ([nic("a", state="absent")], [nic("a")], {}, [nic("a")]),
            "a NIC that the manifest has no more stays": ([], [nic("a")], {}, [nic("a")]),
        }
    ),
)
def test_the_running_machine_takes_over_what_it_can(
    wanted: list[Json], given: list[Json], status: Json, after: list[Json]
) -> None:
    assert nics(synced(vm(*wanted), running(*given, status=status)).running) == after


@pytest.mark.parametrize(
    ("given", "status", "after"),
    rows(
        {
            "a NIC that runs stays": ([nic("a")], {}, [nic("a", state="absent")]),
            "a NIC that is reported stays": ([], {"interfaces": [REPORTED]}, [nic("a", state="absent")]),
            "a NIC of which nothing is left goes": ([], {}, []),
        }
    ),
)
def test_the_manifest_loses_what_is_absent_once_it_is_gone(given: list[Json], status: Json, after: list[Json]) -> None:
    assert nics(synced(vm(nic("a", state="absent")), running(*given, status=status)).template) == after


def test_without_a_running_machine_what_is_absent_goes_at_once() -> None:
    after = synced(vm(nic("a", state="absent"), nic("b")), None)
    assert nics(after.template) == [nic("b")]
    assert after.running is None


def test_a_machine_that_is_being_deleted_is_left_alone() -> None:
    dying = attrs.evolve(running(), around={"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    changed = vm(nic("a"), nic("b", state="absent"))
    assert synced(changed, dying) == Synced(template=changed, running=dying)


@pytest.mark.parametrize(("condition", "name"), [("True", "ns/other"), ("False", "nad"), (None, "nad")])
def test_another_attachment_definition_is_taken_over_where_the_machine_can_migrate(condition: str, name: str) -> None:
    conditions = [{"type": "LiveMigratable", "status": condition}] if condition else []
    changed = vm(nic("a"), networks=[multus("a", networkName="ns/other")])
    after = synced(changed, running(nic("a"), status={"conditions": conditions})).running
    assert after is not None
    assert after.networks[1].multus is not None
    assert after.networks[1].multus.network_name == name


@given(machines(), machines(), st.data())
def test_what_was_carried_over_is_carried_over_once(changed: Machine, given: Machine, data: st.DataObject) -> None:
    names = [each.name for each in given.interfaces]
    seen = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    entries = tuple(InterfaceStatus(name=name, pod_interface_name=f"pod{name}") for name in seen)
    once = synced(changed, attrs.evolve(given, status=Status(interfaces=entries)))
    assert synced(once.template, once.running) == once


@pytest.mark.parametrize(
    ("wanted", "given", "told"),
    rows(
        {
            "a new bridge on a NAD is plugged in": ([nic("a")], [], []),
            "a new virtual function takes a migration": (
                [nic("a", "sriov")],
                [],
                ["KN817: migrate the machine, or restart it"],
            ),
            "a new NIC of another binding takes a restart": (
                [nic("a", "passtBinding")],
                [],
                ["KN817: restart the machine, or attach the NIC to a NAD with `bridge: {}`"],
            ),
            "one that is absent is not asked for": ([nic("a", "sriov", state="absent")], [], []),
            "one that is there already is none": ([nic("a", "sriov")], [nic("a", "sriov")], []),
        }
    ),
)
def test_a_new_nic_that_is_not_plugged_in_is_told_at_its_place(
    wanted: list[Json], given: list[Json], told: list[str]
) -> None:
    problems = not_plugged(vm(*wanted), running(*given))
    assert [f"{each.code}: {each.hint}" for each in problems] == told
    assert all(str(each.at) == "spec.template.spec.domain.devices.interfaces[1]" for each in problems)


def test_a_nic_on_the_pod_network_is_told_by_restart_required_alone() -> None:
    bare = kvnet.load(vmi([nic("a")], [multus("a")]))
    with_pod = kvnet.load(vmi([nic("a"), PRIMARY], [multus("a"), ON_POD]))
    assert not_plugged(with_pod, bare) == ()
    assert [each.code for each in kvnet.restart_required(with_pod, bare)] == ["KN815"]
