"""What a preference gives a machine, and what wins over it."""

from __future__ import annotations

from typing import Any

import pytest
from instancetypes.given import Given, expansion, given_vm
from machines import multus, pod
from tables import rows

import kvnet
from kvnet.root_complex import ROOT_SLOTS
from kvnet.spec import LaunchSecurity, Masquerade

MODEL: dict[str, Any] = {"devices": {"preferredInterfaceModel": "e1000e"}}
MASQUERADE: dict[str, Any] = {"devices": {"preferredInterfaceMasquerade": {}}}


def template(interface: dict[str, Any], *networks: dict[str, Any], **devices: Any) -> dict[str, Any]:
    listed = [{"name": "a", **interface}]
    return {"domain": {"devices": {"interfaces": listed, **devices}}, "networks": [*networks] or [pod()]}


@pytest.mark.parametrize(
    ("interface", "model"),
    rows(
        {
            "none": ({"bridge": {}}, "e1000e"),
            "an empty one": ({"bridge": {}, "model": ""}, "e1000e"),
            "one of its own": ({"bridge": {}, "model": "virtio"}, "virtio"),
            "none, of SR-IOV": ({"sriov": {}}, "e1000e"),
        }
    ),
)
def test_the_preferred_model_is_for_interfaces_without_one(interface: dict[str, Any], model: str) -> None:
    [nic] = expansion(given_vm(template(interface), preference=MODEL)).machine.interfaces
    assert nic.model == model


@pytest.mark.parametrize(
    ("given", "is_bound"),
    rows(
        {
            "on the pod network": (template({}), True),
            "with a binding": (template({"bridge": {}}), False),
            "with a removed binding": (template({"slirp": {}}), False),
            "on a Multus network": (template({}, multus()), False),
            "on a Multus default": (template({}, multus(default=True)), False),
            "whose first network is the pod's": (template({}, pod(), multus()), True),
            "whose second network is the pod's": (template({}, multus(), pod()), False),
        }
    ),
)
def test_the_preferred_masquerade_is_for_unbound_interfaces_of_the_pod_network(
    given: dict[str, Any], is_bound: bool
) -> None:
    [nic] = expansion(given_vm(given, preference=MASQUERADE)).machine.interfaces
    assert (Masquerade() in nic.bindings) is is_bound


@pytest.mark.parametrize("said", [None, False, True])
@pytest.mark.parametrize("preferred", [False, True])
@pytest.mark.parametrize(
    ("field", "preference"),
    [
        ("networkInterfaceMultiqueue", "preferredNetworkInterfaceMultiQueue"),
        ("useVirtioTransitional", "preferredUseVirtioTransitional"),
        ("autoattachPodInterface", "preferredAutoattachPodInterface"),
    ],
)
def test_a_flag_of_the_template_wins_even_if_it_is_false(
    field: str, preference: str, preferred: bool, said: bool | None
) -> None:
    given = given_vm(template({"masquerade": {}}, **{field: said}), preference={"devices": {preference: preferred}})
    devices = kvnet.manifest.plain(expansion(given).machine)["spec"]["template"]["spec"]["domain"]["devices"]
    assert devices[field] is (preferred if said is None else said)


def test_the_default_nic_gets_the_preferred_model_and_the_binding_of_the_cluster() -> None:
    both = {"devices": {**MODEL["devices"], **MASQUERADE["devices"]}}
    [nic] = expansion(given_vm({}, preference=both)).machine.interfaces
    assert (nic.model, type(nic.binding).__name__) == ("e1000e", "Bridge")


def test_a_model_that_does_not_exist_is_told_of_the_default_nic_too() -> None:
    machine, target = given_vm({}, preference={"devices": {"preferredInterfaceModel": "bad"}})
    errors = [problem for problem in kvnet.check(machine, target) if problem.is_error]
    assert [(each.cause, each.field) for each in errors] == [
        (kvnet.Cause.NOT_SUPPORTED, "spec.template.spec.domain.devices.interfaces[0].model")
    ]


def test_a_preference_can_do_without_the_default_nic() -> None:
    given = given_vm({}, preference={"devices": {"preferredAutoattachPodInterface": False}})
    assert expansion(given).machine.interfaces == ()
    refused = given_vm(
        {},
        preference={"devices": {"preferredAutoattachPodInterface": False}},
        cluster={"network": {"permitBridgeInterfaceOnPodNetwork": False}},
    )
    assert not [problem for problem in kvnet.check(*refused) if problem.is_error]


def test_a_default_nic_that_the_cluster_refuses_is_told_before_the_requirements() -> None:
    machine, target = given_vm(
        {},
        preference={"requirements": {"memory": {"guest": "1Gi"}}},
        cluster={"network": {"permitBridgeInterfaceOnPodNetwork": False}},
    )
    assert [problem.code for problem in kvnet.check(machine, target) if problem.is_error] == ["KN100"]


