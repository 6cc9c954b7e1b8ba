"""The KubeVirt profile: the device of each binding, as virt-launcher passes it to libvirt inside the pod."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from kvnet import spec
from kvnet.compiler.guest import Context, Guest, acpi, driver, guest_address, model, network_of, rom
from kvnet.compiler.guest import link as link_state
from kvnet.compiler.pod import PRIMARY_LINK, PRIMARY_TAP, USER_ALIAS, VF_ALIAS, PodAttachment, reported_link
from kvnet.compiler.result import CompiledNic, failed, note
from kvnet.device import (
    Backend,
    EthernetSource,
    Hostdev,
    Interface,
    PciHostAddress,
    PortForward,
    PortSpan,
    VhostuserSource,
)
from kvnet.errors import Problem
from kvnet.spec import Bridge, Machine, Masquerade, PasstBinding, Plugin, Port, Sriov
from kvnet.spec.nic import Nic
from kvnet.values import MacAddress, PciAddress
from kvnet.xml import evolver
from kvnet.xml.schema import RawElement

__all__ = ["ISTIO_PORTS", "behind_istio", "lower", "passt_forwards", "vf_address"]

_PASST_LOG = "/var/run/kubevirt/passt.log"
_ISTIO = "sidecar.istio.io/inject"
ISTIO_PORTS = (15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090)


def lower(nic: Nic, context: Context) -> CompiledNic:
    """The device of one NIC, and what was assumed for it."""
    return LOWER[type(nic.interface.binding)](nic, context)


def tap_nic(nic: Nic, context: Context) -> CompiledNic:
    """A NIC on a tap that exists already: ``<interface type='ethernet'>``."""
    interface, side = nic.interface, context.pod.attachment(network_of(nic))
    link, asked = side.link, interface.mac_address
    mac = MacAddress.parse(asked) if asked else link and link.mac
    device = _with_tap()(
        _unplugged(context.guest, link is not None, _kind(interface)),
        # virt-launcher normalises the address only when it finds the pod's link
        mac.canonical() if asked and mac and link else mac,
        side.target,
        None if link is None else link.mtu,
        f"{USER_ALIAS}{interface.name}",
    )
    notes = _tap_notes(nic, context, side, device) if link is None or side.assumed else ()
    return CompiledNic(name=interface.name, device=device, notes=notes)


@cache
def _with_tap() -> Callable[..., Interface]:
    return evolver(Interface, "mac", "target", "mtu", "alias")


_KIND = ("model", "state", "boot_order", "acpi_index", "pci_address")
_kind = attrgetter(*_KIND)


@lru_cache(maxsize=1024)
def _unplugged(guest: Guest, has_link: bool, kind: tuple[Any, ...]) -> Interface:
    """The part of a tap NIC that does not depend on its network. Sharing it saves 5 % of JSON to XML."""
    asked = spec.Interface(name="", **dict(zip(_KIND, kind, strict=True)))
    return Interface(
        source=EthernetSource(),
        target=PRIMARY_TAP if has_link else None,
        target_managed=False if has_link else None,
        model=model(asked, guest),
        driver=driver(asked, guest),
        link=link_state(asked),
        boot_order=asked.boot_order,
        rom=rom(asked, guest),
        acpi=acpi(asked),
        address=guest_address(asked),
    )


def _tap_notes(nic: Nic, context: Context, side: PodAttachment, device: Interface) -> tuple[Problem, ...]:
    if side.missing:
        message = f"the pod has no link for network '{nic.name}': its NIC has no target, and no MTU"
        return (note(nic.at, "KN311", message),)
    notes = [note(nic.at, "KN310", f"assumed KubeVirt's tap name {side.target}")]
    if device.mac is None:
        message = "no MAC address is known: libvirt will invent one whenever the domain is defined"
        notes.append(note(nic.at / "macAddress", "KN312", message))
    return tuple(notes)


def passt_nic(nic: Nic, context: Context) -> CompiledNic:
    """A vhost-user NIC of passt: ``<interface type='vhostuser'>`` with port forwards."""
    interface, guest, machine = nic.interface, context.guest, context.machine
    link = reported_link(machine, nic.name)
    notes = []
    if not link:
        if context.facts.links is not None:
            return failed(
                nic,
                "KN301",
                f"the machine's status reports no pod link for passt interface '{nic.name}'",
                "add podInterfaceName to its entry in status.interfaces",
            )
        link = PRIMARY_LINK
        notes.append(note(nic.at, "KN310", f"assumed the pod link {link}"))
    device = Interface(
        source=VhostuserSource(dev=link),
        mac=MacAddress.parse(interface.mac_address) if interface.mac_address else None,
        port_forwards=passt_forwards(interface.ports, behind_istio=behind_istio(machine)),
        model=model(interface, guest),
        driver=driver(interface, guest),
        backend=Backend(type="passt", log_file=_PASST_LOG),
        alias=f"{USER_ALIAS}{nic.name}",
        acpi=acpi(interface),
        address=guest_address(interface),
    )
    return CompiledNic(name=nic.name, device=device, notes=tuple(notes))


def behind_istio(machine: Machine) -> bool:
    """Whether an Istio sidecar is injected into the machine's pod."""
    return machine.annotations.get(_ISTIO, "").lower() == "true"


