"""A running guest: its links go down and up, and NICs come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs
import pytest
from machine import Guest, SeenNic
from pci import free_ports, nic_paths
from removals import removals
from taps import bridge, taps
from wishes import Wish, compiled

import kvnet
from kvnet.device import Acpi, BridgeSource, Driver, Interface
from kvnet.live.binding import libvirt_module
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


@pytest.fixture
def guest(boot: Callable[[str], Guest]) -> Iterator[Guest]:
    """A guest of two vCPUs, with NICs that are up, and room for more."""
    wishes = [Wish(name=model, model=model, mtu=1500, mac=mac(n)) for n, model in enumerate(MODELS)]
    domain = compiled(wishes, cores=2, devices={})
    with taps(domain.requirements):
        guest = boot(domain.domain_xml.replace("</devices>", f"{''.join(PORTS)}</devices>"))
        guest.up()
        guest.wait_for(lambda nics: all(nic.carrier for nic in nics), SECONDS)
        yield guest
        guest.poweroff()  # taps go when QEMU no longer holds them


@pytest.fixture
def own_bridge() -> Iterator[str]:
    with bridge() as name:
        yield name


def plug(guest: Guest, bridge: str, n: int) -> None:
    nic = Interface(
        source=BridgeSource(bridge=bridge),
        mac=mac(n),
        model="virtio",
        driver=Driver(queues=2),
        mtu=MTU,
        acpi=Acpi(index=n),
        alias=f"ua-plugged-{n}",
    )
    guest.domain.attachDeviceFlags(kvnet.write(nic), libvirt_module().VIR_DOMAIN_AFFECT_LIVE)


def unplug(guest: Guest, n: int) -> None:
    with removals(guest.domain) as gone:
        guest.domain.detachDeviceAlias(f"ua-plugged-{n}", libvirt_module().VIR_DOMAIN_AFFECT_LIVE)
        assert gone.next(SECONDS) == f"ua-plugged-{n}"


def plugged(nics: Sequence[SeenNic]) -> list[int]:
    return sorted(nic.mac.octets[-1] for nic in nics if nic.mac.octets[-1] >= PLUGGED)


def seen(guest: Guest, *numbers: int) -> dict[int, SeenNic]:
    """The plugged NICs, as soon as they are these."""
    nics = guest.wait_for(lambda nics: plugged(nics) == list(numbers), SECONDS)
    return {nic.mac.octets[-1]: nic for nic in nics if nic.mac.octets[-1] >= PLUGGED}


def test_a_running_guest_sees_its_links_go_down_and_up_again(guest: Guest) -> None:
    for state in ("down", "up"):
        for nic in kvnet.read_domain(guest.domain.XMLDesc(), lossless=True):
            assert isinstance(nic, Interface)
            assert nic.mac is not None
            text = kvnet.write(attrs.evolve(nic, link=state))
            guest.domain.updateDeviceFlags(text, libvirt_module().VIR_DOMAIN_AFFECT_LIVE)
            wait_for_carrier(guest, nic.mac, state == "up")


def wait_for_carrier(guest: Guest, mac: MacAddress, carrier: bool) -> None:
    guest.wait_for(lambda nics: any(nic.mac == mac and nic.carrier is carrier for nic in nics), SECONDS)


def test_nics_come_into_a_running_guest_and_go_again(guest: Guest, own_bridge: str) -> None:
    plug(guest, own_bridge, 10)
    one = seen(guest, 10)[10]
    assert (one.mtu, one.rx_queues, one.acpi_index, one.driver) == (MTU, 2, 10, "virtio_net")
    for n in (11, 12, 13):
        plug(guest, own_bridge, n)
    assert len(seen(guest, 10, 11, 12, 13)) == 4
    assert {nic.mac: nic.path for nic in guest.nics()} == nic_paths(guest.domain.XMLDesc())
    guest.up()
    guest.wait_for(lambda nics: all(nic.carrier for nic in nics), SECONDS)

    unplug(guest, 11)
    assert "ua-plugged-11" not in guest.domain.XMLDesc()
    left = {path for mac, path in nic_paths(guest.domain.XMLDesc()).items() if mac.octets[-1] >= PLUGGED}
    assert {nic.path for nic in seen(guest, 10, 12, 13).values()} == left
    unplug(guest, 10)
    plug(guest, own_bridge, 14)
    assert seen(guest, 12, 13, 14)[14].path == one.path, "the port is free again"


def test_a_guest_takes_no_more_nics_than_it_has_free_ports(guest: Guest, own_bridge: str) -> None:
    numbers = range(PLUGGED, PLUGGED + free_ports(guest.domain.XMLDesc()))
    for n in numbers:
        plug(guest, own_bridge, n)
    with pytest.raises(libvirt_module().libvirtError, match="No more available PCI slots"):
        plug(guest, own_bridge, numbers.stop)
    assert len(seen(guest, *numbers)) == len(numbers) > 0
