"""A live dump, and the XML that was defined: the same but for noise."""

from __future__ import annotations

from typing import Any

import pytest

import kvnet
from kvnet import Noticed

DOMAIN = """
<domain type='qemu'>
  <name>live</name>
  <memory unit='MiB'>32</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <interface type='user'/>
    <interface type='user'>
      <mac address='52:54:00:AA:00:01'/>
      <model type='virtio'/>
      <driver rx_queue_size='512'><host csum='off'/></driver>
      <link state='down'/>
      <boot order='1'/>
      <alias name='ua-second'/>
      <acpi index='7'/>
      <address type='pci' bus='0x05' slot='0x00'/>
    </interface>
    <interface type='udp'>
      <source address='127.0.0.1' port='11115'><local address='127.0.0.1' port='11116'/></source>
      <model type='e1000e'/>
    </interface>
  </devices>
</domain>
"""


@pytest.fixture(scope="module")
def live_dump(qemu: Any) -> str:
    """What libvirt says of the domain while it runs."""
    import libvirt  # noqa: PLC0415 - where it is missing, the fixture before says so

    running = qemu.createXML(DOMAIN, libvirt.VIR_DOMAIN_START_PAUSED)
    try:
        return str(running.XMLDesc())
    finally:
        running.destroy()


def test_a_live_dump_equals_what_was_defined_but_for_noise(live_dump: str) -> None:
    changes = kvnet.diff(kvnet.read_domain(DOMAIN), kvnet.read_domain(live_dump, lossless=True))
    assert [str(change) for change in changes if change.noticed is not Noticed.NOISE] == []
    assert {str(change.at) for change in changes} >= {"interface[0].alias.@name", "interface[0].mac.@address"}


def test_a_change_that_was_made_is_found_in_the_live_dump(live_dump: str) -> None:
    before = DOMAIN.replace("state='down'", "state='up'")
    changes = kvnet.diff(kvnet.read_domain(before), kvnet.read_domain(live_dump, lossless=True))
    told = [str(change) for change in changes if change.noticed is not Noticed.NOISE]
    assert told == ["interface[1].link.@state: up → down (guest-visible)"]
