"""``kvnet pod plan``: what a pod needs, in each format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from kvnet.cli import options
from kvnet.cli.pod import FORMATS
from kvnet.pod import Phase

Run = Callable[..., "CompletedProcess[bytes]"]

VM = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web}
spec:
  architecture: amd64
  domain: {devices: {interfaces: [{name: default, masquerade: {}, ports: [{port: 80}]}]}}
  networks: [{name: default, pod: {}}]
"""
POD = "links: [{name: eth0, mtu: 1450, ipv4: [10.244.0.5/24]}]\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name, text in (("vm", VM), ("pod", POD), ("two", f"{VM}---\n{VM.replace('web', 'db')}")):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_text_has_a_line_for_each_thing_that_is_to_be_there(run: Run) -> None:
    ended = run("pod", "plan", "-f", "vm.yaml", "--found", "pod.yaml")
    lines = ended.stdout.decode().splitlines()
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert lines[0] == "default_web: annotation traffic.sidecar.istio.io/kubevirtInterfaces: k6t-eth0"
    assert lines[2] == "default_web: link k6t-eth0: bridge, 02:00:00:00:00:00, MTU 1450, 10.0.2.1/24"
    assert "default_web: link tap0: tap, port of k6t-eth0, MTU 1450, 1 queue, owner 107" in lines
    assert "default_web: sysctl net/ipv4/ip_forward=1" in lines
    assert "default_web: nft add rule ip nat KUBEVIRT_PREINBOUND tcp dport '{ 80 }' counter dnat to 10.0.2.2" in lines
    assert lines[-1] == (
        "default_web: DHCP on k6t-eth0: 10.0.2.2/24 for any MAC, from 10.0.2.1, gateway 10.0.2.1, MTU 1450,"
        " name servers 8.8.8.8, search cluster.local"
    )


def test_without_a_pod_one_is_assumed_and_the_command_says_so(run: Run) -> None:
    ended = run("pod", "plan", "vm.yaml")
    assert b"note KN847 assumed a new pod: eth0 with 10.244.0.10/24; say what was found" in ended.stderr
    assert b"MTU 1500" in ended.stdout
    assert ended.returncode == 0


def test_json_has_the_links_the_commands_and_the_ruleset(run: Run) -> None:
    made = json.loads(run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "-o", "json").stdout)
    assert [(each["kind"], each["name"]) for each in made["links"]["links"]] == [
        ("bridge", "k6t-eth0"),
        ("tap", "tap0"),
    ]
    assert made["links"]["podIPs"] == {"default": ["10.244.0.5"]}
    assert made["links"]["after"] == {"default": "finished"}
    assert made["nat"]["commands"][0] == ["nft", "add", "table", "ip", "nat"]
    assert made["nat"]["ruleset"]["nftables"][1] == {"add": {"table": {"family": "ip", "name": "nat"}}}
    assert made["problems"] == []


def test_json_has_all_that_is_planned(run: Run) -> None:
    made = json.loads(run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "-o", "json").stdout)
    assert [*made] == ["name", "links", "nat", "dhcp", "annotations", "problems"]
    assert [*made["links"]] == [
        *("networks", "due", "links", "sysctls", "leases", "podIPs", "forgotten", "before", "after"),
    ]
    assert (made["name"], made["links"]["networks"], made["links"]["due"]) == ("default_web", ["default"], True)
    (served,) = made["dhcp"]
    assert (served["leaseSeconds"], served["bridge"]) == (86313600, "k6t-eth0")


def test_nft_is_a_file_for_nft_and_several_machines_have_a_heading_each(run: Run) -> None:
    one = run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "-o", "nft").stdout.decode()
    assert one.startswith("add table ip nat\ndelete table ip nat\ntable ip nat {\n")
    two = run("pod", "plan", "two.yaml", "--found", "pod.yaml", "-o", "nft").stdout.decode()
    assert two == f"# default_web\n{one}\n# default_db\n{one}"


BRIDGED = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web}
spec:
  architecture: amd64
  domain:
    devices:
      interfaces:
      - {name: default, masquerade: {}, dhcpOptions: {privateOptions: [{option: 240, value: "a, b"}]}}
      - {name: lan, bridge: {}}
  networks: [{name: default, pod: {}}, {name: lan, multus: {networkName: prod/lan}}]
