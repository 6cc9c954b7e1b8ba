"""A domain around the NICs of a machine."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from instancetypes.given import given_vm
from lxml import etree

import kvnet
from kvnet.domain.build import build, left_out
from kvnet.errors import Rejected, Severity, XmlError
from kvnet.spec import Cpu, Devices, Disk, Domain, Firmware, Machine, MachineType, Memory, Resources, VmiSpec

NIC = "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"


def machine(**domain: object) -> Machine:
    return Machine(name="vm", namespace="ns", spec=VmiSpec(domain=Domain(**domain)))  # type: ignore[arg-type]


def built(machine: Machine, *, name: str | None = None, **options: str) -> etree._Element:
    return etree.fromstring(build(machine, kvnet.Target(**options), [NIC], name=name))  # type: ignore[arg-type]


MEMORY = {
    "guest": ({"memory": Memory(guest="1Gi"), "resources": Resources(requests={"memory": "2Gi"})}, 1048576),
    "request": ({"resources": Resources(requests={"memory": "2Gi"}, limits={"memory": "3Gi"})}, 2097152),
    "limit": ({"resources": Resources(limits={"memory": "3Gi"})}, 3145728),
    "none": ({}, 1048576),
    "rounded up": ({"memory": Memory(guest="1025")}, 2),
    "a number": ({"memory": Memory(guest=2048)}, 2),
}


@pytest.mark.parametrize(("spec", "kib"), MEMORY.values(), ids=MEMORY)
def test_memory_is_the_guests_else_requested_else_the_limit(spec: dict[str, object], kib: int) -> None:
    assert built(machine(**spec)).findtext("memory") == str(kib)


SIZED: dict[str, Any] = {"cores": 2, "sockets": 2, "threads": 2, "max_sockets": 2}
DIFFERENT: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "nothing": ({}, {}),
    "all four numbers": ({"cpu": Cpu(**SIZED)}, {}),
    "cores": ({"cpu": Cpu(**SIZED | {"cores": 3})}, {}),
    "sockets": ({"cpu": Cpu(**SIZED | {"sockets": 1})}, {}),
    "threads": ({"cpu": Cpu(**SIZED | {"threads": 1})}, {}),
    "room for sockets": ({"cpu": Cpu(**SIZED | {"max_sockets": 8})}, {}),
    "memory": ({"memory": Memory(guest="3Gi")}, {}),
    "the memory that is requested": ({"resources": Resources(requests={"memory": "2Gi"})}, {}),
    "the limit of memory": ({"resources": Resources(limits={"memory": "4Gi"})}, {}),
    "the CPUs that are requested": ({"resources": Resources(requests={"cpu": "3"})}, {}),
    "the limit of CPUs": ({"resources": Resources(limits={"cpu": "5"})}, {}),
    "the machine type": ({"machine": MachineType(type="pc-q35-7.2")}, {}),
    "the architecture": ({}, {"architecture": "arm64"}),
    "the type of the domain": ({}, {"virt_type": "qemu"}),
}


def test_domains_differ_where_machines_do_whatever_was_built_before() -> None:
    texts = {
        name: build(machine(**spec), kvnet.Target(**options), [NIC])  # type: ignore[arg-type]
        for name, (spec, options) in DIFFERENT.items()
    }
    for name, text in texts.items():
        assert [other for other, same in texts.items() if same == text] == [name]


VCPUS = {
    "one, and three to plug in": (Cpu(), "amd64", ("4", "1", "4")),
    "factors": (Cpu(cores=2, threads=2, max_sockets=1), "amd64", ("4", None, "1")),
    "hotplug": (Cpu(sockets=1, cores=2, max_sockets=4), "amd64", ("8", "2", "4")),
    "hotplug on s390x": (Cpu(sockets=1, max_sockets=4), "s390x", ("4", "1", "4")),
    "no hotplug on arm64": (Cpu(sockets=1, max_sockets=4), "arm64", ("1", None, "1")),
}


@pytest.mark.parametrize(("cpu", "architecture", "expected"), VCPUS.values(), ids=VCPUS)
def test_vcpus_follow_the_topology(cpu: Cpu, architecture: str, expected: tuple[str, str | None, str]) -> None:
    root = built(machine(cpu=cpu), architecture=architecture)
    vcpu, topology = root.find("vcpu"), root.find("cpu/topology")
    assert vcpu is not None
    assert topology is not None
    assert (vcpu.text, vcpu.get("current"), topology.get("sockets")) == expected


IOMMU = "<iommu model='intel'>\n      <driver intremap='on' caching_mode='on' eim='on'/>\n    </iommu>"
LARGE: dict[str, tuple[Cpu, MachineType, bool]] = {
    "255 vCPUs": (Cpu(sockets=255, max_sockets=255), MachineType(), False),
    "256 vCPUs": (Cpu(sockets=256, max_sockets=256), MachineType(), True),
    "sockets to plug in": (Cpu(sockets=64), MachineType(), True),
    "a q35 of one release": (Cpu(sockets=64), MachineType(type="pc-q35-7.2"), True),
    "the old chipset": (Cpu(sockets=64), MachineType(type="pc-i440fx-7.2"), False),
}


@pytest.mark.parametrize(("cpu", "kind", "is_extended"), LARGE.values(), ids=LARGE)
def test_more_than_255_vcpus_have_extended_interrupt_mode(cpu: Cpu, kind: MachineType, is_extended: bool) -> None:
    text = build(machine(cpu=cpu, machine=kind), None, [NIC])
    assert (IOMMU in text, "<ioapic driver='qemu'/>" in text) == (is_extended, is_extended)


def test_other_architectures_have_no_iommu() -> None:
    text = build(machine(cpu=Cpu(sockets=300)), kvnet.Target(architecture="s390x"), [NIC])
    assert "iommu" not in text
    assert "ioapic" not in text


def test_nics_are_laid_out_whatever_their_shape() -> None:
    spread = NIC.replace("<mac", "\n            <mac")
    assert build(machine(), None, [NIC]) == build(machine(), None, [spread])
    assert "\n    <interface type='user'>\n      <mac address='52:54:00:00:00:01'/>\n    </interface>\n" in build(
        machine(), None, [NIC]
    )


@pytest.mark.parametrize("nic", ["</devices></domain><evil/>", "<disk/>", "<interface/><disk/>"])
def test_a_nic_cannot_change_the_structure(nic: str) -> None:
    with pytest.raises(XmlError):
        build(machine(), None, [nic])


def test_text_cannot_change_the_structure() -> None:
    evil = "'/><x a='\"&]]>%s%{name}"
    root = built(machine(machine=MachineType(type=evil)), name=f"<{evil}".replace("/", ""))
    assert root.find(".//x") is None
    assert root.find("os/type").get("machine") == evil  # type: ignore[union-attr]


REFUSED = {
    "a control character": ({}, "a\x01", "KN602"),
    "a slash": ({}, "a/b", "KN602"),
    "a line break": ({}, "a\nb", "KN602"),
    "a blank name": ({}, " ", "KN602"),
    "no memory": ({"memory": Memory(guest="0")}, "a", "KN606"),
    "no UUID": ({"firmware": Firmware(uuid="x")}, "a", "KN605"),
}


@pytest.mark.parametrize(("spec", "name", "code"), REFUSED.values(), ids=REFUSED)
def test_what_libvirt_could_not_define_is_rejected(spec: dict[str, object], name: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        build(machine(**spec), None, [], name=name)
    assert [problem.code for problem in caught.value.problems] == [code]


SIZES: dict[str, tuple[dict[str, object], str]] = {
    "a machine type with a control character": ({"machine": MachineType(type="pc\x01")}, "KN602 machine.type"),
    "fewer than no CPUs": ({"resources": Resources(limits={"cpu": "-2"})}, "KN603 resources.limits.cpu"),
    "no number of CPUs": ({"resources": Resources(limits={"cpu": "many"})}, "KN603 resources.limits.cpu"),
    "a number too long to print": (
        {"resources": Resources(requests={"cpu": 10**5000})},
        "KN603 resources.requests.cpu",
    ),
    "more CPUs than 32 bits": ({"resources": Resources(limits={"cpu": "4294967296"})}, "KN603 resources.limits.cpu"),
    "factors of too many vCPUs": ({"cpu": Cpu(sockets=2**16, cores=2**16)}, "KN603 cpu"),
    "room for too many sockets": ({"cpu": Cpu(sockets=1, cores=2**16, max_sockets=2**16)}, "KN603 cpu"),
    "no quantity of memory": ({"memory": Memory(guest="lots")}, "KN606 memory.guest"),
    "a long number": ({"memory": Memory(guest="9" * 5000)}, "KN606 memory.guest"),
    "a long number of no text": ({"memory": Memory(guest=10**5000)}, "KN606 memory.guest"),
    "too many bytes": ({"memory": Memory(guest=2**63)}, "KN606 memory.guest"),
    "a request of too many": ({"resources": Resources(requests={"memory": "8Ei"})}, "KN606 resources.requests.memory"),
    "a limit of too many": ({"resources": Resources(limits={"memory": "1e30"})}, "KN606 resources.limits.memory"),
}


@pytest.mark.parametrize(("spec", "told"), SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("max_sockets", [None, 2**32 - 1])
def test_a_size_that_no_machine_has_is_a_problem_at_its_field(
    spec: dict[str, object], told: str, max_sockets: int | None
) -> None:
    given = machine(**({"cpu": Cpu(max_sockets=max_sockets)} | spec))
    code, field = told.split(" ")
    with pytest.raises(Rejected) as caught:
        build(given)
    assert f"{code} spec.domain.{field}" in [f"{problem.code} {problem.at}" for problem in caught.value.problems]
    assert f"spec.domain.{field}" in [str(problem.at) for problem in kvnet.render(given).problems]


@pytest.mark.parametrize("cpu", ["many", 10**5000, "9" * 65], ids=["a word", "a number too long to print", "long"])
@pytest.mark.parametrize("source", ["limits", "requests"])
def test_cpus_that_are_no_quantity_are_a_problem_of_each_function(source: str, cpu: Any) -> None:
    given, target = machine(resources=Resources(**{source: {"cpu": cpu}})), kvnet.Target()
    found = [
        kvnet.check(given, target),
        kvnet.compile(given, target).problems,
        kvnet.render(given, target).problems,
        kvnet.plan_changes("<domain><devices/></domain>", given, target).problems,
    ]
    told = [[f"{each.code} {each.at}" for each in problems if each.is_error] for problems in found]
    assert told == [[f"KN603 spec.domain.resources.{source}.cpu"]] * len(found)


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        (
            {"cpu": Cpu(sockets=2**16, cores=2**16 - 1, max_sockets=2**16)},
            ["<vcpu placement='static'>4294901760</vcpu>"],
        ),
        ({"memory": Memory(guest="9223372036854775807")}, ["<memory unit='KiB'>9007199254740992</memory>"]),
    ],
)
def test_the_largest_size_is_built(spec: dict[str, object], texts: list[str]) -> None:
    document = build(machine(**spec))
    assert [text for text in texts if text not in document] == []


def test_an_unknown_architecture_is_rejected() -> None:
    with pytest.raises(Rejected, match=r"KN604\b"):
        build(machine(), kvnet.Target(architecture="riscv64"), [])


def test_a_machine_that_contradicts_its_instancetype_is_rejected() -> None:
    asked, target = given_vm({"domain": {"cpu": {"cores": 2}}}, instancetype={})
    with pytest.raises(Rejected, match=r"KN211\b"):
        build(asked, target)
    with pytest.raises(Rejected, match=r"KN211\b"):
        build(asked, target, [])
    sound, target = given_vm({}, instancetype={"cpu": {"guest": 3}})
    assert etree.fromstring(build(sound, target, [])).xpath("string(vcpu/@current)") == "3"


def test_the_uuid_depends_on_namespace_and_name_alone() -> None:
    one, again = built(machine()), built(machine(cpu=Cpu(cores=2)))
    other = built(Machine(name="vm", namespace="other"))
    assert one.findtext("uuid") == again.findtext("uuid") == "82d9ffee-c176-588b-9364-80fbb0ba9bfe"
    assert one.findtext("uuid") != other.findtext("uuid")


@pytest.mark.parametrize("profile", ["kubevirt", "host"])
@pytest.mark.parametrize("field", ["name", "namespace"])
def test_a_name_with_half_of_a_surrogate_pair_is_a_problem(field: str, profile: str) -> None:
    target = kvnet.Target(profile=profile)
    given = Machine(**{"name": "vm", field: "\ud800"})  # type: ignore[arg-type]
    assert [problem.code for problem in kvnet.render(given, target).problems] == ["KN602"]
    with pytest.raises(Rejected, match=r"KN602\b.*\[metadata"):
        build(given, target, name="vm")


def test_what_the_domain_does_not_carry_is_told() -> None:
    spec = VmiSpec(domain=Domain(devices=Devices(disks=(Disk(name="d"),), rest={"gpus": [{}]})), rest={"volumes": [{}]})
    notes = left_out(Machine(spec=spec))
    assert [note.field for note in notes] == ["spec.domain.devices.disks", "spec.domain.devices.gpus", "spec.volumes"]
    assert {(note.code, note.severity) for note in notes} == {("KN601", Severity.NOTE)}


def test_a_quantity_of_no_type_is_rejected_as_any_other_is() -> None:
    odd: Any = []
    for resources in (Resources(requests={"memory": odd}), Resources(limits={"cpu": odd})):
        with pytest.raises(Rejected):
            build(machine(resources=resources), None, [])


ON_ROOT = {"kubevirt.io/placePCIDevicesOnRootComplex": "true"}


def on_root(kind: str | None = None, **options: str) -> dict[str, str]:
    """The slots of all devices that the document places, by tag, of a machine with NICs on slots 2 and 4."""
    asked = attrs.evolve(machine(machine=MachineType(type=kind) if kind else None), annotations=ON_ROOT)
    text = "<interface type='user'><address type='pci' bus='{}' slot='{}'/></interface>"
    nics = [text.format("0x00", "0x02"), text.format("0", "04"), text.format("0x01", "0x03")]
    root = etree.fromstring(build(asked, kvnet.Target(**options), nics))  # type: ignore[arg-type]
    others = [each for each in root.iterfind("devices/*") if each.tag != "interface"]
    return {str(each.tag): str(each.xpath("string(address/@slot)")) for each in others if len(each)}


def test_what_libvirt_adds_to_q35_is_on_bus_0_too_where_the_annotation_asks_for_it() -> None:
    assert on_root() == on_root("pc-q35-7.2") == {"controller": "0x03", "memballoon": "0x05"}


def test_what_stands_on_bus_0_is_known_of_xml_that_kvnet_does_not_know_whole() -> None:
    asked = attrs.evolve(machine(), annotations=ON_ROOT)
    nic = "<interface type='user'><future a='1'/><address type='pci' bus='0x00' slot='0x02'/></interface>"
    root = etree.fromstring(build(asked, None, [nic]))
    assert root.xpath("string(devices/interface/future/@a)") == "1"
    assert root.xpath("devices/memballoon/address/@slot") == ["0x04"]


@pytest.mark.parametrize("architecture", ["arm64", "s390x"])
def test_to_other_machines_libvirt_adds_nothing_on_root_ports(architecture: str) -> None:
    assert on_root(architecture=architecture) == on_root("pc-i440fx-7.2") == {}


def test_a_machine_without_the_annotation_has_no_such_devices() -> None:
    assert built(machine()).find("devices/memballoon") is None
