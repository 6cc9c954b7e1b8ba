"""A libvirt domain becomes a manifest, and the manifest devices that the guest does not tell from the first ones."""

from __future__ import annotations

import json
import re

import pytest
import recorded

import kvnet
from kvnet import Noticed
from kvnet.domain.import_ import Imported

VF = "<source><address{} domain='0' bus='0x81' slot='0x1' function='0x2'/></source>"


def domain(*nics: str, machine: str = "pc-q35-7.2") -> str:
    return (
        "<domain type='kvm'><name>My VM</name><memory unit='GiB'>2</memory><vcpu>4</vcpu>"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os><devices>{''.join(nics)}</devices></domain>"
    )


def guest_changes(xml: str, made: Imported) -> list[str]:
    compiled = kvnet.compile(made.machine, kvnet.Target(facts=made.facts, nads=made.nads))
    devices = [nic.device for nic in compiled.nics if nic.device is not None]
    old = kvnet.read_domain(xml, lossless=True)
    changes = [change for pair in zip(old, devices, strict=True) for change in kvnet.diff(*pair)]
    return [str(change) for change in changes if change.noticed is Noticed.GUEST]


# NICs that a manifest can say everything of that the guest sees
FAITHFUL = {
    "libvirt's network": "<interface type='network'><source network='default'/><model type='virtio'/></interface>",
    "user mode": "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='e1000'/></interface>",
    "a bridge": "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><mtu size='9000'/></interface>",
    "a VLAN on a switch": (
        "<interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/><vlan><tag id='5'/></vlan>"
        "<model type='rtl8139'/></interface>"
    ),
    "a macvtap": "<interface type='direct'><source dev='eth1' mode='private'/><model type='virtio'/></interface>",
    "queues": ("<interface type='user'><model type='virtio'/><driver name='vhost' queues='4'/></interface>"),
    "everything at once": (
        "<interface type='bridge'><mac address='52:54:00:AA:00:01'/><source bridge='br0'/><model type='e1000e'/>"
        "<link state='down'/><boot order='2'/><alias name='ua-blue'/><acpi index='4'/>"
        "<address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></interface>"
    ),
    "a function passed through": f"<hostdev mode='subsystem' type='pci' managed='yes'>{VF.format('')}</hostdev>",
    "a function as an interface": "<interface type='hostdev' managed='yes'>"
    + VF.format(" type='pci'")
    + "</interface>",
}


def test_a_function_in_a_pci_domain_that_kubevirt_cannot_spell_is_told() -> None:
    source = VF.format("").replace("domain='0'", "domain='0x10000'")
    made = kvnet.import_domain(domain(f"<hostdev mode='subsystem' type='pci' managed='yes'>{source}</hostdev>"))
    assert "KN302" in [problem.code for problem in made.assumptions]


@pytest.mark.parametrize("nic", FAITHFUL.values(), ids=FAITHFUL)
def test_compiling_the_manifest_again_changes_nothing_that_the_guest_sees(nic: str) -> None:
    made = kvnet.import_domain(domain(nic))
    assert guest_changes(domain(nic), made) == []
    assert [problem for problem in kvnet.check(made.machine) if problem.is_error] == []
    assert "KN614" not in {problem.code for problem in made.assumptions}


# and NICs that it cannot say everything of, with the change that is told
TOLD = {
    "a model that KubeVirt has not": (
        "<interface type='user'><model type='vmxnet3'/></interface>",
        "interface.model.@type: vmxnet3 → virtio-non-transitional (guest-visible)",
    ),
    "fewer queues than vCPUs": (
        "<interface type='user'><model type='virtio'/><driver queues='2'/></interface>",
        "interface.driver.@queues: 2 → 4 (guest-visible)",
    ),
    "an offload": (
        "<interface type='user'><model type='virtio'/><driver><host csum='off'/></driver></interface>",
        "interface.driver: removed <driver><host csum='off'/></driver> (guest-visible)",
    ),
    "what kvnet does not know": (
        "<interface type='user'><model type='virtio'/><odd/></interface>",
        "interface.odd: removed <odd></odd> (guest-visible)",
    ),
}


