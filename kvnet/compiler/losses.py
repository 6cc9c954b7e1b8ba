"""What the host profile does not carry over: a warning (KN346) for each setting of a manifest or NAD, by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import attrs
from attrs import frozen

from kvnet._spelling import near_word
from kvnet.cni.chain import PLUGINS, Chain, nearest_plugin
from kvnet.cni.ipam import OtherIpam
from kvnet.cni.plugins import OvsPlugin, Plugin
from kvnet.compiler.attachment import CHANGING, Setting
from kvnet.compiler.guest import network_of
from kvnet.errors import FieldPath, Place, Problem, Severity
from kvnet.manifest.binder import plain
from kvnet.manifest.cni import position
from kvnet.spec import Machine, Masquerade, Nad, PasstBinding, Sriov
from kvnet.spec import Plugin as PluginBinding
from kvnet.spec.nic import Nic
from kvnet.spec.wire import REST, Origin, default_of, json_name

__all__ = ["lost", "lost_of_machine", "lost_of_nad", "lost_of_nic"]

OF_THE_POD = frozenset(
    {
        *("type", "cni_version", "name", "capabilities", "disable_check"),
        *("disable_container_interface", "log_file", "log_level"),
    }
)
"""Fields of plugins that concern the pod and its runtime alone: on a host there is nothing that they could change."""
_OF_A_LIST = frozenset({"cniVersion", "cniVersions", "name", "disableCheck", "disableGC"})
"""The members of a list of plugins that are of that kind."""

_MOST_TOLD = 32
_NO_SETTING = "libvirt has no such setting"
_ON_THE_HOST = "configure it on the host, where it is needed"
_VF = ("libvirt does not set it on virtual functions", "set it with `ip link set PF vf N`, or `devlink`, on the host")
_LINK = ("libvirt does not set it on links", "set it with `ip link set` on the host")
_REASONS: dict[str, tuple[str, str]] = {
    "ipam": ("libvirt gives no addresses there", "serve DHCP on that network, or give the guest its address"),
    "mtu": ("libvirt does not set the MTU of such a NIC", "give its link on the host that MTU"),
    "vlan": ("libvirt has no VLAN for such a NIC", "let the host or the guest tag the frames"),
    "macspoofchk": ("libvirt filters no frames of such a NIC", "filter them on the host"),
    "portIsolation": ("libvirt isolates only ports of Linux bridges", "isolate the port on the host"),
    "mac": ("the NIC has another MAC address already", "leave one of the two out"),
    **dict.fromkeys(("pciBusID", "deviceID"), ("the facts name the function", "leave one of the two out")),
    **dict.fromkeys(("spoofchk", "trust", "vlanQoS", "vlanProto", "link_state", "min_tx_rate", "max_tx_rate"), _VF),
    **dict.fromkeys(("promisc", "allmulti", "txQLen"), _LINK),
}
"""Why a setting of a plugin is lost, and what to do instead."""

_FORWARDING = (Masquerade, PasstBinding, PluginBinding)
"""The bindings that forward ports in a pod."""


@frozen
class _Loss:
    """A setting that is lost: the path of its value in the CNI configuration, its name, why, and what to do instead."""

    path: tuple[str | int, ...]
    what: str
    why: str
    hint: str


def lost(at: FieldPath, message: str, hint: str, place: Place | None = None) -> Problem:
    """The warning that a setting is not carried over."""
    return Problem(at, "KN346", message, hint=hint, severity=Severity.WARNING, place=place)


def lost_of_nad(nic: Nic, nad: Nad, chain: Chain, carried: frozenset[Setting]) -> tuple[Problem, ...]:
    """A warning for each setting of a NAD that is not among those carried over, at its place in the NAD.

    Of very many, only the first are told by name: any number of NICs may be on one NAD.
    """
    losses = _losses(chain, carried)
    first, more = losses[: _MOST_TOLD + 1], len(losses) - _MOST_TOLD
    places = _places(nad.origin, nad.config, tuple([loss.path for loss in first])) if first else ()
    told = [
        lost(nic.at, f"{loss.what} in NAD '{nad.name}' is not carried over: {loss.why}", loss.hint, place)
        for loss, place in zip(first, places, strict=True)
    ]
    if more > 0:
        message = f"{more} more settings in NAD '{nad.name}' are not carried over"
        told[-1] = lost(nic.at, message, "leave out what no plugin reads", places[-1])
    return tuple(told)


@lru_cache(maxsize=16)
def _places(
    origin: Origin | None, config: str | None, paths: tuple[tuple[str | int, ...], ...]
) -> tuple[Place | None, ...]:
    """The places of values in the CNI configuration of a NAD, which several NICs may be on."""
    if origin is None or config is None:
        return (None,) * len(paths)
    return tuple([origin.place(FieldPath(("spec", "config")), offset=position(config, path)) for path in paths])


@lru_cache(maxsize=1024)
def _losses(chain: Chain, carried: frozenset[Setting]) -> tuple[_Loss, ...]:
    """The settings of a chain that are lost; the machines of a fleet share few chains."""
    return tuple(_lost_settings(chain, carried))


def _lost_settings(chain: Chain, carried: frozenset[Setting]) -> Iterator[_Loss]:
    for n, plugin in enumerate(chain.plugins):
        at: tuple[str | int, ...] = ("plugins", n) if chain.is_list else ()
        keys = [key for name, key in _given(plugin) if (n, name) not in carried]
        if n and not isinstance(plugin, CHANGING):
            settings = f" (with {', '.join(keys)})" if keys else ""
            yield _Loss((*at, "type"), f"CNI plugin '{plugin.type}'{settings}", *_reason_of_plugin(plugin.type))
            continue
        for key in keys:
            why, hint = _reason(plugin, key)
            what = f"'{key}'{_of_ipam(plugin)}" if key == "ipam" else f"'{key}'"
            yield _Loss((*at, key), f"{what} of CNI plugin '{plugin.type}'", why, hint)
    for key in chain.around:
        if key not in _OF_A_LIST:
            hint = "move it into the plugin that it is for"
            yield _Loss((key,), f"'{key}' beside the list of CNI plugins", "no plugin reads it", hint)


def _reason_of_plugin(name: str) -> tuple[str, str]:
    """Why all settings of a plugin that is not the first one are lost, and what to do instead."""
    if name in PLUGINS:
        return _NO_SETTING, _ON_THE_HOST
    meant = nearest_plugin(name)
    return "kvnet knows no such plugin", f"did you mean '{meant}'?" if meant else _ON_THE_HOST


def _reason(plugin: Plugin, key: str) -> tuple[str, str]:
    """Why a setting of a plugin is lost, and what to do instead."""
    if key in plugin.rest:
        names = (json_name(each) for each in attrs.fields(type(plugin)) if each.name != REST)
        known = {name.lower(): name for name in names}
        meant = near_word(key.lower(), known)
        hint = f"did you mean '{known[meant]}'?" if meant else _ON_THE_HOST
        return "kvnet knows no such setting of this plugin", hint
    if key == "vlan" and isinstance(plugin, OvsPlugin) and plugin.trunk:
        return "the trunk takes precedence", "leave one of the two out"
    return _REASONS.get(key, (_NO_SETTING, _ON_THE_HOST))


def _given(plugin: Plugin) -> Iterator[tuple[str, str]]:
    """The settings of a plugin that are not as they are by default: the name of the field, and its JSON key."""
    for each in attrs.fields(type(plugin)):
        value = getattr(plugin, each.name)
        if each.name == REST:
            yield from ((key, key) for key in value if key not in _OF_A_LIST)
        elif each.name not in OF_THE_POD and value != default_of(each) and value != OtherIpam():
            yield each.name, json_name(each)


def _of_ipam(plugin: Plugin) -> str:
    """What the IPAM of a plugin says, in brackets."""
    ipam = plugin.ipam
    fields = [each for each in attrs.fields(type(ipam)) if each.name not in (REST, "type")]
    keys = [json_name(each) for each in fields if getattr(ipam, each.name) != default_of(each)]
    return f" ({', '.join([ipam.type, *keys, *ipam.rest])})"


def lost_of_nic(nic: Nic, *, forwards_ports: bool) -> Iterator[Problem]:
    """A warning for each setting of an interface and its network that a plain host does not have.

    What the binding ignores in KubeVirt, too, is told by the rules already (KN901, KN905).
    """
    interface, binding = nic.interface, nic.binding
    if not forwards_ports and isinstance(binding, _FORWARDING):
        for key, given in (("ports", interface.ports), ("portRanges", interface.port_ranges)):
            if given:
                hint = "reach the guest by its own address"
                yield lost(nic.at / key, f"'{key}' is not carried over: libvirt forwards no ports to this NIC", hint)
    if interface.dhcp_options is not None and not isinstance(binding, Sriov):
        keys = ", ".join(plain(interface.dhcp_options))
        what = f"'dhcpOptions' ({keys})" if keys else "'dhcpOptions'"
        hint = "set them where that network's DHCP server is configured"
        yield lost(nic.at / "dhcpOptions", f"{what} is not carried over: libvirt has no DHCP options of a NIC", hint)
    if interface.tag:
        hint = "write the tag into the guest's config drive"
        yield lost(nic.at / "tag", "'tag' is not carried over: it goes into KubeVirt's cloud-init metadata", hint)
    if isinstance(binding, PluginBinding):
        message = f"the binding plugin '{binding.name}' is not carried over: its sidecar runs in pods alone"
        yield lost(nic.at / "binding", message, "see whether the guest needs what it does")
    yield from _of_pod_network(nic)


_DNS_BY_DEFAULT = "ClusterFirst"
_OF_THE_GUEST = ("hostname", "subdomain", "dnsPolicy", "dnsConfig")
"""The fields of a VMI spec that KubeVirt's DHCP server tells the guest."""
_OF_THE_NETWORK = re.compile(r"kubernetes\.io/(in|e)gress-bandwidth|(.+\.)?ovn\.kubernetes\.io/(?!mac_address$).+")
"""The annotations by which CNI plugins shape the traffic of a pod, or choose its addresses."""


