"""Advice on bindings and NADs: the pair that does not work, and the one that does."""

from __future__ import annotations

from typing import Any

import pytest
from advice import ADVICE, BRIDGE, IPAM, NICS, nad, told
from machines import multus, nic, vmi

import kvnet

Json = dict[str, Any]
MAC = "52:54:00:00:00:0a"


def attached(binding: str | None = "bridge", network: Json | None = None, **members: Any) -> Json:
    return vmi([nic(binding=binding, **members)], [multus(**(network or {}))])


def default(binding: str = "bridge", **members: Any) -> Json:
    return attached(binding, {"default": True}, **members)


REFERENCE = "spec.networks[0].multus.networkName"
BOUND = f"{NICS}[0].bridge"
ON_NADS: dict[str, tuple[Json, tuple[kvnet.Nad, ...], list[tuple[str, str]]]] = {
    "a bridge on macvlan": (attached(), (nad({"type": "macvlan"}),), [("KN912", f"{NICS}[0].bridge")]),
    "a bridge on a chain that begins with ipvlan": (
        attached(),
        (nad({"type": "ipvlan"}, {"type": "tuning"}),),
        [("KN912", f"{NICS}[0].bridge")],
    ),
    "a bridge on a chain that has macvlan further down": (attached(), (nad(BRIDGE, {"type": "macvlan"}),), []),
    "a plugin on macvlan": (
        vmi([{"name": "a", "binding": {"name": "x"}}], [multus()]),
        (nad({"type": "macvlan"}),),
        [],
    ),
    "an absent bridge on macvlan": (attached(state="absent"), (nad({"type": "macvlan"}),), []),
    "the second of two NADs": (
        vmi([nic("a"), nic("b")], [multus("a"), multus("b", networkName="mv")]),
        (nad(BRIDGE), nad({"type": "macvlan"}, name="mv")),
        [("KN912", f"{NICS}[1].bridge")],
    ),
    "a NAD of another namespace": (
        attached(network={"networkName": "prod/nad"}),
        (nad(BRIDGE), nad({"type": "macvlan"}, namespace="prod")),
        [("KN912", f"{NICS}[0].bridge")],
    ),
    "a NAD of the machine's namespace, written out": (
        attached(network={"networkName": "default/nad"}),
        (nad({"type": "macvlan"}),),
        [("KN912", f"{NICS}[0].bridge")],
    ),
    "sriov on a bridge": (attached("sriov"), (nad(BRIDGE),), [("KN913", f"{NICS}[0].sriov")]),
    "sriov on a bridge of OpenShift": (
        attached("sriov"),
        (nad({"type": "cnv-bridge", "bridge": "br1"}),),
        [("KN913", f"{NICS}[0].sriov")],
    ),
    "sriov on the sriov plugin": (attached("sriov"), (nad({"type": "sriov"}),), []),
    "sriov on a plugin that nobody knows": (attached("sriov"), (nad({"type": "ib-sriov"}),), []),
    "sriov on Open vSwitch without a device": (
        attached("sriov"),
        (nad({"type": "ovs", "bridge": "br1"}),),
        [("KN913", f"{NICS}[0].sriov")],
    ),
    "sriov on Open vSwitch with a device": (
        attached("sriov"),
        (nad({"type": "ovs", "bridge": "br1"}, resource="example.com/vfs"),),
        [],
    ),
    "sriov on a device of the host": (
        attached("sriov"),
        (nad({"type": "host-device", "pciBusID": "0000:05:00.1"}),),
        [],
    ),
    "a bridge on the sriov plugin": (attached(), (nad({"type": "sriov"}),), [("KN913", f"{NICS}[0].bridge")]),
    "masquerade on the sriov plugin": (
        attached("masquerade"),
        (nad({"type": "sriov"}),),
        [("KN913", f"{NICS}[0].masquerade")],
    ),
    "a NAD that is not among others": (attached(), (nad(BRIDGE, name="other"),), [("KN914", REFERENCE)]),
    "a NAD that is in another namespace": (attached(), (nad(BRIDGE, namespace="prod"),), [("KN914", REFERENCE)]),
    "no NADs at all": (attached(), (), []),
    "a NAD of an absent NIC that is not among others": (
        attached(state="absent"),
        (nad(BRIDGE, name="other"),),
        [],
    ),
    "a reference of three parts of an absent NIC": (
        attached(state="absent", network={"networkName": "a/b/c"}),
        (),
        [],
    ),
    "a reference of three parts": (attached(network={"networkName": "a/b/c"}), (), [("KN915", REFERENCE)]),
    "a reference without a namespace before the slash": (
        attached(network={"networkName": "/nad"}),
        (nad(BRIDGE),),
        [("KN915", REFERENCE)],
    ),
    "a reference without a name": (attached(network={"networkName": "a/"}), (), [("KN915", REFERENCE)]),
    "a reference in capitals": (attached(network={"networkName": "Net"}), (), [("KN915", REFERENCE)]),
    "a reference with an underscore": (attached(network={"networkName": "a_b"}), (), [("KN915", REFERENCE)]),
    "a reference of 254 characters": (attached(network={"networkName": "a" * 254}), (), [("KN915", REFERENCE)]),
    "a reference of 253 characters": (attached(network={"networkName": "a" * 253}), (), []),
    "a reference with dots": (attached(network={"networkName": "prod/net.1-a"}), (), []),
    "a namespace with dots": (attached(network={"networkName": "pr.od/net"}), (), [("KN915", REFERENCE)]),
    "a MAC address on ptp": (
        attached(macAddress=MAC),
        (nad({"type": "ptp"}),),
        [("KN916", f"{NICS}[0].macAddress")],
    ),
    "a MAC address on a chain of flannel": (
        attached(macAddress=MAC),
        (nad({"type": "flannel"}, {"type": "portmap"}),),
        [("KN916", f"{NICS}[0].macAddress")],
    ),
    "a MAC address on flannel with tuning": (
        attached(macAddress=MAC),
        (nad({"type": "flannel"}, {"type": "tuning"}),),
        [],
    ),
    "a MAC address on ptp with OpenShift's tuning": (
        attached(macAddress=MAC),
        (nad({"type": "ptp"}, {"type": "cnv-tuning"}),),
        [],
    ),
    "a MAC address on OpenShift's SDN with tuning": (
        attached(macAddress=MAC),
        (nad({"type": "openshift-sdn"}, {"type": "tuning"}),),
        [("KN916", f"{NICS}[0].macAddress")],
    ),
    "a MAC address on a bridge": (attached(macAddress=MAC), (nad(BRIDGE),), []),
    "a MAC address on Open vSwitch": (attached(macAddress=MAC), (nad({"type": "ovs", "bridge": "b"}),), []),
    "a MAC address of a function": (attached("sriov", macAddress=MAC), (nad({"type": "sriov"}),), []),
    "no MAC address on ptp": (attached(), (nad({"type": "ptp"}),), []),
    "a default without IPAM": (default(), (nad(BRIDGE),), [("KN917", REFERENCE)]),
    "a default with an empty IPAM": (default(), (nad(BRIDGE | {"ipam": {}}),), [("KN917", REFERENCE)]),
    "a default with a static IPAM that has no address": (
        default(),
        (nad(BRIDGE | {"ipam": {"type": "static"}}),),
        [("KN917", REFERENCE)],
    ),
    "a default with IPAM": (default(), (nad(BRIDGE | {"ipam": IPAM}),), []),
    "a default with IPAM in a chain": (default(), (nad(BRIDGE | {"ipam": IPAM}, {"type": "tuning"}),), []),
    "a default on OVN-Kubernetes with subnets": (
        default(),
        (nad({"type": "ovn-k8s-cni-overlay", "topology": "layer2", "subnets": "10.1.0.0/16"}),),
        [],
    ),
    "a default on OVN-Kubernetes without subnets": (
        default(),
        (nad({"type": "ovn-k8s-cni-overlay", "topology": "layer2"}),),
        [("KN917", REFERENCE)],
    ),
    "a default on a plugin that nobody knows": (default(), (nad({"type": "calico"}),), []),
    "a secondary network without IPAM beside a default": (
        vmi([nic("a"), nic("b")], [multus("a", default=True), multus("b", networkName="other")]),
        (nad(BRIDGE | {"ipam": IPAM}), nad(BRIDGE, name="other")),
        [],
    ),
    "the first of two NADs of one name": (attached(), (nad({"type": "macvlan"}), nad(BRIDGE)), []),
    "the last of two NADs of one name": (attached(), (nad(BRIDGE), nad({"type": "macvlan"})), [("KN912", BOUND)]),
    "a NAD without a namespace before one of the machine's": (
        attached(),
        (nad({"type": "macvlan"}), nad(BRIDGE, namespace="default")),
        [],
    ),
    "a NAD of the machine's namespace before one without": (
        attached(),
        (nad(BRIDGE, namespace="default"), nad({"type": "macvlan"})),
        [("KN912", BOUND)],
    ),
    "a secondary network without IPAM": (attached(), (nad(BRIDGE),), []),
    "a spoof check": (attached(), (nad(BRIDGE | {"macspoofchk": True}),), [("KN926", REFERENCE)]),
    "one spoof check of two NICs": (
        vmi([nic("a"), nic("b")], [multus("a"), multus("b")]),
        (nad(BRIDGE | {"macspoofchk": True}),),
        [("KN926", REFERENCE)],
    ),
    "a NAD whose configuration lies on the node": (default(), (kvnet.Nad(name="nad"),), []),
    "a NAD whose configuration cannot be read": (default(), (kvnet.Nad(name="nad", config="{"),), []),
}


