"""What is built, patched and imported to the letter: which element was wrong, and what became of each."""

from __future__ import annotations

import pytest
from lxml import etree
from machines import nic, pod, vmi

import kvnet
from kvnet.domain.patch import patch
from kvnet.errors import XmlError

MAC = "52:54:00:00:00:01"
NIC = f"<interface type='ethernet'><mac address='{MAC}'/><alias name='ua-a'/></interface>"


def domain(*devices: str) -> str:
    return f"<domain type='kvm'><name>x</name><memory>1024</memory><devices>{''.join(devices)}</devices></domain>"


@pytest.mark.parametrize(("architecture", "features"), [("amd64", ["acpi", "apic"]), ("arm64", ["gic"]), ("s390x", [])])
def test_each_architecture_has_its_features(architecture: str, features: list[str]) -> None:
    machine = kvnet.load(vmi([nic(binding="masquerade")], [pod()], domain={"memory": {"guest": "64Mi"}}))
    root = etree.fromstring(kvnet.build(machine, kvnet.Target(architecture=architecture), []))
    assert [each.tag for each in root.iterfind("features/*")] == features


def test_a_nic_without_children_takes_over_the_address_that_it_had() -> None:
    before = f"<interface type='ethernet'><mac address='{MAC}'/><alias name='ua-a'/></interface>"
    text = patch(domain(before), ["<interface type='ethernet'/>", NIC])
    assert len(etree.fromstring(text).findall("devices/interface")) == 2


def test_the_nic_that_is_no_xml_is_named_by_its_number() -> None:
    with pytest.raises(XmlError) as caught:
        patch(domain(), [NIC, "<interface"])
    assert "nics[1]" in str(caught.value)


@pytest.mark.parametrize("devices", [["<interface/>", NIC, NIC.replace(MAC, "52:54:00:00:00:02")]])
def test_the_last_of_two_nics_of_one_alias_is_told(devices: list[str]) -> None:
    with pytest.raises(XmlError) as caught:
        patch(domain(), devices)
    assert [(problem.code, str(problem.at)) for problem in caught.value.problems] == [("KN505", "nics[2]")]


def test_nics_without_an_alias_share_none() -> None:
    text = patch(domain(), ["<interface type='user'/>", "<interface type='user'/>"])
    assert len(etree.fromstring(text).findall("devices/interface")) == 2


def test_of_two_domains_the_second_is_told_with_the_remedy() -> None:
    with pytest.raises(XmlError) as caught:
        kvnet.read_domain(f"{domain()}\n{domain()}")
    (problem,) = caught.value.problems
    assert (problem.code, problem.place and problem.place.line) == ("KN508", 2)
    assert problem.hint


@pytest.mark.parametrize("spaces", ["", " "])
def test_new_nics_go_into_the_first_of_two_empty_lists_of_devices(spaces: str) -> None:
    text = f"<domain><name>x</name><devices>{spaces}</devices><devices></devices></domain>"
    first, second = etree.fromstring(patch(text, [NIC])).findall("devices")
    assert [each.tag for each in first] == ["interface"]
    assert len(second) == 0


def test_an_imported_machine_is_halted_and_says_what_its_networks_became() -> None:
    nics = [
        "<interface type='network'><source network='lab'/></interface>",
        "<interface type='network'><source network='prod' bridge='virbr7'/></interface>",
        "<interface type='user'/>",
    ]
    made = kvnet.import_domain(domain(*nics))
    assert "runStrategy: Halted" in kvnet.dump(made.machine)
    told = [problem.message for problem in made.assumptions]
    assert any("libvirt's network lab became the pod network, with masquerade" in each for each in told)
    assert any("libvirt's network prod became the bridge virbr7" in each for each in told)
    assert any("user mode" in each for each in told)
