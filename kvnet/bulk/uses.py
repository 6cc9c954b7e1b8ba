"""What a VM takes of what a fleet shares: MAC addresses in networks, virtual functions and taps on hosts."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from kvnet.compiler import Compiled, CompiledNic
from kvnet.device import Hostdev, HostdevSource, Interface, NetworkSource
from kvnet.facts import HostFacts
from kvnet.spec import Bridge, Machine, Multus, Network, Pod, ResourceClaim
from kvnet.spec import Interface as Nic
from kvnet.target import Profile
from kvnet.values import MacAddress

__all__ = ["Uses", "host_of", "uses_of"]

_DEFAULT_NAMESPACE = "default"
_POD = "pod"


@frozen
class Uses:
    """What one VM takes: MAC addresses with their networks, virtual functions and taps with their hosts.

    Each entry is a pair, the network or host first. A host that is not known is an empty text.
    """

    macs: tuple[tuple[str, str], ...] = ()
    vfs: tuple[tuple[str, str], ...] = ()
    taps: tuple[tuple[str, str], ...] = ()

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """Everything that no other VM may take too: its kind, where, and what."""
        for kind, taken in (("mac", self.macs), ("vf", self.vfs), ("tap", self.taps)):
            for where, what in taken:
                yield kind, where, what


def uses_of(machine: Machine, compiled: Compiled, facts: HostFacts, profile: Profile) -> Uses:
    """What the NICs of a compiled machine take; the machine is the one that was compiled, defaults and all."""
    host = host_of(machine)
    asked = {interface.name: interface for interface in machine.interfaces}
    networks = {network.name: network for network in machine.networks}
    macs, vfs, taps = [], [], []
    for nic in compiled.nics:
        if nic.device is None:
            continue
        interface, network = asked[nic.name], networks[nic.name]
        mac = _mac(nic, interface)
        where = _network(machine, interface, network, nic, profile) if mac else None
        if mac and where:
            macs.append((where, mac))
        if isinstance(nic.device, Hostdev) or isinstance(nic.device.source, HostdevSource):
            vfs += [(host, each.name) for each in nic.requirements if each.kind == "vf"]
        elif _tap_is_the_hosts(nic, facts, profile):
            taps.append((host, str(nic.device.target)))
    return Uses(tuple(macs), tuple(vfs), tuple(taps))


def host_of(machine: Machine) -> str:
    """The node that a VMI's status names, or an empty text."""
    node = machine.status.rest.get("nodeName") if machine.status else None
    return node if isinstance(node, str) else ""


def _mac(nic: CompiledNic, interface: Nic) -> str | None:
    """The address in the device; that of a virtual function is in the spec alone, for CNI sets it."""
    if isinstance(nic.device, Interface) and nic.device.mac is not None:
        return str(nic.device.mac)
    return str(MacAddress.parse(interface.mac_address)) if interface.mac_address else None


def _network(machine: Machine, interface: Nic, network: Network, nic: CompiledNic, profile: Profile) -> str | None:
    """The network in which a NIC's MAC address has to be the only one of its kind; none where it meets no other."""
    namespace = machine.namespace or _DEFAULT_NAMESPACE
    match network.sources[0]:
        case Multus(network_name=name):
            return name if "/" in name else f"{namespace}/{name}"
        case ResourceClaim() as claim:
            return _claim(machine, namespace, claim)
        case Pod() if profile is Profile.HOST:
            source = nic.device.source if nic.device else None
            return f"libvirt {source.network} on {host_of(machine)}" if isinstance(source, NetworkSource) else None
        case Pod():
            # other bindings keep the guest's address behind the pod's own
            return _POD if isinstance(interface.binding, Bridge) else None


def _claim(machine: Machine, namespace: str, claim: ResourceClaim) -> str:
    """A claim by its own name; one made of a template is the machine's own."""
    named = (
        each.rest.get("resourceClaimName") for each in machine.spec.resource_claims if each.name == claim.claim_name
    )
    name = next(named, None) or f"{machine.name} {claim.claim_name}"
    return f"claim {namespace}/{name}/{claim.request_name}"


def _tap_is_the_hosts(nic: CompiledNic, facts: HostFacts, profile: Profile) -> bool:
    """Whether a tap is outside the pod's own network namespace: the host profile's, or one that the facts name."""
    if not isinstance(nic.device, Interface) or nic.device.target is None:
        return False
    link = (facts.links or {}).get(nic.name)
    return profile is Profile.HOST or (link is not None and isinstance(link.tap, str))