def passt_forwards(ports: tuple[Port, ...] | None, *, behind_istio: bool) -> tuple[PortForward, ...]:
    """The port forwards of passt: the listed ports, TCP before UDP, or all ports where none is listed."""
    kept = tuple(PortSpan(start=port, exclude=True) for port in ISTIO_PORTS) if behind_istio else ()
    tcp, udp = _spans(ports, "tcp"), _spans(ports, "udp")
    if not tcp and not udp and not kept:
        return (PortForward(proto="tcp"), PortForward(proto="udp"))
    spans = {"tcp": kept + tcp, "udp": udp}
    return tuple(PortForward(proto=proto, ranges=ranges) for proto, ranges in spans.items() if ranges)


def _spans(ports: tuple[Port, ...] | None, protocol: str) -> tuple[PortSpan, ...]:
    return tuple(
        PortSpan(start=port.port)
        for port in ports or ()
        if (port.protocol or "tcp").lower() == protocol and port.port >= 0
    )


def vf_hostdev(nic: Nic, context: Context) -> CompiledNic:
    """A virtual function that is passed through: ``<hostdev>``."""
    interface, network = nic.interface, network_of(nic)
    if network.pod is not None:
        message = f"SR-IOV interface '{nic.name}' is on the pod network: KubeVirt gives the guest no device"
        return CompiledNic(name=nic.name, notes=(note(nic.at, "KN313", message),))
    address = vf_address(nic, context)
    if address is None:
        return failed(
            nic,
            "KN302",
            f"the host PCI address of SR-IOV network '{nic.name}' is not known",
            "give it in the facts: pciAddresses, or a network-info or network-status document",
        )
    source, alias = PciHostAddress.of(address), f"{USER_ALIAS}{VF_ALIAS}{interface.name}"
    return CompiledNic(name=interface.name, device=_with_function()(_unpassed(_kind(interface)), source, alias))


@cache
def _with_function() -> Callable[..., Hostdev]:
    return evolver(Hostdev, "source", "alias")


@lru_cache(maxsize=1024)
def _unpassed(kind: tuple[Any, ...]) -> Hostdev:
    """The part of a ``<hostdev>`` that does not depend on the virtual function; many machines share it."""
    asked = spec.Interface(name="", **dict(zip(_KIND, kind, strict=True)))
    source = RawElement()
    return Hostdev(managed=False, source=source, boot_order=asked.boot_order, address=guest_address(asked))


def vf_address(nic: Nic, context: Context) -> PciAddress | None:
    """The host address of a NIC's virtual function, found by resource claim or by network; ``None`` if unknown."""
    network = network_of(nic)
    claim = network.resource_claim
    claimed = context.facts.claims.get(f"{claim.claim_name}/{claim.request_name}") if claim else None
    return claimed or context.pod.pci_address(network)


def plugin_nic(nic: Nic, context: Context) -> CompiledNic:
    """A NIC of a binding plugin: a tap if it is registered with one, else no device, for its sidecar adds the NIC."""
    assert isinstance(nic.binding, Plugin)
    plugin = context.plugins.get(nic.binding.name)
    if plugin is not None and plugin.attaches_tap:
        return tap_nic(nic, context)
    message = "is not known to be registered" if plugin is None else "attaches no tap"
    message = f"binding plugin '{nic.binding.name}' {message}: its sidecar has to add the NIC"
    return CompiledNic(name=nic.name, notes=(note(nic.at / "binding", "KN314", message),))


def no_binding(nic: Nic, context: Context) -> CompiledNic:
    """The problem of a NIC without a supported binding."""
    return failed(nic, "KN303", f"interface '{nic.name}' has no binding", "write `masquerade: {}` or `bridge: {}`")


LOWER: dict[type, Callable[[Nic, Context], CompiledNic]] = {
    Bridge: tap_nic,
    Masquerade: tap_nic,
    Sriov: vf_hostdev,
    PasstBinding: passt_nic,
    Plugin: plugin_nic,
    type(None): no_binding,
}
