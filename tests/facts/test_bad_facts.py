from __future__ import annotations

import pytest

from kvnet import FactsError, loads_facts

POD = "kind: Pod\nmetadata:\n  annotations:\n    k8s.v1.cni.cncf.io/network-status: '%s'\n"
STATUS = "metadata.annotations.k8s.v1.cni.cncf.io/network-status"


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
        ("colour: blue\n", "1:1 KN022 colour"),
        ("links: {}\nlinks: {}\n", "2:1 KN002 links"),
        ("a: [\n", "2:1 KN001 "),
    ],
    ids=repr,
)
def test_bad_facts_are_refused_at_their_place(text: str, where: str) -> None:
    with pytest.raises(FactsError) as caught:
        loads_facts(text)
    [problem] = caught.value.problems
    assert f"{problem.place} {problem.code} {problem.field}" == f"<text>:{where}"