@pytest.mark.parametrize(
    ("said", "preferred", "architecture"),
    [
        (None, "arm64", "arm64"),
        ("", "arm64", "arm64"),
        ("s390x", "arm64", "s390x"),
        (None, None, None),
        (None, "", None),
    ],
)
def test_the_architecture_is_that_of_the_template_then_of_the_preference(
    said: str | None, preferred: str | None, architecture: str | None
) -> None:
    given = given_vm({"architecture": said}, preference={"preferredArchitecture": preferred})
    assert (expansion(given).machine.spec.architecture or None) == architecture


def test_the_machine_type_is_that_of_the_template_then_of_the_preference() -> None:
    preference: dict[str, Any] = {"machine": {"preferredMachineType": "pc-q35-9.0"}}
    assert "machine='pc-q35-9.0'" in kvnet.build(*given_vm(preference=preference))
    given = given_vm({"domain": {"machine": {"type": "q35"}}}, preference=preference)
    assert "machine='q35'" in kvnet.build(*given)


def test_launch_security_is_that_of_the_template_then_of_the_instancetype_then_of_the_preference() -> None:
    preference: dict[str, Any] = {"preferredLaunchSecurity": {"tdx": {}}}
    alone = expansion(given_vm(preference=preference)).machine
    assert alone.spec.domain.launch_security == LaunchSecurity(tdx={})
    both = expansion(given_vm(instancetype={"launchSecurity": {"snp": {}}}, preference=preference)).machine
    assert both.spec.domain.launch_security == LaunchSecurity(snp={})
    said = expansion(given_vm({"domain": {"launchSecurity": {"sev": {}}}}, preference=preference)).machine
    assert said.spec.domain.launch_security == LaunchSecurity(sev={})


BIOS: dict[str, Any] = {"bios": {}}
UEFI: dict[str, Any] = {"efi": {}}
INSECURE = {"efi": {"secureBoot": False}}
SLOTS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "nothing": ({}, {}, 4),
    "no controller to plug disks in": ({"disableHotplug": False}, {"preferredDisableHotplug": True}, 3),
    "a controller to plug disks in": ({"disableHotplug": True}, {"preferredDisableHotplug": False}, 4),
    "no console": ({}, {"preferredAutoattachSerialConsole": False}, 3),
    "a console of the template": (
        {"autoattachSerialConsole": True},
        {"preferredAutoattachSerialConsole": False},
        4,
    ),
    "a source of randomness": ({}, {"preferredRng": {}}, 5),
    "disks": ({"disks": [{"name": "d"}, {"name": "e", "disk": {"bus": ""}}]}, {"preferredDiskBus": "virtio"}, 6),
    "a disk on a bus": ({"disks": [{"name": "d", "disk": {"bus": "sata"}}]}, {"preferredDiskBus": "virtio"}, 4),
    "disks of another kind": (
        {"disks": [{"name": "d", "cdrom": {}}, {"name": "e", "lun": {}}]},
        {"preferredDiskBus": "virtio"},
        4,
    ),
    "a CD drive and a LUN": (
        {"disks": [{"name": "d", "cdrom": {}}, {"name": "e", "lun": {}}]},
        {"preferredCdromBus": "virtio", "preferredLunBus": "virtio"},
        6,
    ),
    "inputs": (
        {"inputs": [{"name": "t"}, {"name": "u", "bus": "usb"}]},
        {"preferredInputBus": "virtio"},
        5,
    ),
}


@pytest.mark.parametrize(("devices", "preferred", "others"), rows(SLOTS))
def test_devices_that_a_preference_puts_on_pci_take_slots_of_the_root_complex(
    devices: dict[str, Any], preferred: dict[str, Any], others: int
) -> None:
    def problems(nics: int) -> list[str]:
        names = [f"n{n}" for n in range(nics)]
        interfaces = [{"name": name, "bridge": {}} for name in names]
        given = given_vm(
            {
                "domain": {"devices": {"interfaces": interfaces, **devices}},
                "networks": [multus(name) for name in names],
            },
            preference={"devices": preferred},
            annotations={"kubevirt.io/placePCIDevicesOnRootComplex": "true"},
            architecture="amd64",
        )
        return [problem.code for problem in kvnet.compile(*given).problems]

    room = len(ROOT_SLOTS) - others
    assert (problems(room), problems(room + 1)) == ([], ["KN307"])


