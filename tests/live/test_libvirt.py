"""Domains on a real libvirt: the QEMU driver inside the process, and the test driver."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import machines
import pytest
from lxml import etree

import kvnet
from kvnet import live
from kvnet.domain.build import build
from kvnet.domain.patch import patch
from kvnet.live import LibvirtError, connect, define, virt_type
from kvnet.spec import Cpu, Domain, Machine, Memory, VmiSpec

MAC = "52:54:00:00:00:01"
VF = (
    "<hostdev mode='subsystem' type='pci' managed='no'><alias name='ua-sriov-a'/>"
    "<source><address domain='0x0000' bus='0x81' slot='0x01' function='0x2'/></source></hostdev>"
)
TAP = "<target dev='tap0' managed='no'/>"


def nic(inside: str = "", model: str = "virtio-non-transitional") -> str:
    return f"<interface type='ethernet'><mac address='{MAC}'/><model type='{model}'/>{inside}</interface>"


def domain(*nics: str, name: str = "vm", kind: str = "qemu", architecture: str = "amd64") -> str:
    return build(Machine(name=name), kvnet.Target(virt_type=kind, architecture=architecture), nics, name=name)


def codes(xml: str, connection: Any) -> list[str]:
    return [problem.code for problem in define(xml, connection).lost]


@contextmanager
def _kept(xml: str, connection: Any) -> Iterator[None]:
    define(xml, connection, keep=True)
    try:
        yield
    finally:
        for each in connection.listAllDomains(0):
            if each.name() == "kept":
                each.undefine()


WRITTEN_BACK = {
    "tap": nic(f"{TAP}<driver name='vhost' queues='4'/><alias name='ua-a'/><mtu size='1500'/><rom enabled='no'/>"),
    "acpi index and boot order": nic("<boot order='1'/><acpi index='16383'/>"),
    "address": nic("<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>"),
    "link": nic("<link state='down'/>"),
    "hostdev": VF,
    **{model: nic(model=model) for model in ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")},
}


@pytest.mark.parametrize("asked", WRITTEN_BACK.values(), ids=WRITTEN_BACK)
def test_libvirt_writes_these_back_without_loss(qemu: Any, asked: str) -> None:
    assert codes(domain(asked), qemu) == []


def test_a_machine_on_the_root_complex_has_no_other_bus(qemu: Any) -> None:
    annotations = {"kubevirt.io/placePCIDevicesOnRootComplex": "true"}
    nics = [machines.nic("a"), machines.nic("b", model="e1000"), machines.nic("c", "sriov")]
    networks = [machines.pod("a"), machines.multus("b"), machines.multus("c")]
    asked = kvnet.load(machines.vmi(nics, networks, annotations=annotations))
    facts = kvnet.load_facts({"pciAddresses": {"c": "0000:81:01.2"}})
    defined = define(build(asked, kvnet.Target(virt_type="qemu", facts=facts)), qemu)
    assert defined.lost == ()
    root = etree.fromstring(defined.persistent)
    assert set(root.xpath("devices/*/address[@type='pci']/@bus")) == {"0x00"}
    assert root.xpath("devices/*[self::interface or self::hostdev]/address/@slot") == ["0x02", "0x03", "0x04"]


LOST = {
    "one queue": (nic("<driver name='vhost' queues='1'/>"), ["KN405"]),
    "alias of libvirt's own": (nic("<alias name='net0'/>"), ["KN403"]),
    "alias with a dot": (nic("<alias name='ua-a.b'/>"), ["KN403"]),
    "driver of an e1000": (nic("<driver name='vhost' queues='4'/>", "e1000"), ["KN403"]),
    "no MTU": (nic("<mtu size='0'/>"), ["KN403"]),
    "address that means none": (
        nic("<address type='pci' domain='0x0000' bus='0x00' slot='0x00' function='0x0'/>"),
        ["KN404"],
    ),
    "e1000 moved off a root port": (
        nic("<address type='pci' domain='0x0000' bus='0x01' slot='0x01' function='0x0'/>", "e1000"),
        ["KN404"],
    ),
}


@pytest.mark.parametrize(("asked", "expected"), LOST.values(), ids=LOST)
def test_what_libvirt_drops_in_silence_is_told(qemu: Any, asked: str, expected: list[str]) -> None:
    assert codes(domain(asked), qemu) == expected


REFUSED = {
    "alias twice": (nic("<alias name='ua-a'/>"), nic("<alias name='ua-a'/>")),
    "address twice": (nic("<address type='pci' bus='0x01'/>"), nic("<address type='pci' bus='0x01'/>")),
    "slot 1 of a root port": (nic("<address type='pci' bus='0x01' slot='0x01'/>"),),
    "another PCI domain": (nic("<address type='pci' domain='0x0001' bus='0x01'/>"),),
    "acpi index 0": (nic("<acpi index='0'/>"),),
    "unknown element": (nic("<nonsense/>"),),
}


@pytest.mark.parametrize("nics", REFUSED.values(), ids=REFUSED)
def test_a_refusal_tells_what_libvirt_says(qemu: Any, nics: tuple[str, ...]) -> None:
    with pytest.raises(LibvirtError) as caught:
        define(domain(*nics), qemu)
    assert [problem.code for problem in caught.value.problems] == ["KN402"]


def test_a_patched_domain_is_written_back_without_loss(qemu: Any) -> None:
    assert codes(patch(domain(nic()), [nic("<alias name='ua-a'/>")]), qemu) == []


def test_hotplug_sockets_are_defined(qemu: Any) -> None:
    spec = VmiSpec(domain=Domain(cpu=Cpu(sockets=1, cores=2, max_sockets=4)))
    got = define(build(Machine(name="vm", spec=spec), kvnet.Target(virt_type="qemu"), []), qemu).persistent
    assert "current='2'>8</vcpu>" in got


@pytest.mark.parametrize("sockets", [63, 64, 72])
def test_machines_whose_vcpus_can_be_more_than_255_are_defined_without_loss(qemu: Any, sockets: int) -> None:
    machine = Machine(name="vm", spec=VmiSpec(domain=Domain(cpu=Cpu(sockets=sockets))))
    assert codes(build(machine, kvnet.Target(virt_type="qemu"), []), qemu) == []


def test_more_vcpus_than_qemu_has_are_refused_by_libvirt(qemu: Any) -> None:
    machine = Machine(name="vm", spec=VmiSpec(domain=Domain(cpu=Cpu(sockets=5000))))
    with pytest.raises(LibvirtError, match=r"KN402\b.*limit"):
        define(build(machine, kvnet.Target(virt_type="qemu"), []), qemu)


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/dev/kvm", os.W_OK), reason="without KVM, QEMU has no extended interrupt mode")
def test_a_machine_of_more_than_255_vcpus_starts(qemu: Any) -> None:
    domain = Domain(cpu=Cpu(sockets=64), memory=Memory(guest="64Mi"))
    text = build(Machine(name="large", spec=VmiSpec(domain=domain)), kvnet.Target(virt_type="kvm"), [])
    started = qemu.lookupByName(live.start(text, qemu, paused=True).name)
    try:
        assert started.isActive()
        assert started.maxVcpus() == 256
    finally:
        started.destroy()
        started.undefine()


def test_a_domain_is_gone_after_it_was_tried(qemu: Any) -> None:
    define(domain(nic(), name="tried"), qemu)
    assert "tried" not in [each.name() for each in qemu.listAllDomains(0)]


@pytest.mark.parametrize(
    "tried", [domain(name="kept"), domain(name="other").replace("<uuid>", "<uuid>{}")], ids=["name", "uuid"]
)
def test_trying_a_domain_out_never_takes_away_one_that_is_there(qemu: Any, tried: str) -> None:
    with _kept(domain(name="kept"), qemu):
        uuid = qemu.lookupByName("kept").UUIDString()
        head, _, tail = tried.partition("<uuid>{}")
        with pytest.raises(LibvirtError, match=r"KN406\b"):
            define(f"{head}<uuid>{uuid}{tail[36:]}" if tail else tried, qemu)
        assert qemu.lookupByName("kept").UUIDString() == uuid


def test_a_kept_domain_is_defined_anew_only_where_that_is_asked_for(qemu: Any) -> None:
    with _kept(domain(name="kept"), qemu):
        with pytest.raises(LibvirtError, match=r"KN406\b"):
            define(domain(nic(), name="kept"), qemu, keep=True)
        assert MAC not in qemu.lookupByName("kept").XMLDesc(2)
        define(domain(nic(), name="kept"), qemu, keep=True, replace=True)
        assert MAC in qemu.lookupByName("kept").XMLDesc(2)


@pytest.mark.parametrize("architecture", ["amd64", "arm64", "s390x"])
def test_the_test_driver_takes_every_architecture(test_driver: Any, architecture: str) -> None:
    kind = virt_type(test_driver, architecture)
    assert kind == "test"
    assert codes(domain(nic(model="virtio"), kind=kind, architecture=architecture), test_driver) == []


def test_the_domain_type_is_one_that_libvirt_accepts(qemu: Any) -> None:
    kind = virt_type(qemu, "amd64")
    assert kind in ("kvm", "qemu")
    assert codes(domain(nic(), kind=kind), qemu) == []


def test_an_architecture_without_its_qemu_is_told(qemu: Any) -> None:
    with pytest.raises(LibvirtError, match="mips"):
        virt_type(qemu, "mips")


def test_qemu_is_asked_for_its_capabilities_once(qemu: Any) -> None:
    root = Path(qemu.getURI().partition("root=")[2])
    written = []
    for _ in range(2):
        define(domain(nic()), qemu)
        written.append({path: path.stat().st_mtime_ns for path in root.glob("cache/qemu/capabilities/*.xml")})
    assert written[0]
    assert written[0] == written[1]


def test_connections_may_be_nested_and_repeated(qemu: Any) -> None:
    for _ in range(2):
        with connect() as connection:
            assert connection.getURI() == qemu.getURI()


def test_where_nothing_listens_the_uri_is_told() -> None:
    uri = "qemu+tcp://127.0.0.1:1/system"
    with pytest.raises(LibvirtError, match=r"KN401\b.*127\.0\.0\.1:1"), connect(uri):
        pass


_LEAVES_NOTHING = """
import os, tempfile, threading
from kvnet.domain.build import build
from kvnet.live import connect
from kvnet.spec import Machine
for turn in range(2):
    with connect() as connection:
        assert connection.listAllDomains(0) == [], 'a domain of the connection before'
        root = connection.getURI().partition('root=')[2]
        assert os.path.isdir(root)
    assert not os.path.exists(root), 'the directory is left'
