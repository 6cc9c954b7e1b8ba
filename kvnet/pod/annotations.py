"""Write the annotations of a machine's pod: the networks that Multus attaches, Istio's interfaces, and network-info."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from kvnet.compiler.pod import (
    PRIMARY_LINK,
    bridge_name,
    is_ordinal,
    link_names_in_use,
    ordinal_link_names,
    pod_link_names,
)
from kvnet.errors import Problem
from kvnet.facts import PodNetwork
from kvnet.pod._basis import whole, without_interface
from kvnet.spec import Machine, Masquerade, Multus, Network, Plugin, Sriov
from kvnet.spec.cluster import BindingPlugin, Gate
from kvnet.spec.nic import Nic, nics_of
from kvnet.spec.wire import mapping
from kvnet.target import Target, checked_target, nad_name
from kvnet.values import MacAddress

__all__ = [
    "DEFAULT_NETWORK",
    "ISTIO_INTERFACES",
    "NETWORKS",
    "NETWORK_INFO",
    "DeviceNetwork",
    "NetworkSelection",
    "PodAnnotations",
    "migration_target_annotations",
    "pod_annotations",
    "updated_annotations",
]

NETWORKS: Final = "k8s.v1.cni.cncf.io/networks"
"""The annotation that tells Multus which networks to attach."""
DEFAULT_NETWORK: Final = "v1.multus-cni.io/default-network"
"""The annotation that tells Multus which network takes the place of the pod's own."""
ISTIO_INTERFACES: Final = ("traffic.sidecar.istio.io/kubevirtInterfaces", "istio.io/reroute-virtual-interfaces")
"""The annotations that tell Istio whose traffic is the guest's: the older one, and that of ambient mode."""
NETWORK_INFO: Final = "kubevirt.io/network-info"
"""The annotation that tells containers of the pod which device each network has."""
_HTML: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""What Go's encoder of JSON escapes for the sake of HTML."""
_NO_PLUGIN_HINT = "register it in the KubeVirt object under spec.configuration.network.binding"


@frozen(kw_only=True)
class NetworkSelection:
    """One network that Multus is to attach (its NetworkSelectionElement).

    - ``namespace``, ``name``: of the NAD
    - ``mac``: the address that the pod's link is to have, as the machine spells it
    - ``interface``: the name of the link in the pod; ``None`` leaves it to Multus
    - ``logical_network``: the machine's network that a binding plugin's NAD is for
    """

    namespace: str
    name: str
    mac: str | None = None
    interface: str | None = None
    logical_network: str | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """As plain data, with the members in KubeVirt's order."""
        arguments = {"logicNetworkName": self.logical_network} if self.logical_network is not None else None
        given = {"name": self.name, "namespace": self.namespace, "mac": self.mac, "interface": self.interface}
        return {key: value for key, value in (given | {"cni-args": arguments}).items() if value}


@frozen(kw_only=True)
class DeviceNetwork:
    """One entry of network-info.

    - ``network``: the name of the machine's network
    - ``device_info``: what the device plugin says of the device, in the words of the network-status
    - ``mac``: the address of the device
    - ``mtu``: in bytes
    """

    network: str
    device_info: Mapping[str, Any] | None = mapping(default=None)
    mac: MacAddress | None = None
    mtu: int | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """As plain data, with the members in KubeVirt's order."""
        mac = self.mac.spelling if self.mac is not None else None
        given = {"network": self.network, "deviceInfo": self.device_info, "mac": mac, "mtu": self.mtu}
        return {key: value for key, value in given.items() if value}


