"""The status of NICs as virt-controller makes it, from what Multus says of the pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from kvnet.compiler.naming import PRIMARY_LINK
from kvnet.facts import PodNetwork
from kvnet.running.pod_status import link_names
from kvnet.running.reported import InfoSource, reported, with_source, without_source
from kvnet.spec import InterfaceStatus, Machine, default_network, secondary_networks

__all__ = ["controller_status"]


def controller_status(vmi: Machine, networks: Sequence[PodNetwork]) -> tuple[InterfaceStatus, ...]:
    """The machine's last status, with the pod's links: what Multus attached is added, and marked by its source.

    The order is: the primary network, the secondary ones, those of resource claims, then entries of no network, which
    the guest alone has. Follows KubeVirt 1.9, the network part of its VMI controller.
    """
    entries = {entry.name: entry for entry in reversed(reported(vmi))}
    named = {network.name for network in vmi.networks}
    return (
        *_primary(vmi, entries, networks),
        *_secondary(vmi, entries, networks),
        *(entries[each.name] for each in vmi.networks if each.resource_claim and each.name in entries),
        *(entry for entry in reported(vmi) if entry.name not in named),
    )


def _primary(
    vmi: Machine, entries: dict[str | None, InterfaceStatus], networks: Sequence[PodNetwork]
) -> Iterator[InterfaceStatus]:
    network = default_network(vmi.networks)
    if network is not None:
        link = next((each.interface for each in networks if each.default and each.interface), PRIMARY_LINK)
        entry = entries.get(network.name) or InterfaceStatus(name=network.name)
        yield attrs.evolve(entry, pod_interface_name=link)


def _secondary(
    vmi: Machine, entries: dict[str | None, InterfaceStatus], networks: Sequence[PodNetwork]
) -> Iterator[InterfaceStatus]:
    names, links = link_names(vmi, networks), {each.interface for each in networks}
    for network in secondary_networks(vmi.networks):
        link, entry = names[network.name], entries.get(network.name)
        if link in links:
            found = with_source(entry or InterfaceStatus(name=network.name), InfoSource.MULTUS)
            yield attrs.evolve(found, pod_interface_name=link)
        elif entry is not None:
            yield attrs.evolve(without_source(entry, InfoSource.MULTUS), pod_interface_name=link)
