"""``kvnet cloud-init``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import yaml

Run = Callable[..., "CompletedProcess[bytes]"]
MANIFEST = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: %s}
spec:
  domain: {devices: {interfaces: [{name: a, masquerade: {}, macAddress: "02:00:00:00:00:01"}]}}
  networks: [{name: a, pod: {vmIPv6NetworkCIDR: "fd42::/120"}}]
  volumes:
  - name: c
    cloudInitNoCloud:
      networkData: "{version: 2, ethernets: {eth0: {dhcp4: true, addresses: ['%s']%s}}}"
"""
GOOD = MANIFEST % ("web", "fd42::2/120", ", routes: [{to: '::/0', via: 'fd42::1'}]")


def test_it_prints_the_network_data_of_a_machine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(GOOD, encoding="utf-8")
    ended = run("cloud-init", "vm.yaml")
    assert (ended.returncode, ended.stderr) == (0, b"")
    printed = yaml.safe_load(ended.stdout)
    assert printed["ethernets"]["eth0"]["addresses"] == ["fd42::2/120"]
    assert json.loads(run("cloud-init", "vm.yaml", "-o", "json").stdout) == printed
    first = yaml.safe_load(run("cloud-init", "vm.yaml", "--version", "1").stdout)
    assert first["config"][0]["subnets"][1]["address"] == "fd42::2/120"


def test_of_several_machines_it_prints_a_stream_with_their_names(run: Run) -> None:
    both = f"{GOOD}---\n{MANIFEST % ('db', 'fd42::2/120', '')}"
    ended = run("cloud-init", "-", stdin=both.encode())
    assert ended.stdout.count(b"---\n") == 1
    assert [line for line in ended.stdout.splitlines() if line.startswith(b"#")] == [b"# web", b"# db"]
    documents = list(yaml.safe_load_all(ended.stdout))
    assert len(documents) == 2
    assert json.loads(run("cloud-init", "-", "-o", "json", stdin=both.encode()).stdout) == documents


def test_check_tells_what_differs_and_prints_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(GOOD, encoding="utf-8")
    good = run("cloud-init", "--check", "vm.yaml")
    assert (good.returncode, good.stdout, good.stderr) == (0, b"", b"")
    for address, more in (("fd42::9/120", ", routes: [{to: '::/0', via: 'fd42::1'}]"), ("fd42::2/120", "")):
        (tmp_path / "vm.yaml").write_text(MANIFEST % ("web", address, more), encoding="utf-8")
        bad = run("cloud-init", "--check", "vm.yaml")
        assert (bad.returncode, bad.stdout) == (1, b"")
        assert bad.stderr.startswith(b"vm.yaml:10:")
        assert b"KN923" in bad.stderr


def test_check_tells_in_other_formats(run: Run) -> None:
    lacking = (MANIFEST % ("web", "fd42::2/120", "")).replace("dhcp4: true, addresses: ['fd42::2/120']", "")
    ended = run("cloud-init", "--check", "-", "--problems", "json", stdin=lacking.encode())
    assert ended.returncode == 1
    assert [each["code"] for each in json.loads(ended.stderr)] == ["KN834"]


def test_a_nic_without_a_mac_address_is_told(run: Run) -> None:
    ended = run("cloud-init", "-", stdin=GOOD.replace(', macAddress: "02:00:00:00:00:01"', "").encode())
    assert (ended.returncode, ended.stdout) == (0, b"version: 2\nethernets: {}\n")
    assert b"KN835" in ended.stderr
