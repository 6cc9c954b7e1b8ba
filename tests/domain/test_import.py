"""A libvirt domain becomes a manifest, and the manifest devices that the guest does not tell from the first ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from lxml import etree

import kvnet
from kvnet import Noticed
from kvnet.domain.import_ import Imported
from kvnet.domain.read import about, effective

VF = "<source><address{} domain='0' bus='0x81' slot='0x1' function='0x2'/></source>"


def function(source: str, alias: str = "ua-sriov-a") -> str:
    """A function of the host that is passed through."""
    return f"<hostdev mode='subsystem' type='pci' managed='yes'>{source}<alias name='{alias}'/></hostdev>"


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
    "a function passed through": function(VF.format("")),
    "a function as an interface": "<interface type='hostdev' managed='yes'>"
    + VF.format(" type='pci'")
    + "</interface>",
}


def test_a_function_in_a_pci_domain_that_kubevirt_cannot_spell_is_told() -> None:
    source = VF.format("").replace("domain='0'", "domain='0x10000'")
    made = kvnet.import_domain(domain(function(source)))
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
    "more memory than a quantity holds": ("<memory unit='GiB'>2<", "<memory unit='EiB'>8<", "domain.memory"),
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


def test_a_guest_address_whose_pci_domain_kubevirt_cannot_write_is_left_out() -> None:
    address = "<address type='pci' domain='0x10000' bus='0x01' slot='0x01'/>"
    imported = kvnet.import_domain(f"<domain><devices><interface type='user'>{address}</interface></devices></domain>")
    assert imported.machine.interfaces[0].pci_address is None


# devices that libvirt does not say to be NICs
NO_NICS = {
    "a graphics card": "<hostdev mode='subsystem' type='pci' managed='yes'>" + VF.format("") + "</hostdev>",
    "a graphics card of KubeVirt": function(VF.format(""), "ua-gpu-a"),
    "another device of KubeVirt": function(VF.format(""), "ua-hostdevice-a"),
}


@pytest.mark.parametrize("device", NO_NICS.values(), ids=NO_NICS)
def test_a_pci_device_that_is_no_nic_is_left_out_and_named(device: str) -> None:
    nic = FAITHFUL["a bridge"]
    made = kvnet.import_domain(domain(device, nic, function(VF.format(""))))
    assert [(each.name, type(each.binding).__name__) for each in made.machine.interfaces] == [
        ("net0", "Bridge"),
        ("a", "Sriov"),
    ]
    left = [problem for problem in made.assumptions if "is left out" in problem.message]
    assert [(problem.code, problem.field) for problem in left] == [("KN613", "domain.devices.hostdev[0]")]
    assert "0000:81:01.2" in left[0].message


BRIDGED = "<interface type='bridge'><source bridge='br0'/><model type='virtio'/>{}</interface>"
NATIVE = "<tag id='1' nativeMode='untagged'/><tag id='2'/>"
# what a manifest cannot hold of the host's side, and what is told of it
LOST = {
    "bandwidth": (BRIDGED.format("<bandwidth><inbound average='9'/></bandwidth>"), "interface.bandwidth: removed"),
    "a filter": (BRIDGED.format("<filterref filter='clean-traffic'/>"), "interface.filterref: removed"),
    "a rate beside one with a peak": (
        BRIDGED.format(
            "<bandwidth><inbound average='9' burst='8'/><outbound average='9' peak='10' burst='8'/></bandwidth>"
        ),
        "interface.bandwidth.outbound: removed",
    ),
    "a burst that the plugin refuses": (
        BRIDGED.format("<bandwidth><inbound average='9' burst='4194304'/></bandwidth>"),
        "interface.bandwidth: removed",
    ),
    "a native VLAN of Open vSwitch": (
        BRIDGED.format("<virtualport type='openvswitch'/><vlan trunk='yes'>" + NATIVE + "</vlan>"),
        "interface.vlan.tag[0].@nativeMode: removed untagged",
    ),
    "a VLAN that no CNI plugin takes": (BRIDGED.format("<vlan><tag id='4095'/></vlan>"), "interface.vlan: removed"),
    "a VLAN of a network": (
        FAITHFUL["libvirt's network"].replace("<model", "<vlan><tag id='7'/></vlan><model"),
        "vlan",
    ),
    "a port group": (
        FAITHFUL["libvirt's network"].replace("'default'", "'default' portgroup='staff'"),
        "interface.source.@portgroup: removed staff",
    ),
    "a port group of a network that became a bridge": (
        FAITHFUL["user mode"] + FAITHFUL["libvirt's network"].replace("'default'", "'default' portgroup='staff'"),
        "interface.source.@portgroup: removed staff",
    ),
    "another network": (FAITHFUL["libvirt's network"].replace("default", "lab"), "interface.source.@network: lab"),
    "filters of the guest": (
        BRIDGED.replace("type='bridge'", "type='bridge' trustGuestRxFilters='yes'", 1).format(""),
        "interface.@trustGuestRxFilters: removed yes",
    ),
    "a script": (BRIDGED.format("<script path='/etc/up'/>"), "interface.script.@path: removed /etc/up"),
    "a forwarded port": (
        "<interface type='user'><backend type='passt'/><portForward proto='tcp'><range start='22'/></portForward>"
        "<model type='virtio'/></interface>",
        "interface.portForward[0]: removed",
    ),
    "a target": (BRIDGED.format("<target dev='tap7'/>"), "interface.target.@dev: removed tap7"),
}


@pytest.mark.parametrize(("nic", "told"), LOST.values(), ids=LOST)
@pytest.mark.parametrize("profile", kvnet.Profile)
def test_a_setting_of_the_host_that_a_manifest_cannot_hold_is_told(nic: str, told: str, profile: kvnet.Profile) -> None:
    made = kvnet.import_domain(domain(nic), profile=profile)
    notes = [problem for problem in made.assumptions if problem.code == "KN615"]
    assert any(told in note.message for note in notes), notes
    assert not any(note.is_error for note in notes)


HELD = {
    "a VLAN": BRIDGED.format("<vlan><tag id='7'/></vlan>"),
    "a trunk": BRIDGED.format("<vlan trunk='yes'><tag id='7'/><tag id='8'/></vlan>"),
    "an MTU": BRIDGED.format("<mtu size='9000'/>"),
    "the filter against spoofing": BRIDGED.format("<filterref filter='no-mac-spoofing'/>"),
    "a target that libvirt named": BRIDGED.format("<target dev='vnet3'/>"),
    "an alias": BRIDGED.format("<alias name='ua-blue'/>"),
    "what libvirt says of a live network": FAITHFUL["libvirt's network"].replace(
        "'default'", "'default' portid='11111111-1111-1111-1111-111111111111' bridge='virbr0'"
    ),
}


@pytest.mark.parametrize("nic", HELD.values(), ids=HELD)
def test_what_a_manifest_holds_is_not_told(nic: str) -> None:
    made = kvnet.import_domain(domain(nic))
    assert [str(problem) for problem in made.assumptions if problem.code == "KN615"] == []


HELD_BY_NAD = {
    "a trunk with a native VLAN": BRIDGED.format("<vlan trunk='yes'>" + NATIVE + "</vlan>"),
    "a trunk of the native VLAN alone": BRIDGED.format("<vlan trunk='yes'><tag id='1' nativeMode='untagged'/></vlan>"),
    "an isolated port": BRIDGED.format("<port isolated='yes'/>"),
    "rates": BRIDGED.format(
        "<bandwidth><inbound average='9' burst='8'/><outbound average='1000' burst='512'/></bandwidth>"
    ),
    "one rate of Open vSwitch": BRIDGED.format(
        "<virtualport type='openvswitch'/><bandwidth><outbound average='9' burst='8'/></bandwidth>"
    ),
}


@pytest.mark.parametrize("nic", HELD_BY_NAD.values(), ids=HELD_BY_NAD)
@pytest.mark.parametrize("profile", kvnet.Profile)
def test_what_the_nad_alone_holds_is_told_and_comes_back(nic: str, profile: kvnet.Profile) -> None:
    made = kvnet.import_domain(domain(nic), profile=profile)
    told = [problem for problem in made.assumptions if problem.code == "KN615"]
    assert told
    assert {problem.hint for problem in told} == {"the NetworkAttachmentDefinition 'br0' holds it"}
    target = kvnet.Target(profile="host", nads=made.nads)
    (device,) = kvnet.compile(made.machine, target).devices
    (written,) = kvnet.read_domain(domain(nic))
    assert all(getattr(device, name) == getattr(written, name) for name in ("vlan", "port", "bandwidth"))


MODES = {"": "vepa", "mode='vepa'": "vepa", "mode='bridge'": "bridge", "mode='private'": "private"}


@pytest.mark.parametrize(("mode", "macvlan"), [*MODES.items(), ("mode='passthrough'", "passthru")])
def test_a_macvtap_gets_a_nad_of_macvlan_in_its_mode(mode: str, macvlan: str) -> None:
    made = kvnet.import_domain(domain(f"<interface type='direct'><source dev='eth1' {mode}/></interface>"))
    (nad,) = made.nads
    config = json.loads(nad.config or "")
    assert (config["type"], config["master"], config["mode"]) == ("macvlan", "eth1", macvlan)


IN_ANY_CASE = {
    "E1000": "e1000",
    "E1000E": "e1000e",
    "IGB": "igb",
    "RTL8139": "rtl8139",
    "ViRtIo": None,
    "VirtIO-transitional": None,
    "Virtio-Non-Transitional": None,
}


@pytest.mark.parametrize(("written", "model"), IN_ANY_CASE.items())
def test_a_model_is_read_in_any_letter_case_as_libvirt_does(written: str, model: str | None) -> None:
    made = kvnet.import_domain(domain(f"<interface type='user'><model type='{written}'/></interface>"))
    assert made.machine.interfaces[0].model == model
    assert [str(each) for each in made.assumptions if each.code == "KN614" or "names no model" in each.message] == []


@pytest.mark.parametrize(("written", "model"), [("VMXNET3", "vmxnet3"), ("NE2k_PCI", "NE2k_PCI")])
def test_only_a_model_that_libvirt_knows_by_name_is_written_in_its_letters(written: str, model: str) -> None:
    nics = kvnet.read_domain(domain(f"<interface type='user'><model type='{written}'/></interface>"))
    (made,) = effective(nics, about(etree.fromstring(domain())))
    assert getattr(made, "model", None) == model


def test_an_architecture_that_the_domain_does_not_name_is_told_at_its_field() -> None:
    text = domain().replace(" arch='x86_64'", "")
    assert [each.field for each in kvnet.import_domain(text).assumptions if "amd64 is assumed" in each.message] == [
        "spec.architecture"
    ]
    assert "spec.architecture" not in [each.field for each in kvnet.import_domain(domain()).assumptions]


def test_arguments_of_qemu_are_told_for_they_may_be_nics() -> None:
    arguments = "<qemu:commandline><qemu:arg value='-netdev'/><qemu:arg value='user,id=n'/></qemu:commandline>"
    namespace = "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
    text = domain(FAITHFUL["a bridge"]).replace("<domain", namespace, 1).replace("</domain>", f"{arguments}</domain>")
    told = [each for each in kvnet.import_domain(text).assumptions if "QEMU may get NICs" in each.message]
    assert [(each.code, each.field) for each in told] == [("KN613", "domain.qemu:commandline")]


TYPES = {
    "vdpa": "type='vdpa'><source dev='/dev/vhost-vdpa-0'/>",
    "mcast": "type='mcast'><source address='230.0.0.1' port='5558'/>",
    "USB": "type='hostdev'><source><address type='usb' bus='1' device='2'/></source>",
}


@pytest.mark.parametrize(("named", "nic"), TYPES.items(), ids=TYPES)
def test_a_network_without_an_equivalent_is_named(named: str, nic: str) -> None:
    made = kvnet.import_domain(domain(f"<interface {nic}</interface>"))
    (told,) = [each.message for each in made.assumptions if each.code == "KN611"]
    assert named in told
    assert "has no equivalent" in told
    assert "KN302" not in {each.code for each in made.assumptions}


MODELS = {
    "q35": ("x86_64", "pc-q35-7.2", "user", "rtl8139"),
    "i440fx": ("x86_64", "pc-i440fx-7.2", "user", "rtl8139"),
    "no architecture": ("", "", "user", "rtl8139"),
    "arm64": ("aarch64", "virt", "user", None),
    "s390x": ("s390x", "s390-ccw-virtio", "user", None),
    "vDPA": ("x86_64", "q35", "vdpa'><source dev='/dev/vhost-vdpa-0'/><link state='up", None),
}


@pytest.mark.parametrize(("arch", "machine", "kind", "model"), MODELS.values(), ids=MODELS)
def test_a_nic_without_a_model_gets_the_one_that_libvirt_gives(
    arch: str, machine: str, kind: str, model: str | None
) -> None:
    attributes = f" arch='{arch}' machine='{machine}'" if arch else ""
    kind, _, inside = kind.partition("'>")
    nic = f"<interface type='{kind}'>{inside}{chr(39) + '/>' if inside else ''}</interface>"
    made = kvnet.import_domain(
        f"<domain><os><type{attributes}>hvm</type></os><devices>{nic}</devices></domain>", profile="host"
    )
    assert made.machine.interfaces[0].model == model
    (note,) = (problem for problem in made.assumptions if problem.field.endswith("net0.model"))
    assert (note.code, note.message) == (
        "KN613",
        f"the domain names no model: it is {model or 'virtio'}, which libvirt gives such a NIC",
    )


BOOTS = {
    "the network first": ("<boot dev='network'/><boot dev='hd'/>", [1, None]),
    "the network after the disk": ("<boot dev='hd'/><boot dev='network'/>", [2, None]),
    "no network": ("<boot dev='hd'/>", [None, None]),
    "nothing": ("", [None, None]),
}


@pytest.mark.parametrize(("boots", "orders"), BOOTS.values(), ids=BOOTS)
def test_the_first_nic_boots_where_the_domain_boots_from_the_network(boots: str, orders: list[int | None]) -> None:
    two = domain(FAITHFUL["a bridge"], FAITHFUL["libvirt's network"]).replace("</type>", f"</type>{boots}")
    made = kvnet.import_domain(two)
    assert [each.boot_order for each in made.machine.interfaces] == orders
    assert any("became bootOrder" in problem.message for problem in made.assumptions) == (orders[0] is not None)


def test_a_boot_order_of_a_nic_counts_more_than_that_of_the_domain() -> None:
    nics = FAITHFUL["a bridge"], FAITHFUL["a bridge"].replace("<model", "<boot order='3'/><model")
    made = kvnet.import_domain(domain(*nics).replace("</type>", "</type><boot dev='network'/>"))
    assert [each.boot_order for each in made.machine.interfaces] == [None, 3]


NAMES = {
    "a name with capitals and spaces": ("My VM", "my-vm"),
    "dots": ("a..b.-c", "a.b.c"),
    "no letter that Kubernetes takes": ("虚拟机", "vm"),
}


@pytest.mark.parametrize(("name", "taken"), NAMES.values(), ids=NAMES)
def test_a_name_that_had_to_change_is_told(name: str, taken: str) -> None:
    made = kvnet.import_domain(domain().replace("My VM", name))
    assert made.machine.name == taken
    assert [problem.message for problem in made.assumptions if problem.code == "KN616"] == [
        f"the domain '{name}' is called '{taken}'"
    ]
    assert "KN616" not in {each.code for each in kvnet.import_domain(domain().replace("My VM", taken)).assumptions}


def test_twins_of_one_alias_get_names_of_their_own_and_it_is_told() -> None:
    nic = FAITHFUL["everything at once"]
    made = kvnet.import_domain(domain(nic, nic.replace("AA:00:01", "AA:00:02")))
    assert [each.name for each in made.machine.interfaces] == ["blue", "blue-2"]
    assert "the NIC of the alias ua-blue is called 'blue-2'" in [problem.message for problem in made.assumptions]


def test_the_facts_are_what_rendering_needs() -> None:
    vf = "<interface type='hostdev' managed='yes'><mac address='52:54:00:6d:90:06'/>"
    vf += VF.format(" type='pci'") + "<vlan><tag id='42'/></vlan></interface>"
    made = kvnet.import_domain(domain(vf, FAITHFUL["a bridge"]), profile="host")
    assert made.facts.pci_addresses == {"net0": kvnet.PciAddress.parse("0000:81:01.2")}
    assert made.facts.links is not None
    assert made.facts.links["net1"].mtu == 9000
    target = kvnet.Target(profile=kvnet.Profile.HOST, facts=made.facts, nads=made.nads)
    before = kvnet.read_domain(domain(vf, FAITHFUL["a bridge"]))
    after = kvnet.compile(made.machine, target).devices
    changes = [each for each in kvnet.diff(before, after) if each.before is not None]
    assert [str(each) for each in changes if each.noticed is not Noticed.NOISE] == []


class TestSeveralDomains:
    """Domains whose manifests are one stream."""

    def imported(self, *nics: str) -> tuple[Imported, ...]:
        return kvnet.import_domains(kvnet.DomainText(domain(nic), f"{n}.xml") for n, nic in enumerate(nics))

    def test_machines_and_definitions_have_names_of_their_own(self) -> None:
        bridge = FAITHFUL["a bridge"]
        made = self.imported(bridge, bridge, bridge.replace("9000", "1500"))
        assert [each.machine.name for each in made] == ["my-vm", "my-vm-2", "my-vm-3"]
        assert [[nad.name for nad in each.nads] for each in made] == [["br0"], ["br0"], ["br0-2"]]
        assert all("KN616" in {problem.code for problem in each.assumptions} for each in made)

    def test_networks_have_names_of_their_own_where_facts_go_by_them(self) -> None:
        vf, user, default = function(VF.format("")), FAITHFUL["user mode"], FAITHFUL["libvirt's network"]
        assert [each.machine.interfaces[0].name for each in self.imported(default, default)] == ["net0", "net0"]
        made = self.imported(vf, user, vf.replace("0x81", "0x82"), user)
        assert [each.machine.interfaces[0].name for each in made] == ["a", "net0", "a-2", "net1"]
        addresses = kvnet.facts_of(made).pci_addresses
        assert addresses is not None
        assert {name: str(address) for name, address in addresses.items()} == {
            "a": "0000:81:01.2",
            "a-2": "0000:82:01.2",
        }

    def test_the_links_of_all_are_known_where_one_has_an_mtu(self) -> None:
        made = self.imported(FAITHFUL["a bridge"], FAITHFUL["user mode"])
        facts = kvnet.facts_of(made)
        assert facts.links is not None
        assert {name: link.mtu for name, link in facts.links.items()} == {"net0": 9000, "net1": None}
        alone = kvnet.import_domain(domain(FAITHFUL["user mode"])).facts
        assert alone.links is None

    def test_the_problems_of_all_documents_are_reported(self) -> None:
        with pytest.raises(kvnet.XmlError) as refused:
            kvnet.import_domains([kvnet.DomainText("<network/>", "a"), kvnet.DomainText("<domain>", "b")])
        assert [str(problem).partition(" ")[0] for problem in refused.value.problems] == ["a:1:1:", "b:1:9:"]


ONE = "<domain><name>a</name></domain>"
TWO = {
    "one after the other": ONE + "\n" + ONE,
    "with a declaration each": f"<?xml version='1.0'?>{ONE}\n<?xml version='1.0'?>\n{ONE}",
    "in one element": f"<domains>{ONE}{ONE}</domains>",
    "with a comment between them": f"{ONE}<!-- two -->{ONE}",
    "a snapshot": f"<domainsnapshot>{ONE}</domainsnapshot>{ONE}",
}


@pytest.mark.parametrize("text", TWO.values(), ids=TWO)
@pytest.mark.parametrize("read", [kvnet.import_domain, kvnet.read_domain, lambda text: kvnet.patch(text, [])])
def test_a_text_with_two_domains_is_refused_as_such(text: str, read: Callable[[str], object]) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        read(text)
    assert [problem.code for problem in refused.value.problems] == ["KN508"]
    place = refused.value.problems[0].place
    assert place is not None
    line = text.splitlines()[place.line - 1]
    begins = "<domains>" if text.startswith("<domains>") else "<domain>", "<?xml", "<!--"
    assert line[place.column - 1 :].startswith(begins)


@pytest.mark.parametrize("text", [f"{ONE}<network/>", f"{ONE}junk", f"<a/>{ONE}", f"{ONE}{ONE[:-3]}"])
def test_other_texts_are_refused_for_their_own_reasons(text: str) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        kvnet.import_domain(text)
    expected = "KN508" if text.count("<domain>") > 1 else "KN501"
    assert [problem.code for problem in refused.value.problems] == [expected]


# networks of the host that only the facts can name
NETWORKS = {
    "another network of libvirt": FAITHFUL["libvirt's network"].replace("default", "lab"),
    "a port group": FAITHFUL["libvirt's network"].replace("'default'", "'default' portgroup='staff'"),
    "a second network": FAITHFUL["libvirt's network"] + FAITHFUL["libvirt's network"].replace("default", "lab"),
    "the same network twice": FAITHFUL["libvirt's network"] * 2,
    "a bridge of a name that no link has": FAITHFUL["a bridge"].replace("br0", "a:bridge of the office"),
    "a switch of a name that no link has": FAITHFUL["a VLAN on a switch"].replace("ovs0", "a:switch of the office"),
}


@pytest.mark.parametrize("nics", NETWORKS.values(), ids=NETWORKS)
def test_the_facts_name_the_networks_of_the_host(nics: str) -> None:
    made = kvnet.import_domain(domain(nics), profile="host")
    target = kvnet.Target(profile=kvnet.Profile.HOST, facts=made.facts, nads=made.nads)
    before = kvnet.read_domain(domain(nics))
    after = kvnet.compile(made.machine, target).devices
    assert [getattr(each, "source", None) for each in after] == [each.source for each in before]
    assert "networks" in kvnet.dump(made.facts)
    assert all("the facts of the import hold it" in str(each) for each in made.assumptions if each.code == "KN615")


def test_the_usual_network_needs_no_facts() -> None:
    assert kvnet.import_domain(domain(FAITHFUL["libvirt's network"])).facts == kvnet.HostFacts()


def test_a_trunk_of_open_vswitch_comes_back() -> None:
    port = "<virtualport type='openvswitch'/><vlan trunk='yes'><tag id='5'/><tag id='7'/></vlan>"
    xml = f"<interface type='bridge'><source bridge='ovs0'/>{port}</interface>"
    imported = kvnet.import_domain(domain(xml), profile="host")
    made = kvnet.compile(imported.machine, kvnet.Target(profile="host", nads=imported.nads))
    assert "<tag id='5'/><tag id='7'/></vlan><virtualport type='openvswitch'/>" in made.xml()[0]


def test_the_vcpus_of_a_domain_are_those_of_its_topology_or_sockets() -> None:
    topology = "<cpu><topology sockets='2' dies='1' cores='3' threads='4'/></cpu>"
    for xml, expected in (
        (f"<domain><vcpu>24</vcpu>{topology}</domain>", (2, 3, 4)),
        ("<domain><vcpu>24</vcpu></domain>", (24, None, None)),
        ("<domain/>", (None, None, None)),
    ):
        read = about(etree.fromstring(xml))
        assert (read.sockets, read.cores, read.threads, read.problems) == (*expected, ())


def test_what_is_assumed_of_a_nic_is_told_at_its_place_in_the_manifest() -> None:
    text = domain("<interface type='user'><alias name='ua-red'/></interface>").replace(
        "<os>", "<os><boot dev='network'/>"
    )
    fields = {each.field for each in kvnet.import_domain(text).assumptions if each.code == "KN613"}
    nic = "spec.domain.devices.interfaces.red"
    assert {f"{nic}.model", f"{nic}.bootOrder"} <= fields
