"""Real libvirt agrees on which root ports are free, and that what it defined is what was asked."""

from __future__ import annotations

from typing import Any

import pytest
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import Plan, Profile, plan_changes
from kvnet.hotplug import extra_ports, free_ports, placeholders, with_hotplug_ports
from kvnet.spec import Nad

pytestmark = pytest.mark.slow
NADS = (Nad(name="nad", config='{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br0", "mtu": 1400}'),)


def defined(connection: Any, text: str) -> str:
    domain = connection.defineXML(text)
    try:
        return str(domain.XMLDesc(0))
    finally:
        domain.undefine()


@pytest.mark.parametrize("model", ["virtio", "e1000e", "rtl8139"])
def test_the_ports_that_were_asked_are_free_once_libvirt_has_placed_all_devices(qemu: Any, model: str) -> None:
    nics = [nic("default", "masquerade", model=model), nic("red", model=model, state="down")]
    machine = kvnet.load(vmi(nics, [pod("default"), multus("red")], domain={"memory": {"guest": "256Mi"}}))
    texts = kvnet.compile(machine, kvnet.Target(nads=NADS, profile=Profile.HOST)).xml()
    text = kvnet.build(machine, kvnet.Target(virt_type="qemu"), texts)
    wanted = placeholders(machine) + extra_ports(machine, text)
    once = defined(qemu, with_hotplug_ports(text, machine))
    assert len(free_ports(once)) >= wanted
    assert plan_changes(once, machine, kvnet.Target(nads=NADS, profile=Profile.HOST)) == Plan()
    # exact where every device has its place
    placed = defined(qemu, text)
    wanted = placeholders(machine) + extra_ports(machine, placed)
    after = defined(qemu, with_hotplug_ports(placed, machine))
    assert len(free_ports(after)) == wanted
    assert with_hotplug_ports(after, machine) == after
