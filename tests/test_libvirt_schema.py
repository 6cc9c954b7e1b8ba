"""The installed schema tells good devices from bad ones, and says why."""

from __future__ import annotations

import pytest
from libvirt_schema import SCHEMA, validated

pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason=f"libvirt's schema is looked for at {SCHEMA}")

PCI = "<source><address domain='0x0000' bus='0x03' slot='0x10' function='0x1'/></source>"

VALID = {
    "bare": "<interface type='bridge'/>",
    "null": "<interface type='null'><mac address='52:54:00:00:00:01'/></interface>",
    "in any order": "<interface type='ethernet'><mtu size='9'/><target dev='tap0'/><model type='virtio'/></interface>",
    "passt": (
        "<interface type='user'><backend type='passt'/><portForward proto='tcp'><range start='80' to='8080'/>"
        "</portForward></interface>"
    ),
    "vf": f"<hostdev mode='subsystem' type='pci' managed='no'>{PCI}<alias name='ua-sriov'/></hostdev>",
    "declared in another encoding": "<?xml version='1.0' encoding='ISO-8859-1'?><interface type='bridge'/>",
    "with comments": "<interface type='bridge'><!-- é --></interface>",
}


@pytest.mark.parametrize("device", VALID.values(), ids=VALID)
def test_a_valid_device_has_no_errors(device: str) -> None:
    assert validated(device) == []


INVALID = {
    "an unknown type": ("<interface type='ovs'/>", "Element interface failed to validate content"),
    "an unknown child": ("<interface type='bridge'><foo/></interface>", "has extra content: foo"),
    "an unknown attribute": ("<interface type='bridge'><mtu size='9' x='9'/></interface>", "Extra element mtu"),
    "a bad value": ("<interface type='bridge'><mtu size='65536'/></interface>", "Extra element mtu"),
    "a group address": ("<interface type='bridge'><mac address='01:00:5e:00:00:01'/></interface>", "Extra element mac"),
    "a child twice": ("<interface type='bridge'><mtu size='9'/><mtu size='9'/></interface>", "Extra element mtu"),
    "no source": ("<interface type='network'/>", "Expecting an element source, got nothing"),
    "no address": ("<hostdev mode='subsystem' type='pci'><source/></hostdev>", "Expecting an element address"),
    "another device": ("<disk type='file'/>", "<disk> is neither an <interface> nor a <hostdev>"),
    "not well formed": ("<interface type='bridge'>", "Premature end of data"),
    "two devices": ("<interface type='bridge'/><interface type='bridge'/>", "Extra content at the end"),
    "nothing": ("", "empty"),
}


@pytest.mark.parametrize(("device", "reason"), INVALID.values(), ids=INVALID)
def test_an_invalid_device_is_refused_with_a_reason(device: str, reason: str) -> None:
    assert reason in "\n".join(validated(device))


def test_a_verdict_does_not_depend_on_the_one_before() -> None:
    assert validated(VALID["vf"]) == []
    first = validated(INVALID["no address"][0])
    assert validated(INVALID["no source"][0]) != first
    assert validated(INVALID["no address"][0]) == first
    assert validated(VALID["vf"]) == []


def test_libxml2_wants_driver_and_source_of_a_hostdev_side_by_side() -> None:
    device = "<hostdev mode='subsystem' type='pci'>{}</hostdev>"
    driver, alias = "<driver name='vfio'/>", "<alias name='ua-a'/>"
    assert validated(device.format(driver + PCI + alias)) == []
    assert validated(device.format(driver + alias + PCI)) != []
