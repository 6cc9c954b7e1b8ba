"""A running guest whose manifest changes: its links go down and up, and NICs come and go, as `apply` makes it so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from attrs import frozen
from guest.machine import Guest, SeenNic
from guest.pci import free_ports, nic_paths
from guest.taps import bridge
from machines import multus, nic, vmi

import kvnet
from kvnet import Profile, live
from kvnet.live import Applied
from kvnet.spec import Machine, Nad
from kvnet.values import MacAddress

pytestmark = pytest.mark.guest

SECONDS = 60.0
MTU = 1450
PLUGGED = 10  # from here on, the last byte of a MAC is a NIC's that came later
# Without e1000e: with QEMU 7.2 the Linux driver misses a link that goes down while it runs.
MODELS = ("virtio", "e1000", "rtl8139")
PORTS = (
    "<controller type='pci' index='0' model='pcie-root'/>",
    *("<controller type='pci' model='pcie-root-port'/>" for _ in range(12)),
)


def mac(n: int) -> MacAddress:
    return MacAddress(bytes((2, 0, 0, 0, 1, n)))


def first(state: str = "up") -> list[dict[str, Any]]:
    """The NICs that the guest has from the beginning, one of each model."""
    return [nic(model, model=model, macAddress=str(mac(n)), state=state) for n, model in enumerate(MODELS)]


def plugged(n: int, **members: Any) -> dict[str, Any]:
    return nic(f"plugged-{n}", macAddress=str(mac(n)), acpiIndex=n, **members)


def machine(nics: Sequence[dict[str, Any]]) -> Machine:
    networks = [multus(each["name"]) for each in nics]
    return kvnet.load(vmi(list(nics), networks, domain={"cpu": {"cores": 2}, "memory": {"guest": "384Mi"}}))


@frozen
class Changing:
    """A guest, and the bridge that its NICs are on."""

    guest: Guest
    nads: tuple[Nad, ...]

    def apply(self, *nics: dict[str, Any]) -> Applied:
        """Have the domain be what a manifest of these NICs asks; where that was done, there is nothing more to do."""
        applied, again = (
            live.apply(
                machine(nics),
                self.guest.domain.connect(),
                kvnet.Target(nads=self.nads, profile=Profile.HOST),
                name=self.guest.domain.name(),
                timeout=SECONDS,
            )
            for _ in range(2)
        )
        assert (applied.failed, applied.left, again.done) == ((), (), ())
        assert not applied.needs_restart
        assert sorted(_texts(self.guest.domain.XMLDesc())) == sorted(_texts(self.guest.domain.XMLDesc(2)))
        return applied

    def plugged(self, *numbers: int) -> dict[int, SeenNic]:
        """The plugged NICs that the guest sees, as soon as they are these."""
        nics = self.guest.wait_for(lambda nics: _numbers(nics) == list(numbers), SECONDS)
        return {nic.mac.octets[-1]: nic for nic in nics if nic.mac.octets[-1] >= PLUGGED}


def _texts(domain_xml: str) -> list[str]:
    """The NICs, as far as a running domain and its next start have the same to say of them."""
    found = kvnet.read_domain(domain_xml, lossless=True)
    return [f"{each.alias} {getattr(each, 'mac', None)} {each.address} {getattr(each, 'link', None)}" for each in found]


def _numbers(nics: Sequence[SeenNic]) -> list[int]:
    return sorted(nic.mac.octets[-1] for nic in nics if nic.mac.octets[-1] >= PLUGGED)


@pytest.fixture
def changing(boot: Callable[[str], Guest]) -> Iterator[Changing]:
    """A guest of two vCPUs on a bridge of the test's own, with NICs that are up, and room for more."""
    with bridge() as name:
        config = f'{{"cniVersion": "0.3.1", "type": "bridge", "bridge": "{name}", "mtu": {MTU}}}'
        nads = (Nad(name="nad", config=config),)
        asked = machine(first())
        texts = kvnet.compile(asked, kvnet.Target(nads=nads, profile=Profile.HOST)).xml()
        # emulation, which is everywhere and everywhere the same
        text = kvnet.build(asked, kvnet.Target(virt_type="qemu"), texts, name=f"kvnet-guest-{os.getpid()}")
        guest = boot(text.replace("</devices>", f"{''.join(PORTS)}</devices>"))
        guest.up()
        guest.wait_for(lambda nics: all(nic.carrier for nic in nics), SECONDS)
        yield Changing(guest, nads)
        guest.poweroff()  # the bridge goes when nothing is on it


def test_a_running_guest_sees_its_links_go_down_and_up_again(changing: Changing) -> None:
    for state in ("down", "up"):
        applied = changing.apply(*first(state))
        assert [str(call.step) for call in applied.done] == [f"update-link {name} (ua-{name})" for name in MODELS]
        changing.guest.wait_for(partial(_links_are, state == "up"), SECONDS)


def _links_are(up: bool, nics: Sequence[SeenNic]) -> bool:
    return all(nic.carrier is up for nic in nics)


def test_nics_come_into_a_running_guest_and_go_again(changing: Changing) -> None:
    guest = changing.guest
    changing.apply(*first(), plugged(10))
    one = changing.plugged(10)[10]
    assert (one.mtu, one.acpi_index, one.driver) == (MTU, 10, "virtio_net")
    several = [plugged(n) for n in (10, 11, 12, 13)]
    applied = changing.apply(*first(), *several)
    assert [call.step.nic for call in applied.done] == ["plugged-11", "plugged-12", "plugged-13"]
    assert len(changing.plugged(10, 11, 12, 13)) == 4
    assert {nic.mac: nic.path for nic in guest.nics()} == nic_paths(guest.domain.XMLDesc())
    guest.up()
    guest.wait_for(lambda nics: all(nic.carrier for nic in nics), SECONDS)

    applied = changing.apply(*first(), plugged(10), plugged(11, state="absent"), plugged(12), plugged(13))
    assert [str(call) for call in applied.done] == ["detach plugged-11 (ua-plugged-11) [running, next start]"]
    left = {path for mac, path in nic_paths(guest.domain.XMLDesc()).items() if mac.octets[-1] >= PLUGGED}
    assert {nic.path for nic in changing.plugged(10, 12, 13).values()} == left
    changing.apply(*first(), plugged(10, state="absent"), plugged(12), plugged(13))
    changing.apply(*first(), plugged(12), plugged(13), plugged(14))
    assert changing.plugged(12, 13, 14)[14].path == one.path, "the port is free again"


def test_a_guest_takes_no_more_nics_than_it_has_free_ports(changing: Changing) -> None:
    free = free_ports(changing.guest.domain.XMLDesc())
    numbers = range(PLUGGED, PLUGGED + free)
    applied = changing.apply(*first(), *map(plugged, (*numbers, numbers.stop)))
    errors = [problem for problem in applied.problems if problem.is_error]
    assert [(problem.code, problem.at.parts[-1]) for problem in errors] == [("KN853", len(MODELS) + free)]
    assert len(changing.plugged(*numbers)) == free > 0
