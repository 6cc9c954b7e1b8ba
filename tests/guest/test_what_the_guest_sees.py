"""Manifests all the way into a guest: what it sees of its NICs is what was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from attrs import field, frozen
from guest.machine import Guest, SeenNic
from guest.pci import booted_from, nic_addresses, nic_paths
from guest.taps import taps
from guest.wishes import Wish, compiled

from kvnet.values import MacAddress, PciAddress

pytestmark = pytest.mark.guest

MODELS = ("virtio", "e1000", "e1000e", "rtl8139")
MTUS = (1280, 1410, 1500, 9000)
ETHERNET_MTU = 1500
LINK_SECONDS = 60.0
QEMU_8 = 8_000_000


@frozen(kw_only=True)
class Facets:
    """What is asked of one NIC, or what the guest sees of it; ``None`` is no wish."""

    mtu: int
    queues: int
    carrier: bool
    acpi_index: int | None
    address: PciAddress | None
    boot_order: int | None


@frozen(kw_only=True)
class Case:
    """A machine; ``moved`` are the NICs that the guest finds on another bus than the one asked for."""

    wishes: Sequence[Wish]
    vcpus: int
    multiqueue: bool = True
    transitional: bool = False
    moved: Mapping[str, str] = field(factory=dict)

    @property
    def queues(self) -> int:
        return self.vcpus if self.multiqueue else 1


def wish(n: int, model: str, mtu: int, **more: Any) -> Wish:
    return Wish(name=f"nic-{n}", model=model, mtu=mtu, mac=MacAddress(bytes((2, 0, 0, 0, 0, n))), **more)


def every_model_and_mtu(models: Sequence[str], bridge: str | None = None) -> tuple[Wish, ...]:
    """All models with all MTUs; of each model one link is down, and one NIC is booted from, the last model first."""
    special: dict[tuple[str, int], dict[str, Any]] = {
        ("e1000", 1280): {"pci_address": bridge},
        ("virtio", 1280): {"acpi_index": 16383, "pci_address": "0000:0a:00.0", "binding": "masquerade"},
        ("virtio", 9000): {"pci_address": "0000:00:10.0"},
        ("e1000e", 1280): {"pci_address": "0000:0d:00.0"},
    }
    wishes = []
    for n, (model, mtu) in enumerate(product(models, MTUS), 1):
        more = {"acpi_index": n} | special.get((model, mtu), {})
        if mtu == 1410:
            more["state"] = "down"
        if mtu == 1500:
            more |= {"state": "up", "boot_order": len(models) - models.index(model)}
        wishes.append(wish(n, model, mtu, **more))
    return tuple(wishes)


# libvirt makes the buses that are asked for first, in the order of the NICs, and the bridge of the older models when
# one of them needs it. Behind the first root port its bus is the guest's second; where its index is a higher one,
# the guest finds every NIC after it one bus further on than the manifest asks.
BRIDGE_FIRST = every_model_and_mtu(("e1000", "virtio", "e1000e", "rtl8139"), bridge="0000:02:1f.0")
BRIDGE_LAST = every_model_and_mtu(MODELS)
MOVED = {"nic-1": "0000:0b:00.0", "nic-9": "0000:0e:00.0"}
OLD = (
    wish(1, "virtio", 1280, acpi_index=1),
    wish(2, "virtio", 9000, state="down", boot_order=2),
    wish(3, "virtio", 1410, pci_address="0000:04:05.0", boot_order=1),
    wish(4, "pcnet", 1410, acpi_index=4),
    wish(5, "ne2k_pci", 1410, acpi_index=5),
)
CASES = {
    "1 vCPU": Case(wishes=BRIDGE_LAST, vcpus=1, moved=MOVED),
    "2 vCPUs": Case(wishes=BRIDGE_FIRST, vcpus=2),
    "4 vCPUs": Case(wishes=BRIDGE_LAST, vcpus=4, moved=MOVED),
    "8 vCPUs": Case(wishes=BRIDGE_FIRST, vcpus=8),
    "2 vCPUs, transitional, no multiqueue": Case(wishes=OLD, vcpus=2, multiqueue=False, transitional=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_guest_sees_what_the_manifest_asks_for(
    case: Case,
    libvirt: Any,
    boot: Callable[[str], Guest],
    record_property: Callable[[str, object], None],
) -> None:
    devices = {"networkInterfaceMultiqueue": case.multiqueue, "useVirtioTransitional": case.transitional}
    domain = compiled(case.wishes, cores=case.vcpus, devices=devices)
    links = {wish.mac: wish.state != "down" for wish in case.wishes}
    with taps(domain.requirements):
        started = time.monotonic()
        guest = boot(domain.domain_xml)
        seconds = time.monotonic() - started
        live_xml = guest.domain.XMLDesc()
        guest.up()
        nics = guest.wait_for(lambda nics: {nic.mac: nic.carrier for nic in nics} == links, LINK_SECONDS)
        boot_order = guest.boot_order()
        guest.poweroff()

    paths, addresses = nic_paths(live_xml), nic_addresses(live_xml)
    ranks = {mac: rank for rank, mac in enumerate(booted_from(boot_order, paths), 1)}
    seen = {nic.mac: seen_of(nic, ranks.get(nic.mac)) for nic in nics}
    asked = {wish.mac: asked_of(wish, case.queues) for wish in case.wishes}
    record_property("table", f"The guest answered after {seconds:.1f} s.\n{table(case.wishes, asked, seen)}")
    assert {nic.mac: nic.path for nic in nics} == paths
    index_on_root_bus = libvirt.getVersion() >= QEMU_8
    assert seen == {
        wish.mac: expected(wish, asked[wish.mac], paths[wish.mac][-1], index_on_root_bus=index_on_root_bus)
        for wish in case.wishes
    }
    for wish in case.wishes:
        if wish.pci_address:
            assert str(addresses[wish.mac]) == wish.pci_address
            assert str(seen[wish.mac].address) == case.moved.get(wish.name, wish.pci_address)


def asked_of(wish: Wish, queues: int) -> Facets:
    return Facets(
        mtu=wish.mtu,
        queues=queues,
        carrier=wish.state != "down",
        acpi_index=wish.acpi_index,
        address=PciAddress.parse(wish.pci_address) if wish.pci_address else None,
        boot_order=wish.boot_order,
    )


def seen_of(nic: SeenNic, boot_order: int | None) -> Facets:
    return Facets(
        mtu=nic.mtu,
        queues=nic.rx_queues,
        carrier=bool(nic.carrier),
        acpi_index=nic.acpi_index,
        address=nic.address,
        boot_order=boot_order,
    )


def expected(wish: Wish, asked: Facets, address: PciAddress, *, index_on_root_bus: bool) -> Facets:
    """What is asked for, except where a guest cannot have it.

    Virtio alone has queues, and alone takes its MTU from libvirt, where the others depend on DHCP. The older
    QEMU tells no ACPI index on bus 0.
    """
    virtio = wish.model == "virtio"
    return Facets(
        mtu=asked.mtu if virtio else ETHERNET_MTU,
        queues=asked.queues if virtio else 1,
        carrier=asked.carrier,
        acpi_index=asked.acpi_index if address.bus or index_on_root_bus else None,
        address=address,
        boot_order=asked.boot_order,
    )


COLUMNS: dict[str, Callable[[Facets], object]] = {
    "MTU": lambda facets: facets.mtu,
    "queues": lambda facets: facets.queues,
    "link": lambda facets: "up" if facets.carrier else "down",
    "ACPI index": lambda facets: facets.acpi_index or "-",
    "PCI address": lambda facets: facets.address or "-",
    "boot": lambda facets: facets.boot_order or "-",
}


def table(wishes: Sequence[Wish], asked: Mapping[MacAddress, Facets], seen: Mapping[MacAddress, Facets]) -> str:
    """Asked and seen, NIC by NIC."""
    rows = [["", "", *(word for column in COLUMNS for word in (column, ""))]]
    rows.append(["NIC", "model", *("asked", "seen") * len(COLUMNS)])
    for wish in wishes:
        pair = asked[wish.mac], seen.get(wish.mac)
        cells = [str(show(each)) if each else "" for show in COLUMNS.values() for each in pair]
        rows.append([wish.name, wish.model or "", *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
