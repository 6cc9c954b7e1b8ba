"""Which changes of a manifest wait for a restart."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import claim, multus, nic, pod, vmi
from tables import rows

import kvnet
from kvnet.lifecycle import network_changes
from kvnet.spec import Condition, Machine, Status
from kvnet.testing import machines

Json = dict[str, Any]
NICS = "spec.template.spec.domain.devices.interfaces"
MIGRATABLE = Status(conditions=(Condition(type="LiveMigratable", status="True"),))


def vm(interfaces: list[Json], networks: list[Json], **rest: Any) -> Machine:
    text = vmi(interfaces, networks, kind="VirtualMachine", **rest)
    return kvnet.load({key: value for key, value in text.items() if key != "status"})


def running(interfaces: list[Json], networks: list[Json], *, migratable: bool = False, **rest: Any) -> Machine:
    machine = kvnet.load(vmi(interfaces, networks, **rest))
    return attrs.evolve(machine, status=MIGRATABLE) if migratable else machine


def told(changed: Machine, of: Machine) -> list[str]:
    return [f"{problem.code} {problem.field}" for problem in kvnet.restart_required(changed, of)]


@pytest.mark.parametrize(
    ("changed", "field"),
    rows(
        {
            "MAC": (nic(macAddress="02:00:00:00:00:01"), ".macAddress"),
            "model": (nic(model="e1000"), ".model"),
            "the default model, written out": (nic(model="virtio"), ".model"),
            "binding": (nic(binding="masquerade"), ""),
            "ports": (nic(ports=[{"port": 80}]), ".ports"),
            "an empty list of ports, for one that is absent": (nic(ports=[]), ".ports"),
            "boot order": (nic(bootOrder=1), ".bootOrder"),
            "a boot order of 0, for one that is absent": (nic(bootOrder=0), ".bootOrder"),
            "PCI address": (nic(pciAddress="0000:81:00.1"), ".pciAddress"),
            "DHCP options": (nic(dhcpOptions={"bootFileName": "x"}), ".dhcpOptions"),
            "empty DHCP options": (nic(dhcpOptions={}), ".dhcpOptions"),
            "tag": (nic(tag="x"), ".tag"),
            "ACPI index": (nic(acpiIndex=3), ".acpiIndex"),
        }
    ),
)
def test_a_changed_field_of_a_nic_needs_a_restart(changed: Json, field: str) -> None:
    of = running([nic()], [pod()], migratable=True)
    assert told(vm([changed], [pod()]), of) == [f"KN812 {NICS}[0]{field}"]


@pytest.mark.parametrize(
    ("was", "now"),
    rows(
        {
            "state": (nic(state="up"), nic(state="down")),
            "absent": (nic(), nic(state="absent")),
            "empty text": (nic(), nic(macAddress="", model="", tag="")),
            "the number 0": (nic(acpiIndex=0), nic()),
        }
    ),
)
def test_a_change_of_state_or_none_at_all_needs_no_restart(was: Json, now: Json) -> None:
    assert told(vm([now], [pod()]), running([was], [pod()])) == []


def test_a_plugin_of_another_name_needs_a_restart() -> None:
    one, other = nic(binding=None) | {"binding": {"name": "a"}}, nic(binding=None) | {"binding": {"name": "b"}}
    assert told(vm([other], [pod()]), running([one], [pod()])) == [f"KN812 {NICS}[0].binding.name"]


def test_new_nics_and_another_order_need_no_restart() -> None:
    of = running([nic("a"), nic("b")], [pod("a"), multus("b")])
    changed = vm([nic("c"), nic("b"), nic("a")], [multus("c"), multus("b"), pod("a")])
    assert told(changed, of) == []


def test_a_nic_that_is_taken_out_needs_a_restart() -> None:
    of = running([nic("a"), nic("b")], [pod("a"), multus("b")])
    assert told(vm([nic("a")], [pod("a")]), of) == [f"KN811 {NICS}", "KN813 spec.template.spec.networks"]


def test_a_machine_that_joins_the_pod_network_needs_a_restart() -> None:
    of = running([nic("b")], [multus("b")], migratable=True)
    changed = vm([nic("b"), nic("a")], [multus("b"), pod("a")])
    assert told(changed, of) == ["KN815 spec.template.spec.networks[1]"]


@pytest.mark.parametrize(
    ("was", "now", "field"),
    rows(
        {
            "source": (pod(), multus(), ""),
            "claim": (claim(claimName="x"), claim(claimName="y"), ".resourceClaim.claimName"),
            "an empty claim, for one that is absent": (claim(), claim(claimName=""), ".resourceClaim.claimName"),
            "an empty request, for one that is absent": (claim(), claim(requestName=""), ".resourceClaim.requestName"),
            "CIDR": (pod(), pod(vmNetworkCIDR="10.9.9.0/24"), ".pod.vmNetworkCIDR"),
            "default": (multus(), multus(default=True), ".multus.default"),
            "default and name": (multus(), multus(default=True, networkName="x"), ".multus.default"),
        }
    ),
)
def test_a_changed_network_needs_a_restart_even_where_the_machine_can_migrate(was: Json, now: Json, field: str) -> None:
    of = running([nic()], [was], migratable=True)
    assert told(vm([nic()], [now]), of) == [f"KN814 spec.template.spec.networks[0]{field}"]


def test_a_network_that_is_written_out_as_not_the_default_is_the_same() -> None:
    assert told(vm([nic()], [multus(default=False)]), running([nic()], [multus()])) == []


def test_another_attachment_definition_is_a_migration_where_that_can_be_and_else_a_restart() -> None:
    changed = vm([nic()], [multus(networkName="other")])
    assert told(changed, running([nic()], [multus()], migratable=True)) == []
    [problem] = kvnet.restart_required(changed, running([nic()], [multus()]))
    assert (problem.code, problem.at.parts[-1]) == ("KN814", "networkName")
    assert '"nad" here, and the manifest has "other"' in problem.message
    assert problem.hint == "restart the machine: a live migration would do too, but it cannot migrate"


@pytest.mark.parametrize(
    ("was", "now", "codes"),
    [
        ({}, {"networkInterfaceMultiqueue": True}, ["KN816"]),
        ({"useVirtioTransitional": True}, {}, ["KN816"]),
        ({}, {"autoattachPodInterface": False}, ["KN816"]),
        ({}, {"networkInterfaceMultiqueue": False, "autoattachPodInterface": True}, []),
    ],
)
def test_a_change_for_all_nics_needs_a_restart(was: Json, now: Json, codes: list[str]) -> None:
    problems = kvnet.restart_required(vm([], [], devices=now), running([], [], devices=was))
    assert [problem.code for problem in problems] == codes


def test_a_change_is_told_at_its_place_in_the_text_and_is_no_error() -> None:
    text = """\
