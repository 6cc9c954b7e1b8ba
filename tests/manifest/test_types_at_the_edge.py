"""No value is taken for one of another type: text for a list, a word for a boolean, a list for a mapping."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from machines import multus, nic, vmi

import kvnet

_FACTS: dict[str, Any] = {
    "libvirtNetworks": ["default"],
    "podNetworks": [{"name": "x", "ips": ["10.0.0.1"], "default": True}],
    "links": {"a": {"mtu": 1450}},
    "pciAddresses": {"a": "0000:81:00.1"},
    "networks": {"a": {"bridge": "b"}},
}
_CLUSTER: dict[str, Any] = {
    "kind": "KubeVirt",
    "spec": {
        "configuration": {
            "network": {"binding": {"p": {"domainAttachmentType": "tap"}}, "permitBridgeInterfaceOnPodNetwork": True},
            "developerConfiguration": {"featureGates": ["A"]},
            "liveUpdateConfiguration": {"maxCpuSockets": 4},
        }
    },
}
_CNI: dict[str, Any] = {
    "type": "bridge",
    "bridge": "b",
    "vlan": 7,
    "macspoofchk": True,
    "vlanTrunk": [{"minID": 1, "maxID": 4}],
    "ipam": {"type": "dhcp"},
}
_AGENT: list[Any] = [{"name": "eth0", "ip-addresses": [{"ip-address": "10.0.0.2"}]}]
_MACHINE = vmi([nic(ports=[{"port": 1}], dhcpOptions={"ntpServers": ["10.0.0.1"]})], [multus()])


def _facts(text: str) -> object:
    return kvnet.loads_facts(text, name="given")


def _machine(text: str) -> object:
    return kvnet.loads(text, name="given")


def _cluster(text: str) -> object:
    return kvnet.loads_cluster(text, name="given")


def _nad(text: str) -> object:
    nad = {"kind": "NetworkAttachmentDefinition", "metadata": {"name": "nad"}, "spec": {"config": text}}
    nads = kvnet.loads_all(json.dumps(nad), name="given").nads
    made = kvnet.render(kvnet.load(vmi([nic()], [multus()])), kvnet.Target(profile="host", nads=nads))
    if any(each.code == "KN345" for each in made.problems):
        raise kvnet.Rejected(made.problems)
    return made


def _report(text: str) -> object:
    return kvnet.status(kvnet.load(_MACHINE), "<domain><devices/></domain>", json.loads(text))


_CASES: list[tuple[Callable[[str], object], Any, str]] = [
    *(
        (_facts, _FACTS, path)
        for path in ("libvirtNetworks", "podNetworks", "links", "links.a", "pciAddresses", "networks")
    ),
    *(
        (_facts, _FACTS, path)
        for path in ("podNetworks.0", "podNetworks.0.ips", "podNetworks.0.default", "links.a.mtu")
    ),
    *(
        (_cluster, _CLUSTER, f"spec.configuration.{path}")
        for path in ("network", "network.binding", "network.binding.p")
    ),
    (_cluster, _CLUSTER, "spec.configuration.developerConfiguration.featureGates"),
    (_cluster, _CLUSTER, "spec.configuration.network.permitBridgeInterfaceOnPodNetwork"),
    (_cluster, _CLUSTER, "spec.configuration.liveUpdateConfiguration.maxCpuSockets"),
    *((_nad, _CNI, path) for path in ("vlan", "macspoofchk", "vlanTrunk", "vlanTrunk.0", "vlanTrunk.0.minID", "ipam")),
    *((_report, _AGENT, path) for path in ("0", "0.name", "0.ip-addresses", "0.ip-addresses.0")),
    *(
        (_machine, _MACHINE, f"spec.{path}")
        for path in ("networks", "networks.0", "networks.0.multus", "domain.devices")
    ),
    *(
        (_machine, _MACHINE, f"spec.domain.devices.interfaces.0.{path}")
        for path in ("name", "bridge", "ports", "ports.0", "ports.0.port", "dhcpOptions", "dhcpOptions.ntpServers")
    ),
]


def _holder(data: Any, path: str) -> tuple[Any, Any]:
    *around, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    for step in around:
        data = data[step]
    return data, last


def _others(value: Any) -> list[Any]:
    """Values of other types, which may be taken for one of this type."""
    if isinstance(value, dict):
        return ["default", 5, True, ["default"], [["a", "b"]]]
    if isinstance(value, list):
        return ["default", 5, True, {"default": 1}]
    if isinstance(value, bool):
        return ["false", "", 0, [], {}]
    return [[5], {"a": 5}, True, 1.5, "\u00b2"] if isinstance(value, int) else [5, True, [], {"a": "b"}]


@pytest.mark.parametrize(("read", "document", "path"), _CASES, ids=lambda each: each if isinstance(each, str) else None)
def test_a_value_of_another_type_is_refused_where_it_is(
    read: Callable[[str], object], document: Any, path: str
) -> None:
    read(json.dumps(document))
    holder, step = _holder(document, path)
    for other in _others(holder[step]):
        changed = json.loads(json.dumps(document))
        inner, last = _holder(changed, path)
        inner[last] = other
        with pytest.raises(kvnet.KvnetError) as refused:
            read(json.dumps(changed))
        (problem, *_) = refused.value.problems
        word = next((part for part in reversed(path.split(".")) if not part.isdigit()), "")
        assert word in f"{problem} {problem.field}"
        assert read in (_report, _nad) or problem.place is not None