@frozen(kw_only=True)
class PodAnnotations:
    """The annotations that a pod gets; ``None`` stands for one that is not written.

    - ``networks``: what Multus is to attach, in order; an empty tuple writes an empty text
    - ``default_network``: the NAD that takes the place of the pod's own network, as the machine names it
    - ``istio_bridge``: the bridge whose traffic is the guest's
    - ``network_info``: the devices of networks, by their names
    - ``problems``: the errors for which KubeVirt would write none of this
    """

    networks: tuple[NetworkSelection, ...] | None = None
    default_network: str | None = None
    istio_bridge: str | None = None
    network_info: tuple[DeviceNetwork, ...] | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """Each annotation that is written and its text, which is JSON for ``NETWORKS`` and ``NETWORK_INFO``."""
        written: dict[str, str] = {}
        if self.networks is not None:
            written[NETWORKS] = _networks_text(self.networks)
        if self.default_network is not None:
            written[DEFAULT_NETWORK] = self.default_network
        if self.istio_bridge is not None:
            written |= dict.fromkeys(ISTIO_INTERFACES, self.istio_bridge)
        if self.network_info is not None:
            written[NETWORK_INFO] = _json({"interfaces": [each.plain for each in self.network_info]})
        return written


def pod_annotations(machine: Machine, target: Target | None = None) -> PodAnnotations:
    """The annotations of a new pod for a machine. Binding plugins are those of the target's facts and cluster.

    Sources: KubeVirt's ``pkg/network/pod/annotations/generator.go`` and ``pkg/network/multus/annotation.go``.

    >>> import kvnet
    >>> machine = kvnet.loads(
    ...     "{domain: {devices: {interfaces: [{name: blue, bridge: {}}]}},"
    ...     " networks: [{name: blue, multus: {networkName: prod/lan}}]}"
    ... )
    >>> pod_annotations(machine).texts
    {'k8s.v1.cni.cncf.io/networks': '[{"name":"lan","namespace":"prod","interface":"pod16477688c0e"}]'}
    """
    target = checked_target(machine, target)
    machine, refusals = whole(machine, target)
    if refusals:
        return PodAnnotations(problems=refusals)
    nics = [nic for nic in nics_of(machine) if not nic.interface.is_absent]
    networks, problems = _selections(nics, pod_link_names(machine), target)
    if problems:
        return PodAnnotations(problems=problems)
    multus = next((each.multus for each in machine.networks if each.multus is not None and each.multus.default), None)
    is_masqueraded = any(nic.has_binding(Masquerade) for nic in nics_of(machine))
    return PodAnnotations(
        networks=networks or None,
        default_network=multus.network_name if multus is not None else None,
        istio_bridge=bridge_name(PRIMARY_LINK) if is_masqueraded else None,
    )


def migration_target_annotations(machine: Machine, target: Target | None = None) -> PodAnnotations:
    """What the pod that a machine migrates to gets beside ``pod_annotations``, given its present pod.

    The facts' ``pod_networks`` are the network-status of the present pod. If its links have ordinal names, and the
    feature gate PodSecondaryInterfaceNamingUpgrade is off, those of the new pod have them too: the networks are then
    written for all NICs, absent ones as well. Otherwise nothing is written.

    Source: KubeVirt's ``GenerateFromSource`` in ``pkg/network/pod/annotations/generator.go``.
    """
    target = checked_target(machine, target)
    is_ordinary = not is_ordinal(each.interface for each in target.facts.pod_networks or ())
    if is_ordinary or target.cluster.in_effect.allows(Gate.NAMING_UPGRADE):
        return PodAnnotations()
    by_name = {nic.name: nic for nic in nics_of(machine)}
    missing = [n for n, network in enumerate(machine.networks) if network.name not in by_name]
    if missing:
        return PodAnnotations(problems=tuple([without_interface(machine, n) for n in missing]))
    networks, problems = _selections(
        [by_name[each.name] for each in machine.networks], ordinal_link_names(machine), target
    )
    return PodAnnotations(problems=problems) if problems else PodAnnotations(networks=networks)


def updated_annotations(machine: Machine, target: Target | None = None, *, networks: str = "") -> PodAnnotations:
    """The annotations to write on a pod that runs, for a machine with its status.

    ``networks`` is the text of its annotation ``NETWORKS`` now. The facts' ``pod_networks`` are its network-status. A
    change of networks is written where a NIC is new or absent; an error suppresses it, as in KubeVirt.

    Source: KubeVirt's ``GenerateFromActivePod`` in ``pkg/network/pod/annotations/generator.go``.
    """
    target = checked_target(machine, target)
    found = {each.interface: each for each in target.facts.pod_networks or ()}
    info = tuple(_devices(machine, target, link_names_in_use(evolve(machine, status=None), found), found))
    changed, problems = _changed_networks(machine, target, found)
    return PodAnnotations(
        networks=changed if changed is not None and _networks_text(changed) != networks else None,
        network_info=info or None,
        problems=problems,
    )


