"""``status.interfaces`` of a running machine."""

from __future__ import annotations

from typing import Any

import pytest
from interface_status.domains import agent_link, domain, nic_xml, vf_xml
from machines import claim, multus, nic, pod, vmi
from tables import rows

import kvnet
from kvnet.compiler.pod import hashed_name
from kvnet.interface_status import pod_networks, virt_controller_status
from kvnet.manifest.binder import plain as unstructure
from kvnet.spec import Machine

MAC = "02:00:00:00:00:01"
OTHER_MAC = "02:00:00:00:00:02"
POD_IPS = {"a": {"podIP": "10.244.0.5", "podIPs": ["10.244.0.5", "fd00::5"]}}
Json = dict[str, Any]


def machine(interfaces: list[Json], networks: list[Json], *reported: Json) -> Machine:
    return kvnet.load(vmi(interfaces, networks, status={"interfaces": list(reported)}))


def told(of: Machine, *devices: str, **seen: Any) -> list[Json]:
    entries: list[Json] = unstructure(kvnet.status(of, domain(*devices), **seen))
    return entries


def domain_entry(**members: Any) -> Json:
    return {"name": "a", "mac": MAC, "infoSource": "domain", "queueCount": 1, "linkState": "up", **members}


BRIDGED = machine([nic()], [pod()])
MASQUERADED = machine([nic(binding="masquerade")], [pod()])


@pytest.mark.parametrize(
    ("device", "entry"),
    rows(
        {
            "a NIC without queues has one": (nic_xml("a", MAC), domain_entry()),
            "a NIC has its driver's queues": (nic_xml("a", MAC, queues=4), domain_entry(queueCount=4)),
            "even a NIC that is not virtio has one queue": (nic_xml("a", MAC, model="e1000"), domain_entry()),
            "the link is down where the domain says so": (
                nic_xml("a", MAC, link="down"),
                domain_entry(linkState="down"),
            ),
            "a MAC is told as the domain spells it": (
                nic_xml("a", "02:AB:00:00:00:01"),
                domain_entry(mac="02:AB:00:00:00:01"),
            ),
            "a NIC that is not in the manifest is told too": (nic_xml("z", MAC), domain_entry(name="z")),
            "an alias of libvirt's own is a name": (
                f"<interface type='user'><mac address='{MAC}'/><alias name='net0'/></interface>",
                domain_entry(name="net0"),
            ),
            "a NIC without an alias has no name": (
                f"<interface type='user'><mac address='{MAC}'/></interface>",
                {key: value for key, value in domain_entry().items() if key != "name"},
            ),
        }
    ),
)
def test_a_nic_is_told_as_the_domain_has_it(device: str, entry: Json) -> None:
    assert told(BRIDGED, device) == [entry]


def test_a_nic_of_the_manifest_alone_is_not_told() -> None:
    assert told(BRIDGED) == []


def test_a_virtual_function_has_the_mac_of_the_manifest_and_neither_queues_nor_link_state() -> None:
    of = machine([nic(binding="sriov", macAddress="02-AB-00-00-00-01")], [multus()])
    assert told(of, vf_xml("a")) == [{"name": "a", "mac": "02-AB-00-00-00-01", "infoSource": "domain"}]


def test_a_virtual_function_whose_mac_is_spelled_otherwise_shows_up_twice() -> None:
    of = machine([nic(binding="sriov", macAddress="02-00-00-00-00-01")], [multus()])
    entries = told(of, vf_xml("a"), guest_agent=[agent_link("eth0", MAC)])
    assert [entry["infoSource"] for entry in entries] == ["domain", "guest-agent"]


def test_a_pci_device_that_is_no_nic_is_not_told() -> None:
    assert told(BRIDGED, vf_xml("a").replace("ua-sriov-", "ua-gpu-")) == []


def test_a_machine_without_a_domain_keeps_its_status() -> None:
    of = machine([nic()], [pod()], domain_entry(linkState="down"))
    assert unstructure(kvnet.status(of, None, [agent_link("eth0", MAC)])) == [domain_entry(linkState="down")]


def test_the_pods_addresses_are_those_of_the_nics_in_the_manifest() -> None:
    [of_manifest, stray] = told(BRIDGED, nic_xml("a", MAC), nic_xml("z"), pod_ips=POD_IPS | {"z": POD_IPS["a"]})
    assert of_manifest == domain_entry(ipAddress="10.244.0.5", ipAddresses=["10.244.0.5", "fd00::5"])
    assert "ipAddress" not in stray


