"""A live dump, and the XML that was defined: the same but for noise."""

from __future__ import annotations

from typing import Any

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


def test_a_live_dump_equals_what_was_defined_but_for_noise(qemu: Any) -> None:
    import libvirt  # noqa: PLC0415 - where it is missing, the fixture says so

    running = qemu.createXML(DOMAIN, libvirt.VIR_DOMAIN_START_PAUSED)
    try:
        live = running.XMLDesc()
    finally:
        running.destroy()
    changes = kvnet.diff(kvnet.read_domain(DOMAIN), kvnet.read_domain(live, lossless=True))
    assert [str(change) for change in changes if change.noticed is not Noticed.NOISE] == []
    assert {str(change.at) for change in changes} >= {"interface[0].alias.@name", "interface[0].mac.@address"}


def test_a_change_that_was_made_is_found_in_the_live_dump(qemu: Any) -> None:
    import libvirt  # noqa: PLC0415

    running = qemu.createXML(DOMAIN.replace("state='down'", "state='up'"), libvirt.VIR_DOMAIN_START_PAUSED)
    try:
        live = running.XMLDesc()
    finally:
        running.destroy()
    changes = kvnet.diff(kvnet.read_domain(DOMAIN), kvnet.read_domain(live, lossless=True))
    told = [str(change) for change in changes if change.noticed is not Noticed.NOISE]
    assert told == ["interface[1].link.@state: down → up (guest-visible)"]
