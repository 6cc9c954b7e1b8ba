"""Spec and facts → devices. Pure: everything it reads is in its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kvnet.compile import host, kubevirt
from kvnet.compile.guest import guest_of
from kvnet.compile.nic import Nic, Place, failed
from kvnet.compile.pod import Pod
from kvnet.compile.result import Compiled, CompiledNic, Profile
from kvnet.errors import Problem
from kvnet.facts import HostFacts
from kvnet.spec import Machine, Nad
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.defaults import default_nic_refusal, with_cpu_request, with_default_nic

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
    facts, cluster = facts or _NO_FACTS, cluster or _STOCK_CLUSTER
    profile = profile if type(profile) is Profile else Profile(profile)
    machine = with_cpu_request(machine, cluster)
    if not machine.interfaces and not default_nic_refusal(machine, cluster):
        machine = with_default_nic(machine, cluster)
    guest, notes = guest_of(machine, facts, plain_virtio=profile is Profile.HOST)
    plugins = facts.binding_plugins or cluster.binding_plugins or {}
    place = Place(machine, facts, guest, Pod(machine, facts), plugins, nads)
    lower = _LOWER[profile]
    networks = {network.name: network for network in machine.networks}
    nics = []
    for number, interface in enumerate(machine.interfaces):
        if interface.state == "absent":
            continue
        network = networks.get(interface.name)
        if network is None:
            nics.append(_without_network(machine, number))
        else:
            nics.append(_lowered(Nic(number, interface, network, place), lower))
    return Compiled(nics=tuple(nics), general_notes=notes)


def _lowered(nic: Nic, lower: Callable[[Nic], CompiledNic]) -> CompiledNic:
    try:
        return lower(nic)
    except ValueError as reason:
        return failed(nic, "KN304", str(reason), "run `kvnet check`, which says what to write instead")


def _without_network(machine: Machine, number: int) -> CompiledNic:
    name = machine.interfaces[number].name
    at = (machine.root / "domain" / "devices" / "interfaces")[number] / "name"
    hint = "list a network of the same name"
    problem = Problem(at, "KN305", f"interface '{name}' has no network", hint=hint)
    return CompiledNic(name=name, problems=(problem,))


_LOWER: dict[Profile, Callable[[Nic], CompiledNic]] = {Profile.KUBEVIRT: kubevirt.lower, Profile.HOST: host.lower}
_NO_FACTS = HostFacts()
_STOCK_CLUSTER = ClusterConfig()