@pytest.mark.parametrize(
    ("of", "pod", "guest", "ips"),
    rows(
        {
            "a bridge's guest tells where the pod knows nothing": (
                BRIDGED,
                [],
                ["10.0.2.2", "fe80::1"],
                ["10.0.2.2", "fe80::1"],
            ),
            "a family that both have is the pod's": (BRIDGED, ["10.244.0.5"], ["10.0.2.2"], ["10.244.0.5"]),
            "a family that the guest has not is cleared": (
                BRIDGED,
                ["10.244.0.5", "fd00::5"],
                ["10.0.2.2"],
                ["10.244.0.5"],
            ),
            "a guest without addresses clears them all": (BRIDGED, ["10.244.0.5"], [], []),
            "IPv4 goes first": (BRIDGED, [], ["fd00::7", "10.0.2.2"], ["10.0.2.2", "fd00::7"]),
            "a link's own addresses do not count behind NAT": (
                MASQUERADED,
                ["10.244.0.5", "fd00::5"],
                ["169.254.1.1", "fe80::1", "fd00::7"],
                ["fd00::5"],
            ),
            "what is no address is dropped": (BRIDGED, [], ["bogus", "fe80::1%eth0", "10.0.2.2"], ["10.0.2.2"]),
            "an IPv4 address mapped into IPv6 is IPv4": (BRIDGED, ["10.244.0.5"], ["::ffff:10.0.2.2"], ["10.244.0.5"]),
        }
    ),
)
def test_addresses_of_pod_and_guest_are_merged_by_family(
    of: Machine, pod: list[str], guest: list[str], ips: list[str]
) -> None:
    known = {"a": {"podIP": "".join(pod[:1]), "podIPs": pod}}
    agent = [agent_link("eth0", MAC, *guest)]
    [entry] = told(of, nic_xml("a", MAC), guest_agent=agent, pod_ips=known)
    assert entry.get("ipAddresses", []) == ips
    assert entry.get("ipAddress") == next(iter(ips), None)
    assert entry["infoSource"] == "domain, guest-agent"
    assert entry["interfaceName"] == "eth0"


def test_an_address_of_the_agent_that_is_none_keeps_no_other_from_being_told() -> None:
    link = agent_link("eth0", MAC, "10.0.0.5")
    link["ip-addresses"].insert(0, {"ip-address-type": "ipv4"})
    [entry] = told(BRIDGED, nic_xml("a", MAC), guest_agent=[link])
    assert "10.0.0.5" in entry["ipAddresses"]


def test_a_link_of_the_agent_without_a_name_adds_no_source() -> None:
    [entry] = told(BRIDGED, nic_xml("a", MAC), guest_agent=[agent_link("", MAC, "10.0.2.2")])
    assert entry == domain_entry(ipAddress="10.0.2.2", ipAddresses=["10.0.2.2"])


def test_a_mac_in_other_letter_case_is_another_mac() -> None:
    entries = told(BRIDGED, nic_xml("a", "02:ab:00:00:00:01"), guest_agent=[agent_link("eth0", "02:AB:00:00:00:01")])
    assert [entry["infoSource"] for entry in entries] == ["domain", "guest-agent"]


def test_a_link_that_only_the_guest_has_is_told_without_a_name_and_with_all_its_addresses() -> None:
    [entry] = told(MASQUERADED, guest_agent=[agent_link("docker0", MAC, "fe80::1", "172.17.0.1")])
    assert entry == {
        "mac": MAC,
        "ipAddress": "172.17.0.1",
        "ipAddresses": ["fe80::1", "172.17.0.1"],
        "interfaceName": "docker0",
        "infoSource": "guest-agent",
    }


def test_a_vlan_with_the_mac_of_a_nic_takes_over_its_name() -> None:
    agent = [agent_link("eth0", MAC, "10.0.2.2"), agent_link("eth0.7", MAC, "10.7.0.1")]
    [entry] = told(BRIDGED, nic_xml("a", MAC), guest_agent=agent)
    assert entry["interfaceName"] == "eth0.7"


def test_ten_links_of_the_guest_alone_are_told_and_later_ones_still_find_their_nic() -> None:
    agent = [agent_link(f"veth{n}", f"0a:00:00:00:00:{n:02x}") for n in range(12)]
    entries = told(BRIDGED, nic_xml("a", MAC), guest_agent=[*agent, agent_link("eth0", MAC)])
    assert [entry["interfaceName"] for entry in entries] == ["eth0", *(f"veth{n}" for n in range(10))]


def test_the_guests_loopback_is_not_told() -> None:
    assert told(BRIDGED, guest_agent=[agent_link("lo", "00:00:00:00:00:00", "127.0.0.1")]) == []


def test_the_agents_answer_may_be_given_whole() -> None:
    assert told(BRIDGED, guest_agent={"return": [agent_link("eth0", MAC)]}) == told(
        BRIDGED, guest_agent=[agent_link("eth0", MAC)]
    )


def test_the_pod_network_goes_first() -> None:
    of = machine([nic("b"), nic("a")], [multus("b"), pod("a")])
    assert [entry["name"] for entry in told(of, nic_xml("b"), nic_xml("a"))] == ["a", "b"]


def test_the_pod_network_stays_once_it_was_reported() -> None:
    of = machine([nic("b"), nic("a")], [multus("b"), pod("a")], {"name": "a", "podInterfaceName": "eth0"})
    first, _ = told(of, nic_xml("b"))
    assert first == {"name": "a", "podInterfaceName": "eth0"}