@pytest.mark.parametrize(("nic", "told"), TOLD.values(), ids=TOLD)
def test_what_the_guest_sees_otherwise_is_told(nic: str, told: str) -> None:
    made = kvnet.import_domain(domain(nic))
    assert guest_changes(domain(nic), made) == [told]
    assert [problem.message for problem in made.assumptions if problem.code == "KN614"] == [
        f"a manifest cannot say this: {told}"
    ]


def test_the_machine_comes_over_by_name_cpus_memory_and_architecture() -> None:
    made = kvnet.import_domain(domain())
    assert (made.machine.name, made.machine.kind) == ("my-vm", "VirtualMachine")
    spec = made.machine.spec
    assert spec.architecture == "amd64"
    assert spec.domain.cpu is not None
    assert spec.domain.cpu.sockets == 4
    assert spec.domain.memory is not None
    assert spec.domain.memory.guest == "2Gi"
    assert spec.domain.devices.autoattach_pod_interface is False


@pytest.mark.parametrize(
    ("memory", "guest"),
    [
        *((f"<memory unit='{unit}'>2048</memory>", "2Mi") for unit in ("k", "K", "kib", "KiB", "KIB", "")),
        *((f"<memory unit='{unit}'>2048</memory>", "2Gi") for unit in ("m", "M", "mib", "MiB")),
        *((f"<memory unit='{unit}'>2</memory>", "2Gi") for unit in ("g", "G", "gib", "GiB")),
        *((f"<memory unit='{unit}'>1073741824</memory>", "1Gi") for unit in ("b", "B", "byte", "bytes", "BYTES")),
        *((f"<memory unit='{unit}'>2</memory>", "2000") for unit in ("kb", "kB", "KB")),
        ("<memory unit='mB'>2</memory>", "2000000"),
        ("<memory unit='gb'>1024</memory>", "1000000000Ki"),
        ("<memory unit='t'>1</memory>", "1024Gi"),
        ("<memory>2048</memory>", "2Mi"),
        ("<memory>+2048</memory>", "2Mi"),
    ],
)
def test_memory_has_every_unit_that_libvirt_takes(memory: str, guest: str) -> None:
    made = kvnet.import_domain(domain().replace("<memory unit='GiB'>2</memory>", memory))
    assert made.machine.spec.domain.memory is not None
    assert made.machine.spec.domain.memory.guest == guest


UNREADABLE = {
    "negative memory": ("<memory unit='GiB'>2<", "<memory>-2<", "domain.memory"),
    "memory in words": ("<memory unit='GiB'>2<", "<memory>lots<", "domain.memory"),
    "no amount of memory": ("<memory unit='GiB'>2<", "<memory><", "domain.memory"),
    "too much memory": ("<memory unit='GiB'>2<", "<memory unit='E'>99<", "domain.memory"),
    "unknown unit": ("'GiB'", "'GiBs'", "domain.memory"),
    "negative vCPUs": ("<vcpu>4<", "<vcpu>-4<", "domain.vcpu"),
    "no vCPUs": ("<vcpu>4<", "<vcpu>0<", "domain.vcpu"),
    "more digits than a number has": ("<vcpu>4<", f"<vcpu>{'0' * 5000}4<", "domain.vcpu"),
    "vCPUs in words": ("<vcpu>4<", "<vcpu>four<", "domain.vcpu"),
    "sockets": (
        "<os>",
        "<cpu><topology sockets='-1' cores='1' threads='1'/></cpu><os>",
        "domain.cpu.topology.@sockets",
    ),
    "threads": ("<os>", "<cpu><topology sockets='1' cores='1' threads='x'/></cpu><os>", "domain.cpu.topology.@threads"),
}