@pytest.mark.parametrize(("machine", "nads", "expected"), ON_NADS.values(), ids=ON_NADS)
def test_of_a_binding_and_its_nad_is_told(
    machine: Json, nads: tuple[kvnet.Nad, ...], expected: list[tuple[str, str]]
) -> None:
    assert told(machine, *nads) == expected


def test_a_default_that_the_facts_know_an_address_of_gives_one() -> None:
    entry = {"name": "default/nad", "interface": "eth0", "ips": ["10.1.1.2"], "default": True}
    assert told(default(), nad(BRIDGE), facts=kvnet.load_facts({"podNetworks": [entry]})) == []
    unknown = kvnet.load_facts({"podNetworks": [entry | {"ips": []}]})
    assert told(default(), nad(BRIDGE), facts=unknown) == [("KN917", REFERENCE)]


@pytest.mark.parametrize(
    ("plugin", "is_told"), [({"type": "sriov"}, False), ({"type": "host-device", "pciBusID": "0000:05:00.1"}, True)]
)
def test_of_a_mac_of_a_function_is_told_unless_the_plugin_sets_it(plugin: Json, is_told: bool) -> None:
    machine = kvnet.load(attached("sriov", macAddress=MAC))
    problems = kvnet.check(machine, kvnet.Target(nads=[nad(plugin)]))
    assert [each.code for each in problems] == ["KN904"] * is_told


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (nad(BRIDGE, namespace="prod"), "did you mean 'prod/nad'?"),
        (nad(BRIDGE, name="nads"), "did you mean 'nads'?"),
        (nad(BRIDGE, name="other"), "give its document, or correct the name"),
    ],
    ids=lambda each: each.name if isinstance(each, kvnet.Nad) else "",
)
def test_for_a_nad_that_is_not_there_a_near_one_is_suggested(given: kvnet.Nad, hint: str) -> None:
    (problem,) = kvnet.check(kvnet.load(attached()), kvnet.Target(nads=[given]))
    assert (problem.code, problem.hint, problem.severity) == ("KN914", hint, kvnet.Severity.NOTE)


