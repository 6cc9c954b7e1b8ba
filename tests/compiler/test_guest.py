"""What the guest sees of a NIC: its model, driver, queues, option ROM, ACPI index, link and place."""

from __future__ import annotations

from typing import Any

import pytest
from compiler.compiling import codes, compiled, interface_of, only
from hypothesis import given
from hypothesis import strategies as st
from machines import nic, pod, vmi

import kvnet
from kvnet.device import Acpi, Driver, PciGuestAddress, Rom
from kvnet.values import PciAddress

LINKS = {"links": {"a": {"name": "eth0", "mac": "52:54:00:00:00:0a"}}}
TRANSITIONAL = {"useVirtioTransitional": True}
MODELS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "virtio for amd64": ("amd64", {}, "virtio-non-transitional", "virtio"),
    "virtio for arm64": ("arm64", {}, "virtio-non-transitional", "virtio"),
    "virtio for s390x": ("s390x", {}, "virtio", "virtio"),
    "transitional virtio for amd64": ("amd64", TRANSITIONAL, "virtio-transitional", "virtio-transitional"),
    "transitional virtio, which s390x does not have": ("s390x", TRANSITIONAL, "virtio", "virtio"),
}


@pytest.mark.parametrize(("architecture", "devices", "in_pod", "on_host"), MODELS.values(), ids=MODELS)
def test_the_model_is(architecture: str, devices: dict[str, Any], in_pod: str, on_host: str) -> None:
    for profile, wanted in (("kubevirt", in_pod), ("host", on_host)):
        target = {"architecture": architecture, "profile": profile}
        for members in ({}, {"model": ""}, {"model": "virtio"}):
            assert interface_of(only(nic(**members), pod(), target=target, devices=devices)).model == wanted
        assert interface_of(only(nic(model="e1000"), pod(), target=target, devices=devices)).model == "e1000"


def test_the_architecture_is_the_machines_else_the_targets_else_that_of_the_facts() -> None:
    def model(spec: str | None, target: str | None, facts: str | None) -> str | None:
        members = {"spec": {"architecture": spec}} if spec else {}
        given = {"architecture": target} if target else {}
        known = {"architecture": facts} if facts else None
        return interface_of(only(nic(), pod(), target=given, facts=known, **members)).model

    assert model("s390x", None, None) == "virtio"
    assert model("s390x", None, "amd64") == "virtio"
    assert model(None, "s390x", None) == "virtio"
    assert model(None, None, "s390x") == "virtio"
    assert model(None, None, None) == "virtio-non-transitional"


@pytest.mark.parametrize(
    ("target", "told"),
    [({}, ["KN321"]), ({"architecture": "amd64"}, []), ({"facts": kvnet.HostFacts(architecture="arm64")}, [])],
    ids=["nobody", "the target", "the facts"],
)
def test_an_assumed_architecture_is_told(target: dict[str, Any], told: list[str]) -> None:
    made = kvnet.compile(kvnet.load(vmi([nic()], [pod()])), kvnet.Target(**target))
    assert [each.code for each in made.general_notes] == told
    made = kvnet.compile(kvnet.load(vmi([nic()], [pod()], spec={"architecture": "amd64"})))
    assert made.general_notes == ()


QUEUES: dict[str, tuple[dict[str, Any], int | None]] = {
    "one of one vCPU": ({}, 1),
    "one for each vCPU": ({"cpu": {"cores": 4}}, 4),
    "of all sockets, cores and threads": ({"cpu": {"sockets": 2, "cores": 3, "threads": 5}}, 30),
    "not of sockets that may come": ({"cpu": {"sockets": 2, "maxSockets": 8}}, 2),
    "of the CPU limit": ({"resources": {"limits": {"cpu": "3"}, "requests": {"cpu": "2"}}}, 3),
    "of the CPU request": ({"resources": {"requests": {"cpu": "1500m"}}}, 2),
    "one where the limit is 0": ({"resources": {"limits": {"cpu": "0"}}}, 1),
    "256 of 256 vCPUs": ({"cpu": {"cores": 256}}, 256),
    "256 of 257 vCPUs": ({"cpu": {"cores": 257}}, 256),
}


@pytest.mark.parametrize(("domain", "queues"), QUEUES.values(), ids=QUEUES)
def test_queues_are(domain: dict[str, Any], queues: int | None) -> None:
    machine = vmi([nic(), nic("b", model="e1000")], [pod(), pod("b")], domain=domain)
    devices = machine["spec"]["domain"]["devices"]
    plain = kvnet.compile(kvnet.load(machine))
    assert interface_of(plain.nics[0]).driver is None
    devices["networkInterfaceMultiqueue"] = True
    made = kvnet.compile(kvnet.load(machine))
    assert interface_of(made.nics[0]).driver == Driver(name="vhost", queues=queues)
    assert interface_of(made.nics[1]).driver is None


