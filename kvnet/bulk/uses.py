"""Tell what a machine uses that no other may use: MAC addresses in networks, virtual functions and taps on hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from attrs import frozen

from kvnet.compiler import Compiled, CompiledNic
from kvnet.device import Hostdev, HostdevSource, Interface, NetworkSource
from kvnet.facts import HostFacts
from kvnet.spec import Bridge, Machine, Multus, Network, Pod, ResourceClaim
from kvnet.spec import Interface as InterfaceSpec
from kvnet.target import Profile
from kvnet.values import MacAddress

__all__ = ["Uses", "digest", "host_of", "uses_of"]

_DEFAULT_NAMESPACE = "default"
_POD_NETWORK = "pod"
_Pairs = tuple[tuple[str, str], ...]


@frozen(slots=False)
class Uses:
    """What one machine uses and no other may: ``macs`` with their networks, ``vfs`` and ``taps`` with their hosts.

    Each entry is a pair, the network or host first. The host is an empty string where it is not known.

    >>> list(Uses(macs=(("default/lan", "52:54:00:00:00:01"),)))
    [('mac', 'default/lan', '52:54:00:00:00:01')]
    """

    macs: _Pairs = ()
    vfs: _Pairs = ()
    taps: _Pairs = ()

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """Each use as its kind (``mac``, ``vf`` or ``tap``), its network or host, and what is used there."""
        for kind, used in (("mac", self.macs), ("vf", self.vfs), ("tap", self.taps)):
            for where, what in used:
                yield kind, where, what

    def as_dict(self) -> dict[str, _Pairs]:
        """The uses as a line of the output tells them; what is empty is left out."""
        told = {"macs": self.macs, "vfs": self.vfs, "taps": self.taps}
        return {key: pairs for key, pairs in told.items() if pairs}

    @classmethod
    def of_line(cls, line: Mapping[str, Any]) -> Uses:
        """The uses that a line of the output tells."""
        told = line.get("uses") or {}
        return cls(*(tuple([(where, what) for where, what in told.get(key, ())]) for key in ("macs", "vfs", "taps")))


def digest(kind: str, where: str, what: str) -> bytes:
    """8 bytes that stand for one use."""
    return blake2b(f"{kind}\0{where}\0{what}".encode(errors="surrogatepass"), digest_size=8).digest()


def uses_of(machine: Machine, compiled: Compiled, facts: HostFacts, profile: Profile) -> Uses:
    """What the NICs of a compiled machine use; ``machine`` is the one that was compiled, with its defaults."""
    host = host_of(machine)
    interfaces = {interface.name: interface for interface in machine.interfaces}
    networks = {network.name: network for network in machine.networks}
    macs, vfs, taps = [], [], []
    for nic in compiled.nics:
        if nic.device is None:
            continue
        interface = interfaces[nic.name]
        mac = _mac(nic, interface)
        network = _network(machine, interface, networks[nic.name], nic, profile) if mac else None
        if mac and network:
            macs.append((network, mac))
        if isinstance(nic.device, Hostdev) or isinstance(nic.device.source, HostdevSource):
            vfs += [(host, each.name) for each in nic.requirements if each.kind == "vf"]
        elif _has_tap_of_host(nic, facts, profile):
            taps.append((host, str(nic.device.target)))
    return Uses(tuple(macs), tuple(vfs), tuple(taps))


def host_of(machine: Machine) -> str:
    """The node in ``status.nodeName`` of a VMI, or an empty string."""
    node = machine.status.rest.get("nodeName") if machine.status else None
    return node if isinstance(node, str) else ""


def _mac(nic: CompiledNic, interface: InterfaceSpec) -> str | None:
    """The MAC address of the device; of a virtual function the one in the spec, which CNI sets."""
    if isinstance(nic.device, Interface) and nic.device.mac is not None:
        return str(nic.device.mac)
    return str(MacAddress.parse(interface.mac_address)) if interface.mac_address else None


def _network(
    machine: Machine, interface: InterfaceSpec, network: Network, nic: CompiledNic, profile: Profile
) -> str | None:
    """The network in which a NIC's MAC address must be unique, or nothing where no other NIC can see it."""
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
            # other bindings hide the guest's address behind that of the pod
            return _POD_NETWORK if isinstance(interface.binding, Bridge) else None


def _claim(machine: Machine, namespace: str, claim: ResourceClaim) -> str:
    """The name of a claim; a claim made of a template belongs to this machine alone."""
    claims = machine.spec.resource_claims
    named = (each.rest.get("resourceClaimName") for each in claims if each.name == claim.claim_name)
    name = next(named, None) or f"{machine.name} {claim.claim_name}"
    return f"claim {namespace}/{name}/{claim.request_name}"


def _has_tap_of_host(nic: CompiledNic, facts: HostFacts, profile: Profile) -> bool:
    """Whether a tap is outside the pod's network namespace: in the host profile, or where the facts name it."""
    if not isinstance(nic.device, Interface) or nic.device.target is None:
        return False
    link = (facts.links or {}).get(nic.name)
    return profile is Profile.HOST or (link is not None and isinstance(link.tap, str))
