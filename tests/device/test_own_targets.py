"""Names of targets that libvirt gives itself are noise; those that somebody chose are changes."""

from __future__ import annotations

import pytest
from attrs import evolve

import kvnet
from kvnet.device import DirectSource, Interface

NIC = Interface(source=DirectSource(dev="eth1", mode="bridge"))
OWN = ("vnet0", "vnet17", "macvtap0", "macvtap3", "macvlan2", "vif1.0", "vif12.3")
CHOSEN = ("tap0", "vnet", "vnetA", "macvtap", "mymacvtap0", "vnet0x", "vif", "macvtap-0")


@pytest.mark.parametrize("target", OWN)
def test_a_target_of_libvirts_own_is_noise(target: str) -> None:
    named = evolve(NIC, target=target)
    for before, after in ((NIC, named), (named, NIC), (named, evolve(NIC, target="vnet99"))):
        assert [change.noticed for change in kvnet.diff(before, after)] == [kvnet.Noticed.NOISE]


@pytest.mark.parametrize("target", CHOSEN)
def test_a_target_that_somebody_chose_is_a_change_of_the_host(target: str) -> None:
    named = evolve(NIC, target=target)
    for before, after in ((NIC, named), (named, NIC), (named, evolve(NIC, target="vnet99"))):
        assert [change.noticed for change in kvnet.diff(before, after)] == [kvnet.Noticed.HOST]
