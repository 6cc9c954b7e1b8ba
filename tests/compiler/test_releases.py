"""What a release of libvirt or QEMU would define and never start, or drop, is told of a plain host's NICs."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from compiler.compiling import codes, only
from compiler.nads import host_target
from effort import examples
from hypothesis import given, settings
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.device import BridgeSource, Interface, VirtualPort, Vlan, VlanTag
from kvnet.errors import Problem, Severity
from kvnet.testing import admitted_machines

Json = dict[str, Any]
HOST = {"profile": "host"}
VLAN: Json = host_target({"type": "bridge", "bridge": "br0", "vlan": 10})
TRUNK: Json = host_target({"type": "cnv-bridge", "bridge": "br0", "vlanTrunk": [{"id": 5}, {"id": 6}]})
SWITCHED: Json = host_target({"type": "ovs", "bridge": "br0", "vlan": 10})
UNTAGGED: Json = host_target({"type": "bridge", "bridge": "br0", "vlan": 0})
PASST = (nic(binding="passtBinding", ports=[{"port": 80}]), pod())
IGB = (nic("a", "masquerade", model="igb"), pod())
INDEX = (nic("a", "masquerade", acpiIndex=3), pod())
BRIDGED = (nic(), multus())


def released(libvirt: str = "", qemu: str = "") -> Json:
    return {key: value for key, value in (("libvirtVersion", libvirt), ("qemuVersion", qemu)) if value}


def told(made: kvnet.CompiledNic) -> list[Problem]:
    return [each for each in (*made.problems, *made.notes) if each.code == "KN347"]


REFUSED: dict[str, tuple[tuple[Json, Json], Json, Json, str]] = {
    "a VLAN on a Linux bridge": (BRIDGED, VLAN, released("10.10.0"), "libvirt 11.0.0"),
    "a trunk on a Linux bridge": (BRIDGED, TRUNK, released("9.0.0-4+deb12u2"), "libvirt 11.0.0"),
    "passt": (PASST, HOST, released("8.10.0"), "libvirt 9.0.0"),
    "the model igb": (IGB, HOST, released("9.2.0"), "libvirt 9.3.0"),
    "the model igb on an old QEMU": (IGB, HOST, released("11.0.0", "7.2.22"), "QEMU 8.0.0"),
    "the model igb on an old host": (IGB, HOST, released("9.0.0", "7.2.0"), "libvirt 9.3.0 and QEMU 8.0.0"),
    "an ACPI index": (INDEX, HOST, released("7.2.0"), "libvirt 7.3.0"),
    "an ACPI index on an old QEMU": (INDEX, HOST, released("9.0.0", "6.0"), "QEMU 6.1.0"),
}


@pytest.mark.parametrize(("asked", "target", "facts", "needed"), REFUSED.values(), ids=REFUSED)
def test_what_the_release_does_not_have_is_one_error_and_no_device(
    asked: tuple[Json, Json], target: Json, facts: Json, needed: str
) -> None:
    made = only(*asked, target=target, facts=facts)
    (problem,) = told(made)
    assert problem.is_error
    assert f"needs {needed}" in problem.message
    assert made.device is None


TAKEN: dict[str, tuple[tuple[Json, Json], Json, Json]] = {
    "a VLAN on a Linux bridge": (BRIDGED, VLAN, released("11.0.0")),
    "a VLAN of Open vSwitch": (BRIDGED, SWITCHED, released("9.0.0")),
    "no VLAN": (BRIDGED, UNTAGGED, released("9.0.0")),
    "passt": (PASST, HOST, released("9.0.0")),
    "passt on a host that is not known": (PASST, HOST, {}),
    "the model igb, whose libvirt came after its QEMU": (IGB, HOST, released("9.3.0")),
    "the model igb": (IGB, HOST, released("9.3.0", "8.0.0")),
    "an ACPI index on a host that is not known": (INDEX, HOST, {}),
}


@pytest.mark.parametrize(("asked", "target", "facts"), TAKEN.values(), ids=TAKEN)
def test_nothing_is_told_of_what_the_release_has(asked: tuple[Json, Json], target: Json, facts: Json) -> None:
    made = only(*asked, target=target, facts=facts)
    assert told(made) == []
    assert made.device is not None


UNKNOWN: dict[str, tuple[tuple[Json, Json], Json, str]] = {
    "a VLAN on a Linux bridge": (BRIDGED, VLAN, "libvirt 11.0.0"),
    "the model igb": (IGB, HOST, "libvirt 9.3.0 and QEMU 8.0.0"),
}


@pytest.mark.parametrize(("asked", "target", "needed"), UNKNOWN.values(), ids=UNKNOWN)
def test_where_the_release_is_not_known_what_libvirt_9_does_not_have_is_a_warning(
    asked: tuple[Json, Json], target: Json, needed: str
) -> None:
    made = only(*asked, target=target)
    (problem,) = told(made)
    assert problem.severity is Severity.WARNING
    assert f"needs {needed}" in problem.message
    assert made.device is not None


def test_the_target_may_say_the_release() -> None:
    assert "KN347" in codes(only(*BRIDGED, target={**VLAN, "libvirt_release": "9.0.0"}))
    assert "KN347" not in codes(only(*BRIDGED, target={**VLAN, "libvirt_release": "11.0.0"}))


def test_kubevirt_has_a_libvirt_of_its_own() -> None:
    assert "KN347" not in codes(only(*IGB, facts=released("9.0.0")))


@pytest.mark.parametrize(("facts", "severity"), [({}, "warning"), (released("9.0.0"), "error")], ids=str)
def test_checking_rendering_and_compiling_tell_it_at_the_field(facts: Json, severity: str) -> None:
    machine = kvnet.load(vmi([IGB[0]], [IGB[1]]))
    target = kvnet.Target(profile=kvnet.Profile.HOST, facts=kvnet.load_facts(facts))
    rendered, compiled = kvnet.render(machine, target), kvnet.compile(machine, target)
    for found in (
        kvnet.check(machine, target),
        (*rendered.problems, *rendered.notes),
        (*compiled.problems, *compiled.notes),
    ):
        about = [f"{each.severity} {each.at}" for each in found if each.code == "KN347"]
        assert about == [f"{severity} spec.domain.devices.interfaces[0].model"]


@given(admitted_machines())
@settings(max_examples=examples(0.5), deadline=None)
def test_a_check_for_a_host_finds_whatever_keeps_a_machine_from_being_rendered(machine: kvnet.Machine) -> None:
    target = kvnet.Target(profile="host", facts=kvnet.load_facts(released("9.0.0")))
    errors = {each.code for each in kvnet.check(machine, target) if each.is_error}
    assert {each.code for each in kvnet.render(machine, target, whole=False).problems} <= errors


def test_a_nic_with_an_error_is_not_told_another_one() -> None:
    machine = kvnet.load(vmi([nic("a")], []))
    target = kvnet.Target(profile="host")
    assert [each.code for each in kvnet.check(machine, target) if each.is_error] == ["KN127"]


@pytest.mark.parametrize("given", [{"libvirt_release": "x"}, {"facts": kvnet.HostFacts(qemu_version="new")}], ids=str)
def test_a_release_that_cannot_be_read_is_told_by_the_target(given: Json) -> None:
    with pytest.raises(kvnet.Rejected, match=r"KN025 .* is no release of"):
        kvnet.Target(**given)


def test_the_writer_refuses_a_vlan_on_a_linux_bridge_for_a_release_that_never_starts_it() -> None:
    tagged = Interface(source=BridgeSource(bridge="br0"), vlan=Vlan(tags=(VlanTag(id=10),)))
    with pytest.raises(kvnet.XmlError, match=r"KN520\b.*11\.0\.0.*interface\.vlan"):
        kvnet.write(tagged, libvirt="10.10.0")
    assert kvnet.write(tagged, libvirt="11.0.0") == kvnet.write(tagged)
    switched = attrs.evolve(tagged, virtualport=VirtualPort(type="openvswitch"))
    assert kvnet.write(switched, libvirt="9.0.0") == kvnet.write(switched)
