"""Facts that cannot be read, or that contradict each other."""

from __future__ import annotations

import pytest

from kvnet import FactsError, loads_facts

POD = "kind: Pod\nmetadata:\n  annotations:\n    k8s.v1.cni.cncf.io/network-status: '%s'\n"
STATUS = "metadata.annotations.k8s.v1.cni.cncf.io/network-status"
NETWORK_INFO = "interfaces: [{network: a, deviceInfo: {pci: {pci-address: '0000:05:00.2'}}}]"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("- 5\n", "1:3 KN022 [0]"),
        ("- {interface: 5}\n", "1:15 KN022 [0].interface"),
        ("- {device-info: 5}\n", "1:17 KN022 [0].device-info"),
        ("- {device-info: {pci: 5}}\n", "1:23 KN022 [0].device-info.pci"),
        ("- {device-info: {pci: {pci-address: x}}}\n", "1:37 KN022 [0].device-info.pci.pci-address"),
        ("text\n", "1:1 KN020 "),
        ("networkInfo: 5\n", "1:14 KN022 networkInfo"),
        ("networkInfo:\n  interfaces: 5\n", "2:15 KN022 networkInfo.interfaces"),
        ("networkStatus: 5\n", "1:16 KN020 networkStatus"),
        ("networkStatus: [5]\n", "1:17 KN022 networkStatus[0]"),
        ("kind: Pod\nmetadata: 5\n", "2:11 KN022 metadata"),
        ("kind: Pod\nmetadata: {annotations: [a]}\n", "2:25 KN022 metadata.annotations"),
        (POD % "{", f"4:40 KN021 {STATUS}"),
        (POD % "{}", f"4:40 KN020 {STATUS}"),
        (POD % "[5]", f"4:40 KN022 {STATUS}[0]"),
        ("links: 5\n", "1:8 KN022 links"),
        ("links: {a: 5}\n", "1:12 KN022 links.a"),
        ("links: {a: {mac: x}}\n", "1:18 KN022 links.a.mac"),
        ("links: {'0': {mac: x}}\n", "1:20 KN022 links.0.mac"),
        ('links: {"a]b\'c": {mac: x}}\n', "1:24 KN022 links.a]b'c.mac"),
        ("links: {a.b: {mtu: x}}\n", "1:20 KN022 links.a.b.mtu"),
        ("links: {a: {mtu: -1}}\n", "1:18 KN022 links.a.mtu"),
        ("links: {a: {mtu: 4294967296}}\n", "1:18 KN022 links.a.mtu"),
        ("links: {a: {mtu: 1500.0}}\n", "1:18 KN022 links.a.mtu"),
        ("links: {a: {mac: 525400123456}}\n", "1:18 KN022 links.a.mac"),
        ("links: {a: {tap: 0}}\n", "1:18 KN022 links.a.tap"),
        ("links: {a: {Mac: x}}\n", "1:13 KN022 links.a.Mac"),
        ("libvirtVersion: 9.0\n", "1:17 KN022 libvirtVersion"),
        ("qemuVersion: unstable\n", "1:14 KN022 qemuVersion"),
        ("networks: {a: {}}\n", "1:15 KN022 networks.a"),
        ("networks: {a: {bridge: br0, direct: eth1}}\n", "1:15 KN022 networks.a"),
        ("networks: {a: {bridge: br0, mode: vepa}}\n", "1:15 KN022 networks.a"),
        ("networks: {a: {bridge: br0, interface: <interface/>}}\n", "1:15 KN022 networks.a"),
        ("networks: {a: {direct: eth1, mode: passthru}}\n", "1:15 KN022 networks.a"),
        ("networks: {a: {bridge: br0, portgroup: p}}\n", "1:15 KN022 networks.a"),
        ("networks: {a: {bridge: 5}}\n", "1:24 KN022 networks.a.bridge"),
        ("networks: {a: {ovsbridge: b}}\n", "1:16 KN022 networks.a.ovsbridge"),
        ("launchSecurity: x\n", "1:17 KN022 launchSecurity"),
        ("pciAddresses: {a: '05:00.1'}\n", "1:19 KN022 pciAddresses.a"),
        ("networkInfo: {interfaces: [{mac: x}]}\n", "1:28 KN022 networkInfo.interfaces[0].network"),
        ("architecture: x86_64\n", "1:15 KN022 architecture"),
        ("architecture: []\n", "1:15 KN022 architecture"),
        ("libvirtVersion: el9\n", "1:17 KN022 libvirtVersion"),
        ("colour: blue\n", "1:1 KN022 colour"),
        ("links: {}\nlinks: {}\n", "2:1 KN002 links"),
        ("kind: VirtualMachine\nmetadata: {name: a}\nspec: {}\n", "1:7 KN022 kind"),
        ("a: [\n", "2:1 KN001 "),
    ],
    ids=repr,
)
def test_bad_facts_are_refused_at_their_place(text: str, where: str) -> None:
    with pytest.raises(FactsError) as caught:
        loads_facts(text)
    problem = caught.value.problems[-1]
    assert f"{problem.place} {problem.code} {problem.field}" == f"<text>:{where}"
    assert problem.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("pciAddresses: {a: '05:00.1'}\n", "as in 0000:81:00.1"),
        ("links: {a: {mac: x}}\n", "as in 02:00:00:00:00:01"),
        ("qemuVersion: unstable\n", "`kvnet schema facts` prints"),
        ("kind: VirtualMachine\nspec: {}\n", "give it among the manifests"),
    ],
)
def test_bad_facts_are_told_with_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(FactsError) as caught:
        loads_facts(text)
    [problem] = caught.value.problems
    assert hint in problem.hint


def test_every_flaw_of_every_document_is_told_at_once() -> None:
    with pytest.raises(FactsError) as caught:
        loads_facts("links: {a: {mtu: x}, b: {mac: y}}\nnetworkStatus: 5\n---\ncolour: blue\n")
    told = {f"{problem.place}" for problem in caught.value.problems}
    assert told == {"<text>:1:18", "<text>:1:31", "<text>:2:16", "<text>:4:1"}


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        ("links: {a: {mtu: 1400}}", "links: {a: {mtu: 1500}, b: {}}", "3:12 KN024 links.a"),
        ("pciAddresses: {a: '0000:05:00.1'}", "pciAddresses: {a: '0000:05:00.2'}", "3:19 KN024 pciAddresses.a"),
        ("architecture: amd64", "architecture: arm64", "3:15 KN024 architecture"),
        ("pciAddresses: {a: '0000:05:00.1'}", NETWORK_INFO, "3:1 KN024 pciAddresses.a"),
    ],
)
def test_documents_that_contradict_each_other_are_refused_at_the_second(first: str, second: str, where: str) -> None:
    with pytest.raises(FactsError) as caught:
        loads_facts(f"{first}\n---\n{second}\n")
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}" == f"<text>:{where}"
    assert problem.hint == "leave one of them out"