@pytest.mark.parametrize(("old", "new", "at"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_quantity_that_cannot_be_read_is_told(old: str, new: str, at: str) -> None:
    made = kvnet.import_domain(domain().replace(old, new))
    notes = [problem for problem in made.assumptions if problem.code == "KN613" and problem.field.startswith("domain")]
    assert [note.field for note in notes] == [at]
    assert notes[0].message.endswith("it is not imported")


@pytest.mark.parametrize(
    "inside",
    [
        "<driver queues='-2'/>",
        "<driver queues='two'/>",
        "<boot order='-1'/>",
        "<acpi index='x'/>",
        "<mtu size='-1'/>",
        "<mac address='nonsense'/>",
        "<address type='pci' bus='-1' slot='0'/>",
        "<vlan><tag id='-5'/></vlan>",
        "<bandwidth><inbound average='-1'/></bandwidth>",
    ],
)
def test_a_quantity_of_a_nic_that_cannot_be_read_is_told(inside: str) -> None:
    nic = f"<interface type='bridge'><source bridge='br0'/><model type='virtio'/>{inside}</interface>"
    value = re.search(r"'(-[0-9]+|two|x|nonsense)'", inside)
    assert value is not None
    told = [str(problem) for problem in kvnet.import_domain(domain(nic)).assumptions]
    assert any("KN614" in each and value[1] in each for each in told), told


def test_plain_virtio_on_the_old_chipset_is_the_transitional_kind() -> None:
    nic = FAITHFUL["libvirt's network"]
    made = kvnet.import_domain(domain(nic, machine="pc-i440fx-7.2"))
    assert made.machine.spec.domain.devices.use_virtio_transitional is True


def test_only_the_first_nic_takes_the_pod_network() -> None:
    user = FAITHFUL["user mode"]
    made = kvnet.import_domain(domain(user, user.replace("00:01", "00:02")))
    assert [network.pod is not None for network in made.machine.networks] == [True, False]


def test_one_definition_serves_every_nic_on_a_bridge_and_another_vlan_is_another() -> None:
    nic = FAITHFUL["a bridge"]
    other = nic.replace("<model", "<vlan><tag id='7'/></vlan><model")
    made = kvnet.import_domain(domain(nic, nic, other))
    assert [nad.name for nad in made.nads] == ["br0", "br0-2"]
    networks = [network.multus.network_name for network in made.machine.networks if network.multus]
    assert networks == ["br0", "br0", "br0-2"]


def test_a_guest_address_that_would_be_refused_is_left_out_and_told() -> None:
    nic = FAITHFUL["everything at once"].replace("bus='0x03'", "bus='0x00'").replace("slot='0x00'", "slot='0x1f'")
    made = kvnet.import_domain(domain(nic))
    assert made.machine.interfaces[0].pci_address is None
    assert "KN612" in {problem.code for problem in made.assumptions}


@pytest.mark.parametrize("nic", FAITHFUL.values(), ids=FAITHFUL)
def test_the_manifest_is_one_that_loads_again(nic: str) -> None:
    made = kvnet.import_domain(domain(nic))
    manifest = kvnet.Manifest(objects=(made.machine, *made.nads))
    assert kvnet.loads_all(kvnet.dump(manifest)).objects == manifest.objects


def test_of_every_nic_of_the_corpus_each_change_that_the_guest_sees_is_told() -> None:
    for line in recorded.lines(recorded.recordings(recorded.CORPUS)[-1]):
        case = json.loads(line)
        made = kvnet.import_domain(domain(case["xml"]))
        told = " ".join(problem.message for problem in made.assumptions)
        if any(problem.is_error for problem in made.assumptions):
            continue
        for change in guest_changes(domain(case["xml"]), made):
            assert change in told, case["id"]
        manifest = kvnet.Manifest(objects=(made.machine, *made.nads))
        assert kvnet.loads_all(kvnet.dump(manifest)).objects == manifest.objects, case["id"]


def test_a_guest_address_whose_pci_domain_kubevirt_cannot_write_is_left_out() -> None:
    address = "<address type='pci' domain='0x10000' bus='0x01' slot='0x01'/>"
    imported = kvnet.import_domain(f"<domain><devices><interface type='user'>{address}</interface></devices></domain>")
    assert imported.machine.interfaces[0].pci_address is None


def test_a_trunk_of_open_vswitch_comes_back() -> None:
    port = "<virtualport type='openvswitch'/><vlan trunk='yes'><tag id='5'/><tag id='7'/></vlan>"
    xml = f"<interface type='bridge'><source bridge='ovs0'/>{port}</interface>"
    imported = kvnet.import_domain(domain(xml), profile="host")
    made = kvnet.compile(imported.machine, kvnet.Target(profile="host", nads=imported.nads))
    assert "<tag id='5'/><tag id='7'/></vlan><virtualport type='openvswitch'/>" in made.xml()[0]
