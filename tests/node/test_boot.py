"""A domain gets what it boots from, and dnsmasq's leases and the forwarded ports are read."""

from __future__ import annotations

from contextlib import nullcontext
from importlib import import_module
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lxml import etree
from machines import nic, pod, vmi

import kvnet
from kvnet.errors import FieldPath, Problem
from kvnet.live import LibvirtError
from kvnet.node.domains import Boot, bootable
from kvnet.node.keeper import check_type
from kvnet.node.machines import has_kvm
from kvnet.node.pods import Pod
from kvnet.node.servers import read_leases
from kvnet.pod import assumed_found, pod_nat
from kvnet.pod.nft import forwards


def test_disks_and_kernels_come_beside_what_the_domain_has() -> None:
    machine = kvnet.load(vmi([nic("a", "masquerade")], [pod("a")]))
    given = kvnet.render(machine).domain()
    disks = (Path("/a/one.qcow2"), Path("/a/<two>.img"))
    made = etree.fromstring(bootable(given, Boot(disks=disks, kernel=Path("/k"), initrd=Path("/i"), cmdline="a & b")))
    assert [made.findtext(f"os/{each}") for each in ("kernel", "initrd", "cmdline")] == ["/k", "/i", "a & b"]
    kinds, sources = (list(map(str, made.xpath(f"devices/disk/{each}"))) for each in ("driver/@type", "source/@file"))
    assert (kinds, sources) == (["qcow2", "raw"], ["/a/one.qcow2", "/a/<two>.img"])
    assert kvnet.read_domain(etree.tostring(made)) == kvnet.read_domain(given)


def test_an_image_says_what_it_is_by_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(b"QFI\xfb and more")
    (tmp_path / "disk.qcow2").write_bytes(b"QFI\xfb and more")
    assert "name it so (.qcow2)" in Boot(disks=(tmp_path / "disk.img",)).problems[0]
    assert Boot(disks=(tmp_path / "disk.qcow2",)).problems == ()
    assert "there is no file" in Boot(kernel=tmp_path / "missing").problems[0]


def test_leases_of_both_families_are_read_and_half_lines_are_not() -> None:
    text = (
        "1796000000 52:54:00:aa:bb:cc 10.0.2.2 * 01:52:54:00:aa:bb:cc\n"
        "duid 00:01:00:01:30:00:00:00:02:00:00:00:00:00\n"
        "1796000000 11189196 fd10:0:2::2 web 00:01:00:01\n"
        "1796000000 52:54"
    )
    first, second = read_leases(text)
    assert (first.mac, first.hostname) == ("52:54:00:aa:bb:cc", None)
    assert (second.address, second.mac, second.hostname) == (IPv6Address("fd10:0:2::2"), None, "web")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({}, ["all ports"]),
        ({"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}, ["tcp 80", "udp 53"]),
    ],
    ids=["none is listed", "two are listed"],
)
def test_the_ports_that_lead_to_the_guest_are_those_of_the_nat(members: dict[str, object], told: list[str]) -> None:
    machine, target = kvnet.load(vmi([nic("a", "masquerade", **members)], [pod("a")])), kvnet.Target()
    found = forwards(pod_nat(machine, target, assumed_found(machine, target)))
    assert list(map(str, found)) == told
    assert {each.to for each in found} == {ip_address("10.0.2.2")}


def _offering(kind: str) -> Any:
    """A connection to a libvirt that offers domains of one type."""
    text = f"<domainCapabilities><domain>{kind}</domain></domainCapabilities>"
    return SimpleNamespace(getType=lambda: "QEMU", getDomainCapabilities=lambda *_: text)


def test_kvm_is_used_only_where_its_device_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "kvm").touch()
    assert has_kvm(tmp_path / "kvm")
    assert not has_kvm(tmp_path / "missing")
    assert not has_kvm(tmp_path), "what exists cannot always be opened"


@pytest.mark.parametrize(("offered", "asked"), [("kvm", "kvm"), ("qemu", "qemu"), ("kvm", "qemu")])
def test_a_domain_of_a_type_that_libvirt_offers_is_started(offered: str, asked: str) -> None:
    check_type(f"<domain type='{asked}'><os><type arch='x86_64'>hvm</type></os></domain>", _offering(offered))


def test_a_domain_with_kvm_is_refused_where_libvirt_offers_none() -> None:
    with pytest.raises(LibvirtError, match="KN888 libvirt offers no KVM for x86_64"):
        check_type("<domain type='kvm'><os><type arch='x86_64'>hvm</type></os></domain>", _offering("qemu"))


@pytest.mark.parametrize(("asked", "started"), [(None, ["kvm", "qemu"]), ("kvm", ["kvm"]), ("qemu", ["qemu"])])
def test_a_machine_is_emulated_where_libvirt_has_no_kvm_unless_it_is_asked_for(
    asked: str | None, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def start(document: str, *_: object) -> None:
        tried.append(str(etree.fromstring(document).get("type")))
        if tried[-1] == "kvm":
            raise LibvirtError([Problem(FieldPath(), "KN888", "none")])

    machines = import_module("kvnet.node.machines")
    monkeypatch.setattr(machines, "start_domain", start)
    monkeypatch.setattr(machines, "has_kvm", lambda: True)
    vm = kvnet.load(vmi([nic("a", "masquerade")], [pod("a")]))
    with nullcontext() if "qemu" in started else pytest.raises(LibvirtError):
        machines._start(vm, kvnet.Target(), Pod(name="a/b", namespace="c", folder=Path("/d")), Boot(), asked)
    assert tried == started
