"""Import, render and diff: nothing that the guest sees changes without being told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import recorded
from effort import examples
from hypothesis import HealthCheck, assume, given, settings

import kvnet
from kvnet import Noticed
from kvnet.device import Device, Hostdev, PciGuestAddress
from kvnet.domain.read import about, domain_element, effective
from kvnet.target import Profile
from kvnet.testing import domains
from kvnet.xml.parser import parse

WHOLE = (
    "<domain type='kvm'><name>vm</name><memory unit='GiB'>2</memory><vcpu>4</vcpu>"
    "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{}</devices></domain>"
)


def as_run(xml: str) -> tuple[Device, ...]:
    """The devices of a domain as libvirt would run them."""
    return effective(kvnet.read_domain(xml, lossless=True), about(domain_element(parse(xml), "test")))


def rendered(imported: kvnet.Imported, profile: Profile) -> kvnet.Rendered:
    """The machine as it is rendered from the texts that the command writes."""
    manifest = kvnet.loads_all(kvnet.dump(kvnet.Manifest(objects=(imported.machine, *imported.nads))))
    facts = kvnet.loads_facts(kvnet.dump(kvnet.facts_of([imported])))
    (machine,) = manifest.machines
    return kvnet.render(machine, manifest.target(profile=profile, facts=facts))


def untold(xml: str, profile: Profile) -> list[str]:
    """What the guest of the rendered domain sees otherwise, or why there is none, and the import does not tell."""
    imported = kvnet.import_domain(xml, profile=profile)
    told = "\n".join(problem.message for problem in imported.assumptions)
    made = rendered(imported, profile)
    if made.problems:
        return [str(problem) for problem in made.problems if problem.is_error and problem.message not in told]
    changes = kvnet.diff(as_run(xml), as_run(made.document or ""))
    return [str(change) for change in changes if change.noticed is Noticed.GUEST and not is_told(change, told)]


def is_told(change: kvnet.Change, told: str) -> bool:
    """Whether a change is told: by its path inside the device and its values, or as a device that is left out."""
    if change.at.parts[0] == "hostdev" and all(isinstance(part, int) for part in change.at.parts[1:]):
        return change.after is None and "is left out" in told
    return str(change).partition(".")[2] in told


def test_of_any_domain_the_guest_sees_no_change_that_is_not_told() -> None:
    of_any_domain(examples(1))


@pytest.mark.slow
def test_of_five_hundred_domains_the_guest_sees_no_change_that_is_not_told() -> None:
    of_any_domain(500)


def of_any_domain(count: int) -> None:
    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    @given(domains())
    def nothing_is_untold(xml: str) -> None:
        assume(not has_twins(xml))
        assert {profile: untold(xml, profile) for profile in Profile} == {profile: [] for profile in Profile}

    nothing_is_untold()


FUNCTION = "<source><address {}domain='0x0000' bus='0x05' slot='0x00' function='0x{}'/></source>"
HOSTDEV = "<hostdev mode='subsystem' type='pci'>{}{{}}</hostdev>"
NIC = "<interface type='hostdev'>{}{{}}</interface>"
PASSED_THROUGH = [HOSTDEV.format(FUNCTION.format("", 0)), NIC.format(FUNCTION.format("type='pci' ", 1))]
TEAMED = "<teaming type='persistent'/><boot order='1'/>"
FUNCTIONS = {
    "a function that is no NIC, and a NIC without an alias": (TEAMED, ""),
    "a NIC whose alias becomes that of the other one": (
        "<boot order='1'/><alias name='ua-sriov-a'/>",
        "<alias name='ua-a'/>",
    ),
    "a NIC with the alias of a virtual function": (TEAMED, "<alias name='ua-sriov-a'/>"),
}


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("inside", FUNCTIONS.values(), ids=FUNCTIONS)
def test_of_functions_that_are_passed_through_nothing_is_untold(
    inside: tuple[str, str], backwards: bool, profile: Profile
) -> None:
    devices = [text.format(each) for text, each in zip(PASSED_THROUGH, inside, strict=True)]
    assert untold(WHOLE.format("".join(devices[::-1] if backwards else devices)), profile) == []


def has_twins(xml: str) -> bool:
    """Whether two devices are one device of the host, or have one alias or place, which no domain can start with."""
    devices = kvnet.read_domain(xml)
    sources = [each.source for each in devices if isinstance(each, Hostdev)]
    aliases = [each.alias for each in devices if each.alias is not None]
    places = [each.address for each in devices if isinstance(each.address, PciGuestAddress)]
    return any(each in some[:n] for some in (sources, aliases, places) for n, each in enumerate(some))


PORT = "a9f5b8f2-7c5e-4a2c-9d5e-111111111111"
PLUGS = {
    "user mode": "type='user'>",
    "passt": "type='user'><source dev='eth0'/><backend type='passt' logFile='/var/log/passt.log'/>",
    "a tap": "type='ethernet'><script path='/etc/up'/><target dev='tap7' managed='no'/>",
    "a tap with addresses": "type='ethernet'><source><ip address='10.0.0.1' prefix='24'/></source>",
    "a network": "type='network'><source network='lab' portgroup='web'/>",
    "a bridge": "type='bridge'><source bridge='br0'/>",
    "a bridge of a long name": "type='bridge'><source bridge='a-bridge-of-a-long-name'/>",
    "a port of Open vSwitch": f"type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'><parameters "
    f"profileid='p' interfaceid='{PORT}'/></virtualport>",
    "a port of midonet": f"type='bridge'><source bridge='br0'/><virtualport type='midonet'><parameters "
    f"interfaceid='{PORT}'/></virtualport>",
    "a macvtap": "type='direct'><source dev='eth1' mode='passthrough'/>",
    "a macvtap of a profile": "type='direct'><source dev='eth1' mode='vepa'/><virtualport type='802.1Qbh'><parameters "
    "profileid='p'/></virtualport>",
    "vhost-user": "type='vhostuser'><source type='unix' path='/run/v.sock' mode='server'/>",
    "vDPA": "type='vdpa'><source dev='/dev/vhost-vdpa-0'/>",
    "a multicast group": "type='mcast'><source address='230.0.0.1' port='5558'/>",
    "a server": "type='server'><source port='5558'/>",
    "a client": "type='client'><source address='10.0.0.1' port='5558'/>",
    "a tunnel": "type='udp'><source address='10.0.0.1' port='5'><local address='10.0.0.2' port='6'/></source>",
    "nothing": "type='null'>",
    "a function": "type='hostdev' managed='yes'><source><address type='pci' domain='0' bus='5' slot='0' function='1'/>"
    "</source><vlan><tag id='7'/></vlan>",
}


@pytest.mark.parametrize("second", [False, True], ids=["alone", "second"])
@pytest.mark.parametrize("plug", PLUGS.values(), ids=PLUGS)
def test_rendering_with_the_facts_of_the_import_gives_back_what_a_nic_is_plugged_into(plug: str, second: bool) -> None:
    model = "" if "hostdev" in plug else "<model type='virtio'/>"
    first = "<interface type='network'><source network='default'/><model type='virtio'/></interface>" * second
    xml = WHOLE.format(f"{first}<interface {plug}{model}<mac address='52:54:00:00:00:01'/></interface>")
    made = rendered(kvnet.import_domain(xml, profile="host"), Profile.HOST)
    changed = kvnet.diff(as_run(xml), as_run(made.document or ""))
    paths = [str(each.at).partition(".")[2] for each in changed if each.noticed is not Noticed.NOISE]
    assert [path for path in paths if path not in ("alias.@name", "rom", "driver")] == []


@pytest.mark.parametrize("path", recorded.parameters(recorded.CORPUS))
@pytest.mark.parametrize("profile", Profile)
def test_of_every_device_of_the_corpus_the_guest_sees_no_change_that_is_not_told(profile: Profile, path: Path) -> None:
    cases = [json.loads(line) for line in recorded.lines(path)]
    found = {case["id"]: untold(WHOLE.format(case["xml"]), profile) for case in cases}
    assert {name: changes for name, changes in found.items() if changes} == {}
