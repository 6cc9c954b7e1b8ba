"""Whether the network data that a machine has gives the guest what KubeVirt leaves to it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest

import kvnet

MANIFEST = """\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web}
spec:
  domain:
    devices:
      interfaces:
      - {name: a, masquerade: {}%s}
      - {name: b, bridge: {}, model: e1000, macAddress: "02:00:00:00:00:02"}
  networks:
  - name: a
    pod: {vmIPv6NetworkCIDR: "fd10:0:2::/120"}
  - name: b
    multus: {networkName: lan}
  volumes:
  - name: c
    cloudInitNoCloud:
"""
LAN = """
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: lan}
spec: {config: '{"cniVersion": "0.3.1", "name": "lan", "type": "bridge", "bridge": "br1", "mtu": 9000}'}
"""
FIRST = 'dhcp4: true, addresses: ["fd10:0:2::2/120"], routes: [{to: "::/0", via: "fd10:0:2::1"}]'
GOOD = f"version: 2\nethernets:\n  eth0: {{{FIRST}}}\n  eth1: {{mtu: 9000}}\n"
VERSION_1 = """\
version: 1
config:
- type: physical
  name: eth0
  subnets:
  - {type: dhcp4}
  - {type: static6, address: "fd10:0:2::2/120", gateway: "fd10:0:2::1"}
- type: physical
  name: x
  mac_address: "02:00:00:00:00:02"
  mtu: 9000
"""


def found(source: str, *, first: str = "") -> tuple[kvnet.Problem, ...]:
    manifest = kvnet.loads_all(f"{MANIFEST % first}{source}---{LAN}", name="vm.yaml")
    (machine,) = manifest.machines
    return kvnet.check_network_data(machine, manifest.target())


def inline(data: str) -> str:
    return "      networkData: |\n" + "".join(f"        {line}\n" for line in data.splitlines())


def encoded(data: str) -> str:
    return f"      networkDataBase64: {b64encode(data.encode()).decode()}\n"


NESTED = "network:\n" + "".join(f"  {line}\n" for line in GOOD.splitlines())


@pytest.mark.parametrize("data", [GOOD, VERSION_1, GOOD.replace("eth1", "enp2s0"), NESTED])
@pytest.mark.parametrize("written", [inline, encoded])
def test_data_that_has_all_of_it_agrees(written: Callable[[str], str], data: str) -> None:
    assert found(written(data)) == ()


LINE = 19
"""Of the first line of inline network data in the manifest."""
WRONG: dict[str, tuple[str, list[tuple[str, int, str]]]] = {
    "no DHCP": (GOOD.replace("dhcp4: true, ", ""), [("KN834", LINE + 2, "lacks `dhcp4: true`")]),
    "no IPv6": (
        GOOD.replace(FIRST, "dhcp4: true"),
        [
            (
                "KN834",
                LINE + 2,
                'lacks `addresses: ["fd10:0:2::2/120"]` and `routes: [{to: "::/0", via: "fd10:0:2::1"}]`',
            )
        ],
    ),
    "another address": (GOOD.replace("::2/120", "::3/120"), [("KN923", LINE + 2, "fd10:0:2::2/120, not")]),
    "no gateway": (GOOD.replace("routes:", "x:"), [("KN923", LINE + 2, "the guest has no IPv6 gateway")]),
    "no MTU": (GOOD.replace("mtu: 9000", "optional: true"), [("KN834", LINE + 3, "lacks `mtu: 9000`")]),
    "another MTU": (GOOD.replace("mtu: 9000", "mtu: 1400"), [("KN834", LINE + 3, "is 9000, not 1400")]),
    "nothing of one NIC": (
        GOOD.replace("eth1", "eth7"),
        [("KN834", 16, "no network data configures 'b' in the guest, which needs `mtu: 9000`")],
    ),
}


@pytest.mark.parametrize(("data", "expected"), WRONG.values(), ids=WRONG)
def test_a_difference_is_told_at_its_line(data: str, expected: list[tuple[str, int, str]]) -> None:
    problems = found(inline(data))
    assert len(problems) == len(expected)
    for problem, (code, line, words) in zip(problems, expected, strict=True):
        assert problem.place is not None
        assert (problem.code, problem.place.line, words in problem.message) == (code, line, True), str(problem)


@pytest.mark.parametrize("name", WRONG)
def test_the_same_is_told_of_encoded_data(name: str) -> None:
    data, expected = WRONG[name]
    assert [each.code for each in found(encoded(data))] == [code for code, _, _ in expected]


def test_data_in_a_secret_is_not_compared() -> None:
    (problem,) = found("      networkDataSecretRef: {name: s}\n")
    assert (problem.code, str(problem.severity)) == ("KN836", "note")


def test_without_data_cloud_init_asks_for_an_ipv4_address_on_the_first_nic() -> None:
    missing = [(each.code, each.message.partition("which needs ")[2]) for each in found("      userData: x\n")]
    assert missing == [
        ("KN834", '`addresses: ["fd10:0:2::2/120"]` and `routes: [{to: "::/0", via: "fd10:0:2::1"}]`'),
        ("KN834", "`mtu: 9000`"),
    ]


def test_ipv6_that_is_only_assumed_is_not_missed() -> None:
    machine = kvnet.loads(
        "{domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}, networks: [{name: a, pod: {}}]}"
    )
    assert kvnet.check_network_data(machine) == ()


def test_a_link_is_found_by_the_mac_address_that_facts_know() -> None:
    data = GOOD.replace("eth0: {", 'x: {match: {macaddress: "02:00:00:00:00:0A"}, ')
    manifest = kvnet.loads_all(f"{MANIFEST % ''}{inline(data)}---{LAN}")
    (machine,) = manifest.machines
    known = kvnet.load_facts({"links": {"a": {"mac": "02:00:00:00:00:0a"}}})
    assert [each.code for each in kvnet.check_network_data(machine, manifest.target())] == ["KN834"]
    assert kvnet.check_network_data(machine, manifest.target(facts=known)) == ()


def test_what_kvnet_prints_agrees() -> None:
    manifest = kvnet.loads_all(f"{MANIFEST % ', macAddress: 02:00:00:00:00:01'}      userData: x\n---{LAN}")
    (machine,) = manifest.machines
    for version in (1, 2):
        data = kvnet.network_data(machine, manifest.target()).text(version)
        assert found(inline(data), first=", macAddress: 02:00:00:00:00:01") == ()