def test_a_default_network_of_multus_has_no_place_of_its_own() -> None:
    of = machine([nic("b"), nic("a")], [multus("b"), multus("a", default=True)], {"name": "a"})
    assert [entry["name"] for entry in told(of, nic_xml("b"), nic_xml("a"))] == ["b", "a"]
    assert [entry["name"] for entry in told(of, nic_xml("b"))] == ["b"]


@pytest.mark.parametrize(
    ("asked", "devices", "sources"),
    rows(
        {
            "a NIC in the domain gets the source": (["a"], [nic_xml("a")], ["domain, multus-status"]),
            "a NIC that is not there yet is told": (["a"], [], ["multus-status"]),
            "a NIC that nobody asks for any more is not": ([], [], []),
        }
    ),
)
def test_what_multus_had_attached_stays_attached(asked: list[str], devices: list[str], sources: list[str]) -> None:
    was = {"name": "a", "infoSource": "multus-status", "podInterfaceName": "pod1"}
    entries = told(machine([nic(each) for each in asked], [multus(each) for each in asked], was), *devices)
    assert [entry["infoSource"] for entry in entries] == sources
    assert all(entry["podInterfaceName"] == "pod1" for entry in entries)


# virt-controller's pass

LINK = hashed_name("b")
IN_POD: list[Json] = [{"name": "cni", "interface": "eth0", "default": True}, {"name": "ns/nad", "interface": LINK}]


def controlled(of: Machine, network_status: list[Json]) -> list[Json]:
    entries: list[Json] = unstructure(virt_controller_status(of, pod_networks(network_status)))
    return entries


@pytest.mark.parametrize(
    ("network_status", "reported", "entries"),
    rows(
        {
            "attached and new": (IN_POD, [], [{"name": "b", "infoSource": "multus-status", "podInterfaceName": LINK}]),
            "attached and known": (
                IN_POD,
                [{"name": "b", "infoSource": "domain", "linkState": "up"}],
                [{"name": "b", "infoSource": "domain, multus-status", "linkState": "up", "podInterfaceName": LINK}],
            ),
            "attached no more": (
                [],
                [{"name": "b", "infoSource": "domain, multus-status"}],
                [{"name": "b", "infoSource": "domain", "podInterfaceName": LINK}],
            ),
            "never attached": ([], [], []),
            "an old pod names by ordinal": (
                [{"name": "nad", "interface": "net1"}],
                [],
                [{"name": "b", "infoSource": "multus-status", "podInterfaceName": "net1"}],
            ),
            "in the pod by another scheme": ([{"name": "nad", "interface": LINK}, {"interface": "net7"}], [], []),
        }
    ),
)
def test_secondary_networks_are_told_as_multus_attached_them(
    network_status: list[Json], reported: list[Json], entries: list[Json]
) -> None:
    assert controlled(machine([nic("b")], [multus("b")], *reported), network_status) == entries


@pytest.mark.parametrize(
    ("network_status", "link"),
    [
        ([], "eth0"),
        (IN_POD, "eth0"),
        ([{"interface": "ovn-udn1", "default": True}], "ovn-udn1"),
        ([{"default": True}], "eth0"),
    ],
)
def test_the_primary_network_is_always_told(network_status: list[Json], link: str) -> None:
    assert controlled(BRIDGED, network_status) == [{"name": "a", "podInterfaceName": link}]


def test_the_controllers_order_is_primary_secondary_claimed_and_the_guests_own() -> None:
    names = [claim("c"), multus("b"), pod("a")]
    was = [{"interfaceName": "docker0"}, {"name": "stale"}, {"name": "c"}, {"name": "b"}]
    entries = controlled(machine([], names, *was), IN_POD)
    assert [entry.get("name") for entry in entries] == ["a", "b", "c", None, "stale"]


def test_both_passes_together_tell_of_a_machine_that_has_no_status_yet() -> None:
    of = kvnet.load(vmi([nic("a", "masquerade"), nic("b")], [pod("a"), multus("b")]))
    agent = [agent_link("eth0", MAC, "10.0.2.2"), agent_link("eth1", OTHER_MAC, "192.168.0.7")]
    seen = {"guest_agent": agent, "multus": IN_POD, "pod_ips": POD_IPS}
    assert told(of, nic_xml("b", OTHER_MAC, queues=2), nic_xml("a", MAC), **seen) == [
        domain_entry(
            infoSource="domain, guest-agent",
            interfaceName="eth0",
            ipAddress="10.244.0.5",
            ipAddresses=["10.244.0.5"],
            podInterfaceName="eth0",
        ),
        domain_entry(
            name="b",
            mac=OTHER_MAC,
            queueCount=2,
            infoSource="domain, guest-agent, multus-status",
            interfaceName="eth1",
            ipAddress="192.168.0.7",
            ipAddresses=["192.168.0.7"],
            podInterfaceName=LINK,
        ),
    ]