def lost_of_machine(machine: Machine) -> Iterator[Problem]:
    """A warning for each setting of a machine's network that belongs to no NIC, and that a plain host does not have."""
    given = machine.spec.rest
    for key in _OF_THE_GUEST:
        if given.get(key) and (key, given[key]) != ("dnsPolicy", _DNS_BY_DEFAULT):
            message = f"'{key}' is not carried over: libvirt tells the guest nothing of it"
            yield lost(machine.root / key, message, "set it in the guest, or on its network's DHCP server")
    for key in filter(_OF_THE_NETWORK.fullmatch, machine.annotations):
        at = FieldPath((*machine.root.parts[:-1], "metadata", "annotations", key))
        message = f"the annotation '{key}' is not carried over: no CNI plugin reads it on a host"
        yield lost(at, message, _ON_THE_HOST)


def _of_pod_network(nic: Nic) -> Iterator[Problem]:
    network = network_of(nic)
    pod = network.pod
    if pod is None:
        return
    for key, given in (("vmNetworkCIDR", pod.vm_network_cidr), ("vmIPv6NetworkCIDR", pod.vm_ipv6_network_cidr)):
        if given:
            place = (nic.machine.root / "networks")[nic.machine.networks.index(network)] / "pod" / key
            message = f"'{key}' {given} is not carried over: libvirt's network has addresses of its own"
            yield lost(place, message, "give libvirt's network that address range")