"""
TWO_LINKS = """\
links:
- {name: eth0, mtu: 1450, ipv4: [10.244.0.5/24]}
- {name: pod094a367b026, mac: "0a:58:0a:01:00:05", mtu: 9000, ipv4: [10.1.0.5/16]}
routes: [{destination: 0.0.0.0/0, link: pod094a367b026, gateway: 10.1.0.1}]
hostname: web
resolvConf: "nameserver 10.96.0.10\\nsearch prod.svc.cluster.local"
"""


def bridged(run: Run, folder: Path, *options: str) -> str:
    (folder / "vm.yaml").write_text(BRIDGED, encoding="utf-8")
    (folder / "pod.yaml").write_text(TWO_LINKS, encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml", "--found", "pod.yaml", *options)
    assert (ended.returncode, ended.stderr) == (0, b"")
    return ended.stdout.decode()


def test_dnsmasq_has_a_configuration_for_each_server_once_the_links_are_made(run: Run, tmp_path: Path) -> None:
    masqueraded, other = bridged(run, tmp_path, "-o", "dnsmasq").split("\n\n")
    assert masqueraded.startswith("# k6t-eth0\nport=0\n")
    assert "dhcp-option-force=240,61:2c:20:62\n" in masqueraded
    assert other.startswith("# k6t-094a367b026\nport=0\n")
    assert "dhcp-host=id:*,0a:58:0a:01:00:05,10.1.0.5,86313600\n" in other


def test_one_server_has_its_configuration_without_a_heading(run: Run) -> None:
    made = run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "-o", "dnsmasq").stdout
    assert made.startswith(b"port=0\n")


def test_a_server_that_dnsmasq_cannot_be_is_an_error_of_that_format_alone(run: Run, tmp_path: Path) -> None:
    options = f"masquerade: {{}}, dhcpOptions: {{bootFileName: {'a' * 300}}}"
    (tmp_path / "vm.yaml").write_text(VM.replace("masquerade: {}", options), encoding="utf-8")
    assert run("pod", "plan", "vm.yaml").returncode == 0
    ended = run("pod", "plan", "vm.yaml", "-o", "dnsmasq")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert re.search(rb"vm.yaml:\d+:\d+: error KN832 .* \[.*dhcpOptions.bootFileName\]", ended.stderr)


def test_annotations_are_yaml_to_be_put_below_metadata(run: Run, tmp_path: Path) -> None:
    made = yaml.safe_load(bridged(run, tmp_path, "-o", "annotations"))["annotations"]
    assert json.loads(made.pop("k8s.v1.cni.cncf.io/networks")) == [
        {"name": "lan", "namespace": "prod", "interface": "pod094a367b026"}
    ]
    assert set(made.values()) == {"k6t-eth0"}
    two = run("pod", "plan", "two.yaml", "-o", "annotations").stdout
    assert [len(each["annotations"]) for each in yaml.safe_load_all(two)] == [2, 2]


def test_json_says_who_is_served_what_and_has_the_annotations(run: Run, tmp_path: Path) -> None:
    made = json.loads(bridged(run, tmp_path, "-o", "json"))
    first, second = made["dhcp"]
    assert (first["address"], first["server"], first["leaseSeconds"]) == ("10.0.2.2/24", "10.0.2.1", 86313600)
    assert first["options"]["240"] == b"a, b".hex()
    assert (second["mac"], second["server"], second["mtu"]) == ("0a:58:0a:01:00:05", "169.254.75.11", 9000)
    assert next(iter(made["annotations"])) == "k8s.v1.cni.cncf.io/networks"


def test_a_machine_that_runs_gets_other_annotations_than_a_new_one(run: Run) -> None:
    live = run("pod", "plan", "vm.yaml", "--found", "pod.yaml", "--phase", "liveUpdate", "-o", "annotations").stdout
    assert yaml.safe_load(live) == {"annotations": {}}
    migrated = run("pod", "plan", "vm.yaml", "--phase", "migrationTarget", "-o", "annotations").stdout
    assert len(yaml.safe_load(migrated)["annotations"]) == 2


def test_a_pod_without_the_link_of_a_network_is_an_error_at_the_nic(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("links: []\n", encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml", "--found", "pod.yaml")
    assert ended.returncode == 1
    assert all(line.startswith(b"default_web: annotation ") for line in ended.stdout.splitlines())
    assert ended.stderr.count(b"error KN840") == 1
    assert b"vm.yaml:6:" in ended.stderr


def test_a_file_of_another_form_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("links:\n- name: eth0\n  ipv4: [10.244.0.5/99]\n", encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml", "--found", "pod.yaml")
    assert ended.returncode == 1
    assert b"pod.yaml:3:10: error KN022 '10.244.0.5/99' is not an IPv4 address with its prefix" in ended.stderr


def test_a_machine_that_is_refused_has_no_plan(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(VM.replace("port: 80", "port: 0"), encoding="utf-8")
    ended = run("pod", "plan", "vm.yaml")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"error KN134" in ended.stderr


def test_formats_and_phases_are_those_of_the_library() -> None:
    assert tuple(FORMATS) == options._POD_FORMATS
    assert tuple(Phase) == options._PHASES
