"""KubeVirt's verdict, rule by rule: code, field and cause of everything that is said of a machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import frozen
from machines import claim, multus, nic, pod, vmi

import kvnet
from kvnet import ClusterConfig, Severity

Finding = tuple[str, str, str]

NICS = "spec.domain.devices.interfaces"
REQUIRED, INVALID, DUPLICATE = "FieldValueRequired", "FieldValueInvalid", "FieldValueDuplicate"
NOT_SUPPORTED, NOT_FOUND = "FieldValueNotSupported", "FieldValueNotFound"

BRIDGE_FORBIDDEN = ClusterConfig(permit_bridge_on_pod_network=False)
WITHOUT_PASST = ClusterConfig(disabled_feature_gates=frozenset({"PasstBinding"}))
WITH_CLAIMS = ClusterConfig(feature_gates=frozenset({"NetworkDevicesWithDRA"}))
WITH_RANGES = ClusterConfig(feature_gates=frozenset({"PortRangesSpec"}))


@frozen
class Row:
    machine: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    cluster: ClusterConfig = ClusterConfig()


def row(machine: dict[str, Any], *findings: Finding, cluster: ClusterConfig | None = None) -> Row:
    return Row(machine, findings, cluster or ClusterConfig())


def masqueraded(**members: Any) -> dict[str, Any]:
    return vmi([nic(binding="masquerade", **members)], [pod()])


def attached(**members: Any) -> dict[str, Any]:
    return vmi([nic(**members)], [multus()])


def ports(*entries: dict[str, Any]) -> dict[str, Any]:
    return masqueraded(ports=list(entries))


def ranges(*entries: tuple[str, int, int], **members: Any) -> dict[str, Any]:
    spans = [{"protocol": protocol, "start": start, "end": end} for protocol, start, end in entries]
    return masqueraded(portRanges=spans, **members)


def claimed(*networks: dict[str, Any], binding: str = "sriov") -> dict[str, Any]:
    nics = [nic(network["name"], binding) for network in networks]
    return vmi(nics, list(networks), spec={"resourceClaims": [{"name": "card", "resourceClaimName": "card"}]})


def private(*numbers: int) -> dict[str, Any]:
    return attached(dhcpOptions={"privateOptions": [{"option": number, "value": "x"} for number in numbers]})


CARD = {"claimName": "card", "requestName": "vf"}
NETWORKS = {
    "two pod networks": row(
        vmi([nic("a", "masquerade"), nic("b", "masquerade")], [pod("a"), pod("b")]),
        ("KN101", "spec.interfaces", DUPLICATE),
    ),
    "two multus defaults": row(
        vmi([nic("a"), nic("b")], [multus("a", default=True), multus("b", default=True)]),
        ("KN102", "spec.networks", INVALID),
    ),
    "a pod network and a multus default": row(
        vmi([nic("a", "masquerade"), nic("b")], [pod("a"), multus("b", default=True)]),
        ("KN103", "spec.networks", INVALID),
    ),
    "a network without a source": row(vmi([nic()], [{"name": "a"}]), ("KN104", "spec.networks[0]", REQUIRED)),
    "a network of two sources": row(
        vmi([nic(binding="masquerade")], [{**pod(), **multus()}]), ("KN105", "spec.networks[0]", REQUIRED)
    ),
    "only the first nameless NAD counts": row(
        vmi([nic("a"), nic("b")], [multus("a", networkName=""), multus("b", networkName="")]),
        ("KN106", "spec.networks[0]", REQUIRED),
    ),
    "a network listed twice": row(vmi([nic()], [multus(), multus()]), ("KN117", "spec.networks[1].name", DUPLICATE)),
    "a claim without the gate": row(claimed(claim(**CARD)), ("KN118", "spec.networks", INVALID)),
    "a claim beside multus": row(
        claimed(claim(**CARD), multus("b")), ("KN119", "spec.networks", INVALID), cluster=WITH_CLAIMS
    ),
    "a claim bound by a bridge": row(
        claimed(claim(**CARD), binding="bridge"), ("KN120", NICS, INVALID), cluster=WITH_CLAIMS
    ),
    "a claim that names nothing": row(
        claimed(claim()),
        ("KN121", "spec.networks[0].resourceClaim.claimName", REQUIRED),
        ("KN122", "spec.networks[0].resourceClaim.requestName", REQUIRED),
        cluster=WITH_CLAIMS,
    ),
    "a claim that is not listed": row(
        claimed(claim(claimName="cord", requestName="vf")),
        ("KN123", "spec.networks[0].resourceClaim.claimName", NOT_FOUND),
        cluster=WITH_CLAIMS,
    ),
    "of two interfaces of a claim, the first cannot bind it": row(
        vmi(
            [nic(), nic(binding="sriov")],
            [claim(**CARD)],
            spec={"resourceClaims": [{"name": "card", "resourceClaimName": "card"}]},
        ),
        ("KN120", NICS, INVALID),
        ("KN126", f"{NICS}[1].name", DUPLICATE),
        cluster=WITH_CLAIMS,
    ),
    "a request used twice": row(
        claimed(claim("a", **CARD), claim("b", **CARD)),
        ("KN124", "spec.networks[1]", DUPLICATE),
        cluster=WITH_CLAIMS,
    ),
    "a network without an interface": row(
        vmi([nic("a")], [multus("a"), multus("b")]), ("KN125", "spec.networks[1].name", REQUIRED)
    ),
}

BINDINGS = {
    "a state in capitals": row(attached(state="Down"), ("KN107", f"{NICS}[0].state", INVALID)),
    "an SR-IOV link switched on": row(
        vmi([nic(binding="sriov", state="up")], [multus()]), ("KN108", f"{NICS}[0].state", INVALID)
    ),
    "an absent SR-IOV interface": row(
        vmi([nic(binding="sriov", state="absent")], [multus()]), ("KN109", f"{NICS}[0].state", INVALID)
    ),
    "an absent multus default": row(
        vmi([nic(state="absent")], [multus(default=True)]), ("KN110", f"{NICS}[0].state", INVALID)
    ),
    "an absent masquerade interface is wrong in two ways": row(
        masqueraded(state="absent"),
        ("KN109", f"{NICS}[0].state", INVALID),
        ("KN110", f"{NICS}[0].state", INVALID),
    ),
    "no binding": row(vmi([nic(binding=None)], [multus()]), ("KN111", f"{NICS}[0]", INVALID)),
    "two bindings": row(vmi([nic(sriov={})], [multus()]), ("KN111", f"{NICS}[0]", INVALID)),
    "a plugin beside a binding": row(
        vmi([{**nic(), "binding": {"name": "x"}}], [multus()]), ("KN111", f"{NICS}[0]", INVALID)
    ),
    "masquerade on a multus network": row(
        vmi([nic(binding="masquerade")], [multus()]), ("KN112", f"{NICS}[0].name", INVALID)
    ),
    "masquerade with its bridge's MAC": row(
        masqueraded(macAddress="02:00:00:00:00:00"), ("KN113", f"{NICS}[0].macAddress", INVALID)
    ),
    "a forbidden bridge on the pod network": row(
        vmi([nic()], [pod()], annotations={"kubevirt.io/allow-pod-bridge-network-live-migration": ""}),
        ("KN114", f"{NICS}[0].name", INVALID),
        cluster=BRIDGE_FORBIDDEN,
    ),
    "passt switched off": row(
        vmi([nic(binding="passtBinding")], [pod()]), ("KN115", f"{NICS}[0].name", INVALID), cluster=WITHOUT_PASST
    ),
    "passt on a multus network": row(
        vmi([nic(binding="passtBinding")], [multus()]), ("KN116", f"{NICS}[0].name", INVALID)
    ),
    "slirp": row(masqueraded(slirp={}), ("KN150", f"{NICS}[0].slirp", INVALID)),
    "the old passt": row(masqueraded(passt={}), ("KN151", f"{NICS}[0].passt", INVALID)),
    "macvtap alone is no binding either": row(
        vmi([nic(binding="macvtap")], [multus()]),
        ("KN152", f"{NICS}[0].macvtap", INVALID),
        ("KN111", f"{NICS}[0]", INVALID),
    ),
}

INTERFACES = {
    "an interface listed twice": row(vmi([nic(), nic()], [multus()]), ("KN126", f"{NICS}[1].name", DUPLICATE)),
    "an interface without a network": row(
        vmi([nic("a"), nic("b")], [multus("a")]), ("KN127", f"{NICS}[1].name", INVALID)
    ),
    "a name with a dot": row(vmi([nic("a.b")], [multus("a.b")]), ("KN128", f"{NICS}[0].name", INVALID)),
    "a name with a line break at its end": row(
        vmi([nic("a\n")], [multus("a\n")]), ("KN128", f"{NICS}[0].name", INVALID)
    ),
    "an empty name": row(vmi([nic("")], [multus("")]), ("KN128", f"{NICS}[0].name", INVALID)),
    "a name that is not ASCII": row(vmi([nic("é")], [multus("é")]), ("KN128", f"{NICS}[0].name", INVALID)),
    "an unknown model": row(attached(model="vmxnet3"), ("KN129", f"{NICS}[0].model", NOT_SUPPORTED)),
    "a model in capitals": row(attached(model="E1000"), ("KN129", f"{NICS}[0].model", NOT_SUPPORTED)),
    "a MAC of five bytes": row(attached(macAddress="52:54:00:12:34"), ("KN130", f"{NICS}[0].macAddress", INVALID)),
    "a MAC of eight bytes": row(
        attached(macAddress="52:54:00:12:34:56:78:9a"), ("KN130", f"{NICS}[0].macAddress", INVALID)
    ),
    "a MAC of mixed separators": row(
        attached(macAddress="52:54-00:12:34:56"), ("KN130", f"{NICS}[0].macAddress", INVALID)
    ),
    "a PCI address without a domain": row(attached(pciAddress="05:00.0"), ("KN131", f"{NICS}[0].pciAddress", INVALID)),
    "a PCI function past 7": row(attached(pciAddress="0000:05:00.8"), ("KN131", f"{NICS}[0].pciAddress", INVALID)),
    "private DHCP options given twice": row(private(240, 240), ("KN146", "spec", INVALID)),
    "private DHCP options just out of range": row(
        private(223, 224, 254, 255), ("KN147", "spec", INVALID), ("KN147", "spec", INVALID)
    ),
    "an NTP server by name": row(
        attached(dhcpOptions={"ntpServers": ["192.0.2.1", "ntp.example"]}),
        ("KN148", f"{NICS}[0].dhcpOptions.ntpServers[1]", INVALID),
    ),
    "an NTP server with a zone": row(
        attached(dhcpOptions={"ntpServers": ["::ffff:192.0.2.1%eth0"]}),
        ("KN148", f"{NICS}[0].dhcpOptions.ntpServers[0]", INVALID),
    ),
    "boot order 0": row(
        vmi([nic("a"), nic("b", bootOrder=0)], [multus("a"), multus("b")]), ("KN201", "spec[1].bootOrder", INVALID)
    ),
    "boot order 0 on two interfaces, which is one mistake each": row(
        vmi([nic("a", bootOrder=0), nic("b", bootOrder=0)], [multus("a"), multus("b")]),
        ("KN201", "spec[0].bootOrder", INVALID),
        ("KN201", "spec[1].bootOrder", INVALID),
    ),
    "a boot order that a disk has": row(
        vmi([nic(bootOrder=1)], [multus()], devices={"disks": [{"name": "d", "disk": {}, "bootOrder": 1}]}),
        ("KN202", f"{NICS}[0].bootOrder", INVALID),
    ),
    "a boot order that an interface has": row(
        vmi([nic("a", bootOrder=2), nic("b", bootOrder=2)], [multus("a"), multus("b")]),
        ("KN202", f"{NICS}[1].bootOrder", INVALID),
    ),
    "more sockets than there may be": row(
        vmi([nic()], [multus()], domain={"cpu": {"sockets": 3, "maxSockets": 2}}),
        ("KN209", "spec.domain.cpu.sockets", INVALID),
    ),
}

PORTS = {
    "a port name taken": row(
        ports({"name": "http", "port": 80}, {"name": "http", "port": 81}),
        ("KN132", f"{NICS}[0].ports[1].name", DUPLICATE),
    ),
    "a port name without a letter": row(
        ports({"name": "80", "port": 80}), ("KN133", f"{NICS}[0].ports[0].name", INVALID)
    ),
    "a port name of 16 characters": row(
        ports({"name": "abcdefghijklmnop", "port": 80}), ("KN133", f"{NICS}[0].ports[0].name", INVALID)
    ),
    "a port name of two dashes": row(
        ports({"name": "a--b", "port": 80}), ("KN133", f"{NICS}[0].ports[0].name", INVALID)
    ),
    "port 0": row(ports({"port": 0}), ("KN134", f"{NICS}[0].ports[0].port", REQUIRED)),
    "port 65536": row(ports({"port": 65536}), ("KN135", f"{NICS}[0].ports[0].port", INVALID)),
    "a port below 0": row(ports({"port": -1}), ("KN135", f"{NICS}[0].ports[0].port", INVALID)),
    "a protocol in small letters": row(
        ports({"port": 80, "protocol": "tcp"}), ("KN136", f"{NICS}[0].ports[0].protocol", INVALID)
    ),
    "an empty list of ranges without the gate": row(masqueraded(portRanges=[]), ("KN137", f"{NICS}[0].name", INVALID)),
    "ports and ranges": row(
        ranges(("TCP", 1, 2), ports=[]), ("KN138", f"{NICS}[0].name", INVALID), cluster=WITH_RANGES
    ),
    "ranges without masquerade": row(
        vmi([nic(binding="passtBinding", portRanges=[])], [pod()]),
        ("KN139", f"{NICS}[0].name", INVALID),
        cluster=WITH_RANGES,
    ),
    "eleven ranges": row(
        ranges(*(("TCP", n, n) for n in range(1, 12))),
        ("KN140", f"{NICS}[0].portRanges", INVALID),
        cluster=WITH_RANGES,
    ),
    "a range without a protocol": row(
        ranges(("", 0, 0)), ("KN141", f"{NICS}[0].portRanges[0].protocol", INVALID), cluster=WITH_RANGES
    ),
    "a range from 0": row(
        ranges(("TCP", 0, 70000)), ("KN142", f"{NICS}[0].portRanges[0].start", INVALID), cluster=WITH_RANGES
    ),
    "a range to 65536": row(
        ranges(("TCP", 1, 65536)), ("KN143", f"{NICS}[0].portRanges[0].end", INVALID), cluster=WITH_RANGES
    ),
    "a range backwards": row(
        ranges(("UDP", 9, 8)), ("KN144", f"{NICS}[0].portRanges[0].start", INVALID), cluster=WITH_RANGES
    ),
    "ranges that share a port": row(
        ranges(("TCP", 8, 10), ("TCP", 1, 8)), ("KN145", f"{NICS}[0].portRanges", INVALID), cluster=WITH_RANGES
    ),
}

NO_NIC = {
    "a forbidden default bridge": row(vmi(), ("KN100", "spec", INVALID), cluster=BRIDGE_FORBIDDEN),
    "a default of slirp": row(
        vmi(), ("KN100", "spec", INVALID), cluster=ClusterConfig(default_network_interface="slirp")
    ),
    "no default interface means a bridge": row(
        vmi(),
        ("KN100", "spec", INVALID),
        cluster=ClusterConfig(default_network_interface="", permit_bridge_on_pod_network=False),
    ),
}

REFUSED = {**NETWORKS, **BINDINGS, **INTERFACES, **PORTS, **NO_NIC}


@pytest.mark.parametrize("model", ["e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio"])
def test_each_model_of_kubevirt_is_admitted(model: str) -> None:
    machine = kvnet.load(vmi([nic(model=model)], [multus()]))
    assert [each.code for each in kvnet.check(machine) if each.code == "KN129"] == []


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_a_bad_machine_is_refused_for_its_cause_at_its_field(row: Row) -> None:
    problems = kvnet.check(kvnet.load(row.machine), kvnet.Target(cluster=row.cluster))
    assert findings(problems) == row.findings
    assert all(problem.severity is Severity.ERROR and problem.message and problem.hint for problem in problems)


ADMITTED = {
    "an absent interface of a secondary bridge": row(attached(state="absent")),
    "an empty state": row(attached(state="")),
    "an empty model and an empty MAC": row(attached(model="", macAddress="")),
    "a name of capitals, digits, dash and underscore": row(vmi([nic("A-0_")], [multus("A-0_")])),
    "a MAC in every spelling that Go reads": row(
        vmi(
            [nic("a", macAddress="52-54-00-AB-CD-EF"), nic("b", macAddress="5254.00ab.cdee")],
            [multus("a"), multus("b")],
        )
    ),
    "a MAC next to the bridge's": row(masqueraded(macAddress="02:00:00:00:00:01")),
    "a port name of 15 characters": row(ports({"name": "abcdefghijklmno", "port": 80})),
    "a port name of one letter": row(ports({"name": "a", "port": 80})),
    "ports without names": row(ports({"port": 80}, {"port": 80})),
    "the first and the last port": row(ports({"port": 1}, {"port": 65535, "protocol": "UDP"})),
    "ten ranges": row(ranges(*(("TCP", n, n) for n in range(1, 11))), cluster=WITH_RANGES),
    "a range of the last port alone": row(ranges(("TCP", 65535, 65535)), cluster=WITH_RANGES),
    "ranges that touch": row(ranges(("TCP", 1, 8), ("TCP", 9, 65535)), cluster=WITH_RANGES),
    "ranges that overlap in two protocols": row(ranges(("TCP", 1, 8), ("UDP", 8, 9)), cluster=WITH_RANGES),
    "an NTP server as an IPv4-mapped address": row(attached(dhcpOptions={"ntpServers": ["::ffff:192.0.2.1"]})),
    "the first and the last private option": row(private(224, 254)),
    "an NTP server with leading zeros": row(attached(dhcpOptions={"ntpServers": ["192.000.002.001"]})),
    "boot orders with gaps": row(
        vmi([nic(bootOrder=9)], [multus()], devices={"disks": [{"name": "d", "disk": {}, "bootOrder": 1}]})
    ),
    "as many sockets as there may be": row(vmi([nic()], [multus()], domain={"cpu": {"sockets": 2, "maxSockets": 2}})),
    "two requests of one claim": row(
        claimed(claim("a", **CARD), claim("b", claimName="card", requestName="other")), cluster=WITH_CLAIMS
    ),
    "a claim beside the pod network": row(
        vmi(
            [nic("p", "masquerade"), nic("a", "sriov")],
            [pod("p"), claim("a", **CARD)],
            spec={"resourceClaims": [{"name": "card", "resourceClaimTemplateName": "cards"}]},
        ),
        cluster=WITH_CLAIMS,
    ),
    "bridge on a multus default where the pod network forbids it": row(
        vmi([nic()], [multus(default=True)]), cluster=BRIDGE_FORBIDDEN
    ),
    "no NIC at all": row(vmi(devices={"autoattachPodInterface": False}), cluster=BRIDGE_FORBIDDEN),
    "a plugin on any network": row(vmi([{"name": "a", "binding": {"name": "x"}}], [multus()])),
}


@pytest.mark.parametrize("row", ADMITTED.values(), ids=ADMITTED)
def test_what_is_nearly_wrong_is_admitted_without_a_word(row: Row) -> None:
    assert kvnet.check(kvnet.load(row.machine), kvnet.Target(cluster=row.cluster)) == ()


ROOTS = {
    "VirtualMachineInstance": ("spec", "spec"),
    "VirtualMachine": ("spec.template.spec", "spec"),
    "VirtualMachineInstanceReplicaSet": ("spec.template.spec", "spec.template.spec"),
    "VirtualMachinePool": (
        "spec.virtualMachineTemplate.spec.template.spec",
        "spec.virtualMachineTemplate.spec.template.spec",
    ),
}


@pytest.mark.parametrize("kind", ROOTS)
def test_fields_begin_where_the_kind_keeps_its_machine(kind: str) -> None:
    root, creation_root = ROOTS[kind]
    machine = kvnet.load(vmi([nic(state="Up", slirp={})], [multus()], kind=kind))
    fields = [problem.field for problem in kvnet.check(machine)]
    assert fields[0] == f"{creation_root}.domain.devices.interfaces[0].slirp"
    # of a new VirtualMachine, KubeVirt tells nothing else
    assert fields[1:] == ([] if kind == "VirtualMachine" else [f"{root}.domain.devices.interfaces[0].state"])


@pytest.mark.parametrize(
    ("name", "networks", "hint"),
    [
        ("vlan100", [multus("lan", networkName="vlan100")], "the NAD of network 'lan', whose name the interface has"),
        ("vlan100", [multus("lan", networkName="blue/vlan100")], "the NAD of network 'lan', whose name"),
        ("lam", [multus("lan", networkName="vlan100")], "did you mean 'lan'?"),
        ("other", [multus("lan", networkName="vlan100")], "list it in spec.networks under the same name"),
    ],
)
def test_an_interface_without_a_network_is_told_which_one_may_be_meant(name: str, networks: Any, hint: str) -> None:
    problems = kvnet.check(kvnet.load(vmi([nic(name)], networks)))
    (problem,) = (each for each in problems if each.code == "KN127")
    assert hint in problem.hint


def findings(problems: Iterable[kvnet.Problem]) -> tuple[Finding, ...]:
    return tuple((problem.code, problem.field, str(problem.cause)) for problem in problems)
