"""``kvnet import``, as a process."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., "CompletedProcess[bytes]"]

DOMAIN = b"""<domain type='kvm'><name>a</name><vcpu>2</vcpu><os><type arch='x86_64'>hvm</type></os><devices>
<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>
</devices></domain>"""


def test_a_domain_becomes_a_manifest_that_checks_and_renders(run: Run) -> None:
    made = run("import", "-", stdin=DOMAIN)
    assert made.returncode == 0
    assert b"note KN611 the bridge br0 has to exist on the cluster's nodes" in made.stderr
    assert run("check", "-f", "-", stdin=made.stdout).returncode == 0
    rendered = run("render", "-f", "-", "--profile", "host", "--devices", stdin=made.stdout)
    assert b"<source bridge='br0'/>" in rendered.stdout


def test_what_is_no_domain_is_refused(run: Run) -> None:
    made = run("import", "-", stdin=b"<network/>")
    assert (made.returncode, made.stdout) == (1, b"")
    assert b"<stdin>:1:1: error KN503" in made.stderr


def test_the_facts_of_several_files_are_what_rendering_needs(run: Run, tmp_path: Path) -> None:
    nic = "<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:0{0}'/><source>"
    nic += "<address type='pci' domain='0' bus='0x0{0}' slot='0x10' function='0x6'/></source></interface>"
    for n in (1, 2):
        text = f"<domain><name>vm{n}</name><memory>65536</memory><devices>{nic.format(n)}</devices></domain>"
        (tmp_path / f"{n}.xml").write_text(text)
    for facts in ("facts.yaml", "facts.json"):
        made = run("import", "--profile", "host", "--facts-out", facts, "1.xml", "2.xml")
        assert made.returncode == 0
        assert b"1.xml:1:1: note KN611" in made.stderr
        assert b"2.xml:1:1: note KN611" in made.stderr
        rendered = run("render", "-f", "-", "--profile", "host", "--facts", facts, "--devices", stdin=made.stdout)
        assert rendered.returncode == 0
        assert re.findall(rb"<mac address='52:54:00:00:00:0(\d)'/>", rendered.stdout) == [b"1", b"2"]
        assert re.findall(rb"bus='0x0(\d)' slot='0x10'", rendered.stdout) == [b"1", b"2"]
    assert json.loads((tmp_path / "facts.json").read_text())["pciAddresses"] == {
        "net0": "0000:01:10.6",
        "net1": "0000:02:10.6",
    }


def test_facts_that_cannot_be_written_end_with_status_2_and_without_a_manifest(run: Run) -> None:
    made = run("import", "--facts-out", "no/such/folder/facts.yaml", "-", stdin=DOMAIN)
    assert (made.returncode, made.stdout) == (2, b"")
    assert b"no/such/folder" in made.stderr


@pytest.mark.parametrize("name", ["", "-"])
def test_facts_are_not_lost_where_no_file_is_named_for_them(run: Run, tmp_path: Path, name: str) -> None:
    made = run("import", "--facts-out", name, "-", stdin=DOMAIN)
    assert (made.returncode, made.stdout, [*tmp_path.iterdir()]) == (2, b"", [])
    assert b"write --facts-out facts.yaml" in made.stderr


def test_facts_are_not_written_over_the_domain_that_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "domain.xml").write_bytes(DOMAIN)
    (tmp_path / "link").symlink_to("domain.xml")
    for name in ("domain.xml", "link"):
        made = run("import", "--facts-out", name, "domain.xml")
        assert (made.returncode, made.stdout) == (2, b"")
        assert b"would be written over what is read" in made.stderr
    assert (tmp_path / "domain.xml").read_bytes() == DOMAIN


MISUSES = {
    "nothing": ([], b"no domain is given"),
    "all domains of no libvirt": (["--all"], b"--all means the domains of a libvirt"),
    "no name": (["-c", "test:///default"], b"no domain is given"),
    "names, and all": (["-c", "test:///default", "--all", "test"], b"give either names of domains or --all"),
}


@pytest.mark.parametrize(("arguments", "told"), MISUSES.values(), ids=MISUSES)
def test_arguments_that_do_not_go_together_are_refused(arguments: list[str], told: bytes, run: Run) -> None:
    made = run("import", *arguments)
    assert (made.returncode, made.stdout) == (2, b"")
    assert told in made.stderr


@pytest.mark.skipif(importlib.util.find_spec("libvirt") is None, reason="libvirt-python is not installed")
@pytest.mark.parametrize("which", ["test", "--all"])
def test_domains_come_straight_from_libvirt(which: str, run: Run) -> None:
    made = run("import", "-c", "test:///default", which)
    assert made.returncode == 0, made.stderr
    assert b"name: test" in made.stdout


def test_a_text_with_two_domains_is_told_with_the_place_of_the_second(run: Run) -> None:
    made = run("import", "-", stdin=DOMAIN + b"\n" + DOMAIN)
    assert (made.returncode, made.stdout) == (1, b"")
    assert b"<stdin>:4:1: error KN508" in made.stderr
