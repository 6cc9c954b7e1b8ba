"""Import domains from a libvirt: what is assumed of a NIC is what this libvirt gives it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from live.daemon import Daemon

import kvnet
from kvnet import Noticed, live
from kvnet.device import Device
from kvnet.domain.read import about, domain_element, effective
from kvnet.live import LibvirtError
from kvnet.xml.parser import parse

# one of each type that libvirt 9.0 defines without a model, and without a device of the host
NICS = (
    "<interface type='user'><driver queues='4'/></interface>"
    "<interface type='bridge'><source bridge='br0'/></interface>"
    "<interface type='network'><source network='default'/></interface>"
    "<interface type='direct'><source dev='eth0' mode='bridge'/></interface>"
    "<interface type='ethernet'/><interface type='null'/>"
    "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"
)


def domain(nics: str, name: str = "imported", machine: str = "q35", boots: str = "") -> str:
    return (
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>2</vcpu>"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type>{boots}</os><devices>{nics}</devices></domain>"
    )


def as_run(xml: str) -> tuple[Device, ...]:
    return effective(kvnet.read_domain(xml, lossless=True), about(domain_element(parse(xml), "test")))


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_libvirt_gives_the_models_that_an_import_assumes(qemu: Any, machine: str) -> None:
    defined = live.define(domain(NICS, machine=machine), qemu)
    expected, given = as_run(defined.requested), kvnet.read_domain(defined.persistent, lossless=True)
    assert [getattr(each, "model", None) for each in given] == [*["rtl8139"] * 6, "virtio"]
    changes = kvnet.diff(expected, given)
    assert [str(change) for change in changes if change.noticed is not Noticed.NOISE] == []


@pytest.mark.parametrize(
    ("boots", "order"), [("network hd", 1), ("hd network", 2), ("cdrom hd network", 3), ("hd", None)]
)
def test_qemu_boots_from_the_first_nic_in_the_order_that_an_import_assumes(
    qemu: Any, boots: str, order: int | None
) -> None:
    elements = "".join(f"<boot dev='{each}'/>" for each in boots.split())
    xml = domain("<interface type='user'/><interface type='user'/>", boots=elements)
    command = qemu.domainXMLToNative("qemu-argv", xml)
    indices = [
        int(index[1]) if (index := re.search(r'"bootindex":(\d+)', device)) else None
        for device in re.findall(r'\{"driver":"rtl8139"[^}]*\}', command)
    ]
    assert indices == [order, None]
    assert [each.boot_order for each in as_run(xml)] == [order, None]


class TestDomainTexts:
    """``live.domain_texts``."""

    def test_domains_are_read_by_name_or_all_in_order(self, test_driver: Any) -> None:
        for name in ("b", "a"):
            test_driver.defineXML(domain("<interface type='user'/>", name).replace("'qemu'", "'test'"))
        try:
            assert [each.file for each in live.domain_texts(test_driver, ["b", "a"])] == ["b", "a"]
            assert [each.file for each in live.domain_texts(test_driver)] == ["a", "b", "test"]
            imported = kvnet.import_domains(live.domain_texts(test_driver))
            assert [each.machine.name for each in imported] == ["a", "b", "test"]
        finally:
            for name in ("b", "a"):
                test_driver.lookupByName(name).undefine()

    def test_a_domain_that_is_not_there_is_told(self, test_driver: Any) -> None:
        with pytest.raises(LibvirtError) as refused:
            live.domain_texts(test_driver, ["test", "nobody"])
        assert [problem.code for problem in refused.value.problems] == ["KN870"]

    def test_of_a_running_domain_it_is_what_it_will_start_with(self, qemu: Any) -> None:
        live.start(domain("<interface type='user'/>", "persistent"), qemu, paused=True)
        running = qemu.lookupByName("persistent")
        try:
            (text,) = live.domain_texts(qemu, ["persistent"])
            assert [each.alias for each in kvnet.read_domain(running.XMLDesc())] == ["net0"]
            assert [each.alias for each in kvnet.read_domain(text.text)] == [None]
        finally:
            running.destroy()
            running.undefine()

    def test_a_domain_that_will_not_start_again_is_read_as_it_runs(self, qemu: Any) -> None:
        import libvirt  # noqa: PLC0415 - where it is missing, the fixture says so

        running = qemu.createXML(domain("<interface type='user'/>", "transient"), libvirt.VIR_DOMAIN_START_PAUSED)
        try:
            (text,) = live.domain_texts(qemu, ["transient"])
            assert [each.alias for each in kvnet.read_domain(text.text)] == ["net0"]
        finally:
            running.destroy()


@pytest.mark.slow
def test_the_domains_of_a_daemon_are_rendered_again_with_the_facts_of_the_import(
    libvirtd: Daemon, tmp_path: Path
) -> None:
    vf = (
        "<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:0{}'/><source>"
        "<address type='pci' domain='0x0000' bus='0x0{}' slot='0x10' function='0x6'/></source>"
        "<vlan><tag id='4{}'/></vlan></interface>"
    )
    bridged = "<interface type='bridge'><source bridge='br0'/><mtu size='9000'/><model type='virtio'/></interface>"
    with live.connect(libvirtd.uri) as connection:
        for n, nic in enumerate((vf.format(1, 1, 1) + bridged, vf.format(2, 2, 2)), 1):
            connection.defineXML(domain(nic, f"vm{n}"))
        before = {each.file: kvnet.read_domain(each.text) for each in live.domain_texts(connection)}

    def command(*arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "kvnet", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(kvnet.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    manifest = command("import", "-c", libvirtd.uri, "--all", "--profile", "host", "--facts-out", "facts.yaml")
    (tmp_path / "vms.yaml").write_text(manifest)
    for name, devices in before.items():
        text = command("render", "-f", "vms.yaml", "--facts", "facts.yaml", "--profile", "host", "--name", name)
        changes = kvnet.diff(devices, kvnet.read_domain(text))
        lost = [each for each in changes if each.before is not None and each.noticed is not Noticed.NOISE]
        assert [str(each) for each in lost] == []
