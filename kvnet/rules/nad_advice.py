"""Advice on how bindings and NetworkAttachmentDefinitions suit each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kvnet._lazy import lazy
from kvnet._spelling import near_word
from kvnet.errors import FieldPath, Problem
from kvnet.rules.context import OnNad, Rule, RuleContext, note, warning
from kvnet.rules.occasions import DEFAULTS, NADS, ODD_REFERENCES
from kvnet.spec import Bridge, Masquerade, Nad, Network, Sriov
from kvnet.spec.network import is_nad_reference
from kvnet.target import Target, nad_name, nad_of, other_nads

if TYPE_CHECKING:
    from kvnet.cni import ipam, plugins
    from kvnet.cni.chain import Chain
else:
    # the classes of CNI plugins take 17 ms to import, which only those who have NADs pay for
    ipam, plugins = (lazy(f"kvnet.cni.{name}") for name in ("ipam", "plugins"))

__all__ = ["RULES", "SECURITY", "gives_ipv4"]

_RESOURCE = "k8s.v1.cni.cncf.io/resourceName"
_TUNING = frozenset({"tuning", "cnv-tuning"})
_NEEDS_TUNING = frozenset({"flannel", "ptp"})
_NEVER_SETS_MAC = frozenset({"openshift-sdn"})
"""The plugins that do not work with ``tuning`` either; user guide, "Interfaces"."""


def _is_of_its_parent(first: plugins.Plugin) -> bool:
    """Whether its links lose their traffic when a bridge binding gives them another MAC address."""
    return isinstance(first, plugins.MacvlanPlugin | plugins.IpvlanPlugin)


def bridge_on_child_link(context: RuleContext) -> Iterator[Problem]:
    """The bridge binding moves the pod link's MAC address to the guest, and macvlan and ipvlan need it in the pod."""
    for on in context.on_nads:
        if on.nic.has_binding(Bridge) and _is_of_its_parent(on.chain.first):
            yield warning(
                on.nic.at / "bridge",
                "KN912",
                f"the bridge binding does not work on {on.chain.first.type}, which is the CNI plugin of "
                f"'{on.nad.name}': the link in the pod does not keep its MAC address",
                "use a NAD with the bridge plugin, or a binding plugin such as macvtap",
            )


def binding_suits_nad(context: RuleContext) -> Iterator[Problem]:
    """A virtual function needs the binding sriov, and sriov needs a virtual function."""
    for on in context.on_nads:
        if on.nic.has_binding(Sriov) and not _may_give_function(on.chain.first, on.nad):
            yield warning(
                on.nic.at / "sriov",
                "KN913",
                f"sriov passes through a virtual function, and the CNI plugin {on.chain.first.type} of "
                f"'{on.nad.name}' gives none",
                "use `bridge: {}`, or a NAD with the sriov plugin",
            )
        elif isinstance(on.chain.first, plugins.SriovPlugin):
            for name, binding in (("bridge", Bridge), ("masquerade", Masquerade)):
                if on.nic.has_binding(binding):
                    message = f"'{on.nad.name}' gives a virtual function, and {name} does not pass it through"
                    yield warning(on.nic.at / name, "KN913", message, "use `sriov: {}`")


def _may_give_function(first: plugins.Plugin, nad: Nad) -> bool:
    # these give one where the NAD names a resource of a device plugin, or they name it themselves
    if isinstance(first, plugins.HostDevicePlugin | plugins.KubeOvnPlugin | plugins.OvnPlugin | plugins.OvsPlugin):
        own = getattr(first, "pci_bus_id", "") or getattr(first, "device_id", "")
        return bool(own or nad.annotations.get(_RESOURCE))
    return not isinstance(
        first,
        plugins.BridgePlugin
        | plugins.IpvlanPlugin
        | plugins.MacvlanPlugin
        | plugins.MacvtapPlugin
        | plugins.PtpPlugin
        | plugins.VlanPlugin,
    )