kind: VirtualMachine
apiVersion: kubevirt.io/v1
spec:
  template:
    spec:
      domain:
        devices:
          interfaces:
          - name: a
            bridge: {}
            model: e1000
      networks:
      - name: a
        pod: {}
"""
    [problem] = kvnet.restart_required(kvnet.loads(text), running([nic()], [pod()]))
    assert problem.place is not None
    assert problem.place.line == 11
    assert not problem.is_error


@pytest.mark.parametrize(("letters", "shown"), [(58, f'"{"x" * 58}"'), (59, f'"{"x" * 56}...')])
def test_a_long_value_is_shown_by_its_beginning(letters: int, shown: str) -> None:
    changed = vm([nic(tag="x" * letters)], [pod()])
    [problem] = kvnet.restart_required(changed, running([nic()], [pod()]))
    assert problem.message == f"the running machine has nothing here, and the manifest has {shown}"


def test_what_is_no_machine_is_told_whichever_of_the_two_it_is() -> None:
    machine = running([nic()], [pod()])
    with pytest.raises(TypeError, match="Machine"):
        kvnet.restart_required(machine, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Machine"):
        kvnet.restart_required({}, machine)  # type: ignore[arg-type]


@given(machines())
def test_a_manifest_never_differs_from_itself(machine: Machine) -> None:
    assert kvnet.restart_required(machine, machine) == ()


@given(machines(), machines(), st.randoms(use_true_random=False))
def test_the_order_of_nics_and_networks_does_not_matter(one: Machine, other: Machine, random: Any) -> None:
    def mixed(machine: Machine) -> Machine:
        return machine.with_nics(
            tuple(random.sample(machine.interfaces, len(machine.interfaces))),
            tuple(random.sample(machine.networks, len(machine.networks))),
        )

    told = sorted((problem.code, problem.message) for problem in network_changes(one, other))
    assert sorted((problem.code, problem.message) for problem in network_changes(mixed(one), mixed(other))) == told
