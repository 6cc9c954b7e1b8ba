"""Rulesets, asked of the real nft: it accepts each, and all three forms make the same of a kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pod.hostile import hostile_machines
from pod.rulesets import NEEDS_NFT, applied, masqueraded, pods, refused

import kvnet
from kvnet import PodFound
from kvnet.pod import PodNat
from kvnet.spec import Machine

pytestmark = NEEDS_NFT

TARGET = kvnet.Target(cluster=kvnet.ClusterConfig(feature_gates=frozenset({"PortRangesSpec"})))


def drawn(count: int, machines: st.SearchStrategy[tuple[Machine, PodFound]]) -> list[PodNat]:
    """The NAT of as many machines, always the same ones."""
    made: list[PodNat] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(machines)
    def draw(drawn: tuple[Machine, PodFound]) -> None:
        made.append(kvnet.pod_nat(drawn[0], TARGET, drawn[1]))

    draw()
    return made


@pytest.mark.parametrize("count", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_nft_accepts_what_is_made_of_hostile_texts(count: int, tmp_path: Path) -> None:
    texts = [each.text for each in drawn(count, hostile_machines()) if not any(one.is_error for one in each.problems)]
    assert sum(map(bool, texts)) > count / 10
    assert refused(texts, tmp_path) == []


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_nft_accepts_the_rulesets_of_random_machines(count: int, tmp_path: Path) -> None:
    made = drawn(count, st.tuples(masqueraded(), pods()))
    assert not any(each.problems for each in made)
    texts = [each.text for each in made]
    assert len(texts) == count
    assert sum(map(bool, texts)) > count / 10
    assert refused(texts, tmp_path) == []


def test_nft_refuses_a_ruleset_with_a_fault(tmp_path: Path) -> None:
    assert refused(["table ip nat {\n  chain c {\n    tcp dport x\n  }\n}\n"], tmp_path)[-1] == "0000.nft"


MANIFEST = """
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {{name: vm, annotations: {{sidecar.istio.io/inject: "{istio}"}}}}
spec:
  domain: {{devices: {{interfaces: [{{name: default, masquerade: {{}}, {ports}}}]}}}}
  networks: [{{name: default, pod: {{}}}}]
status: {{migrationTransport: {transport}, interfaces: [{{name: default, podInterfaceName: {link}}}]}}
"""
CASES = {
    "all ports": ("", "no", "", "eth0"),
    "ports": ("ports: [{port: 80}, {port: 53, protocol: UDP}]", "no", "Unix", "eth0"),
    "ranges": (
        "portRanges: [{protocol: TCP, start: 20, end: 25}, {protocol: UDP, start: 7, end: 7}]",
        "no",
        "Unix",
        "eth0",
    ),
    "all ports behind Istio": ("", "true", "Unix", "eth0"),
    "ports behind Istio": ("ports: [{port: 22}, {port: 80}]", "true", "", "eth0"),
    "a link named like a keyword": ("", "no", "", "masquerade"),
    **{
        f"a link named {name}": ("", "no", "", name)
        for name in (
            "rt0",
            "gc-interval",
            "ip",
            "ip6",
            "ether",
            "vlan",
            "ecn",
            "reset",
            "original",
            "label",
            "lo",
            "ipv4",
        )
    },
    "a link that begins with a digit": ("", "no", "", "1eth.5"),
}


@pytest.mark.parametrize(("ports", "istio", "transport", "link"), CASES.values(), ids=CASES)
def test_commands_text_and_json_make_the_same_ruleset_and_twice_is_as_once(
    ports: str, istio: str, transport: str, link: str, tmp_path: Path
) -> None:
    machine = kvnet.loads(MANIFEST.format(ports=ports, istio=istio, transport=f"'{transport}'", link=f"'{link}'"))
    found = kvnet.loads_found(
        json.dumps({"links": [{"name": link, "ipv4": ["10.244.0.5/24"], "ipv6": ["fd10:244::5/64"]}]})
    )
    nat = kvnet.pod_nat(machine, TARGET, found)
    texts = {"nat.nft": nat.text, "nat.json": json.dumps(nat.as_json())}
    by_text, by_json = ("nft", "-f", "nat.nft"), ("nft", "-j", "-f", "nat.json")
    once = applied(by_text, texts=texts, folder=tmp_path)
    assert sum("table" in each for each in once) == 2
    assert applied(by_json, texts=texts, folder=tmp_path) == once
    assert applied(*nat.commands, texts=texts, folder=tmp_path) == once
    assert applied(by_text, by_text, by_json, by_json, texts=texts, folder=tmp_path) == once


def test_a_text_is_applied_whole_or_not_at_all(tmp_path: Path) -> None:
    machine = kvnet.loads(MANIFEST.format(ports="", istio="no", transport="''", link="eth0"))
    found = kvnet.loads_found("links: [{name: eth0, ipv4: [10.244.0.5/24], ipv6: ['fd10:244::5/64']}]")
    text = kvnet.pod_nat(machine, TARGET, found).text
    texts = {"nat.nft": text, "broken.nft": text.replace("fd10:0:2::2", "fd10:0:2::x"), "before.nft": "add table ip a"}
    assert texts["broken.nft"] != text
    before = ("nft", "-f", "before.nft")
    with pytest.raises(AssertionError, match="Error"):
        applied(("nft", "-f", "broken.nft"), texts=texts, folder=tmp_path)
    kept = applied(before, ("nft", "-f", "nat.nft"), texts=texts, folder=tmp_path)
    assert [each["table"]["name"] for each in kept if "table" in each] == ["a", "nat", "nat"]
