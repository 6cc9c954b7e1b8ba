"""Say every step that brings a machine up, without taking any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from kvnet.domain.build import domain_name
from kvnet.node.attachments import networks_of_pod
from kvnet.node.boot import Boot
from kvnet.node.namespaces import namespace_name
from kvnet.node.state import StateFolder, full_name
from kvnet.pod import DesiredLink, assumed_found, pod_dhcp, pod_links, pod_nat
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["steps"]


def steps(
    machine: Machine, target: Target, *, state: StateFolder, boot: Boot, pod_network: Path | None = None
) -> tuple[str, ...]:
    """The steps of ``machine_up``, in order. Addresses of the pod are those that ``assumed_found`` has.

    Raises Rejected where the pod cannot be planned, and NodeError where a plugin or a configuration is missing.
    """
    return tuple(_steps(machine, target, state, boot, pod_network))


def _steps(machine: Machine, target: Target, state: StateFolder, boot: Boot, network: Path | None) -> Iterator[str]:
    name = full_name(machine.name or "vm", machine.namespace)
    yield f"make the network namespace {namespace_name(state.root, name)}"
    for each in networks_of_pod(machine, target, network):
        plugins = ", ".join(str(plugin["type"]) for plugin in each.config["plugins"])
        yield f"attach {each.interface} to {each.name} by CNI: {plugins}"
    found = assumed_found(machine, target)
    links = pod_links(machine, target, found)
    yield from (f"make the link {each.name}: {_kind(each)}" for each in links.links)
    yield from (f"set {each}" for each in links.sysctls)
    yield from (" ".join(command) for command in pod_nat(machine, target, found).commands)
    after = evolve(found, leases=links.leases)
    for served in pod_dhcp(machine, target, after).servers:
        yield f"serve DHCP on {served.bridge}: {served.address or served.address6}"
    files = [*boot.disks, *(each for each in (boot.kernel, boot.initrd) if each is not None)]
    booted = f" with {', '.join(map(str, files))}" if files else ""
    yield f"define and start the domain {domain_name(machine, target.profile)}{booted}"
    yield f"wait for the guest of {name} to take its address"


def _kind(link: DesiredLink) -> str:
    return type(link).__name__.removesuffix("Link").lower()
