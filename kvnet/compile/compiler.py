"""Spec and facts → devices. Pure: everything it reads is in its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from kvnet.compile import host, kubevirt
from kvnet.compile.guest import guest_of
from kvnet.compile.nic import Nic, failed
from kvnet.compile.pod import pod_sides
from kvnet.compile.result import Compiled, CompiledNic, Profile
from kvnet.errors import FieldPath, Problem
from kvnet.facts import HostFacts
from kvnet.spec import Interface, Machine, Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.defaults import defaulted

__all__ = ["compile"]


def compile(
    machine: Machine,
    facts: HostFacts | None = None,
    *,
    nads: Sequence[Nad] = (),
    cluster: ClusterConfig | None = None,
    profile: Profile | str = Profile.KUBEVIRT,
) -> Compiled:
    """Compile a machine's interfaces into libvirt devices.

    The machine is defaulted first; it is not admitted, which is ``kvnet.check``. ``nads`` are read by the
    host profile alone. What could not be compiled is in ``problems`` of the result, NIC by NIC.
    """
    facts, cluster = facts or HostFacts(), cluster or ClusterConfig()
    profile = Profile(profile)
    machine = defaulted(machine, cluster, facts.architecture or "amd64")
    guest = guest_of(machine, facts, plain_virtio=profile is Profile.HOST)
    lower = kubevirt.lower if profile is Profile.KUBEVIRT else partial(host.lower, nads=tuple(nads))
    networks = {network.name: network for network in machine.networks}
    sides = pod_sides(machine, facts)
    at = machine.root / "domain" / "devices" / "interfaces"
    plugins = facts.binding_plugins or cluster.binding_plugins or {}
    nics = []
    for n, interface in enumerate(machine.interfaces):
        network = networks.get(interface.name)
        if interface.is_absent:
            continue
        if network is None:
            nics.append(_without_network(at[n], interface))
            continue
        side = sides[network.name]
        nic = Nic(
            at=at[n],
            interface=interface,
            network=network,
            side=side,
            guest=guest,
            facts=facts,
            machine=machine,
            plugins=plugins,
        )
        nics.append(_lowered(nic, lower))
    return Compiled(nics=tuple(nics), general_notes=guest.notes)


def _lowered(nic: Nic, lower: Callable[[Nic], CompiledNic]) -> CompiledNic:
    try:
        return lower(nic)
    except ValueError as reason:
        return failed(nic, "KN304", str(reason), "run `kvnet check`, which says what to write instead")


def _without_network(at: FieldPath, interface: Interface) -> CompiledNic:
    told = f"interface '{interface.name}' has no network"
    hint = "list a network of the same name"
    return CompiledNic(name=interface.name, problems=(Problem(at / "name", "KN305", told, hint=hint),))