LOADERS: dict[str, tuple[dict[str, Any] | None, dict[str, Any], dict[str, Any]]] = {
    "BIOS": (None, {"preferredUseBios": True}, BIOS),
    "BIOS on the console": (
        None,
        {"preferredUseBios": True, "preferredUseBiosSerial": True},
        {"bios": {"useSerial": True}},
    ),
    "BIOS before UEFI": (None, {"preferredUseBios": True, "preferredEfi": {}}, BIOS),
    "UEFI": (None, {"preferredEfi": {"persistent": True}}, {"efi": {"persistent": True}}),
    "UEFI in the older way": (None, {"preferredUseEfi": True, "preferredUseSecureBoot": False}, INSECURE),
    "UEFI in the newer way alone": (None, {"preferredEfi": {}, "preferredUseSecureBoot": False}, UEFI),
    "SecureBoot of a template that leaves it open": (UEFI, {"preferredUseSecureBoot": False}, INSECURE),
    "what is not wanted": (None, {"preferredUseBios": False, "preferredUseEfi": False}, {}),
    "nothing": (None, {}, {}),
    "no other than the template's": (INSECURE, {"preferredUseBios": True, "preferredUseSecureBoot": True}, INSECURE),
    "no UEFI beside the template's BIOS": (BIOS, {"preferredUseEfi": True}, BIOS),
    "no UEFI in full beside the template's BIOS": (BIOS, {"preferredEfi": {}}, BIOS),
    "one in place of null": ({"efi": None}, {"preferredUseBios": True}, BIOS),
}


@pytest.mark.parametrize(("said", "preferred", "loader"), rows(LOADERS))
def test_the_boot_loader_is_that_of_the_template_then_of_the_preference(
    said: dict[str, Any] | None, preferred: dict[str, Any], loader: dict[str, Any]
) -> None:
    firmware = {"uuid": "5d307ca9-b3ef-428c-8861-06e72d69f223", "bootloader": said}
    given = given_vm({"domain": {"firmware": firmware}}, preference={"firmware": preferred})
    body = kvnet.manifest.plain(expansion(given).machine)["spec"]["template"]["spec"]["domain"]["firmware"]
    assert body == {"uuid": firmware["uuid"], "bootloader": loader}


def test_launch_security_is_judged_with_the_preferred_boot_loader() -> None:
    bare: dict[str, Any] = {"preferredLaunchSecurity": {"sev": {}}}
    assert "KN228" in codes(given_vm(preference=bare, architecture="amd64"))
    whole = {**bare, "firmware": {"preferredEfi": {"secureBoot": False}}}
    assert "KN228" not in codes(given_vm(preference=whole, architecture="amd64"))


def test_tdx_is_judged_with_the_preferred_smm() -> None:
    gates = {"developerConfiguration": {"featureGates": ["WorkloadEncryptionTDX"]}}
    tdx: dict[str, Any] = {"preferredLaunchSecurity": {"tdx": {}}, "firmware": {"preferredEfi": {}}}
    assert "KN228" not in codes(given_vm(preference=tdx, cluster=gates, architecture="amd64"))
    smm = {**tdx, "features": {"preferredSmm": {}}}
    assert "KN228" in codes(given_vm(preference=smm, cluster=gates, architecture="amd64"))
    said = {"domain": {"features": {"smm": {"enabled": False}}}}
    assert "KN228" not in codes(given_vm(said, preference=smm, cluster=gates, architecture="amd64"))


@pytest.mark.parametrize(("said", "codes_told"), [(None, ["KN220"]), ("", ["KN220"]), ("web", [])])
def test_the_subdomain_is_that_of_the_template_then_of_the_preference(said: str | None, codes_told: list[str]) -> None:
    given = given_vm({"subdomain": said}, preference={"preferredSubdomain": "Not_DNS"})
    assert [code for code in codes(given) if code == "KN220"] == codes_told


def codes(given: Given) -> list[str]:
    return [problem.code for problem in kvnet.check(*given)]


def test_annotations_are_those_of_the_template_then_of_the_instancetype_then_of_the_preference() -> None:
    given = given_vm(
        annotations={"a": "template"},
        instancetype={"annotations": {"b": "instancetype"}},
        preference={"annotations": {"a": "p", "b": "p", "c": "preference"}},
        architecture="s390x",
    )
    assert expansion(given).machine.annotations == {
        "a": "template",
        "b": "instancetype",
        "c": "preference",
        "kubevirt.io/cluster-instancetype-name": "it",
        "kubevirt.io/cluster-preference-name": "pref",
    }


def test_what_no_nic_depends_on_is_read_over_even_where_the_webhook_crashes() -> None:
    given = given_vm({}, preference={"cpu": {"preferredCPUFeatures": [{"name": "x2apic"}]}, "clock": {}, **MODEL})
    assert expansion(given).problems == ()
    assert [nic.model for nic in expansion(given).machine.interfaces] == ["e1000e"]