SECURITY: dict[str, tuple[Json, int]] = {
    "a bridge without a spoof check": (BRIDGE, 1),
    "a bridge with a spoof check": (BRIDGE | {"macspoofchk": True}, 0),
    "a bridge without one in promiscuous mode": (BRIDGE | {"promiscMode": True}, 2),
    "a function that leaves the spoof check to its driver": ({"type": "sriov"}, 1),
    "a function without a spoof check, that is trusted": ({"type": "sriov", "spoofchk": "off", "trust": "on"}, 2),
    "a function with a spoof check": ({"type": "sriov", "spoofchk": "on"}, 0),
    "Open vSwitch, which has no spoof check": ({"type": "ovs", "bridge": "br1"}, 0),
    "a macvtap in promiscuous mode": ({"type": "macvtap", "promiscMode": True}, 1),
}


@pytest.mark.parametrize(("plugin", "count"), SECURITY.values(), ids=SECURITY)
@pytest.mark.parametrize("profile", ["kubevirt", "host"])
def test_the_group_security_warns_of(plugin: Json, count: int, profile: str) -> None:
    binding = "sriov" if plugin["type"] == "sriov" else "bridge"
    facts = kvnet.load_facts({"networks": {"default/nad": {"bridge": "br1"}}, "pciAddresses": {"a": "0000:05:00.1"}})
    for groups, expected in (((), 0), (("security",), count)):
        found = told(attached(binding), nad(plugin), groups=groups, profile=profile, facts=facts)
        assert [each for each in found if each[0] == "KN925"] == [("KN925", REFERENCE)] * expected