@pytest.mark.parametrize(
    ("cores", "multiqueue", "told"),
    [(256, True, False), (257, True, True), (257, False, False)],
    ids=["256 with", "257 with", "257 without"],
)
def test_more_vcpus_than_queues_are_told(cores: int, multiqueue: bool, told: bool) -> None:
    devices = {"networkInterfaceMultiqueue": multiqueue}
    target = {"architecture": "amd64"}
    made = compiled([nic()], [pod()], devices=devices, domain={"cpu": {"cores": cores}}, target=target, facts=LINKS)
    assert codes(made) == (["KN320"] if told else [])
    if told:
        assert made.notes[0].field == "spec.domain.devices.networkInterfaceMultiqueue"
        assert "257 vCPUs" in made.notes[0].message


CONFIDENTIAL: dict[str, tuple[str, dict[str, Any] | None, str | None, bool]] = {
    "nothing": ("amd64", None, None, False),
    "SEV": ("amd64", {"sev": {}}, None, True),
    "SNP": ("amd64", {"snp": {}}, None, True),
    "TDX is an ordinary guest to its NICs": ("amd64", {"tdx": {}}, None, False),
    "an empty one asks for nothing on amd64": ("amd64", {}, None, False),
    "an empty one asks for PV on s390x": ("s390x", {}, None, True),
    "facts of SEV": ("amd64", None, "sev", True),
    "facts of TDX": ("amd64", None, "tdx", False),
    "facts before the spec": ("amd64", {"sev": {}}, "tdx", False),
}


@pytest.mark.parametrize(("architecture", "asked", "known", "shields"), CONFIDENTIAL.values(), ids=CONFIDENTIAL)
def test_confidential_guests_reach_their_nics_through_the_iommu(
    architecture: str, asked: dict[str, Any] | None, known: str | None, shields: bool
) -> None:
    facts = {"architecture": architecture, **({"launchSecurity": known} if known else {})}
    domain = {} if asked is None else {"launchSecurity": asked}
    made = compiled(
        [nic(), nic("b", bootOrder=1), nic("c", model="e1000")], [pod(), pod("b"), pod("c")], facts=facts, domain=domain
    )
    plain, boots, old = map(interface_of, made.nics)
    assert plain.driver == (Driver(name="vhost", iommu=True) if shields else None)
    assert old.driver is None
    off = Rom(enabled=False) if architecture != "s390x" else None
    # firmware of a confidential guest must not read a ROM from the host, not even one for booting
    assert (plain.rom, boots.rom) == (off, off if shields else None)


def test_the_option_rom_of_a_nic_for_booting_stays() -> None:
    assert interface_of(only(nic(), pod())).rom == Rom(enabled=False)
    assert interface_of(only(nic(bootOrder=1), pod())).rom is None
    assert interface_of(only(nic(), pod(), target={"architecture": "s390x"})).rom is None
    assert interface_of(only(nic(), pod(), target={"architecture": "arm64"})).rom == Rom(enabled=False)


def test_an_architecture_that_kubevirt_does_not_have_has_the_nics_of_amd64() -> None:
    odd, usual = (only(nic(), pod(), target={"architecture": name}) for name in ("riscv64", "amd64"))
    assert interface_of(odd) == interface_of(usual)


@pytest.mark.parametrize("profile", ["kubevirt", "host"])
def test_what_the_spec_says_of_a_nic_is_kept(profile: str) -> None:
    members: dict[str, Any] = {"bootOrder": 3, "acpiIndex": 7, "pciAddress": "0000:02:00.1", "state": "down"}
    device = interface_of(only(nic(**members), pod(), target={"profile": profile}))
    assert (device.boot_order, device.acpi, device.link) == (3, Acpi(index=7), "down")
    assert device.address == PciGuestAddress.of(PciAddress(0, 2, 0, 1))
    plain = interface_of(only(nic(state="up", acpiIndex=0, pciAddress=""), pod(), target={"profile": profile}))
    assert (plain.boot_order, plain.acpi, plain.link, plain.address) == (None, None, None, None)


@given(index=st.integers(-5, 5))
def test_an_acpi_index_counts_from_1(index: int) -> None:
    acpi = interface_of(only(nic(acpiIndex=index), pod())).acpi
    assert acpi == (Acpi(index=index) if index > 0 else None)