threads = sorted(thread.name for thread in threading.enumerate())
assert threads == ['MainThread', 'kvnet-libvirt-events', 'kvnet-qemu-reaper'], threads
assert os.listdir(tempfile.gettempdir()) == []
"""


def test_nothing_is_left_behind_but_the_two_threads(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LEAVES_NOTHING],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


_SAVES = """
from kvnet.live import connect
DOMAIN = '''
  <domain type='qemu'><name>saved</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os></domain>
'''
for turn in range(2):
    with connect() as connection:
        domain = connection.defineXML(DOMAIN)
        domain.create()
        domain.managedSave(0)
        domain.managedSaveRemove()
        domain.undefine()
"""


@pytest.mark.slow
def test_a_domain_can_be_saved_through_each_of_several_connections() -> None:
    ran = subprocess.run([sys.executable, "-c", _SAVES], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr


def _connects(answers: Any) -> None:
    try:
        with connect():
            answers.put("connected")
    except LibvirtError as error:
        answers.put(str(error))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_told_that_it_cannot_go_on(qemu: Any) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_connects, args=(answers,))
    child.start()
    answer = answers.get(timeout=20)
    child.join(timeout=20)
    assert "fork" in answer
    with connect() as connection:
        assert Path(connection.getURI().partition("root=")[2]).is_dir()