def nad_is_given(context: RuleContext) -> Iterator[Problem]:
    """Where documents hold NADs, the one that a network names is among them."""
    given = context.target.nads
    for at, network in _asked_of_multus(context):
        multus = network.multus
        if multus is None or not is_nad_reference(multus.network_name):
            continue
        if given and nad_of(context.machine, context.target, multus) is None:
            namespace, name = nad_name(context.machine, multus)
            message = f"no document has the NetworkAttachmentDefinition '{name}' of namespace '{namespace}'"
            yield note(at / "multus" / "networkName", "KN914", message, _nad_hint(context.target, namespace, name))


def _asked_of_multus(context: RuleContext) -> Iterator[tuple[FieldPath, Network]]:
    """The networks that KubeVirt asks Multus for: those of absent interfaces are left out."""
    absent = {nic.name for nic in context.nics if nic.interface.is_absent}
    return ((at, network) for at, network in context.networks if network.name not in absent)


def _nad_hint(target: Target, namespace: str, name: str) -> str:
    """The same name in another namespace, or one that is spelled nearly so in this one."""
    elsewhere, near = other_nads(target, namespace, name)
    if elsewhere:
        return f"did you mean '{elsewhere}/{name}'?"
    close = near_word(name, near)
    return f"did you mean '{close}'?" if close else "give its document, or correct the name"


def reference_is_a_name(context: RuleContext) -> Iterator[Problem]:
    """KubeVirt admits any ``networkName``, and Multus refuses a pod with one that no object can have."""
    for at, network in _asked_of_multus(context):
        reference = network.multus.network_name if network.multus is not None else ""
        if reference and not is_nad_reference(reference):
            yield warning(
                at / "multus" / "networkName",
                "KN915",
                f"'{reference}' {_flaw(reference)}, so no NetworkAttachmentDefinition is found",
                "write `name` or `namespace/name`, in lower case",
            )


def _flaw(reference: str) -> str:
    parts = reference.split("/")
    if len(parts) > 2:
        return f"has {len(parts) - 1} slashes"
    if not all(parts):
        return f"has no {'name' if parts[0] else 'namespace'}"
    return "is not a name in Kubernetes"


def mac_can_be_set(context: RuleContext) -> Iterator[Problem]:
    """A MAC address is handed to the CNI plugins; some cannot set it, or need ``tuning`` for it."""
    wanted = {nic.number for nic, mac in context.macs if mac is not None and not nic.has_binding(Sriov)}
    for on in context.on_nads:
        first = on.chain.first.type
        is_tuned = any(each.type in _TUNING for each in on.chain.plugins)
        if on.nic.number not in wanted or not (first in _NEVER_SETS_MAC or (first in _NEEDS_TUNING and not is_tuned)):
            continue
        hint = "leave macAddress out" if first in _NEVER_SETS_MAC else 'add {"type": "tuning"} to its plugins'
        yield warning(
            on.nic.at / "macAddress",
            "KN916",
            f"the CNI plugin {first} of '{on.nad.name}' does not set a MAC address",
            hint,
        )


def default_gives_address(context: RuleContext) -> Iterator[Problem]:
    """The Multus network that takes the place of the pod's has to give the pod an address."""
    for on in context.on_nads:
        network = on.nic.network
        if network is None or not network.is_default or _has_address(context):
            continue
        if gives_addresses(on.chain) is False:
            yield warning(
                on.at,
                "KN917",
                f"'{on.nad.name}' is the default network of the pod, and gives it no address",
                'add an IPAM to its CNI configuration, such as "ipam": {"type": "host-local", "subnet": …}',
            )


def _has_address(context: RuleContext) -> bool:
    """Whether the facts tell of an address that the default network gave a pod."""
    return any(each.default and each.ips for each in context.target.facts.pod_networks or ())


def gives_addresses(chain: Chain) -> bool | None:
    """Whether the plugins of a chain give the pod's link an address; ``None`` where that is not known."""
    if any(_is_ipam(each) for each in chain.plugins):
        return True
    first = chain.first
    if isinstance(first, plugins.OvnPlugin):
        return bool(first.subnets)
    if isinstance(first, plugins.KubeOvnPlugin):
        return True
    return None if isinstance(first, plugins.OtherPlugin) else False