def test_the_group_security_warns_of_a_later_plugin_too() -> None:
    chain = nad(BRIDGE | {"macspoofchk": True}, {"type": "tuning", "promisc": True})
    assert ("KN925", REFERENCE) in told(attached(), chain, groups=("security",))
    assert ("KN925", REFERENCE) not in told(attached(), chain)


@pytest.mark.parametrize("profile", ["kubevirt", "host"])
@pytest.mark.parametrize(("groups", "error"), [("security", TypeError), ([7], TypeError), (["securty"], ValueError)])
def test_a_group_that_does_not_exist_is_refused_with_what_to_write(
    groups: Any, error: type[Exception], profile: str
) -> None:
    machine, target = kvnet.load(attached()), kvnet.Target(profile=profile)
    with pytest.raises(error, match=r"groups=\['security'\]"):
        kvnet.check(machine, target, groups=groups)
    with pytest.raises(error, match=r"groups=\['security'\]"):
        kvnet.check_all([], target, groups=groups)


def test_a_plain_host_is_told_nothing_of_pods() -> None:
    machine = kvnet.load(attached(macAddress=MAC, model="e1000"))
    target = kvnet.Target(profile="host", nads=[nad({"type": "macvlan", "master": "eth1"})])
    assert not {each.code for each in kvnet.check(machine, target)} & ADVICE


REFERENCES = {
    "a/b/c": "has 2 slashes",
    "/lan": "has no namespace",
    "prod/": "has no name",
    "Lan": "is not a name in Kubernetes",
    "prod/la_n": "is not a name in Kubernetes",
}


@pytest.mark.parametrize(("reference", "flaw"), REFERENCES.items(), ids=REFERENCES)
def test_a_reference_that_names_no_definition_is_told_with_what_is_wrong(reference: str, flaw: str) -> None:
    machine = kvnet.load(vmi([nic("a")], [multus("a", networkName=reference)]))
    (told,) = (each for each in kvnet.check(machine) if each.code == "KN915")
    assert told.message == f"'{reference}' {flaw}, so no NetworkAttachmentDefinition is found"