def _selections(
    nics: Iterable[Nic], links: Mapping[str, str], target: Target
) -> tuple[tuple[NetworkSelection, ...], tuple[Problem, ...]]:
    """What Multus attaches for NICs, in their order, and the binding plugins that are not registered."""
    plugins = {**(target.cluster.binding_plugins or {}), **(target.facts.binding_plugins or {})}
    selections: list[NetworkSelection] = []
    problems: list[Problem] = []
    for nic in nics:
        if nic.network is None:
            continue
        selections += _own(nic, nic.network, links)
        if isinstance(nic.binding, Plugin):
            if nic.binding.name in plugins:
                selections += _of_plugin(nic, plugins[nic.binding.name])
            else:
                problems.append(_unregistered(nic, nic.binding))
    return tuple(selections), tuple(problems)


def _own(nic: Nic, network: Network, links: Mapping[str, str]) -> Iterator[NetworkSelection]:
    if network.multus is not None and network.is_secondary:
        namespace, name = nad_name(nic.machine, network.multus)
        mac, link = nic.interface.mac_address or None, links.get(network.name)
        yield NetworkSelection(namespace=namespace, name=name, mac=mac, interface=link)


def _of_plugin(nic: Nic, plugin: BindingPlugin) -> Iterator[NetworkSelection]:
    if plugin.network_attachment_definition:
        namespace, name = nad_name(nic.machine, Multus(network_name=plugin.network_attachment_definition))
        yield NetworkSelection(namespace=namespace, name=name, logical_network=nic.name)


def _changed_networks(
    machine: Machine, target: Target, seen: Iterable[str | None]
) -> tuple[tuple[NetworkSelection, ...] | None, tuple[Problem, ...]]:
    """The networks of a machine that runs, where a NIC is new or absent.

    A virtual function that was not there when the pod was made is left out, for it cannot be plugged in. Ordinal names
    count the networks that are left, as in KubeVirt.
    """
    reported = {entry.name for entry in (machine.status.interfaces if machine.status else ())}
    nics = nics_of(machine)
    present = [nic for nic in nics if not nic.interface.is_absent]
    attached = [nic for nic in present if nic.name in reported or not nic.has_binding(Sriov)]
    if len(present) == len(nics) and all(nic.name in reported for nic in attached):
        return None, ()
    left = machine.with_nics(machine.interfaces, tuple([nic.network for nic in attached if nic.network is not None]))
    networks, problems = _selections(attached, link_names_in_use(left, seen), target)
    return (None if problems else networks), problems


def _devices(
    machine: Machine, target: Target, links: Mapping[str, str], found: Mapping[str | None, PodNetwork]
) -> Iterator[DeviceNetwork]:
    """The devices of virtual functions, and of NICs whose plugin reads device-info, by the names of their networks."""
    plugins = {**(target.cluster.binding_plugins or {}), **(target.facts.binding_plugins or {})}
    for nic in sorted(nics_of(machine), key=lambda each: each.name):
        binding = nic.binding
        plugin = plugins.get(binding.name) if isinstance(binding, Plugin) else None
        reads = nic.has_binding(Sriov) or (plugin is not None and plugin.reads_device_info)
        seen = found.get(links.get(nic.name)) if reads else None
        if seen is not None:
            yield DeviceNetwork(network=nic.name, device_info=seen.device_info, mac=seen.mac, mtu=seen.mtu)


def _networks_text(networks: Iterable[NetworkSelection]) -> str:
    plain = [each.plain for each in networks]
    return _json(plain) if plain else ""


def _json(value: Any) -> str:
    """The text that Go's encoder gives."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_HTML)


def _unregistered(nic: Nic, binding: Plugin) -> Problem:
    message = f"the cluster registers no binding plugin '{binding.name}'"
    return Problem(nic.at / "binding" / "name", "KN928", message, hint=_NO_PLUGIN_HINT)
