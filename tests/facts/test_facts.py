"""What documents say of a host, and how several of them add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kvnet import FactsError, HostFacts, HostNetwork, dump, load_facts, loads_facts
from kvnet.facts import Confidential, PodLink, PodNetwork
from kvnet.values import MacAddress, PciAddress

MAC = "02:00:00:00:00:01"
VF = "0000:05:00.1"
STATUS = [
    {"name": "k8s-pod-network", "interface": "eth0", "mac": MAC, "mtu": 1450, "default": True, "dns": {}},
    {"name": "ns/vf", "interface": "net1", "mac": "", "device-info": {"type": "pci", "pci": {"pci-address": VF}}},
]
INFO = {"interfaces": [{"network": "vf", "deviceInfo": {"type": "pci", "pci": {"pci-address": VF}}}, {"network": "a"}]}
PRIMARY = PodNetwork(name="k8s-pod-network", interface="eth0", mac=MacAddress.parse(MAC), mtu=1450, default=True)
SECONDARY = PodNetwork(
    name="ns/vf",
    interface="net1",
    pci_address=PciAddress.parse(VF),
    device_info={"type": "pci", "pci": {"pci-address": VF}},
)


def test_links_of_several_documents_add_up() -> None:
    facts = loads_facts("links: {a: {mtu: 1400}}\n---\nlinks: {b: {mtu: 1500}, a: {mtu: 1400}}\n")
    assert facts.links == {"a": PodLink(mtu=1400), "b": PodLink(mtu=1500)}


def test_lists_of_several_documents_add_up_without_repeats() -> None:
    facts = load_facts([{"libvirtNetworks": ["default", "lan"]}, {"libvirtNetworks": ["lan", "dmz"]}])
    assert facts.libvirt_networks == ("default", "lan", "dmz")


def test_a_pod_says_what_is_in_its_annotations() -> None:
    annotations = {
        "k8s.v1.cni.cncf.io/network-status": json.dumps(STATUS),
        "kubevirt.io/network-info": json.dumps(INFO),
    }
    facts = load_facts({"kind": "Pod", "metadata": {"annotations": annotations}})
    assert facts == HostFacts(pod_networks=(PRIMARY, SECONDARY), pci_addresses={"vf": PciAddress.parse(VF)})


@pytest.mark.parametrize("pod", [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"annotations": None}}])
def test_a_pod_without_annotations_says_nothing(pod: dict[str, object]) -> None:
    assert load_facts({"kind": "Pod", **pod}) == HostFacts()


def test_documents_inside_kvnets_own_say_the_same_as_alone() -> None:
    inside = load_facts({"networkInfo": INFO, "networkStatus": STATUS})
    assert inside == load_facts([INFO, {"networkStatus": STATUS}])
    assert inside == loads_facts(f"{json.dumps(INFO)}\n---\n{json.dumps(STATUS)}")


def test_what_kvnets_own_document_says_itself_counts_more_than_a_document_inside() -> None:
    facts = load_facts({"networkInfo": INFO, "pciAddresses": {"vf": "0000:06:00.1", "other": VF}})
    assert facts.pci_addresses == {"vf": PciAddress.parse("0000:06:00.1"), "other": PciAddress.parse(VF)}
    merged = load_facts({"networkInfo": INFO, "pciAddresses": {"other": VF}}).pci_addresses
    assert merged is not None
    assert merged.keys() == {"vf", "other"}


def test_null_means_not_known_and_an_empty_mapping_known_to_be_none() -> None:
    assert loads_facts("links:\npciAddresses: {}\n") == HostFacts(links=None, pci_addresses={})


def test_kinds_of_confidential_computing_are_read_by_name() -> None:
    assert [loads_facts(f"launchSecurity: {kind}\n").launch_security for kind in ("sev", "snp", "tdx", "pv")] == [
        *Confidential
    ]


def test_facts_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text("architecture: arm64\n")
    assert load_facts(path) == load_facts(str(path)) == HostFacts(architecture="arm64")


def test_networks_of_the_host_are_read_and_dumped() -> None:
    text = "networks:\n  default:\n    libvirtNetwork: lab\n  prod/localnet:\n    ovsBridge: br-ex\n"
    facts = loads_facts(text)
    known = {"default": HostNetwork(libvirt_network="lab"), "prod/localnet": HostNetwork(ovs_bridge="br-ex")}
    assert facts.networks == known
    assert dump(facts) == text


def test_the_same_plain_data_are_read_once_and_others_anew() -> None:
    data = {"links": {"a": {"mtu": 1400}}, "libvirtNetworks": ["lan"]}
    first = load_facts(data)
    assert load_facts(json.loads(json.dumps(data))) is first
    data["links"]["b"] = {"mtu": 1500}  # type: ignore[index]
    assert load_facts(data) == HostFacts(
        links={"a": PodLink(mtu=1400), "b": PodLink(mtu=1500)}, libvirt_networks=("lan",)
    )


def test_a_truth_value_is_no_number_although_python_says_that_they_are_equal() -> None:
    assert load_facts({"links": {"a": {"mtu": 1}}}).links == {"a": PodLink(mtu=1)}
    with pytest.raises(FactsError, match="mtu"):
        load_facts({"links": {"a": {"mtu": True}}})
