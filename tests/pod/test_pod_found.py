"""What was found in a pod: read from text, with the place of every flaw."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import FactsError, PodFound, testing
from kvnet.manifest.binder import plain
from kvnet.pod import BridgeLease, FoundLink, FoundRoute, LeaseRoute, Phase, Preparation, assumed_found, assumption
from kvnet.spec import Machine

TEXT = """\
links:
- name: eth0
  index: 3
  kind: veth
  mac: 0a:58:0a:f4:00:05
  mtu: 1450
  ipv4: [10.244.0.5/24]
  ipv6: ['fd10:244::5/64']
  ipv4Enabled: true
- {name: tap0, controller: k6t-eth0}
routes:
- {destination: 0.0.0.0/0, link: eth0, gateway: 10.244.0.1}
- {destination: 'fd10:244::/64', link: eth0}
preparations: {default: finished}
leases:
  eth0:
    address: 10.244.0.5/24
    mac: 0a:58:0a:f4:00:05
    gateway: 10.244.0.1
    routes: [{gateway: 10.244.0.1}, {destination: 10.96.0.0/12}]
hostIP: fd00::1
hostname: web
resolvConf: |
  nameserver 10.96.0.10
launcherPID: 55
"""


def test_every_field_is_read() -> None:
    found = kvnet.loads_found(TEXT)
    eth0, tap0 = found.links
    assert eth0.ipv4 == (IPv4Interface("10.244.0.5/24"),)
    assert eth0.ipv6 == (IPv6Interface("fd10:244::5/64"),)
    assert (eth0.index, eth0.kind, str(eth0.mac), eth0.mtu) == (3, "veth", "0a:58:0a:f4:00:05", 1450)
    assert (eth0.ipv4_enabled, eth0.ipv6_enabled, tap0.controller) == (True, None, "k6t-eth0")
    assert found.routes[0] == FoundRoute(
        destination=IPv4Network("0.0.0.0/0"), link="eth0", gateway=IPv4Address("10.244.0.1")
    )
    assert found.preparations == {"default": Preparation.FINISHED}
    assert found.leases["eth0"].routes[1] == LeaseRoute(destination=IPv4Network("10.96.0.0/12"))
    assert (str(found.host_ip), found.hostname, found.resolv_conf) == ("fd00::1", "web", "nameserver 10.96.0.10\n")
    assert found.launcher_pid == 55


@pytest.mark.parametrize("word", ["pending", "started", "finished"])
def test_how_far_a_network_is_is_one_of_three_words(word: str) -> None:
    found = kvnet.loads_found(f"preparations: {{default: {word}}}")
    assert found.preparations == {"default": Preparation[word.upper()]}


def test_what_is_written_as_plain_data_is_read_again() -> None:
    found = kvnet.loads_found(TEXT)
    assert kvnet.load_found(plain(found)) == found
    assert kvnet.load_found({}) == kvnet.loads_found("") == PodFound()


@given(testing.values_of(PodFound))
def test_any_pod_is_written_as_plain_data_and_read_again(found: PodFound) -> None:
    assert kvnet.load_found(json.loads(json.dumps(plain(found)))) == found


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(testing.values_of(Machine), testing.cluster_configs(), testing.values_of(PodFound), st.sampled_from(Phase))
def test_any_machine_and_any_pod_end_in_a_plan_or_in_problems(
    machine: Machine, cluster: kvnet.ClusterConfig, found: PodFound, phase: Phase
) -> None:
    target = kvnet.Target(cluster=cluster)
    for given_pod in (found, assumed_found(machine, target)):
        links = kvnet.pod_links(machine, target, given_pod, phase=phase)
        nat = kvnet.pod_nat(machine, target, given_pod, phase=phase)
        assert not (links.problems and links.links)
        assert not (nat.problems and nat.operations)
        assert kvnet.pod_links(machine, target, given_pod, phase=phase) == links


def test_all_flaws_are_told_at_their_places() -> None:
    flawed = (
        TEXT.replace("mtu: 1450", "mtu: big")
        .replace("[10.244.0.5/24]", "[10.244.0.5/33]")
        .replace("'fd10:244::5/64'", "'fe80::1%eth0/64'")
        .replace("hostIP: fd00::1", "hostIP: node")
        .replace("hostname:", "hostName:")
        .replace("finished", "done")
    )
    with pytest.raises(FactsError) as caught:
        kvnet.loads_found(flawed, name="pod.yaml")
    (zoned,) = (each for each in caught.value.problems if each.field == "links[0].ipv6[0]")
    assert zoned.message == "'fe80::1%eth0/64' has a zone"
    assert all(each.hint for each in caught.value.problems)
    told = {(each.place.line if each.place else 0, each.field, each.code) for each in caught.value.problems}
    assert told == {
        (6, "links[0].mtu", "KN022"),
        (7, "links[0].ipv4[0]", "KN022"),
        (8, "links[0].ipv6[0]", "KN022"),
        (14, "preparations.default", "KN022"),
        (21, "hostIP", "KN022"),
        (22, "hostName", "KN022"),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("links: []\n---\nlinks: []\n", "KN020"),
        ("- eth0\n", "KN022"),
        ("links: [\n", "KN001"),
        ("links: {}\n", "KN022"),
    ],
)
def test_what_is_not_one_mapping_is_refused(text: str, code: str) -> None:
    with pytest.raises(FactsError) as caught:
        kvnet.loads_found(text)
    assert [each.code for each in caught.value.problems] == [code]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match="KN001 cannot read"):
        kvnet.load_found(tmp_path / "pod.yaml")


@pytest.mark.parametrize(
    ("address", "is_global"),
    [
        ("10.0.2.2/24", True),
        ("203.0.113.1/24", True),
        ("169.254.1.2/16", False),
        ("127.0.0.1/8", False),
        ("224.0.0.1/4", False),
        ("255.255.255.255/32", False),
        ("0.0.0.0/8", False),
    ],
)
def test_an_address_that_does_not_count_beyond_its_link_is_none_of_the_pods(address: str, is_global: bool) -> None:
    link = FoundLink(name="eth0", ipv4=(IPv4Interface(address),))
    assert (link.global_ipv4 is not None) is is_global


@pytest.mark.parametrize("address", ["fe80::1/64", "::1/128", "::/128", "ff02::1/16"])
def test_the_first_global_address_of_ipv6_counts(address: str) -> None:
    link = FoundLink(
        name="eth0", ipv6=(IPv6Interface(address), IPv6Interface("fd10::5/64"), IPv6Interface("fd10::6/64"))
    )
    assert link.global_ipv6 == IPv6Interface("fd10::5/64")


def assumed(networks: list[Any], facts: dict[str, Any] | None = None) -> PodFound:
    machine = kvnet.load(vmi([nic(each["name"], "bridge") for each in networks], networks))
    return assumed_found(machine, kvnet.Target(facts=kvnet.load_facts(facts or {})))


@pytest.mark.parametrize(
    ("network", "facts", "ipv6"),
    [
        (pod("a"), {}, []),
        (pod("a", vmIPv6NetworkCIDR="fd10:0:2::/120"), {}, ["fd10:244::10/64"]),
        (pod("a"), {"networkStatus": [{"name": "", "interface": "eth0", "ips": ["fd00::5"]}]}, ["fd10:244::10/64"]),
        (pod("a"), {"networkStatus": [{"name": "", "interface": "eth0", "ips": ["10.244.0.5"]}]}, []),
    ],
)
def test_a_pod_that_is_assumed_has_ipv6_where_the_manifest_or_the_facts_speak_of_it(
    network: Any, facts: dict[str, Any], ipv6: list[str]
) -> None:
    (link,) = assumed([network], facts).links
    assert ([*map(str, link.ipv4)], [*map(str, link.ipv6)]) == (["10.244.0.10/24"], ipv6)


def test_a_pod_that_is_assumed_has_the_mtu_of_the_facts_and_addresses_on_its_first_link_alone() -> None:
    found = assumed([pod("a"), multus("b")], {"links": {"a": {"mtu": 1400}}})
    assert [(each.name, each.mtu, len(each.ipv4)) for each in found.links] == [
        ("eth0", 1400, 1),
        ("pod3e23e816003", 1500, 0),
    ]


def test_a_plan_can_be_made_for_a_pod_that_is_assumed_and_a_note_tells_of_it() -> None:
    machine = kvnet.load(vmi([nic("a", "bridge")], [pod("a", vmIPv6NetworkCIDR="fd10:0:2::/120")]))
    found = assumed_found(machine, kvnet.Target())
    plan = kvnet.pod_links(machine, None, found)
    assert plan.problems == ()
    assert plan.leases["eth0"] == BridgeLease(
        address=IPv4Interface("10.244.0.10/24"),
        mac=found.links[0].mac,
        gateway=IPv4Address("10.244.0.1"),
        routes=(LeaseRoute(gateway=IPv4Address("10.244.0.1")),),
    )
    note = assumption(machine, found)
    assert (note.code, str(note.at), note.severity) == ("KN847", "spec.networks", kvnet.Severity.NOTE)
    assert "eth0 with 10.244.0.10/24, eth0 with fd10:244::10/64" in note.message


KNOWN = {"mac": "02:00:00:00:00:07", "mtu": 1400}


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({}, [("0a:58:0a:f4:00:0a", 1500), (None, 1500)]),
        ({"a": KNOWN}, [("02:00:00:00:00:07", 1400), (None, 1500)]),
        ({"b": KNOWN}, [("0a:58:0a:f4:00:0a", 1500), ("02:00:00:00:00:07", 1400)]),
    ],
)
def test_a_link_that_is_assumed_has_the_mac_address_and_the_mtu_of_the_facts(
    links: dict[str, Any], expected: list[tuple[str | None, int]]
) -> None:
    found = assumed([pod("a"), multus("b")], {"links": links}).links
    assert [(each.mac and str(each.mac), each.mtu) for each in found] == expected
    assert [(each.kind, each.ipv4_enabled, each.ipv6_enabled) for each in found] == [
        ("veth", True, False),
        ("veth", False, False),
    ]
    (dual,) = assumed([pod("a", vmIPv6NetworkCIDR="fd10:0:2::/120")]).links
    assert (dual.ipv4_enabled, dual.ipv6_enabled) == (True, True)
