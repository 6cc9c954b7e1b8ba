"""Machines that were made through the API with values that no device can have."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from machines import multus, nic, vmi

import kvnet
from kvnet.facts import PodLink
from kvnet.spec import Machine
from kvnet.values import PciAddress

NIC = "spec.domain.devices.interfaces[0]"


def made(name: str = "a", binding: str = "bridge", **values: Any) -> Machine:
    """A machine of one NIC, with values that were never loaded."""
    machine = kvnet.load(vmi([nic(binding=binding)], [multus()]))
    interface = evolve(machine.interfaces[0], name=name, **values)
    return machine.with_nics((interface,), (evolve(machine.networks[0], name=name),))


MISFITS: dict[str, tuple[Machine, str, str, str | None]] = {
    "a MAC address that is none": (made(mac_address="x"), "macAddress", "'x' is not a MAC address", "KN130"),
    "a MAC address of eight bytes": (
        made(mac_address="01:02:03:04:05:06:07:08"),
        *("macAddress", "'01:02:03:04:05:06:07:08' has 8 bytes, a MAC address has 6", "KN130"),
    ),
    "a PCI address that is none": (made(pci_address="x"), "pciAddress", "'x' is not a PCI address", "KN131"),
    "a name that is no alias": (made(name="a b"), "name", "alias: 'ua-a b' does not match", "KN128"),
    "half of a surrogate pair": (made(name="\ud800"), "name", "alias: 'ua-\\ud800' does not match", "KN128"),
    "boot order 0": (made(boot_order=0), "bootOrder", "boot_order: 0 is not between", "KN201"),
    "a boot order below 0, which no loader lets through": (
        made(boot_order=-1),
        *("bootOrder", "boot_order: -1 is not between", None),
    ),
    "an ACPI index beyond libvirt's": (made(acpi_index=2**32), "acpiIndex", "index: 4294967296 is not", "KN907"),
}


@pytest.mark.parametrize(("machine", "field", "message", "code"), MISFITS.values(), ids=MISFITS)
@pytest.mark.parametrize("profile", ["kubevirt", "host"])
def test_a_value_that_no_device_can_have_is_told_at_its_field(
    profile: str, machine: Machine, field: str, message: str, code: str | None
) -> None:
    nad = kvnet.load_all(NAD).nads
    (problem,) = kvnet.compile(machine, kvnet.Target(profile=kvnet.Profile(profile), nads=nad)).problems
    assert (problem.code, problem.field) == ("KN304", f"{NIC}.{field}")
    assert problem.message.startswith(message)
    assert problem.hint == "write what the message asks for, or leave the field out"
    told = {each.code: each.field for each in kvnet.check(machine)}
    assert told == ({} if code is None else {code: told.get(code)}), (
        "check has a code of its own for what can be loaded"
    )


NAD = [
    {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "nad"},
        "spec": {"config": '{"type": "bridge", "bridge": "br1"}'},
    }
]


def test_a_hostdevs_boot_order_is_told_at_its_field_too() -> None:
    facts = kvnet.HostFacts(pci_addresses={"a": PciAddress(0, 1, 0, 0)})
    machine = made(binding="sriov", boot_order=0)
    (problem,) = kvnet.compile(machine, kvnet.Target(facts=facts)).problems
    assert (problem.code, problem.field) == ("KN304", f"{NIC}.bootOrder")


def test_a_value_of_the_facts_is_told_of_the_nic() -> None:
    facts = kvnet.HostFacts(links={"a": PodLink(name="pod1", mtu=70000)})
    (problem,) = kvnet.compile(made(), kvnet.Target(facts=facts)).problems
    assert (problem.code, problem.field) == ("KN304", NIC)
    assert problem.message == "mtu: 70000 is not between 0 and 65535"