def gives_ipv4(chain: Chain) -> bool | None:
    """Whether the plugins of a chain give the pod's link an IPv4 address; ``None`` where that is not known."""
    sources = [ipam.networks_of(each.ipam) for each in chain.plugins if _is_ipam(each)]
    if isinstance(chain.first, plugins.OvnPlugin) and chain.first.subnets:
        sources.append(tuple(chain.first.subnets.split(",")))
    has_ipv6_only = all(networks and all(":" in each for each in networks) for networks in sources)
    return False if sources and has_ipv6_only else gives_addresses(chain)


def _is_ipam(plugin: plugins.Plugin) -> bool:
    own = plugin.ipam
    if isinstance(own, ipam.StaticIpam):
        return bool(own.addresses)
    return own is not None and not (isinstance(own, ipam.OtherIpam) and not own.type)


def spoof_check_needs_nft(context: RuleContext) -> Iterator[Problem]:
    """The bridge plugin checks MAC addresses with nftables, for which the node needs ``nft``."""
    told: set[tuple[str | None, str]] = set()
    for on in context.on_nads:
        name = (on.nad.namespace, on.nad.name)
        if isinstance(on.chain.first, plugins.BridgePlugin) and on.chain.first.macspoofchk and name not in told:
            told.add(name)
            message = f"macspoofchk of '{on.nad.name}' needs nftables and the command nft on every node"
            yield note(on.at, "KN926", message, "install nft there, or the pod does not start")


def no_forged_frames(context: RuleContext) -> Iterator[Problem]:
    """A guest may not send with the MAC addresses of others, see their frames, or change its function's address."""
    for on in context.on_nads:
        for flaw, hint in _openings(on):
            yield warning(on.at, "KN925", f"'{on.nad.name}' {flaw}", hint)


def _openings(on: OnNad) -> Iterator[tuple[str, str]]:
    """What lets the guest forge or see frames, and what closes it."""
    first = on.chain.first
    if isinstance(first, plugins.BridgePlugin) and not first.macspoofchk:
        yield "lets the guest send with any MAC address", 'write "macspoofchk": true into its CNI configuration'
    if isinstance(first, plugins.SriovPlugin):
        if first.spoofchk != "on":
            said = "turns the spoof check off" if first.spoofchk else "leaves the spoof check to the driver of the PF"
            yield said, 'write "spoofchk": "on" into its CNI configuration'
        if first.trust == "on":
            yield "trusts the guest to change its MAC address and to see all frames", 'write "trust": "off"'
    for each in on.chain.plugins:
        member = _promiscuous(each)
        if member:
            yield "asks for promiscuous mode, in which frames of others are seen", f'drop "{member}" from it'


def _promiscuous(plugin: plugins.Plugin) -> str:
    """The member that puts a link into promiscuous mode, or nothing."""
    if isinstance(plugin, plugins.TuningPlugin) and plugin.promisc:
        return "promisc"
    is_set = (isinstance(plugin, plugins.BridgePlugin) and plugin.promisc_mode) or (
        isinstance(plugin, plugins.MacvtapPlugin) and plugin.is_promiscuous
    )
    return "promiscMode" if is_set else ""


RULES = (
    Rule(bridge_on_child_link, NADS),
    Rule(binding_suits_nad, NADS),
    Rule(nad_is_given, NADS),
    Rule(reference_is_a_name, ODD_REFERENCES),
    Rule(mac_can_be_set, NADS),
    Rule(default_gives_address, DEFAULTS),
    Rule(spoof_check_needs_nft, NADS),
)
"""Rules on what KubeVirt makes of a NAD in the pod."""

SECURITY = (Rule(no_forged_frames, NADS),)
"""Rules of the group ``security``, which are asked only where the group is chosen."""
